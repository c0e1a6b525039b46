//! Curves, moves, resilience, advice: what people ask about costs.

use rust_decimal::{Decimal, dec};
use trefoil_clouds::registry::Bills;
use trefoil_core::cost::advise::advise;
use trefoil_core::cost::curve::{Range, Vary, curve};
use trefoil_core::cost::diff::diff;
use trefoil_core::cost::estimate::Estimator;
use trefoil_core::cost::moving::{Assumptions, moving};
use trefoil_core::cost::needs::Network;
use trefoil_core::cost::resilience::{self, levels};
use trefoil_core::cost::sensitivity::sensitivity;
use trefoil_core::cost::{FreeTiers, Needs, Offer, Place, PriceBook, Site};

use crate::support::{baseline, book, cents, place, today};

fn places() -> Vec<Place> {
    vec![place("aws", "us-east-1"), place("azure", "eastus"), place("gcp", "us-central1")]
}

fn site(place: &Place, needs: &Needs) -> Site {
    Site { environment: None, place: place.clone(), needs: needs.clone() }
}

/// The same needs at each of the places.
fn sites(places: &[Place], needs: &Needs) -> Vec<Site> {
    places.iter().map(|place| site(place, needs)).collect()
}

fn estimator(book: &PriceBook) -> Estimator<'_> {
    let offer = Offer { book, today: today(), free_tiers: FreeTiers::Taken };
    Estimator { offer, pricer: &Bills }
}

#[test]
fn both_sides_of_a_break_even_are_right() {
    let book = book();
    let estimator = estimator(&book);
    let range = Range { from: dec!(0), to: dec!(20000), points: 50 };
    let curve = curve(&estimator, &sites(&places(), &baseline()), Vary::Storage, range).unwrap();
    assert!(!curve.break_even.is_empty());
    for one in &curve.break_even {
        let total = |name: &str, value: Decimal| {
            let at = places().into_iter().find(|at| name.starts_with(&at.cloud)).unwrap();
            let needs = Vary::Storage.set(&baseline(), value).unwrap();
            estimator.total(&at, &needs).unwrap().unwrap()
        };
        let (below, above) = (one.value - dec!(0.01), one.value + dec!(0.01));
        assert!(total(&one.cheaper_below, below) < total(&one.cheaper_above, below), "{one:?}");
        assert!(total(&one.cheaper_below, above) > total(&one.cheaper_above, above), "{one:?}");
        if !one.jump {
            let (a, b) =
                (total(&one.cheaper_below, one.value), total(&one.cheaper_above, one.value));
            assert!((a - b).abs() <= dec!(0.000001), "{one:?}");
        }
    }
}

#[test]
fn a_break_even_by_hand() {
    // A GB of objects costs 0.023 on AWS and 0.02 on Google Cloud. At 500 GB AWS is cheaper by the
    // difference of the totals, about 22.02, so at 500 + 22.02 / 0.003 = about 7,840 GB it is not.
    let book = book();
    let estimator = estimator(&book);
    let two = &[place("aws", "us-east-1"), place("gcp", "us-central1")];
    let total = |at: &Place| estimator.total(at, &baseline()).unwrap().unwrap();
    let expected = dec!(500) + (total(&two[1]) - total(&two[0])) / dec!(0.003);
    let range = Range { from: dec!(100), to: dec!(10000), points: 12 };
    let found = curve(&estimator, &sites(two, &baseline()), Vary::Storage, range).unwrap();
    let [one] = found.break_even.as_slice() else { panic!("{:?}", found.break_even) };
    assert!((one.value - expected).abs() < dec!(0.001), "{} and {expected}", one.value);
    assert_eq!(one.cheaper_below, "aws us-east-1");
    assert_eq!(one.cheaper_above, "gcp us-central1");
    assert!(!one.jump);
}

