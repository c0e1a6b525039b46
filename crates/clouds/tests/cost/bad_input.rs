//! Input that makes no sense, and catalogues that cannot be trusted.

use jiff::civil::date;
use rust_decimal::{Decimal, dec};
use trefoil_clouds::registry::Bills;
use trefoil_core::Error;
use trefoil_core::cost::estimate::Estimator;
use trefoil_core::cost::{FreeTiers, Needs, Offer, PriceBook};

use crate::support::{baseline, book, estimate, place, today};

fn refused(cloud: &str, region: &str, needs: &Needs) -> Error {
    let book = book();
    let offer = Offer { book: &book, today: today(), free_tiers: FreeTiers::Taken };
    Estimator { offer, pricer: &Bills }.cloud(&place(cloud, region), needs).unwrap_err()
}

#[test]
fn an_unknown_region_names_those_known() {
    let error = refused("aws", "us-moon-1", &baseline());
    assert_eq!(error.code(), "cost_region");
    assert!(error.to_string().contains("us-moon-1"));
    assert!(error.hint_text().unwrap().contains("eu-west-1"));
}

#[test]
fn a_cloud_without_prices_is_refused() {
    assert_eq!(refused("local", "here", &baseline()).code(), "cost_provider");
    assert_eq!(refused("heroku", "us", &baseline()).code(), "cost_provider");
}

/// Sets one quantity of the needs.
type Set = fn(&mut Needs, Decimal);

#[test]
fn negative_and_absurd_quantities_name_their_field() {
    let set: [(&str, Set); 4] = [
        ("workload.requests_per_s", |needs, value| needs.workload.requests_per_s = value),
        ("workload.egress_gb", |needs, value| needs.workload.egress_gb = value),
        ("application.vcpu", |needs, value| needs.application.as_mut().unwrap().vcpu = value),
        ("registry_gb", |needs, value| needs.registry_gb = value),
    ];
    for (field, set) in set {
        for value in [dec!(-1), dec!(-0.000001), dec!(1000000000001), Decimal::MAX] {
            let mut needs = baseline();
            set(&mut needs, value);
            let error = refused("gcp", "us-central1", &needs);
            assert_eq!(error.code(), "cost_quantity");
            assert!(error.to_string().contains(field), "{error}");
        }
    }
}

#[test]
fn an_absurd_product_of_believable_quantities_is_refused() {
    let mut needs = baseline();
    needs.workload.requests_per_s = dec!(1000000000);
    assert_eq!(refused("aws", "us-east-1", &needs).code(), "cost_quantity");
}

#[test]
fn a_retired_model_names_its_successor() {
    let mut needs = baseline();
    let chat = needs.chat.as_mut().unwrap();
    chat.insert("gcp".into(), "text-bison@001 (PaLM 2)".into());
    chat.insert("azure".into(), "gpt-4".into());
    let error = refused("gcp", "us-central1", &needs);
    assert_eq!(error.code(), "model_retired");
    assert!(error.hint_text().unwrap().contains("gemini-3.8-flash"));
    assert_eq!(refused("azure", "eastus", &needs).code(), "model_retired");
    needs.chat.as_mut().unwrap().insert("gcp".into(), "hal-9000".into());
    let error = refused("gcp", "us-central1", &needs);
    assert_eq!(error.code(), "model_unknown");
    needs.chat.as_mut().unwrap().insert("aws".into(), "us.anthropic.claude-sonnet-4-7".into());
    let error = refused("aws", "us-east-1", &needs);
    let hint = error.hint_text().unwrap();
    assert!(hint.contains("first: anthropic.claude-sonnet-4-6"), "{hint}");
    assert!(!hint.contains("claude-3-sonnet"), "a retired model is no advice: {hint}");
}

