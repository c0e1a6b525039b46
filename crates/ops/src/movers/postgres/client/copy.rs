//! What was there before a stream of ours: its slot, the snapshot that goes with it, and the copy.
//!
//! The slot is made first and the snapshot taken after it. What was committed between the two is
//! in the snapshot and comes over the stream too; the snapshot's own list of transactions tells
//! which those are, and they are left out there.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::types::PgLsn;

use super::progress;
use crate::Result;
use crate::movers::postgres::bulk::{self, Counter, Snapshot};
use crate::movers::postgres::connect::{Pair, Server};
use crate::movers::postgres::lag;

/// Between two notes of how far it is.
const NOTE: Duration = Duration::from_millis(500);

/// Copies all tables from the beginning.
pub(super) async fn copy(pair: &Pair, name: &str) -> Result<()> {
    let counter = Arc::new(Counter::default());
    let mut copy = pin!(bulk::copy(pair, name, begin(&pair.source, name), &counter));
    let notes = pair.target.again().await?;
    let mut ticks = tokio::time::interval(NOTE);
    let (position, seen) = loop {
        tokio::select! {
            begun = &mut copy => break begun?,
            _ = ticks.tick() => progress::note_rows(&notes, name, counter.now()).await?,
        }
    };
    progress::note_rows(&notes, name, counter.now()).await?;
    progress::note_copied(&pair.target, name, position, &seen).await
}

/// The slot, where it begins, the snapshot, what it has seen, and a position after which nothing
/// of that can be committed any more.
async fn begin(publisher: &Server, name: &str) -> Result<(Snapshot, (PgLsn, (String, PgLsn)))> {
    let sql = "SELECT lsn FROM pg_create_logical_replication_slot($1, 'pgoutput')";
    let position: PgLsn = publisher.one("make the stream's slot", sql, &[&name]).await?.get(0);
    let session = bulk::session(publisher).await?;
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    session.batch("take a snapshot", begin).await?;
    let sql = "SELECT pg_export_snapshot(), pg_current_snapshot()::text";
    let row = session.one("take a snapshot", sql, &[]).await?;
    let end = lag::insert_position(publisher).await?;
    let name = row.get(0);
    Ok((Snapshot { session, name }, (position, (row.get(1), end))))
}
