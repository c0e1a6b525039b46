//! The tables and columns of a database by their numbers, which a change of a name keeps: what a
//! stream depends on, and how it has changed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::bookkeeping;
use super::catalog::USER_SCHEMAS;
use super::connect::Server;
use super::sql::quote_ident;
use crate::Result;

/// Under which word the shape that the other side follows is kept on the publisher.
const KEPT: &str = "shape";

/// All tables, by their number on that server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    tables: BTreeMap<i64, TableShape>,
}

/// One table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct TableShape {
    name: String,
    /// Its own columns, by number; those of a parent are the parent's.
    columns: BTreeMap<i16, Column>,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name, unquoted.
    pub name: String,
    /// Its type.
    pub kind: String,
    /// Whether it refuses nulls.
    pub not_null: bool,
    /// How it is computed: empty when it is not.
    pub computed: String,
}

/// One way in which a database has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A table is new.
    TableAdded(String),
    /// A table is gone.
    TableDropped(String),
    /// A table has another name.
    TableRenamed(String, String),
    /// A column is new.
    ColumnAdded(String, Column),
    /// A column is gone.
    ColumnDropped(String, Column),
    /// A column is another one: what it was, and what it is.
    ColumnChanged(String, Column, Column),
}

impl Change {
    /// The table, by the name that it has now.
    pub fn table(&self) -> &str {
        match self {
            Change::TableAdded(table)
            | Change::TableDropped(table)
            | Change::TableRenamed(_, table)
            | Change::ColumnAdded(table, _)
            | Change::ColumnDropped(table, _)
            | Change::ColumnChanged(table, ..) => table,
        }
    }

    /// What happened, and the statement that does the same on the other side.
    pub fn in_words(&self) -> (String, String) {
        let table = self.table();
        match self {
            Change::TableAdded(_) => {
                (format!("table {table} is new"), format!("make {table} there too"))
            }
            Change::TableDropped(_) => {
                (format!("table {table} was dropped"), format!("DROP TABLE {table}"))
            }
            Change::TableRenamed(before, _) => (
                format!("table {before} is called {table} now"),
                format!("ALTER TABLE {before} RENAME, as it was renamed to {table}"),
            ),
            Change::ColumnAdded(_, column) => {
                let (name, kind) = (quote_ident(&column.name), &column.kind);
                let words = format!("column {name} of {table} is new");
                (words, format!("ALTER TABLE {table} ADD COLUMN {name} {kind} ..."))
            }
            Change::ColumnDropped(_, column) => {
                let name = quote_ident(&column.name);
                let words = format!("column {name} of {table} was dropped");
                (words, format!("ALTER TABLE {table} DROP COLUMN {name}"))
            }
            Change::ColumnChanged(_, before, now) => changed_in_words(table, before, now),
        }
    }
}

fn changed_in_words(table: &str, before: &Column, now: &Column) -> (String, String) {
    let (old, new) = (quote_ident(&before.name), quote_ident(&now.name));
    if before.name != now.name {
        let words = format!("column {old} of {table} is called {new} now");
        return (words, format!("ALTER TABLE {table} RENAME COLUMN {old} TO {new}"));
    }
    if before.kind != now.kind {
        let (was, is) = (&before.kind, &now.kind);
        let words = format!("column {new} of {table} is {is} now, and was {was}");
        return (
            words,
            format!("ALTER TABLE {table} ALTER COLUMN {new} TYPE {is} USING {new}::{is}"),
        );
    }
    if before.not_null != now.not_null {
        let (word, verb) = if now.not_null { ("no", "SET") } else { ("any", "DROP") };
        let words = format!("column {new} of {table} takes {word} nulls now");
        return (words, format!("ALTER TABLE {table} ALTER COLUMN {new} {verb} NOT NULL"));
    }
    let words = format!("column {new} of {table} is computed in another way now");
    (words, format!("make the same change to column {new} of {table} there"))
}

impl Shape {
    /// The shape that a server's database has now.
    pub async fn read(server: &Server) -> Result<Shape> {
        let sql = format!(
            "SELECT c.oid::int8, format('%I.%I', n.nspname, c.relname), a.attnum,
                    coalesce(a.attname::text, ''), coalesce(format_type(a.atttypid, a.atttypmod), ''),
                    coalesce(a.attnotnull, false),
                    coalesce(a.attidentity::text || a.attgenerated::text, '')
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
               AND NOT a.attisdropped AND a.attinhcount = 0
             WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND {USER_SCHEMAS}
               AND NOT EXISTS (SELECT 1 FROM pg_depend x WHERE x.classid = 'pg_class'::regclass
                               AND x.objid = c.oid AND x.deptype = 'e')"
        );
        let mut shape = Shape::default();
        for row in server.query("read the tables", &sql, &[]).await? {
            let table = shape
                .tables
                .entry(row.get(0))
                .or_insert_with(|| TableShape { name: row.get(1), columns: BTreeMap::new() });
            if let Some(number) = row.get::<_, Option<i16>>(2) {
                let column = Column {
                    name: row.get(3),
                    kind: row.get(4),
                    not_null: row.get(5),
                    computed: row.get(6),
                };
                table.columns.insert(number, column);
            }
        }
        Ok(shape)
    }

