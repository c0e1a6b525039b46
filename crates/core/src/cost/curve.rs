//! How the total changes with one input, and where one cloud becomes cheaper than another.

use rust_decimal::Decimal;
use rust_decimal::dec;
use schemars::JsonSchema;
use serde::Serialize;

use super::estimate::{Estimator, Site};
use super::needs::Needs;
use super::quantity::{number, optional};
use crate::{Error, Result};

/// The input that varies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Vary {
    /// Requests a second.
    Requests,
    /// Users; requests, tokens, data and transfer grow with them.
    Users,
    /// Objects kept, in GB.
    Storage,
    /// What users download, in GB a month.
    Egress,
    /// Tokens a month, in and out together.
    Tokens,
}

impl Vary {
    /// What the values are, in words.
    pub fn unit(self) -> &'static str {
        match self {
            Vary::Requests => "requests a second",
            Vary::Users => "users",
            Vary::Storage => "GB of objects",
            Vary::Egress => "GB of egress a month",
            Vary::Tokens => "tokens a month",
        }
    }

    /// Its value in these needs.
    ///
    /// # Errors
    /// `cost_users`, when the number of users is not known.
    pub fn value(self, needs: &Needs) -> Result<Decimal> {
        let load = &needs.workload;
        match self {
            Vary::Requests => Ok(load.requests_per_s),
            Vary::Storage => Ok(load.object_gb),
            Vary::Egress => Ok(load.egress_gb),
            Vary::Tokens => Ok(load.input_tokens + load.output_tokens),
            Vary::Users => load.users.filter(|users| !users.is_zero()).ok_or_else(|| {
                Error::usage("cost_users", "the workload does not say how many users it has")
                    .hint("add `users` to the workload, so that the rest can grow with it")
            }),
        }
    }

    /// The needs with this input at `value`.
    ///
    /// # Errors
    /// As for [`Vary::value`].
    pub fn set(self, needs: &Needs, value: Decimal) -> Result<Needs> {
        let mut needs = needs.clone();
        let before = self.value(&needs)?;
        let load = &mut needs.workload;
        match self {
            Vary::Requests => load.requests_per_s = value,
            Vary::Storage => load.object_gb = value,
            Vary::Egress => load.egress_gb = value,
            Vary::Tokens => {
                // Seven in ten go in when the specification does not say.
                let share = if before.is_zero() { dec!(0.7) } else { load.input_tokens / before };
                load.input_tokens = value * share;
                load.output_tokens = value - load.input_tokens;
            }
            Vary::Users => {
                let factor = value / before;
                load.users = Some(value);
                for quantity in [
                    &mut load.requests_per_s,
                    &mut load.egress_gb,
                    &mut load.database_gb,
                    &mut load.database_backup_gb,
                    &mut load.object_gb,
                    &mut load.object_writes,
                    &mut load.object_reads,
                    &mut load.input_tokens,
                    &mut load.output_tokens,
                    &mut load.session_gb,
                ] {
                    *quantity *= factor;
                }
            }
        }
        Ok(needs)
    }
}

/// The totals of each cloud over one input.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Curve {
    /// The input.
    pub vary: Vary,
    /// The unit of its values.
    pub unit: &'static str,
    /// The clouds with their regions, in the order of the totals.
    pub clouds: Vec<String>,
    /// The points, by rising value.
    pub points: Vec<Point>,
    /// Where two clouds cost the same.
    pub break_even: Vec<BreakEven>,
}

/// The totals at one value.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Point {
    /// The value of the input.
    #[serde(serialize_with = "number")]
    #[schemars(with = "f64")]
    pub value: Decimal,
    /// US dollars a month, cloud by cloud; none where something has no price.
    pub totals_usd: Vec<Total>,
}

/// A total, or none where something has no price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Total(
    #[serde(serialize_with = "optional")]
    #[schemars(with = "Option<f64>")]
    pub Option<Decimal>,
);

/// Where two clouds cost the same.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct BreakEven {
    /// The value of the input.
    #[serde(serialize_with = "number")]
    #[schemars(with = "f64")]
    pub value: Decimal,
    /// The cloud that is cheaper below.
    pub cheaper_below: String,
    /// The cloud that is cheaper above.
    pub cheaper_above: String,
    /// US dollars a month at that value.
    #[serde(serialize_with = "number")]
    #[schemars(with = "f64")]
    pub total_usd: Decimal,
    /// Whether it is a jump (a further instance, a larger disk) rather than a crossing.
    pub jump: bool,
}

/// Which values a curve has.
#[derive(Debug, Clone, Copy)]
pub struct Range {
    /// The first value.
    pub from: Decimal,
    /// The last value.
    pub to: Decimal,
    /// How many points, at least 2 and at most 100,000.
    pub points: u32,
}

/// Most points of a curve.
pub const MOST_POINTS: u32 = 100_000;
/// How often an interval is halved: 60 halvings are finer than any bill.
const HALVINGS: u32 = 60;
/// Totals closer than this, in US dollars, are the same.
const SAME_USD: Decimal = dec!(0.000001);