#[test]
fn a_jump_is_called_one() {
    // Azure's disk is sold in steps: beyond 128 GB it doubles, and AWS becomes cheaper at once.
    let book = book();
    let mut needs = baseline();
    needs.workload.users = Some(dec!(100));
    needs.workload.requests_per_s = dec!(0);
    let range = Range { from: dec!(100), to: dec!(140), points: 2 };
    let two = &[place("azure", "eastus"), place("aws", "us-east-1")];
    needs.application = None;
    needs.sessions = false;
    needs.chat = None;
    needs.objects = None;
    needs.secrets = 7;
    needs.registry_gb = dec!(0);
    needs.workload.egress_gb = dec!(0);
    let found = curve(&estimator(&book), &sites(two, &needs), Vary::Users, range).unwrap();
    let [one] = found.break_even.as_slice() else { panic!("{found:?}") };
    assert!(one.jump && (one.value - dec!(128)).abs() < dec!(0.001), "{one:?}");
}

#[test]
fn clouds_that_never_meet_have_no_break_even() {
    // AWS begins cheaper and each GB of egress costs less there than on Google Cloud.
    let book = book();
    let range = Range { from: dec!(100), to: dec!(1000), points: 10 };
    let two = &[place("aws", "us-east-1"), place("gcp", "us-central1")];
    let found = curve(&estimator(&book), &sites(two, &baseline()), Vary::Egress, range).unwrap();
    assert_eq!(found.break_even, []);
}

#[test]
fn users_need_a_number_and_scale_everything() {
    let mut needs = baseline();
    let doubled = Vary::Users.set(&needs, dec!(2000)).unwrap();
    assert_eq!(doubled.workload.requests_per_s, dec!(20));
    assert_eq!(doubled.workload.object_gb, dec!(1000));
    needs.workload.users = None;
    assert_eq!(Vary::Users.value(&needs).unwrap_err().code(), "cost_users");
}

#[test]
fn an_impossible_range_is_refused() {
    let book = book();
    for (from, to, points) in [(5, 5, 10), (9, 1, 10), (-1, 5, 10), (0, 5, 1), (0, 5, 100_001)] {
        let range = Range { from: Decimal::from(from), to: Decimal::from(to), points };
        let error = curve(&estimator(&book), &sites(&places(), &baseline()), Vary::Tokens, range)
            .unwrap_err();
        assert_eq!(error.code(), "cost_range");
    }
}

#[test]
fn a_move_by_hand() {
    let book = book();
    let assume = Assumptions {
        double_days: dec!(2),
        work_hours: dec!(16),
        hour_usd: dec!(80),
        object_mb: dec!(1),
    };
    let (from, to) = (place("azure", "eastus"), place("aws", "us-east-1"));
    let cost =
        moving(&estimator(&book), (&site(&from, &baseline()), &site(&to, &baseline())), &assume)
            .unwrap();
    let part =
        |name: &str| cents(cost.parts.iter().find(|one| one.item == name).unwrap().amount_usd);
    // 100 GB of database and 500 GB of objects x 0.087, all within the first 10 TB
    assert_eq!(part("exit egress"), dec!(52.20));
    // 500,000 objects of 1 MB: 500 x 0.005
    assert_eq!(part("objects written"), dec!(2.50));
    // 164.10 x 2 / 30.41667
    assert_eq!(part("double running"), dec!(10.79));
    // 16 x 80
    assert_eq!(part("work"), dec!(1280.00));
    // 52.20 + 2.50 + 10.79 + 1,280 = 1,345.49; a month saves 254.20 - 164.10 = 90.10
    assert_eq!(cents(cost.once_usd), dec!(1345.49));
    assert_eq!(cost.payback_months.unwrap().round_dp(1), dec!(14.9));
    let back =
        moving(&estimator(&book), (&site(&to, &baseline()), &site(&from, &baseline())), &assume)
            .unwrap();
    assert_eq!(back.payback_months, None);
    let error =
        moving(&estimator(&book), (&site(&to, &baseline()), &site(&to, &baseline())), &assume)
            .unwrap_err();
    assert_eq!(error.code(), "cost_move");
}

