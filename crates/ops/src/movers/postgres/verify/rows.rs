//! Comparing the rows of a small range one by one.

use std::collections::BTreeMap;

use trefoil_core::plan::KeyRange;

use super::ranges::{condition, key_columns, key_texts, params};
use super::{Comparison, ROWS_MAX};
use crate::Result;
use crate::movers::postgres::catalog::Table;
use crate::movers::postgres::connect::Server;

/// How often the source must say the same of a row before a difference is a fault.
const ROUNDS: u32 = 3;
/// How many faults are named.
const NAMED: usize = 3;

/// The hash of each row by its key.
type Rows = BTreeMap<Vec<String>, i64>;

/// Fails with the first rows that differ although the source's did not change. Returns when what
/// differed was changing, or is equal by now.
pub(super) async fn compare(
    comparison: &Comparison<'_>,
    table: &Table,
    range: &KeyRange,
) -> Result<()> {
    let mut suspects: Option<BTreeMap<Vec<String>, Fault>> = None;
    for _ in 0..ROUNDS {
        let faults = round(comparison, table, range).await?;
        let faults: BTreeMap<_, _> = match &suspects {
            // Only what was the same fault in every round remains.
            Some(before) => {
                faults.into_iter().filter(|(key, fault)| before.get(key) == Some(fault)).collect()
            }
            None => faults,
        };
        if faults.is_empty() {
            return Ok(());
        }
        suspects = Some(faults);
    }
    let faults = suspects.unwrap_or_default();
    let target = &comparison.pair.target.name;
    let named = faults.iter().take(NAMED);
    let named: Vec<_> = named.map(|(key, fault)| fault.in_words(key, target)).collect();
    Err(comparison.differ(table, range, &named))
}

/// What a row is on both sides: a fault when they are not the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fault {
    here: Option<i64>,
    there: Option<i64>,
}

impl Fault {
    fn in_words(self, key: &[String], target: &str) -> String {
        let how = match (self.here, self.there) {
            (Some(_), None) => "is missing on",
            (None, _) => "should not be on",
            (Some(_), Some(_)) => "has another content on",
        };
        format!("row ({}) {how} {target}", key.join(", "))
    }
}

/// Reads the source, then the target, then the source again: rows that the source did not change
/// meanwhile, and that differ.
async fn round(
    comparison: &Comparison<'_>,
    table: &Table,
    range: &KeyRange,
) -> Result<BTreeMap<Vec<String>, Fault>> {
    let before = read(comparison, &comparison.pair.source, table, range).await?;
    comparison.align().await?;
    let there = read(comparison, &comparison.pair.target, table, range).await?;
    let after = read(comparison, &comparison.pair.source, table, range).await?;
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
    table: &Table,
    range: &KeyRange,
) -> Result<Rows> {
    let (condition, values) = condition(table, range);
    // One side may hold many more rows than the range was cut for; the first ones tell enough.
    let sql = format!(
        "SELECT {}, {} FROM ONLY {} AS trefoil_row WHERE {condition} ORDER BY {} LIMIT {}",
        key_texts(table),
        comparison.hash.of_row(),
        table.name,
        key_columns(table),
        ROWS_MAX * 4
    );
    let rows = server.query(&format!("read {}", table.name), &sql, &params(&values)).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}
