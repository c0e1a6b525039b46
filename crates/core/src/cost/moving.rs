//! What moving from one cloud to another costs, once, and when it has paid for itself.

use rust_decimal::Decimal;
use serde::Serialize;

use super::estimate::{Estimator, Place};
use super::needs::Needs;
use super::quantity::{days, dollars, number, optional, words};
use crate::{Error, Result};

/// What is assumed about a move.
#[derive(Debug, Clone, Copy)]
pub struct Assumptions {
    /// For how many days both clouds run.
    pub double_days: Decimal,
    /// Hours of work.
    pub work_hours: Decimal,
    /// US dollars for an hour of work.
    pub hour_usd: Decimal,
    /// The mean size of an object, in MB: so many are written at the target.
    pub object_mb: Decimal,
}

/// What a move costs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MoveCost {
    /// The cloud that is left, with its region.
    pub from: String,
    /// The cloud that is entered, with its region.
    pub to: String,
    /// What leaves, in GB: the database and the objects.
    #[serde(serialize_with = "number")]
    pub data_gb: Decimal,
    /// The parts, in US dollars, once.
    pub parts: Vec<Part>,
    /// Their sum, in US dollars.
    #[serde(serialize_with = "number")]
    pub once_usd: Decimal,
    /// The month before, in US dollars.
    #[serde(serialize_with = "number")]
    pub before_usd: Decimal,
    /// The month after, in US dollars.
    #[serde(serialize_with = "number")]
    pub after_usd: Decimal,
    /// What each month saves, in US dollars; negative when it costs more.
    #[serde(serialize_with = "number")]
    pub saving_usd: Decimal,
    /// After how many months it has paid for itself; none when it never does.
    #[serde(serialize_with = "optional")]
    pub payback_months: Option<Decimal>,
    /// What has no price and is missing from the sums.
    pub unknown: Vec<String>,
}

/// A part of what a move costs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Part {
    /// What it is.
    pub item: String,
    /// US dollars, once.
    #[serde(serialize_with = "number")]
    pub amount_usd: Decimal,
    /// How the amount comes about.
    pub formula: String,
}

/// What moving the needs costs.
///
/// # Errors
/// `cost_move` when both places are the same, and as for an estimate.
pub fn moving(
    estimator: &Estimator<'_>,
    needs: &Needs,
    (from, to): (&Place, &Place),
    assume: &Assumptions,
) -> Result<MoveCost> {
    if from == to {
        return Err(Error::usage("cost_move", format!("{} is where it is already", to.cloud)));
    }
    for (field, quantity) in [
        ("--double-days", assume.double_days),
        ("--hours", assume.work_hours),
        ("--hour-usd", assume.hour_usd),
        ("--object-mb", assume.object_mb),
    ] {
        super::quantity::believable(field, quantity)?;
    }
    let data_gb = needs.workload.database_gb + needs.workload.object_gb;
    let mut leaving = needs.clone();
    leaving.workload.egress_gb += data_gb;
    let mut arriving = needs.clone();
    let objects = match assume.object_mb.is_zero() {
        true => Decimal::ZERO,
        false => (needs.workload.object_gb * Decimal::ONE_THOUSAND / assume.object_mb).ceil(),
    };
    arriving.workload.object_writes += objects;

    let (before, after) = (estimator.cloud(from, needs)?, estimator.cloud(to, needs)?);
    let exit = estimator.cloud(from, &leaving)?.total_usd - before.total_usd;
    let entry = estimator.cloud(to, &arriving)?.total_usd - after.total_usd;
    let double = after.total_usd * assume.double_days / days();
    let work = assume.work_hours * assume.hour_usd;
    let parts = vec![
        part(
            "exit egress",
            exit,
            format!("{} GB more leave {} in that month, at its tiers", words(data_gb), from.cloud),
        ),
        part(
            "objects written",
            entry,
            format!("{} objects are written at {}", words(objects), to.cloud),
        ),
        part(
            "double running",
            double,
            format!(
                "{} of {} days of {} at {}",
                words(assume.double_days),
                words(days().round_dp(2)),
                dollars(after.total_usd),
                to.cloud
            ),
        ),
        part(
            "work",
            work,
            format!("{} hours at {}", words(assume.work_hours), dollars(assume.hour_usd)),
        ),
    ];
    let once_usd = parts.iter().map(|part| part.amount_usd).sum();
    let saving_usd = before.total_usd - after.total_usd;
    let unknown = [&before, &after].into_iter().flat_map(|cloud| {
        cloud.unknown.iter().map(|one| format!("{}: {} ({})", cloud.cloud, one.item, one.why))
    });
    Ok(MoveCost {
        from: format!("{} {}", from.cloud, from.region),
        to: format!("{} {}", to.cloud, to.region),
        data_gb,
        once_usd,
        before_usd: before.total_usd,
        after_usd: after.total_usd,
        saving_usd,
        payback_months: (saving_usd > Decimal::ZERO).then(|| once_usd / saving_usd),
        unknown: unknown.collect(),
        parts,
    })
}

fn part(item: &str, amount_usd: Decimal, formula: String) -> Part {
    Part { item: item.to_owned(), amount_usd, formula }
}
