//! What moving from one cloud to another costs, once, and when it has paid for itself.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::Serialize;

use super::estimate::{Estimator, Site};
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
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct MoveCost {
    /// The cloud that is left, with its region.
    pub from: String,
    /// The cloud that is entered, with its region.
    pub to: String,
    /// What leaves, in GB: the database and the objects.
    #[serde(serialize_with = "number")]
    #[schemars(with = "f64")]
    pub data_gb: Decimal,
    /// The parts, in US dollars, once.
    pub parts: Vec<Part>,
    /// Their sum, in US dollars.
    #[serde(serialize_with = "number")]
    #[schemars(with = "f64")]
    pub once_usd: Decimal,
    /// The month before, in US dollars.
    #[serde(serialize_with = "number")]
    #[schemars(with = "f64")]
    pub before_usd: Decimal,
    /// The month after, in US dollars.
    #[serde(serialize_with = "number")]
    #[schemars(with = "f64")]
    pub after_usd: Decimal,
    /// What each month saves, in US dollars; negative when it costs more.
    #[serde(serialize_with = "number")]
    #[schemars(with = "f64")]
    pub saving_usd: Decimal,
    /// After how many months it has paid for itself; none when it never does.
    #[serde(serialize_with = "optional")]
    #[schemars(with = "Option<f64>")]
    pub payback_months: Option<Decimal>,
    /// What has no price and is missing from the sums.
    pub unknown: Vec<String>,
}

/// A part of what a move costs.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Part {
    /// What it is.
    pub item: String,
    /// US dollars, once.
    #[serde(serialize_with = "number")]
    #[schemars(with = "f64")]
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
    (from, to): (&Site, &Site),
    assume: &Assumptions,
) -> Result<MoveCost> {
    if from.place == to.place && from.environment == to.environment {
        return Err(Error::usage("cost_move", format!("{} is where it is already", to.name())));
    }
    assume.check()?;
    let (before, after) =
        (estimator.cloud(&from.place, &from.needs)?, estimator.cloud(&to.place, &to.needs)?);
    let parts = vec![
        exit(estimator, from, before.total_usd)?,
        entry(estimator, (from, to), (after.total_usd, assume))?,
        double_running(&after, assume),
        part(
            "work",
            assume.work_hours * assume.hour_usd,
            format!("{} hours at {}", words(assume.work_hours), dollars(assume.hour_usd)),
        ),
    ];
    let once_usd = parts.iter().map(|part| part.amount_usd).sum();
    let saving_usd = before.total_usd - after.total_usd;
    let unknown = [&before, &after].into_iter().flat_map(|cloud| {
        cloud.unknown.iter().map(|one| format!("{}: {} ({})", cloud.cloud, one.item, one.why))
    });
    Ok(MoveCost {
        from: from.name(),
        to: to.name(),
        data_gb: data_gb(&from.needs),
        once_usd,
        before_usd: before.total_usd,
        after_usd: after.total_usd,
        saving_usd,
        payback_months: (saving_usd > Decimal::ZERO).then(|| once_usd / saving_usd),
        unknown: unknown.collect(),
        parts,
    })
}

impl Assumptions {
    fn check(&self) -> Result<()> {
        for (field, quantity) in [
            ("--double-days", self.double_days),
            ("--hours", self.work_hours),
            ("--hour-usd", self.hour_usd),
            ("--object-mb", self.object_mb),
        ] {
            super::quantity::believable(field, quantity)?;
        }
        Ok(())
    }
}

fn data_gb(needs: &Needs) -> Decimal {
    needs.workload.database_gb + needs.workload.object_gb
}

/// What leaves, at the tiers that it reaches on top of the month's egress.
fn exit(estimator: &Estimator<'_>, from: &Site, before_usd: Decimal) -> Result<Part> {
    let mut leaving = from.needs.clone();
    // It goes from store to store, past any content delivery network.
    leaving.workload.replication_gb += data_gb(&from.needs);
    let amount = estimator.cloud(&from.place, &leaving)?.total_usd - before_usd;
    let gb = words(data_gb(&from.needs));
    let how = format!("{gb} GB more leave {} in that month, at its tiers", from.place.cloud);
    Ok(part("exit egress", amount, how))
}

/// What is written at the target, object by object.
fn entry(
    estimator: &Estimator<'_>,
    (from, to): (&Site, &Site),
    (after_usd, assume): (Decimal, &Assumptions),
) -> Result<Part> {
    let objects = match assume.object_mb.is_zero() {
        true => Decimal::ZERO,
        false => (from.needs.workload.object_gb * Decimal::ONE_THOUSAND / assume.object_mb).ceil(),
    };
    let mut arriving = to.needs.clone();
    arriving.workload.object_writes += objects;
    let amount = estimator.cloud(&to.place, &arriving)?.total_usd - after_usd;
    Ok(part("objects written", amount, format!("{} objects at {}", words(objects), to.place.cloud)))
}

fn double_running(after: &super::CloudCost, assume: &Assumptions) -> Part {
    let amount = after.total_usd * assume.double_days / days();
    let (some, all) = (words(assume.double_days), words(days().round_dp(2)));
    let how = format!("{some} of {all} days of {} at {}", dollars(after.total_usd), after.cloud);
    part("double running", amount, how)
}

fn part(item: &str, amount_usd: Decimal, formula: String) -> Part {
    Part { item: item.to_owned(), amount_usd, formula }
}
