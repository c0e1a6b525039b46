//! Changes of the schema that people make while a stream runs: made on the other side too where
//! that is safe, otherwise a pause that names the statement. Never a silent divergence.
//!
//! In order: what a stream needs before it can go on (columns, tables); then it is waited for;
//! then what only fits what came after (defaults, dropped columns and tables). Tables that were
//! touched are given back, to be compared again.

use std::collections::BTreeSet;
use std::time::Duration;

use super::archive::{self, Archive, Entry};
use super::client::progress;
use super::connect::{Pair, Server};
use super::fingerprint::{self, Extent};
use super::shape::{Change, Column, Shape};
use super::sql::{quote_ident, quote_literal};
use super::{catalog, lag, stream};
use crate::{Error, Result};

/// Between two looks at the source's schema.
const LOOK_AT_SCHEMA: Duration = Duration::from_secs(2);

/// What has been followed.
#[derive(Debug, Default)]
pub struct Followed {
    /// Tables whose columns changed, or that are new.
    pub touched: BTreeSet<String>,
    /// The shape that the target has now.
    shape: Option<Shape>,
}

impl Followed {
    /// Notes that the target has what was followed: said when its rows are known to be right, or
    /// are still to be compared.
    pub async fn keep(&self, source: &Server) -> Result<()> {
        match &self.shape {
            Some(shape) => shape.keep(source).await,
            None => Ok(()),
        }
    }
}

/// Does something while the source's schema is watched and its changes are followed. Gives the
/// tables that were touched.
pub async fn during<T>(
    pair: &Pair,
    stream: &str,
    extent: Extent,
    work: impl Future<Output = Result<T>>,
) -> Result<(T, Followed)> {
    let own = again(pair).await?;
    let mut all = follow(&own, stream, extent).await?;
    let mut seen = look(&own.source, extent).await?;
    let mut ticks = tokio::time::interval(LOOK_AT_SCHEMA);
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            ended = &mut work => {
                // A change may be what it failed of; following it then names it.
                let last = follow(&own, stream, extent).await?;
                all.add(last);
                return Ok((ended?, all));
            }
            _ = ticks.tick() => {
                let now = look(&own.source, extent).await?;
                if now != seen {
                    all.add(follow(&own, stream, extent).await?);
                    seen = now;
                }
            }
        }
    }
}

impl Followed {
    fn add(&mut self, other: Followed) {
        self.touched.extend(other.touched);
        self.shape = other.shape.or(self.shape.take());
    }
}

async fn again(pair: &Pair) -> Result<Pair> {
    let (source, target) = (&pair.source, &pair.target);
    let source = Server::connect(&source.name, &source.admin).await?.patient().await?;
    let target = Server::connect(&target.name, &target.admin).await?.patient().await?;
    Ok(Pair { source, target })
}

async fn look(source: &Server, extent: Extent) -> Result<(Shape, BTreeSet<String>)> {
    Ok((Shape::read(source).await?, fingerprint::read(source, extent).await?))
}

/// Refuses when the source's tables are not as the target has them: said in the window, when
/// nobody can change them any more.
pub async fn require_unchanged(pair: &Pair) -> Result<()> {
    let Some(kept) = Shape::kept(&pair.source).await? else { return Ok(()) };
    let changes = Shape::read(&pair.source).await?.since(&kept);
    if changes.is_empty() { Ok(()) } else { Err(cannot(pair, &changes)) }
}

/// Makes the changes of the source's schema on the target. Fails with `schema_changed` where that
/// is not safe, naming the statement that a person has to run.
pub async fn follow(pair: &Pair, stream: &str, extent: Extent) -> Result<Followed> {
    let Some(kept) = Shape::kept(&pair.source).await? else { return Ok(Followed::default()) };
    let now = Shape::read(&pair.source).await?;
    let changes = now.since(&kept);
    let there = Shape::read(&pair.target).await?;
    let touched = changes.iter().map(|change| change.table().to_owned()).collect();
    let open: Vec<_> = changes.into_iter().filter(|one| !settled(one, &now, &there)).collect();
    require_safe(pair, &open, &now).await?;
    let mut later = Vec::new();
    for change in &open {
        later.extend(begin(pair, change).await?);
    }
    follow_objects(pair, extent).await?;
    add_tables(pair, stream, &open).await?;
    if !later.is_empty() {
        lag::catch_up(pair, stream, &|_| {}).await?;
        pair.target.batch("follow the schema", &later.join(";\n")).await?;
    }
    Ok(Followed { touched, shape: Some(now) })
}

/// Whether the target has what changed already: an earlier attempt, or a person, has done it.
fn settled(change: &Change, now: &Shape, there: &Shape) -> bool {
    match change {
        Change::TableAdded(_) => false,
        Change::TableDropped(table) => there.columns(table).is_none(),
        Change::TableRenamed(before, _) if there.columns(before).is_some() => false,
        _ => now.columns(change.table()) == there.columns(change.table()),
    }
}

