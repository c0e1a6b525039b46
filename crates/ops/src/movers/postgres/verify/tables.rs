//! Which tables and columns are compared: what both sides have.

use std::collections::BTreeMap;

use super::differences::{Difference, Found, Kind};
use crate::Result;
use crate::movers::postgres::catalog::{self, KeyColumn, Persistence, Table};
use crate::movers::postgres::connect::{Pair, Server};
use crate::movers::postgres::sql::quote_ident;

/// A table that is on both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Compared {
    /// Schema-qualified and quoted.
    pub(super) name: String,
    /// The primary key, if it is the same on both sides.
    pub(super) key: Vec<KeyColumn>,
    /// Whether ranges of the key mean the same on both sides.
    pub(super) ordered: bool,
    /// The columns that both sides have, unquoted, sorted: sides may hold them in another order.
    pub(super) columns: Vec<String>,
    /// The source's estimate of its rows.
    pub(super) rows: u64,
}

impl Compared {
    /// Whether it can be compared in ranges.
    pub(super) fn can_be_cut(&self) -> bool {
        self.ordered && !self.key.is_empty()
    }

    /// A row of the table that is called `trefoil_row`, as text.
    pub(super) fn row_text(&self) -> String {
        format!("ROW({})::text", self.columns().collect::<Vec<_>>().join(", "))
    }

    /// The columns of `trefoil_row`.
    pub(super) fn columns(&self) -> impl Iterator<Item = String> {
        self.columns.iter().map(|column| format!("trefoil_row.{}", quote_ident(column)))
    }
}

/// The tables of both sides. What only one side has is a difference.
pub(super) async fn on_both(
    pair: &Pair,
    persistence: Persistence,
    found: &mut Found,
) -> Result<Vec<Compared>> {
    let ((here, columns_here), (there, columns_there)) = futures::future::try_join(
        of_side(&pair.source, persistence),
        of_side(&pair.target, persistence),
    )
    .await?;
    let same_order =
        catalog::collation(&pair.source).await? == catalog::collation(&pair.target).await?;
    let mut there: BTreeMap<String, Table> =
        there.into_iter().map(|table| (table.name.clone(), table)).collect();
    let mut compared = Vec::new();
    for table in here {
        let Some(other) = there.remove(&table.name) else {
            found.add(Difference::of_table(&table.name, Kind::TableMissing, None));
            continue;
        };
        let none = Vec::new();
        let columns = columns_of_both(
            &table.name,
            columns_here.get(&table.name).unwrap_or(&none),
            columns_there.get(&table.name).unwrap_or(&none),
            found,
        );
        let same_key = table.key == other.key;
        let ordered = table.ordered && other.ordered && (same_order || !table.collated);
        let key = if same_key { table.key } else { Vec::new() };
        compared.push(Compared { name: table.name, key, ordered, columns, rows: table.rows });
    }
    for extra in there.keys() {
        found.add(Difference::of_table(extra, Kind::TableExtra, None));
    }
    Ok(compared)
}

async fn of_side(
    server: &Server,
    persistence: Persistence,
) -> Result<(Vec<Table>, BTreeMap<String, Vec<String>>)> {
    Ok((catalog::tables_of(server, persistence).await?, catalog::columns(server).await?))
}

fn columns_of_both(
    table: &str,
    here: &[String],
    there: &[String],
    found: &mut Found,
) -> Vec<String> {
    for missing in here.iter().filter(|column| !there.contains(column)) {
        found.add(Difference::of_table(table, Kind::ColumnMissing, Some(missing)));
    }
    for extra in there.iter().filter(|column| !here.contains(column)) {
        found.add(Difference::of_table(table, Kind::ColumnExtra, Some(extra)));
    }
    here.iter().filter(|column| there.contains(column)).cloned().collect()
}
