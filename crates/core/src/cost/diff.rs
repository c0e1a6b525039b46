//! What changed between two reports, and why.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::Serialize;

use super::price::Category;
use super::quantity::{number, optional, words};
use super::report::{CloudCost, CostReport, Line};

/// What changed on one cloud.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CloudDiff {
    /// The cloud with its region, and the environment where it has another name.
    pub cloud: String,
    /// The total before, in US dollars a month.
    #[serde(serialize_with = "number")]
    #[schemars(with = "f64")]
    pub before_usd: Decimal,
    /// The total after, in US dollars a month.
    #[serde(serialize_with = "number")]
    #[schemars(with = "f64")]
    pub after_usd: Decimal,
    /// How much more it costs, in US dollars a month; none when what has no price changed too.
    #[serde(serialize_with = "optional")]
    #[schemars(with = "Option<f64>")]
    pub change_usd: Option<Decimal>,
    /// The totals that miss a price, by name: each is at least as much.
    pub minimums: Vec<&'static str>,
    /// The lines that changed, the largest change first.
    pub changes: Vec<Changed>,
    /// What has no price now.
    pub unknown: Vec<String>,
}

/// A line that changed.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Changed {
    /// The category.
    pub category: Category,
    /// What it is.
    pub item: String,
    /// How much more it costs, in US dollars a month.
    #[serde(serialize_with = "number")]
    #[schemars(with = "f64")]
    pub change_usd: Decimal,
    /// Why.
    pub why: String,
}

/// Compares the clouds that are in both reports.
pub fn diff(old: &CostReport, new: &CostReport) -> Vec<CloudDiff> {
    let same = |a: &CloudCost, b: &CloudCost| a.name() == b.name();
    new.clouds
        .iter()
        .filter_map(|after| Some((old.clouds.iter().find(|before| same(before, after))?, after)))
        .map(|(before, after)| cloud(before, after))
        .collect()
}

fn cloud(before: &CloudCost, after: &CloudCost) -> CloudDiff {
    let (old, new) = (lines(before), lines(after));
    let names: BTreeSet<_> = old.keys().chain(new.keys()).copied().collect();
    let mut changes: Vec<_> = names
        .into_iter()
        .filter_map(|name| changed(old.get(&name).copied(), new.get(&name).copied()))
        .collect();
    changes.sort_by_key(|one| std::cmp::Reverse(one.change_usd.abs()));
    let totals = [("before_usd", before), ("after_usd", after)];
    let minimums = totals.into_iter().filter(|(_, total)| !total.is_complete());
    let is_known = before.unknown == after.unknown;
    CloudDiff {
        cloud: after.name(),
        before_usd: before.total_usd,
        after_usd: after.total_usd,
        change_usd: is_known.then(|| after.total_usd - before.total_usd),
        minimums: minimums.map(|(name, _)| name).collect(),
        changes,
        unknown: after.unknown.iter().map(|one| format!("{}: {}", one.item, one.why)).collect(),
    }
}

fn lines(cost: &CloudCost) -> BTreeMap<(Category, &str), &Line> {
    cost.lines.iter().map(|line| ((line.category, line.item.as_str()), line)).collect()
}

fn changed(old: Option<&Line>, new: Option<&Line>) -> Option<Changed> {
    let amount = |line: Option<&Line>| line.map(|line| line.amount_usd).unwrap_or_default();
    let line = new.or(old)?;
    let change_usd = amount(new) - amount(old);
    let why = match (old, new) {
        (Some(old), Some(new)) if old.quantity != new.quantity => {
            format!("{} instead of {} {}", words(new.quantity), words(old.quantity), new.unit)
        }
        (Some(old), Some(new)) if old.amount_usd != new.amount_usd => {
            format!("other lines use up the same allowance or tier of {}", new.service)
        }
        (Some(_), Some(_)) => return None,
        (None, _) => format!("new: {}", line.formula),
        (_, None) => "gone".to_owned(),
    };
    Some(Changed { category: line.category, item: line.item.clone(), change_usd, why })
}