#[test]
fn the_name_that_is_deployed_is_the_one_that_is_priced() {
    for (cloud, region, deployed, listed) in [
        ("azure", "eastus", "gpt-4o-mini", "gpt-4o-mini-0718 global"),
        ("gcp", "us-central1", "google/gemini-3.8-flash", "gemini-3.8-flash"),
        ("aws", "us-east-1", "us.anthropic.claude-sonnet-4-6", "anthropic.claude-sonnet-4-6"),
    ] {
        let total = |model: &str| {
            let mut needs = baseline();
            needs.chat.as_mut().unwrap().insert(cloud.to_owned(), model.to_owned());
            let cost = estimate(cloud, region, &needs);
            assert!(cost.of(trefoil_core::cost::Category::Ai) > Decimal::ZERO, "{model}");
            cost.total_usd
        };
        assert_eq!(total(deployed), total(listed), "{deployed}");
    }
}

#[test]
fn a_model_retires_on_its_day() {
    let book = book();
    let model = book.model("gcp", "gemini-2.5-flash").unwrap();
    assert!(model.alive(date(2026, 10, 19)).is_ok());
    assert!(model.alive(date(2026, 10, 20)).is_err());
}

#[test]
fn a_missing_price_is_unknown_and_never_nothing() {
    // The catalogue has no price of load balancer capacity in this region.
    let cost = estimate("aws", "us-west-2", &baseline());
    let unknown = cost.unknown.iter().find(|one| one.item == "load balancer capacity").unwrap();
    assert!(unknown.why.contains("alb/lcu") && unknown.quantity == Some(dec!(292)));
    assert!(cost.lines.iter().all(|line| line.item != "load balancer capacity"));
    // A cloud whose model is not named.
    let mut needs = baseline();
    needs.chat.as_mut().unwrap().remove("aws");
    let cost = estimate("aws", "us-east-1", &needs);
    assert!(cost.unknown.iter().any(|one| one.item == "chat model"));
}

#[test]
fn what_cannot_be_bought_is_unknown() {
    let mut needs = baseline();
    needs.application.as_mut().unwrap().vcpu = dec!(64);
    for (cloud, region) in [("aws", "us-east-1"), ("azure", "eastus"), ("gcp", "us-central1")] {
        let cost = estimate(cloud, region, &needs);
        let compute = trefoil_core::cost::Category::Compute;
        assert!(cost.unknown.iter().any(|one| one.category == compute), "{cloud}");
        assert!(cost.of(compute).is_zero(), "{cloud}");
    }
}

#[test]
fn a_catalogue_is_old_after_90_days() {
    let book = book();
    assert_eq!(book.date(), date(2026, 10, 2));
    assert_eq!(book.age_warning(date(2026, 12, 31)), None);
    let warning = book.age_warning(date(2027, 1, 1)).unwrap();
    assert!(warning.contains("91 days") && warning.contains("2026-10-02"), "{warning}");
}

#[test]
fn a_catalogue_that_is_none_says_where() {
    let parse = |text: &str| PriceBook::parse(text, "prices.json").unwrap_err();
    let text = book().to_text().unwrap();
    let half = parse(&text[..text.len() / 2]);
    assert_eq!(half.code(), "catalogue_invalid");
    assert!(half.to_string().contains("prices.json") && half.to_string().contains("line"));
    for (right, wrong) in [
        ("trefoil/prices/v1", "trefoil/prices/v9"),
        ("\"price\":\"0.04048\"", "\"price\":\"-0.04048\""),
        ("\"source\":\"TTG-AWS\"", "\"source\":\"nowhere\""),
        ("\"USD\"", "\"EUR\""),
        ("{\"from\":\"100\",", "{\"from\":\"0\","),
    ] {
        assert!(text.contains(right), "{right}");
        let error = parse(&text.replacen(right, wrong, 1));
        assert_eq!(error.code(), "catalogue_invalid", "{wrong}");
    }
}

#[test]
fn a_catalogue_that_was_written_is_read_again() {
    let book = book();
    let again = PriceBook::parse(&book.to_text().unwrap(), "again").unwrap();
    assert_eq!(book.catalogue(), again.catalogue());
}