#[test]
fn each_level_of_resilience_costs_more_and_recovers_faster() {
    let book = book();
    let assume = resilience::Assumptions {
        change_gb: dec!(60),
        backup_hours: dec!(24),
        restore_mb_per_s: dec!(50),
    };
    let primary = site(&place("aws", "us-east-1"), &baseline());
    let standby = site(&place("gcp", "us-central1"), &baseline());
    let levels = levels(&estimator(&book), (&primary, &standby), &assume).unwrap();
    let names: Vec<_> = levels.iter().map(|level| level.name).collect();
    assert_eq!(names, ["none", "backups", "pilot light", "warm standby", "hot standby"]);
    assert!(levels.windows(2).all(|two| two[0].extra_usd < two[1].extra_usd));
    assert!(levels[1..].windows(2).all(|two| two[0].rto_s > two[1].rto_s));
    assert_eq!(levels[0].extra_usd, dec!(0));
    // 60 GB x 0.09 leave the primary; 2 x 0.75 + 2 x 2.00 probe the other cloud
    assert_eq!(levels[2].replication_usd, dec!(5.40));
    assert_eq!(levels[2].health_checks_usd, dec!(5.50));
    // 600 GB at 50 MB a second are 12,000 s, and an hour to begin
    assert_eq!((levels[1].rto_s, levels[1].rpo_s), (Some(15_600), Some(86_400)));
}

#[test]
fn advice_saves_what_it_says_and_loses_no_price() {
    let book = book();
    let mut needs = baseline();
    needs.network = Network::Nat;
    let found = advise(&estimator(&book), &place("aws", "us-east-1"), &needs).unwrap();
    let saving = |what: &str| {
        let advice = found.iter().find(|one| one.change.contains(what));
        cents(advice.unwrap_or_else(|| panic!("{what}")).saving_usd)
    };
    // 72.08 - 57.67 of compute, and db.t4g.micro 730 x (0.018 - 0.016)
    assert_eq!(saving("ARM"), dec!(15.87));
    // 72.08 - 57.66
    assert_eq!(saving("one year"), dec!(14.42));
    // half of 13.14 GB: 6.57 x 0.50, 6.57 x 0.148 kept x 0.03, and 6.57 x 0.045 through the NAT
    assert_eq!(saving("log half"), dec!(3.61));
    // What another cloud does not sell is not advised there.
    let found = advise(&estimator(&book), &place("gcp", "us-central1"), &baseline()).unwrap();
    assert!(found.iter().all(|one| !one.change.contains("ARM")));
    // A shared core cannot be committed to, and instances of Cloud Run can: 28 % of 110.412.
    assert!(found.iter().all(|one| !one.change.contains("reserve")));
    let year = found.iter().find(|one| one.change == "commit to the compute for one year");
    assert_eq!(cents(year.unwrap().saving_usd), dec!(30.92));
}

#[test]
fn what_moves_the_total_most_comes_first() {
    let book = book();
    let found = sensitivity(&estimator(&book), &place("azure", "eastus"), &baseline()).unwrap();
    assert!(found.windows(2).all(|two| two[0].doubled_usd.abs() >= two[1].doubled_usd.abs()));
    let logs = found.iter().find(|one| one.input.contains("log")).unwrap();
    // 13.14 GB more x 2.30
    assert_eq!(cents(logs.doubled_usd), dec!(30.22));
}

#[test]
fn a_difference_says_why() {
    let book = book();
    let estimator = estimator(&book);
    let old = estimator.compare(&sites(&places(), &baseline())).unwrap();
    let mut needs = baseline();
    needs.workload.egress_gb = dec!(300);
    needs.secrets = 0;
    let new = estimator.compare(&sites(&places(), &needs)).unwrap();
    let changes = diff(&old, &new);
    let aws = changes.iter().find(|one| one.cloud.starts_with("aws")).unwrap();
    let egress = aws.changes.iter().find(|one| one.item == "egress").unwrap();
    assert_eq!((egress.change_usd, egress.why.as_str()), (dec!(9.00), "300 instead of 200 GB"));
    let secrets = aws.changes.iter().find(|one| one.item == "secrets").unwrap();
    assert_eq!((secrets.change_usd, secrets.why.as_str()), (dec!(-2.0), "gone"));
    let sum: Decimal = aws.changes.iter().map(|one| one.change_usd).sum();
    assert_eq!(sum.round_dp(12), (aws.after_usd - aws.before_usd).round_dp(12));
}
