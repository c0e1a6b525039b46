//! What moving from one cloud to another costs, once, and when it has paid for itself.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::Serialize;

use super::estimate::{Estimator, Site};
use super::needs::Needs;
use super::quantity::{days, dollars, number, optional, words};
use super::report::CloudCost;
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
    /// What each month saves, in US dollars; negative when it costs more; none when one of the two
    /// months misses a price.
    #[serde(serialize_with = "optional")]
    #[schemars(with = "Option<f64>")]
    pub saving_usd: Option<Decimal>,
    /// After how many months it has paid for itself; none when it never does, or when a price is
    /// missing.
    #[serde(serialize_with = "optional")]
    #[schemars(with = "Option<f64>")]
    pub payback_months: Option<Decimal>,
    /// The sums that miss a price, by name: each is at least as much.
    pub minimums: Vec<&'static str>,
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
    /// Whether a price is missing from the amount: it is at least as much.
    pub is_minimum: bool,
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
    let months = Months {
        before: estimator.cloud(&from.place, &from.needs)?,
        after: estimator.cloud(&to.place, &to.needs)?,
    };
    let parts = vec![
        exit(estimator, from, &months.before)?,
        entry(estimator, (from, to), (&months.after, assume))?,
        double_running(&months.after, assume),
        work(assume),
    ];
    let once_usd = parts.iter().map(|part| part.amount_usd).sum();
    let saving_usd = months.saving();
    let is_once_whole = parts.iter().all(|part| !part.is_minimum);
    let gains = saving_usd.filter(|saving| is_once_whole && *saving > Decimal::ZERO);
    Ok(MoveCost {
        from: from.name(),
        to: to.name(),
        data_gb: data_gb(&from.needs),
        once_usd,
        before_usd: months.before.total_usd,
        after_usd: months.after.total_usd,
        saving_usd,
        payback_months: gains.map(|saving| once_usd / saving),
        minimums: months.minimums(is_once_whole),
        unknown: months.unknown(),
        parts,
    })
}

/// A month at the place that is left, and one at the place that is entered.
struct Months {
    before: CloudCost,
    after: CloudCost,
}

impl Months {
    fn both(&self) -> [&CloudCost; 2] {
        [&self.before, &self.after]
    }

    /// Nothing, when one of them is only a minimum.
    fn saving(&self) -> Option<Decimal> {
        let whole = self.both().iter().all(|month| month.is_complete());
        whole.then(|| self.before.total_usd - self.after.total_usd)
    }

    fn minimums(&self, is_once_whole: bool) -> Vec<&'static str> {
        let sums = [
            ("once_usd", is_once_whole),
            ("before_usd", self.before.is_complete()),
            ("after_usd", self.after.is_complete()),
        ];
        sums.into_iter().filter(|(_, whole)| !whole).map(|(name, _)| name).collect()
    }

    fn unknown(&self) -> Vec<String> {
        let of = |month: &CloudCost| {
            let words = month.unknown.iter();
            let words = words.map(|one| format!("{}: {} ({})", month.cloud, one.item, one.why));
            words.collect::<Vec<_>>()
        };
        self.both().into_iter().flat_map(of).collect()
    }
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
fn exit(estimator: &Estimator<'_>, from: &Site, before: &CloudCost) -> Result<Part> {
    let mut leaving = from.needs.clone();
    // It goes from store to store, past any content delivery network.
    leaving.workload.replication_gb += data_gb(&from.needs);
    let leaving = estimator.cloud(&from.place, &leaving)?;
    let gb = words(data_gb(&from.needs));
    let how = format!("{gb} GB more leave {} in that month, at its tiers", from.place.cloud);
    Ok(further("exit egress", &leaving, before, how))
}

/// What is written at the target, object by object.
fn entry(
    estimator: &Estimator<'_>,
    (from, to): (&Site, &Site),
    (after, assume): (&CloudCost, &Assumptions),
) -> Result<Part> {
    let objects = match assume.object_mb.is_zero() {
        true => Decimal::ZERO,
        false => (from.needs.workload.object_gb * Decimal::ONE_THOUSAND / assume.object_mb).ceil(),
    };
    let mut arriving = to.needs.clone();
    arriving.workload.object_writes += objects;
    let arriving = estimator.cloud(&to.place, &arriving)?;
    let how = format!("{} objects at {}", words(objects), to.place.cloud);
    Ok(further("objects written", &arriving, after, how))
}

/// What a month costs more than without it. Where something without a price grows, that is missing.
fn further(item: &str, with: &CloudCost, without: &CloudCost, formula: String) -> Part {
    let amount_usd = with.total_usd - without.total_usd;
    let is_minimum = with.unknown != without.unknown;
    Part { item: item.to_owned(), amount_usd, is_minimum, formula }
}

fn double_running(after: &CloudCost, assume: &Assumptions) -> Part {
    let amount_usd = after.total_usd * assume.double_days / days();
    let (some, all) = (words(assume.double_days), words(days().round_dp(2)));
    let is_minimum = !after.is_complete();
    let at_least = if is_minimum { "at least " } else { "" };
    let month = dollars(after.total_usd);
    let formula = format!("{some} of {all} days of {at_least}{month} at {}", after.cloud);
    Part { item: "double running".to_owned(), amount_usd, is_minimum, formula }
}

fn work(assume: &Assumptions) -> Part {
    let (hours, price) = (words(assume.work_hours), dollars(assume.hour_usd));
    Part {
        item: "work".to_owned(),
        amount_usd: assume.work_hours * assume.hour_usd,
        is_minimum: false,
        formula: format!("{hours} hours at {price}"),
    }
}
