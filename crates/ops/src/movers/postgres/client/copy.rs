//! What was there before a stream: every table as one snapshot of the publisher shows it, several
//! at once.
//!
//! The slot is made first and the snapshot taken after it. What was committed between the two is
//! in the snapshot and comes over the stream too; the snapshot's own list of transactions tells
//! which those are, and they are left out there. So no replication connection has to stay open
//! while rows are copied.
//!
//! Values travel as text: in their binary form arrays and composites of the application's own types
//! hold numbers that differ between servers.

use std::pin::pin;

use bytes::Bytes;
use futures::{SinkExt, StreamExt, TryStreamExt};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::PgLsn;

use super::progress;
use crate::Result;
use crate::movers::postgres::catalog::{self, Table};
use crate::movers::postgres::connect::{Pair, Server};
use crate::movers::postgres::{lag, schema, stream};

/// How many tables are copied at once.
const TABLES_AT_ONCE: usize = 4;

/// A snapshot of the publisher, kept open by its session.
struct Snapshot {
    _session: Server,
    /// Its name, by which other sessions see the same.
    name: String,
    /// What it has seen, and a position after which nothing of it can be committed any more.
    seen: (String, PgLsn),
}

/// Copies all tables, from the beginning: a copy that was interrupted cannot go on, for its
/// snapshot went with its session.
pub(super) async fn copy(pair: &Pair, name: &str) -> Result<()> {
    schema::empty_tables(&pair.target).await?;
    stream::drop_slots(pair, name).await?;
    let sql = "SELECT lsn FROM pg_create_logical_replication_slot($1, 'pgoutput')";
    let position: PgLsn = pair.source.one("make the stream's slot", sql, &[&name]).await?.get(0);
    let snapshot = Snapshot::take(&pair.source).await?;
    let mut tables = catalog::tables(&pair.source).await?;
    // The largest first, so that none of them is alone at the end.
    tables.sort_by_key(|table| std::cmp::Reverse(table.bytes));
    let all = i64::try_from(tables.len()).unwrap_or(i64::MAX);
    progress::note_tables(&pair.target, name, all, 0).await?;
    let copies = tables.iter().map(|table| copy_table(pair, table, &snapshot.name));
    let mut copies = pin!(futures::stream::iter(copies).buffer_unordered(TABLES_AT_ONCE));
    let mut ready = 0;
    while copies.next().await.transpose()?.is_some() {
        ready += 1;
        progress::note_tables(&pair.target, name, all, ready).await?;
    }
    progress::note_copied(&pair.target, name, position, &snapshot.seen).await
}

impl Snapshot {
    async fn take(publisher: &Server) -> Result<Snapshot> {
        let session = stream_session(publisher).await?;
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        session.batch("take a snapshot", begin).await?;
        let sql = "SELECT pg_export_snapshot(), pg_current_snapshot()::text";
        let row = session.one("take a snapshot", sql, &[]).await?;
        let end = lag::insert_position(publisher).await?;
        Ok(Snapshot { name: row.get(0), seen: (row.get(1), end), _session: session })
    }
}

/// A session whose statements take as long as they need.
async fn stream_session(server: &Server) -> Result<Server> {
    let session = server.again().await?;
    let patience = "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0";
    session.batch("change a setting", patience).await?;
    Ok(session)
}

async fn copy_table(pair: &Pair, table: &Table, snapshot: &str) -> Result<()> {
    let (from, to) = (stream_session(&pair.source).await?, stream_session(&pair.target).await?);
    write_as_replica(&to).await?;
    let begin = format!(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT '{snapshot}'"
    );
    from.batch("see the snapshot", &begin).await?;
    let columns = columns(&from, &table.name).await?;
    let (name, what) = (&table.name, format!("copy {}", table.name));
    let out = format!("COPY (SELECT {columns} FROM ONLY {name}) TO STDOUT");
    let rows = from.client().copy_out(&out).await.map_err(|error| from.failed(&what, error))?;
    let list = if columns.is_empty() { String::new() } else { format!(" ({columns})") };
    let into = format!("COPY {name}{list} FROM STDIN");
    let sink = to.client().copy_in::<_, Bytes>(&into).await;
    let mut sink = pin!(sink.map_err(|error| to.failed(&what, error))?);
    let mut rows = pin!(rows);
    while let Some(row) = rows.try_next().await.map_err(|error| from.failed(&what, error))? {
        sink.feed(row).await.map_err(|error| to.failed(&what, error))?;
    }
    sink.finish().await.map_err(|error| to.failed(&what, error)).map(drop)
}

/// The columns that hold values of their own; generated ones are computed again.
async fn columns(server: &Server, table: &str) -> Result<String> {
    let sql = "SELECT coalesce(string_agg(quote_ident(attname), ', ' ORDER BY attnum), '')
               FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0
                 AND NOT attisdropped AND attgenerated = ''";
    Ok(server.one("read the columns", sql, &[&table]).await?.get(0))
}

/// As the server's own replication writes: no triggers, no foreign keys. Where that is refused to
/// us preflight has made sure that there are none.
pub(super) async fn write_as_replica(target: &Server) -> Result<()> {
    let sql = "SET session_replication_role = replica";
    match target.client().batch_execute(sql).await {
        Err(error) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => Ok(()),
        set => set.map_err(|error| target.failed("write as a replica", error)),
    }
}
