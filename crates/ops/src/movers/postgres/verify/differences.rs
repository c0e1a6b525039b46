//! What a comparison finds: differences by table, key range, row and column. Never a content.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trefoil_core::plan::KeyRange;

use crate::Error;

/// How many differences a comparison names; those beyond are counted.
pub const NAMED_MAX: usize = 1_000;
/// How many of them stand in an error's message.
const IN_MESSAGE: usize = 20;

/// How two databases differ in one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The table is not on the second side.
    TableMissing,
    /// The table is only on the second side.
    TableExtra,
    /// The column is not on the second side.
    ColumnMissing,
    /// The column is only on the second side.
    ColumnExtra,
    /// The row is not on the second side.
    RowMissing,
    /// The row is only on the second side.
    RowExtra,
    /// The row's column has another content on the second side.
    Value,
    /// Rows of this content are there in another number: a table without a primary key.
    Count,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    /// The table, schema-qualified.
    pub table: String,
    /// What is different.
    pub kind: Kind,
    /// The range of keys in which it was found.
    pub range: Option<KeyRange>,
    /// The row's key, each column as text.
    pub key: Option<Vec<String>>,
    /// The column.
    pub column: Option<String>,
    /// Where such a row is on the side that has more of them (`ctid`): tables without a key.
    pub place: Option<String>,
    /// How many such rows there are on the first side and on the second.
    pub rows: Option<(u64, u64)>,
}

impl Difference {
    /// A difference of a whole table or of one of its columns.
    pub(super) fn of_table(table: &str, kind: Kind, column: Option<&str>) -> Difference {
        let column = column.map(str::to_owned);
        Difference {
            table: table.to_owned(),
            kind,
            range: None,
            key: None,
            column,
            place: None,
            rows: None,
        }
    }

    /// A difference of a row.
    pub(super) fn of_row(range: &KeyRange, kind: Kind, key: &[String]) -> Difference {
        let of_table = Difference::of_table(&range.table, kind, None);
        Difference { range: Some(range.clone()), key: Some(key.to_vec()), ..of_table }
    }

    /// In words, with the names of both sides.
    pub fn in_words(&self, source: &str, target: &str) -> String {
        let Difference { table, .. } = self;
        let row = match (&self.key, &self.place) {
            (Some(key), _) => format!("{table}: row ({})", key.join(", ")),
            (None, Some(place)) => format!("{table}: rows like the one at ctid {place}"),
            (None, None) => table.clone(),
        };
        let column = self.column.as_deref().unwrap_or_default();
        match self.kind {
            Kind::TableMissing => format!("{table} is not on {target}"),
            Kind::TableExtra => format!("{table} is only on {target}"),
            Kind::ColumnMissing => format!("column {column} of {table} is not on {target}"),
            Kind::ColumnExtra => format!("column {column} of {table} is only on {target}"),
            Kind::RowMissing => format!("{row} is missing on {target}"),
            Kind::RowExtra => format!("{row} should not be on {target}"),
            Kind::Value => format!("{row} has another content on {target} in column {column}"),
            Kind::Count => {
                let (here, there) = self.rows.unwrap_or_default();
                format!("{row}: {here} on {source} against {there} on {target}")
            }
        }
    }
}

/// The differences that were found: the first ones by name, the others by number.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    pub(super) named: Vec<Difference>,
    /// Differences, or ranges that hold some, beyond those named.
    pub(super) left_out: u64,
}

impl Found {
    pub(super) fn add(&mut self, difference: Difference) {
        if self.is_full() {
            self.left_out += 1;
        } else {
            self.named.push(difference);
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.named.len() >= NAMED_MAX
    }

    pub(super) fn is_empty(&self) -> bool {
        self.named.is_empty() && self.left_out == 0
    }

    /// All of it as the error of a move.
    pub(super) fn error(&self, source: &str, target: &str) -> Error {
        let named = self.named.iter().take(IN_MESSAGE);
        let mut words: Vec<_> = named.map(|one| one.in_words(source, target)).collect();
        let unsaid = self.named.len().saturating_sub(IN_MESSAGE) as u64 + self.left_out;
        if unsaid > 0 {
            words.push(format!("and {unsaid} more"));
        }
        let why = format!("{source} and {target} differ: {}", words.join("; "));
        Error::failed("rows_differ", why)
            .hint(format!("`trefoil migrate verify {source} {target}` names all of them"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beyond_the_limit_is_counted() {
        let mut found = Found::default();
        for n in 0..NAMED_MAX + 3 {
            found.add(Difference::of_table(&format!("t{n}"), Kind::TableMissing, None));
        }
        assert_eq!((found.named.len(), found.left_out), (NAMED_MAX, 3));
        let message = found.error("east", "west").to_string();
        assert!(message.starts_with("east and west differ: t0 is not on west; t1"), "{message}");
        assert!(message.ends_with("and 983 more"), "{message}");
    }
}