/// Changes that can be made without a person: everything else pauses the move before any is made.
async fn require_safe(pair: &Pair, changes: &[Change], now: &Shape) -> Result<()> {
    let mut refused = Vec::new();
    for change in changes {
        let renewed = |table: &str| {
            let same = |one: &&Change| one.table() == table;
            changes.iter().filter(same).count() > 1
        };
        let safe = match change {
            // What is dropped and added at once was renamed or replaced: its rows are others.
            Change::TableAdded(table) => {
                !renewed(table) && now.columns(table).is_some() && identified(pair, table).await?
            }
            Change::TableDropped(table) => !renewed(table),
            Change::ColumnDropped(table, _) => !mixed(changes, table),
            Change::ColumnAdded(table, column) => {
                !mixed(changes, table) && addition(&pair.source, table, column).await?.is_some()
            }
            Change::ColumnChanged(table, before, after) => {
                let only = Column { not_null: before.not_null, ..after.clone() };
                !mixed(changes, table) && only == *before
            }
            Change::TableRenamed(..) => false,
        };
        if !safe {
            refused.push(change.clone());
        }
    }
    if refused.is_empty() { Ok(()) } else { Err(cannot(pair, &refused)) }
}

/// Whether columns of a table were both added and taken away.
fn mixed(changes: &[Change], table: &str) -> bool {
    let of_table = || changes.iter().filter(|change| change.table() == table);
    let added = of_table().any(|one| matches!(one, Change::ColumnAdded(..)));
    let gone = of_table().any(|one| matches!(one, Change::ColumnDropped(..)));
    added && gone
}

fn cannot(pair: &Pair, changes: &[Change]) -> Error {
    let (words, statements): (Vec<_>, Vec<_>) = changes.iter().map(Change::in_words).unzip();
    let (source, target) = (&pair.source.name, &pair.target.name);
    let why = format!("the schema of {source} changed: {}", words.join("; "));
    Error::refused("schema_changed", why).hint(format!(
        "do the same on {target}, as its administrator, after `SET default_transaction_read_only = \
         off`: {}; the rows of these tables are compared again then",
        statements.join("; ")
    ))
}

/// A new table needs a key, or a person who says how its rows are told apart. Partitioned ones
/// have their rows elsewhere.
async fn identified(pair: &Pair, table: &str) -> Result<bool> {
    let tables = catalog::tables(&pair.source).await?;
    Ok(tables.iter().find(|one| one.name == table).is_none_or(|one| one.identified))
}

/// Does what the stream needs to go on. Gives what is to be done when it has come so far.
async fn begin(pair: &Pair, change: &Change) -> Result<Vec<String>> {
    let target = &pair.target;
    let alter = |table: &str, what: String| format!("ALTER TABLE {table} {what}");
    match change {
        Change::ColumnAdded(table, column) => {
            let Some(addition) = addition(&pair.source, table, column).await? else {
                return Err(cannot(pair, std::slice::from_ref(change)));
            };
            let add = alter(table, addition.now);
            target.batch(&format!("add a column to {table}"), &add).await?;
            Ok(addition.later.into_iter().map(|what| alter(table, what)).collect())
        }
        Change::ColumnDropped(table, column) => {
            let name = quote_ident(&column.name);
            // Rows that come now do not have it any more.
            let let_go = alter(table, format!("ALTER COLUMN {name} DROP NOT NULL"));
            if column.not_null {
                target.batch(&format!("drop a column of {table}"), &let_go).await?;
            }
            Ok(vec![alter(table, format!("DROP COLUMN {name}"))])
        }
        Change::ColumnChanged(table, _, now) => {
            let name = quote_ident(&now.name);
            if now.not_null {
                return Ok(vec![alter(table, format!("ALTER COLUMN {name} SET NOT NULL"))]);
            }
            let let_go = alter(table, format!("ALTER COLUMN {name} DROP NOT NULL"));
            target.batch(&format!("change a column of {table}"), &let_go).await?;
            Ok(vec![])
        }
        Change::TableDropped(table) => Ok(vec![format!("DROP TABLE {table}")]),
        Change::TableAdded(_) | Change::TableRenamed(..) => Ok(vec![]),
    }
}

/// How a column is added.
struct Addition {
    now: String,
    later: Vec<String>,
}

