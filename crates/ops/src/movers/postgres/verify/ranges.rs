//! Ranges of a table by its primary key, and the sum of the rows in one.

use sha2::{Digest, Sha256};
use trefoil_core::plan::KeyRange;

use super::tables::Compared;
use crate::movers::postgres::connect::{Param, Server};
use crate::movers::postgres::sql::quote_ident;
use crate::{Error, Result};

/// How a row becomes a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hash {
    /// The server's own 64-bit hash: the same within one major version.
    Extended,
    /// Half of MD5: the same in every version, at twice the time.
    Md5,
    /// The same over the text in UTF-8: for databases that keep texts in different encodings.
    Md5Utf8,
}

impl Hash {
    /// What makes a number of a text.
    fn of_text(self, text: &str) -> String {
        match self {
            Hash::Extended => format!("hashtextextended({text} COLLATE \"C\", 0)"),
            Hash::Md5 => format!("('x' || left(md5({text}), 16))::bit(64)::int8"),
            Hash::Md5Utf8 => {
                format!("('x' || left(md5(convert_to({text}, 'UTF8')), 16))::bit(64)::int8")
            }
        }
    }

    /// The number of the row that is called `trefoil_row`.
    pub(super) fn of_row(self, table: &Compared) -> String {
        self.of_text(&table.row_text())
    }

    /// The numbers of its columns, as an array: null where the column is.
    pub(super) fn of_columns(self, table: &Compared) -> String {
        let columns = table.columns().map(|column| self.of_text(&format!("({column}::text)")));
        format!("ARRAY[{}]::int8[]", columns.collect::<Vec<_>>().join(", "))
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

/// The condition of a range over columns of the key, and its values.
pub(super) fn condition(table: &Compared, range: &KeyRange) -> (String, Vec<String>) {
    let columns = key_columns(table);
    let mut conditions = Vec::new();
    let mut values: Vec<String> = Vec::new();
    for (sign, key) in [(">", &range.from), ("<=", &range.to)] {
        let Some(key) = key else { continue };
        let casts = casts(table, values.len() + 1);
        conditions.push(format!("({columns}) {sign} ({casts})"));
        values.extend(key.iter().cloned());
    }
    if conditions.is_empty() {
        conditions.push("true".into());
    }
    (conditions.join(" AND "), values)
}

/// The condition on the row of one key, whose columns are the parameters.
pub(super) fn is_key(table: &Compared) -> String {
    format!("({}) = ({})", key_columns(table), casts(table, 1))
}

/// Parameters from a number on as values of the key. Values travel as text.
fn casts(table: &Compared, first: usize) -> String {
    let casts = table.key.iter().enumerate();
    let casts = casts.map(|(n, column)| format!("(${}::text)::{}", first + n, column.kind));
    casts.collect::<Vec<_>>().join(", ")
}

/// The columns of the key, in its order.
pub(super) fn key_columns(table: &Compared) -> String {
    let columns =
        table.key.iter().map(|column| format!("trefoil_row.{}", quote_ident(&column.name)));
    columns.collect::<Vec<_>>().join(", ")
}

/// The key of a row as an array of texts.
pub(super) fn key_texts(table: &Compared) -> String {
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
    table: &Compared,
    range: &KeyRange,
    hash: Hash,
) -> Result<Sum> {
    let (condition, values) = condition(table, range);
    let sql = format!(
        "SELECT count(*), coalesce(sum({}), 0)::text FROM ONLY {} AS trefoil_row WHERE {condition}",
        hash.of_row(table),
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
    table: &'t Compared,
    rows: i64,
    /// What is left; `None` at the end.
    left: Option<KeyRange>,
}

impl<'t> Walk<'t> {
    /// Through a whole table, in ranges of so many rows.
    pub(super) fn of(table: &'t Compared, rows: i64) -> Walk<'t> {
        let whole = KeyRange { table: table.name.clone(), from: None, to: None };
        Walk { table, rows, left: Some(whole) }
    }

    /// The next ranges, at most `limit`; none at the end.
    pub(super) async fn next(&mut self, server: &Server, limit: usize) -> Result<Vec<KeyRange>> {
        let mut ranges = Vec::new();
        while ranges.len() < limit {
            let Some(left) = self.left.take() else { break };
            let end = match self.table.can_be_cut() {
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
    table: &Compared,
    range: &KeyRange,
    rows: i64,
) -> Result<Vec<KeyRange>> {
    let mut walk = Walk { table, rows, left: Some(range.clone()) };
    walk.next(server, usize::MAX).await
}

/// The key of the row with which `rows` rows of the range are complete, if there are more.
async fn boundary(
    server: &Server,
    table: &Compared,
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
