//! What each profile adds to an environment, and what it costs more, from the price model.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::Serialize;
use trefoil_clouds::registry::Bills;
use trefoil_core::cost::estimate::Estimator;
use trefoil_core::cost::quantity::{dollars, optional};
use trefoil_core::cost::{FreeTiers, Needs, Offer, Place, PriceBook};
use trefoil_core::deployment::with_profile;
use trefoil_core::spec::{AppSpec, Profile};

use super::Rendered;
use super::targets::Target;
use crate::Result;
use crate::commands::cost::input::today;
use crate::table::{table, word};

/// One profile for one environment.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ProfileCost {
    /// The profile.
    profile: Profile,
    /// What it adds to what the specification asks for.
    adds: Vec<String>,
    /// US dollars a month by the price model; absent when the model cannot price it.
    #[serde(serialize_with = "optional")]
    #[schemars(with = "Option<f64>")]
    monthly_usd: Option<Decimal>,
    /// What is in no estimate.
    unpriced: Vec<String>,
}

/// The profiles in their order.
pub(super) fn compare(target: &Target, book: &PriceBook) -> Result<Vec<ProfileCost>> {
    let profiles = [Profile::Small, Profile::Standard, Profile::Resilient];
    profiles.into_iter().map(|profile| one(target, profile, book)).collect()
}

fn one(target: &Target, profile: Profile, book: &PriceBook) -> Result<ProfileCost> {
    let spec = with_profile(&AppSpec { profile, ..target.asked.clone() });
    let offer = Offer { book, today: today(), free_tiers: FreeTiers::Taken };
    let cloud = &target.cloud;
    let own = book.region(cloud, Some(&target.deployment.region));
    let region = own.or_else(|_| book.region(cloud, None))?.to_owned();
    let place = Place { cloud: cloud.clone(), region };
    let needs = Needs::of_rendered(&spec).beside_others(&spec, &target.deployment.folder);
    let bill = Estimator { offer, pricer: &Bills }.cloud(&place, &needs);
    let (monthly_usd, unpriced) = match bill {
        Ok(bill) => {
            let unknown = bill.unknown.iter().map(|one| one.item.clone());
            (Some(bill.total_usd), unknown.collect())
        }
        Err(error) => (None, vec![error.to_string()]),
    };
    Ok(ProfileCost { profile, adds: adds(&target.asked, &spec), monthly_usd, unpriced })
}

/// The differences between what was asked for and what a profile made of it.
fn adds(asked: &AppSpec, spec: &AppSpec) -> Vec<String> {
    let mut adds = Vec::new();
    let least = |spec: &AppSpec| spec.scale.clone().unwrap_or_default().min;
    if spec.application.is_some() && least(spec) > least(asked) {
        adds.push(format!("{} instances at least", least(spec)));
    }
    if let (Some(asked), Some(database)) = (&asked.database, &spec.database) {
        if database.high_availability && !asked.high_availability {
            adds.push("a second database server in another zone".to_owned());
        }
        if database.backup_days > asked.backup_days {
            adds.push(format!("database backups of {} days", database.backup_days));
        }
    }
    let extras = [
        (asked.cache.is_none() && spec.cache.is_some(), "a cache"),
        (asked.cdn.is_none() && spec.cdn == Some(true), "a content delivery network"),
        (asked.firewall.is_none() && spec.firewall == Some(true), "a web firewall"),
    ];
    adds.extend(extras.iter().filter(|(added, _)| *added).map(|(_, what)| (*what).to_owned()));
    adds
}

/// The table of one environment for people.
pub(super) fn text(one: &Rendered) -> String {
    let rows = one.profiles.iter().map(|cost| {
        let mark = if cost.profile == one.profile { "*" } else { "" };
        let usd = cost.monthly_usd.map_or_else(|| "unknown".into(), dollars);
        let adds = if cost.adds.is_empty() { "nothing".to_owned() } else { cost.adds.join(", ") };
        let not = cost.unpriced.join(", ");
        [format!("{}{mark}", word(&cost.profile)), usd, not, adds]
    });
    let rows = table(["profile", "a month", "without", "adds"], rows);
    format!("\n{} ({}, {}), * is what was rendered:\n{rows}\n", one.folder, one.cloud, one.region)
}
