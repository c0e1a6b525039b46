//! Comparing the rows of a small range one by one, and the columns of those that differ.

use std::collections::BTreeMap;

use trefoil_core::plan::KeyRange;

use super::differences::{Difference, Kind};
use super::pace::Side;
use super::ranges::{self, condition, key_texts, params};
use super::tables::Compared;
use super::{Comparison, ROWS_MAX};
use crate::Result;
use crate::movers::postgres::connect::Server;

/// How often the source must say the same of a row before a difference is a fault, while it
/// changes.
const ROUNDS: u32 = 3;

/// The hash of each row by its key.
type Rows = BTreeMap<Vec<String>, i64>;

/// What a row is on both sides: a fault when they are not the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fault {
    here: Option<i64>,
    there: Option<i64>,
}

/// Notes the rows that differ although the source's did not change. Whether there are any: if not,
/// what differed was changing, or is equal by now.
pub(super) async fn compare(
    comparison: &mut Comparison<'_>,
    table: &Compared,
    range: &KeyRange,
) -> Result<bool> {
    let mut suspects = round(comparison, table, range).await?;
    if comparison.stream.is_some() {
        for _ in 1..ROUNDS {
            again(comparison, table, range, &mut suspects).await?;
        }
        if !suspects.is_empty() {
            comparison.source_shows().await?;
            again(comparison, table, range, &mut suspects).await?;
        }
    }
    let mut any = false;
    for (key, fault) in suspects {
        any |= note(comparison, table, range, &key, fault).await?;
    }
    Ok(any)
}

/// Only what is the same fault in every round remains.
async fn again(
    comparison: &Comparison<'_>,
    table: &Compared,
    range: &KeyRange,
    suspects: &mut BTreeMap<Vec<String>, Fault>,
) -> Result<()> {
    if !suspects.is_empty() {
        let faults = round(comparison, table, range).await?;
        suspects.retain(|key, fault| faults.get(key) == Some(fault));
    }
    Ok(())
}

/// Notes a row's fault, by its columns where both sides have it. False when it is equal by now.
async fn note(
    comparison: &mut Comparison<'_>,
    table: &Compared,
    range: &KeyRange,
    key: &[String],
    fault: Fault,
) -> Result<bool> {
    let kind = match (fault.here, fault.there) {
        (Some(_), None) => Kind::RowMissing,
        (None, _) => Kind::RowExtra,
        (Some(_), Some(_)) => Kind::Value,
    };
    let difference = Difference::of_row(range, kind, key);
    if kind != Kind::Value {
        comparison.found.add(difference);
        return Ok(true);
    }
    let columns = different_columns(comparison, table, key).await?;
    let any = !columns.is_empty();
    for column in columns {
        comparison.found.add(Difference { column: Some(column), ..difference.clone() });
    }
    Ok(any)
}

async fn different_columns(
    comparison: &Comparison<'_>,
    table: &Compared,
    key: &[String],
) -> Result<Vec<String>> {
    let (source, target) = (&comparison.pair.source, &comparison.pair.target);
    let here = columns(comparison, source, Side::Source, table, key).await?;
    let there = columns(comparison, target, Side::Target, table, key).await?;
    let named = table.columns.iter().zip(here.iter().zip(&there));
    Ok(named.filter(|(_, (here, there))| here != there).map(|(name, _)| name.clone()).collect())
}

/// The hashes of a row's columns; none when it is gone.
async fn columns(
    comparison: &Comparison<'_>,
    server: &Server,
    side: Side,
    table: &Compared,
    key: &[String],
) -> Result<Vec<Option<i64>>> {
    let sql = format!(
        "SELECT {} FROM ONLY {} AS trefoil_row WHERE {}",
        comparison.hash.of_columns(table),
        table.name,
        ranges::is_key(table),
    );
    let what = format!("read {}", table.name);
    let params = params(key);
    let rows = comparison.pace.spend(side, server.query(&what, &sql, &params)).await?;
    Ok(rows.first().map(|row| row.get(0)).unwrap_or_default())
}

/// Reads the source, then the target, then the source again: rows that the source did not change
/// meanwhile, and that differ.
async fn round(
    comparison: &Comparison<'_>,
    table: &Compared,
    range: &KeyRange,
) -> Result<BTreeMap<Vec<String>, Fault>> {
    let (source, target) = (&comparison.pair.source, &comparison.pair.target);
    let before = read(comparison, source, Side::Source, table, range).await?;
    comparison.align().await?;
    let there = read(comparison, target, Side::Target, table, range).await?;
    let after = read(comparison, source, Side::Source, table, range).await?;
    let keys = before.keys().chain(there.keys());
    Ok(keys
        .filter(|key| before.get(*key) == after.get(*key) && before.get(*key) != there.get(*key))
        .map(|key| {
            let fault = Fault { here: before.get(key).copied(), there: there.get(key).copied() };
            (key.clone(), fault)
        })
        .collect())
}

async fn read(
    comparison: &Comparison<'_>,
    server: &Server,
    side: Side,
    table: &Compared,
    range: &KeyRange,
) -> Result<Rows> {
    let (condition, values) = condition(table, range);
    // The range was cut for fewer rows on both sides; what has been added since is limited.
    let sql = format!(
        "SELECT {}, {} FROM ONLY {} AS trefoil_row WHERE {condition} ORDER BY {} LIMIT {}",
        key_texts(table),
        comparison.hash.of_row(table),
        table.name,
        ranges::key_columns(table),
        ROWS_MAX * 10
    );
    let (what, params) = (format!("read {}", table.name), params(&values));
    let rows = comparison.pace.spend(side, server.query(&what, &sql, &params)).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}