/// How a column is added on the target so that rows that were there before get what they got on
/// the source. `None` when that cannot be known: the source computed it for each row.
async fn addition(source: &Server, table: &str, column: &Column) -> Result<Option<Addition>> {
    let sql = "SELECT pg_get_expr(d.adbin, d.adrelid), a.atthasmissing,
                      CASE WHEN a.atthasmissing AND t.typelem = 0
                           THEN (a.attmissingval::text::text[])[1] END,
                      CASE WHEN a.attcollation <> t.typcollation
                           THEN (SELECT format(' COLLATE %I.%I', n.nspname, l.collname)
                                 FROM pg_collation l JOIN pg_namespace n ON n.oid = l.collnamespace
                                 WHERE l.oid = a.attcollation) END
               FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
               LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
               WHERE a.attrelid = $1::text::regclass AND a.attname = $2::text";
    let row = source.one("read a column", sql, &[&table, &column.name]).await?;
    let default: Option<String> = row.get(0);
    let (has_missing, missing): (bool, Option<String>) = (row.get(1), row.get(2));
    let collation: Option<String> = row.get(3);
    let (name, kind) = (quote_ident(&column.name), &column.kind);
    let add = format!("ADD COLUMN {name} {kind}{}", collation.unwrap_or_default());
    let mut later = Vec::new();
    if column.not_null {
        later.push(format!("ALTER COLUMN {name} SET NOT NULL"));
    }
    let now = match (default, &*column.computed) {
        (None, "") => add,
        (Some(expression), "s") => format!("{add} GENERATED ALWAYS AS ({expression}) STORED"),
        (Some(expression), "v") => format!("{add} GENERATED ALWAYS AS ({expression}) VIRTUAL"),
        (Some(expression), "") if has_missing => {
            let Some(value) = missing else { return Ok(None) };
            later.push(format!("ALTER COLUMN {name} SET DEFAULT {expression}"));
            format!("{add} DEFAULT {}::{kind}", quote_literal(&value))
        }
        _ => return Ok(None),
    };
    Ok(Some(Addition { now, later }))
}

/// Makes on the target what the source has and it lacks: tables, functions, views; and after the
/// copy indexes, constraints and triggers too.
async fn follow_objects(pair: &Pair, extent: Extent) -> Result<()> {
    let differences = fingerprint::differences(pair, extent).await?;
    if !differences.iter().any(|line| line.starts_with('+')) {
        return require_nothing_gone(pair, &differences);
    }
    let tools = archive::tools(pair).await?;
    let (here, there) = (Archive::of(&pair.source, &tools), Archive::of(&pair.target, &tools));
    let (here, there) = futures::future::try_join(here, there).await?;
    let mut known = BTreeSet::new();
    let mut missing = Vec::new();
    for section in ["pre-data", "post-data"] {
        known.extend(there.entries(section).await?);
        missing.extend(
            here.entries(section)
                .await?
                .into_iter()
                .filter(|entry| section == "pre-data" || extent == Extent::Whole || entry.is_key()),
        );
    }
    let known: BTreeSet<&str> = known.iter().map(Entry::tag).collect();
    missing.retain(|entry| !known.contains(entry.tag()));
    let made: BTreeSet<String> = missing.iter().map(|entry| entry.tag().replace('"', "")).collect();
    missing.retain(|entry| !entry.is_rights_without(&made));
    here.restore_at_once(&pair.target, &missing).await?;
    require_nothing_gone(pair, &fingerprint::differences(pair, extent).await?)
}

/// What the source has dropped, tables and columns apart, and what differs in itself is a person's.
fn require_nothing_gone(pair: &Pair, differences: &[String]) -> Result<()> {
    // Columns are followed by their numbers, and some of it is done later.
    let of_table = ["- relation ", "- column ", "+ column "];
    let other = |line: &&String| !of_table.iter().any(|kind| line.starts_with(kind));
    let left: Vec<_> = differences.iter().filter(other).map(String::as_str).collect();
    // Keys and indexes of a table that is about to be dropped go with it.
    let dropped = differences.iter().filter_map(|line| line.strip_prefix("- relation "));
    let dropped: Vec<_> = dropped.filter_map(|line| line.split(" of kind").next()).collect();
    let left: Vec<_> =
        left.into_iter().filter(|line| !dropped.iter().any(|table| line.contains(table))).collect();
    if left.is_empty() {
        return Ok(());
    }
    let (source, target) = (&pair.source.name, &pair.target.name);
    let why = format!("the schema of {source} changed: {}", left.join("; "));
    Err(Error::refused("schema_changed", why).hint(format!(
        "`+` is only on {source} and `-` only on {target}: make {target} the same, as its \
         administrator"
    )))
}

/// Has new tables copied and followed by the stream.
async fn add_tables(pair: &Pair, stream: &str, changes: &[Change]) -> Result<()> {
    let new = changes.iter().filter_map(|change| match change {
        Change::TableAdded(table) => Some(table.as_str()),
        _ => None,
    });
    let new: BTreeSet<&str> = new.collect();
    let tables = catalog::tables(&pair.source).await?;
    let new: Vec<_> = tables.into_iter().filter(|one| new.contains(one.name.as_str())).collect();
    if new.is_empty() {
        return Ok(());
    }
    // A stream of our own copies tables at its beginning only.
    if progress::read(&pair.target, stream).await?.is_some() {
        return Err(cannot(pair, changes));
    }
    stream::add_tables(pair, stream, &new).await?;
    stream::await_copied(pair, stream, &|_| {}).await.map(drop)
}