/// The curve of the sites over one input.
///
/// # Errors
/// `cost_range` for an impossible range, and as for an estimate.
pub fn curve(estimator: &Estimator<'_>, sites: &[Site], vary: Vary, range: Range) -> Result<Curve> {
    check(range)?;
    let at = |value| -> Result<Vec<Option<Decimal>>> {
        let total = |site: &Site| estimator.total(&site.place, &vary.set(&site.needs, value)?);
        sites.iter().map(total).collect()
    };
    let step = (range.to - range.from) / Decimal::from(range.points - 1);
    let mut points = Vec::with_capacity(range.points as usize);
    for place in 0..range.points {
        let last = place + 1 == range.points;
        let value = if last { range.to } else { range.from + step * Decimal::from(place) };
        points.push((value, at(value)?));
    }
    let clouds: Vec<_> = sites.iter().map(Site::name).collect();
    let mut break_even = Vec::new();
    for first in 0..sites.len() {
        for second in first + 1..sites.len() {
            let pair = (first, second);
            for crossing in crossings(&points, pair, &at)? {
                break_even.push(crossing.named(&clouds, pair));
            }
        }
    }
    break_even.sort_by_key(|one| one.value);
    let points = points.into_iter().map(|(value, totals)| Point {
        value,
        totals_usd: totals.into_iter().map(Total).collect(),
    });
    Ok(Curve { vary, unit: vary.unit(), clouds, points: points.collect(), break_even })
}

fn check(range: Range) -> Result<()> {
    let fits = (2..=MOST_POINTS).contains(&range.points);
    if range.from < Decimal::ZERO || range.from >= range.to || !fits {
        let message = format!(
            "a curve cannot go from {} to {} in {} points",
            range.from, range.to, range.points
        );
        return Err(Error::usage("cost_range", message)
            .hint(format!("it rises from 0 or more, in 2 to {MOST_POINTS} points")));
    }
    Ok(())
}

/// The totals at one value.
type At<'a> = dyn Fn(Decimal) -> Result<Vec<Option<Decimal>>> + 'a;

struct Crossing {
    value: Decimal,
    total: Decimal,
    first_is_cheaper_below: bool,
    jump: bool,
}

impl Crossing {
    fn named(self, clouds: &[String], (first, second): (usize, usize)) -> BreakEven {
        let (below, above) = match self.first_is_cheaper_below {
            true => (first, second),
            false => (second, first),
        };
        BreakEven {
            value: self.value,
            cheaper_below: clouds[below].clone(),
            cheaper_above: clouds[above].clone(),
            total_usd: self.total,
            jump: self.jump,
        }
    }
}

/// Finds between which points the difference changes its sign, and there the place itself.
fn crossings(
    points: &[(Decimal, Vec<Option<Decimal>>)],
    pair: (usize, usize),
    at: &At<'_>,
) -> Result<Vec<Crossing>> {
    let mut found = Vec::new();
    // The last point at which one of the two was really cheaper.
    let mut before: Option<(Decimal, Decimal)> = None;
    for (value, totals) in points {
        let Some(difference) = difference(totals, pair) else {
            before = None;
            continue;
        };
        if difference.abs() <= SAME_USD {
            continue;
        }
        if let Some(low) =
            before.filter(|low| (low.1 > Decimal::ZERO) != (difference > Decimal::ZERO))
        {
            found.extend(between(low, (*value, difference), pair, at)?);
        }
        before = Some((*value, difference));
    }
    Ok(found)
}

fn difference(totals: &[Option<Decimal>], pair: (usize, usize)) -> Option<Decimal> {
    Some(totals[pair.0]? - totals[pair.1]?)
}

/// Halves the interval until the straight line between its ends meets zero exactly, or until it is
/// so short that only a jump can be in it.
fn between(
    mut low: (Decimal, Decimal),
    mut high: (Decimal, Decimal),
    pair: (usize, usize),
    at: &At<'_>,
) -> Result<Option<Crossing>> {
    let first_is_cheaper_below = low.1 < Decimal::ZERO;
    for _ in 0..HALVINGS {
        let straight = low.0 + (high.0 - low.0) * low.1.abs() / (low.1.abs() + high.1.abs());
        let totals = at(straight)?;
        let Some(there) = difference(&totals, pair) else { return Ok(None) };
        if there.abs() <= SAME_USD {
            let total = totals[pair.0].unwrap_or_default();
            return Ok(Some(Crossing {
                value: straight,
                total,
                first_is_cheaper_below,
                jump: false,
            }));
        }
        let middle = (low.0 + high.0) / dec!(2);
        let Some(difference) = difference(&at(middle)?, pair) else { return Ok(None) };
        if (difference > Decimal::ZERO) == (low.1 > Decimal::ZERO) {
            low = (middle, difference);
        } else {
            high = (middle, difference);
        }
    }
    let total = at(high.0)?[pair.0].unwrap_or_default();
    Ok(Some(Crossing { value: high.0, total, first_is_cheaper_below, jump: true }))
}
