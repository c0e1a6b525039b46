//! Ranges of a table by its primary key, and the sum of the rows in one.

use sha2::{Digest, Sha256};
use trefoil_core::plan::KeyRange;

use crate::movers::postgres::catalog::Table;
use crate::movers::postgres::connect::{Param, Server};
use crate::movers::postgres::sql::quote_ident;
use crate::{Error, Result};

/// How a row becomes a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hash {
    /// The server's own 64-bit hash: the same within one major version.
    Extended,
    /// Half of MD5: the same everywhere, at twice the time.
    Md5,
}

impl Hash {
    /// The number of the row that is called `trefoil_row`.
    pub(super) fn of_row(self) -> &'static str {
        match self {
            Hash::Extended => "hashtextextended(trefoil_row::text COLLATE \"C\", 0)",
            Hash::Md5 => "('x' || left(md5(trefoil_row::text), 16))::bit(64)::int8",
        }
    }
}

/// How many rows there are, and the sum of their hashes: the order makes no difference.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sum {
    /// How many.
    pub(super) rows: u64,
    /// The sum: 64 bits for each of fewer than 2^63 rows.
    hashes: i128,
}

impl Sum {
    /// Two ranges together.
    pub(super) fn and(self, other: Sum) -> Sum {
        Sum { rows: self.rows + other.rows, hashes: self.hashes.wrapping_add(other.hashes) }
    }

    /// A digest of both numbers; it does not depend on how a table was cut.
    pub(super) fn digest(self) -> String {
        hex::encode(Sha256::digest(format!("{}:{}", self.rows, self.hashes)))
    }
}

/// The condition of a range over columns of the key, and its values. Values travel as text.
pub(super) fn condition(table: &Table, range: &KeyRange) -> (String, Vec<String>) {
    let columns = key_columns(table);
    let mut conditions = Vec::new();
    let mut values: Vec<String> = Vec::new();
    for (sign, key) in [(">", &range.from), ("<=", &range.to)] {
        let Some(key) = key else { continue };
        let first = values.len() + 1;
        let casts: Vec<_> = table
            .key
            .iter()
            .enumerate()
            .map(|(n, column)| format!("(${}::text)::{}", first + n, column.kind))
            .collect();
        conditions.push(format!("({columns}) {sign} ({})", casts.join(", ")));
        values.extend(key.iter().cloned());
    }
    if conditions.is_empty() {
        conditions.push("true".into());
    }
    (conditions.join(" AND "), values)
}

/// The columns of the key, in its order.
pub(super) fn key_columns(table: &Table) -> String {
    let columns =
        table.key.iter().map(|column| format!("trefoil_row.{}", quote_ident(&column.name)));
    columns.collect::<Vec<_>>().join(", ")
}

/// The key of a row as an array of texts.
pub(super) fn key_texts(table: &Table) -> String {
    let columns =
        table.key.iter().map(|column| format!("trefoil_row.{}::text", quote_ident(&column.name)));
    format!("ARRAY[{}]", columns.collect::<Vec<_>>().join(", "))
}

/// Values as parameters.
pub(super) fn params(values: &[String]) -> Vec<Param<'_>> {
    values.iter().map(|value| value as Param<'_>).collect()
}

/// The sum of a range.
pub(super) async fn sum(
    server: &Server,
    table: &Table,
    range: &KeyRange,
    hash: Hash,
) -> Result<Sum> {
    let (condition, values) = condition(table, range);
    let sql = format!(
        "SELECT count(*), coalesce(sum({}), 0)::text FROM ONLY {} AS trefoil_row WHERE {condition}",
        hash.of_row(),
        table.name
    );
    let row = server.one(&format!("read {}", table.name), &sql, &params(&values)).await?;
    let hashes = row.get::<_, String>(1).parse().map_err(|error| {
        Error::failed("postgres_failed", format!("the sum of {} is no number", table.name))
            .because(error)
    })?;
    Ok(Sum { rows: row.get::<_, i64>(0).unsigned_abs(), hashes })
}

/// Goes through a table from one range to the next.
pub(super) struct Walk<'t> {
    table: &'t Table,
    rows: i64,
    /// What is left; `None` at the end.
    left: Option<KeyRange>,
}

impl<'t> Walk<'t> {
    /// Through a whole table, in ranges of so many rows.
    pub(super) fn of(table: &'t Table, rows: i64) -> Walk<'t> {
        let whole = KeyRange { table: table.name.clone(), from: None, to: None };
        Walk { table, rows, left: Some(whole) }
    }

    /// The next ranges, at most `limit`; none at the end.
    pub(super) async fn next(&mut self, server: &Server, limit: usize) -> Result<Vec<KeyRange>> {
        let mut ranges = Vec::new();
        while ranges.len() < limit {
            let Some(left) = self.left.take() else { break };
            let end = match self.table.ordered && !self.table.key.is_empty() {
                true => boundary(server, self.table, &left, self.rows).await?,
                false => None,
            };
            if let Some(end) = end {
                self.left = Some(KeyRange { from: Some(end.clone()), ..left.clone() });
                ranges.push(KeyRange { to: Some(end), ..left });
            } else {
                ranges.push(left);
            }
        }
        Ok(ranges)
    }
}

/// Cuts a range into parts of so many rows of this server; together they are the range.
pub(super) async fn cut(
    server: &Server,
    table: &Table,
    range: &KeyRange,
    rows: i64,
) -> Result<Vec<KeyRange>> {
    let mut walk = Walk { table, rows, left: Some(range.clone()) };
    walk.next(server, usize::MAX).await
}

/// The key of the row with which `rows` rows of the range are complete, if there are more.
async fn boundary(
    server: &Server,
    table: &Table,
    range: &KeyRange,
    rows: i64,
) -> Result<Option<Vec<String>>> {
    let (condition, values) = condition(table, range);
    let sql = format!(
        "SELECT {} FROM ONLY {} AS trefoil_row WHERE {condition} ORDER BY {} OFFSET {} LIMIT 1",
        key_texts(table),
        table.name,
        key_columns(table),
        rows - 1
    );
    let found = server.query(&format!("read {}", table.name), &sql, &params(&values)).await?;
    Ok(found.first().map(|row| row.get(0)))
}