    /// The shape that was kept on a publisher.
    pub async fn kept(server: &Server) -> Result<Option<Shape>> {
        bookkeeping::recall(server, KEPT).await
    }

    /// Keeps this shape on the publisher: the other side has it.
    pub async fn keep(&self, server: &Server) -> Result<()> {
        bookkeeping::note(server, KEPT, self).await
    }

    /// Leaves out tables by their names.
    pub(super) fn forget(&mut self, which: impl Fn(&String) -> bool) {
        self.tables.retain(|_, table| !which(&table.name));
    }

    /// What has changed since `before`.
    pub fn since(&self, before: &Shape) -> Vec<Change> {
        let mut changes = Vec::new();
        for (number, table) in &self.tables {
            match before.tables.get(number) {
                None => changes.push(Change::TableAdded(table.name.clone())),
                Some(then) => changes.extend(table.since(then)),
            }
        }
        let gone = before.tables.iter().filter(|(number, _)| !self.tables.contains_key(number));
        changes.extend(gone.map(|(_, table)| Change::TableDropped(table.name.clone())));
        changes
    }

    /// The columns of a table, by name.
    pub fn columns(&self, table: &str) -> Option<BTreeMap<&str, &Column>> {
        let found = self.tables.values().find(|one| one.name == table)?;
        Some(found.columns.values().map(|column| (column.name.as_str(), column)).collect())
    }
}

impl TableShape {
    fn since(&self, before: &TableShape) -> Vec<Change> {
        let mut changes = Vec::new();
        if self.name != before.name {
            changes.push(Change::TableRenamed(before.name.clone(), self.name.clone()));
        }
        let table = || self.name.clone();
        for (number, column) in &self.columns {
            match before.columns.get(number) {
                None => changes.push(Change::ColumnAdded(table(), column.clone())),
                Some(then) if then != column => {
                    changes.push(Change::ColumnChanged(table(), then.clone(), column.clone()));
                }
                Some(_) => {}
            }
        }
        let gone = before.columns.iter().filter(|(number, _)| !self.columns.contains_key(number));
        changes.extend(gone.map(|(_, column)| Change::ColumnDropped(table(), column.clone())));
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, kind: &str) -> Column {
        let (name, kind) = (name.to_owned(), kind.to_owned());
        Column { name, kind, not_null: false, computed: String::new() }
    }

    fn table(name: &str, columns: &[(i16, Column)]) -> TableShape {
        TableShape { name: name.into(), columns: columns.iter().cloned().collect() }
    }

    /// Dropping a column and giving its name to another one is no "nothing has changed".
    #[test]
    fn a_name_that_went_to_another_column_is_seen() {
        let before = table(
            "t",
            &[(1, column("id", "int4")), (2, column("a", "text")), (3, column("b", "text"))],
        );
        let now = table("t", &[(1, column("id", "int4")), (3, column("a", "text"))]);
        let shape = |table| Shape { tables: BTreeMap::from([(7, table)]) };
        let changes = shape(now).since(&shape(before));
        let words: Vec<_> = changes.iter().map(|change| change.in_words().1).collect();
        assert_eq!(
            words,
            ["ALTER TABLE t RENAME COLUMN \"b\" TO \"a\"", "ALTER TABLE t DROP COLUMN \"a\"",]
        );
    }

    #[test]
    fn tables_are_known_by_their_number() {
        let shape = |number, name| Shape { tables: BTreeMap::from([(number, table(name, &[]))]) };
        let renamed = shape(1, "b").since(&shape(1, "a"));
        assert_eq!(renamed, [Change::TableRenamed("a".into(), "b".into())]);
        // Dropped and made again under its name: its rows are others.
        let again = shape(2, "a").since(&shape(1, "a"));
        assert_eq!(again, [Change::TableAdded("a".into()), Change::TableDropped("a".into())]);
        assert!(shape(1, "a").since(&shape(1, "a")).is_empty());
    }
}
