//! Carrying the schema: tables before the rows, their keys before the stream, then everything else.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio_postgres::error::{DbError, SqlState};

use super::archive::{self, Archive, Entry};
use super::catalog::USER_SCHEMAS;
use super::connect::{Pair, Server};
use super::fingerprint::{self, Extent};
use super::{access, bookkeeping, catalog, roles};
use crate::engine::Progress;
use crate::{Error, Result};

/// How often making indexes is tried: applying changes may end it by a deadlock.
const BUILD_ATTEMPTS: u32 = 5;
/// Between two looks at how much has been made.
const LOOK_AT_BUILD: Duration = Duration::from_millis(500);

/// Makes the source's types, functions and tables on the target, without keys.
pub async fn carry_tables(pair: &Pair) -> Result<()> {
    let missing = fingerprint::differences(pair, Extent::Tables).await?;
    if missing.is_empty() {
        return Ok(());
    }
    if missing.iter().any(|line| line.starts_with('-')) {
        return fingerprint::require_same(pair, Extent::Tables).await;
    }
    let archive = Archive::of(&pair.source, &archive::tools(pair).await?).await?;
    let entries = archive.entries("pre-data").await?;
    roles::lend_create(pair).await?;
    archive.restore_at_once(&pair.target, &entries).await?;
    fingerprint::require_same(pair, Extent::Tables).await
}

/// Makes the primary and unique keys of the tables that the target has, several at once.
pub(super) async fn carry_keys(pair: &Pair) -> Result<()> {
    if fingerprint::differences(pair, Extent::Keys).await?.is_empty() {
        return Ok(());
    }
    let known: BTreeSet<String> = catalog::all_names(&pair.target)
        .await?
        .into_iter()
        .map(|(schema, table)| format!("CONSTRAINT {schema} {table} "))
        .collect();
    let of_known = |entry: &Entry| known.iter().any(|table| entry.tag().starts_with(table));
    build(pair, |entry| entry.is_key() && of_known(entry)).await
}

/// Makes everything else: other indexes, foreign keys, triggers, several at once; fills
/// materialized views and gathers statistics. Changes go on being applied meanwhile.
pub async fn carry_rest(pair: &Pair, progress: &dyn Progress) -> Result<()> {
    fingerprint::require_same(pair, Extent::Keys).await?;
    let mut attempt = 1;
    while !fingerprint::differences(pair, Extent::Whole).await?.is_empty() {
        match shown(pair, build(pair, |entry| !entry.is_key()), progress).await {
            Err(error) if attempt < BUILD_ATTEMPTS && error.chain().contains("deadlock") => {
                attempt += 1;
            }
            Err(error) => return Err(error),
            Ok(()) => break,
        }
    }
    fingerprint::require_same(pair, Extent::Whole).await?;
    roles::take_back_create(pair).await?;
    refresh_views(pair).await?;
    pair.target.batch("gather statistics", "ANALYZE").await
}

/// Makes such of what comes after the rows as is not there yet: an earlier attempt may have made a
/// part.
async fn build(pair: &Pair, wanted: impl Fn(&Entry) -> bool) -> Result<()> {
    let tools = archive::tools(pair).await?;
    let archive = Archive::of(&pair.source, &tools).await?;
    let there = Archive::of(&pair.target, &tools).await?.entries("post-data").await?;
    let there: BTreeSet<&str> = there.iter().map(Entry::tag).collect();
    let mut missing = archive.entries("post-data").await?;
    missing.retain(|entry| wanted(entry) && !there.contains(entry.tag()));
    archive.restore_in_parallel(&pair.target, &missing).await
}

/// Shows how many indexes, constraints and triggers there are while they are made.
async fn shown(
    pair: &Pair,
    work: impl Future<Output = Result<()>>,
    progress: &dyn Progress,
) -> Result<()> {
    let total = count_built(&pair.source).await?;
    let mut ticks = tokio::time::interval(LOOK_AT_BUILD);
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            ended = &mut work => return ended,
            _ = ticks.tick() => {
                let done = count_built(&pair.target).await?;
                progress.advanced(done.min(total), Some(total), "objects");
            }
        }
    }
}

async fn count_built(server: &Server) -> Result<u64> {
    let of_users = |from: &str| {
        format!(
            "(SELECT count(*) FROM {from} JOIN pg_namespace n ON n.oid = c.relnamespace
              WHERE {USER_SCHEMAS})"
        )
    };
    let sql = format!(
        "SELECT {} + {} + {}",
        of_users("pg_index x JOIN pg_class c ON c.oid = x.indexrelid"),
        of_users("pg_constraint k JOIN pg_class c ON c.oid = k.conrelid AND k.contype = 'f'"),
        of_users("pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid AND NOT t.tgisinternal"),
    );
    Ok(server.one("count indexes", &sql, &[]).await?.get::<_, i64>(0).unsigned_abs())
}

/// Fills the materialized views of the target that are filled at the source: their content is not
/// replicated.
pub async fn refresh_views(pair: &Pair) -> Result<()> {
    let sql = "SELECT format('%I.%I', schemaname, matviewname) FROM pg_matviews
               WHERE ispopulated ORDER BY 1";
    let mut waiting = pair.source.texts("list materialized views", sql, &[]).await?;
    // One may read from another that is not filled yet; each pass fills at least one.
    while !waiting.is_empty() {
        let mut left = Vec::new();
        for view in &waiting {
            let refresh = format!("REFRESH MATERIALIZED VIEW {view}");
            match pair.target.batch(&format!("refresh {view}"), &refresh).await {
                Ok(()) => {}
                Err(error) if is_unfilled(&error) && waiting.len() > 1 => left.push(view.clone()),
                Err(error) => return Err(error),
            }
        }
        if left.len() == waiting.len() {
            let why = format!("materialized views need each other: {}", left.join(", "));
            return Err(Error::failed("views_not_filled", why));
        }
        waiting = left;
    }
    Ok(())
}

fn is_unfilled(error: &Error) -> bool {
    let told = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<DbError>());
    told.is_some_and(|told| *told.code() == SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE)
}

/// Drops everything that a move made on its target. The target was proven empty before, and
/// nobody but us could enter since: otherwise this refuses.
pub async fn drop_all(target: &Server) -> Result<()> {
    require_ours(target).await?;
    let sql = "
        SELECT format('DROP EXTENSION %I CASCADE', extname) FROM pg_extension
        WHERE extname <> 'plpgsql'
        UNION ALL
        SELECT format('DROP EVENT TRIGGER %I', evtname) FROM pg_event_trigger
        UNION ALL
        SELECT format('DROP SCHEMA %I CASCADE', nspname) FROM pg_namespace
        WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'trefoil', 'public')";
    let outer = target.texts("list what was made", sql, &[]).await?;
    target.batch("drop schemas", &outer.join(";\n")).await?;
    // Every object of a schema depends on it; tables first, for they take others with them.
    let sql = "
        SELECT format('DROP %s IF EXISTS %s CASCADE', i.type, i.identity)
        FROM (SELECT DISTINCT classid, objid FROM pg_depend
              WHERE refclassid = 'pg_namespace'::regclass
                AND refobjid = (SELECT oid FROM pg_namespace WHERE nspname = 'public')
                AND deptype = 'n') d,
             pg_identify_object(d.classid, d.objid, 0) i
        WHERE i.type <> 'default acl'
        ORDER BY i.type <> 'table', i.type = 'sequence'";
    let inner = target.texts("list what was made", sql, &[]).await?;
    target.batch("drop tables", &inner.join(";\n")).await
}

/// Empties the tables that a copy has filled; see [`drop_all`] for what protects those of others.
pub async fn empty_tables(target: &Server) -> Result<()> {
    require_ours(target).await?;
    let tables = catalog::names(&catalog::tables(target).await?);
    if tables.is_empty() {
        return Ok(());
    }
    let sql = format!("TRUNCATE {} CASCADE", tables.join(", "));
    target.batch("empty the tables", &sql).await
}

/// Refuses unless the database is closed and kept by a move: only then all in it came from us.
pub async fn require_ours(target: &Server) -> Result<()> {
    if bookkeeping::exists(target).await? && access::is_closed(target).await? {
        return Ok(());
    }
    let why = format!("the database of {} is in use, so nothing in it is deleted", target.name);
    Err(Error::refused("target_in_use", why))
}
