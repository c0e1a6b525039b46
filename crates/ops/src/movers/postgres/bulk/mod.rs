//! What was there before a stream: every row as one snapshot of the source shows it, several tables
//! and parts of large ones at once, and then the keys.
//!
//! Keys are made when the rows are there: that sorts once, and the rows come faster. Nothing needs
//! them before, for no change is applied until they are there.
//!
//! A table's rows are written in the transaction that empties it, frozen: nobody has to visit them
//! again to find out that they are visible. Parts of a table cannot have that.
//!
//! A copy that was interrupted cannot go on, for its snapshot went with its session: it begins
//! again, with the tables as they are by then.

mod parts;
#[cfg(test)]
mod tests;
mod worker;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinSet;

use super::connect::{Pair, Server};
use super::shape::Shape;
use super::{catalog, publication, schema, slots};
use crate::{Error, Result};
use parts::{Part, Sizes};
use worker::Worker;
pub(super) use worker::{session, write_as_replica};

/// How many tables, or parts of them, are copied at once.
const COPIES_AT_ONCE: usize = 4;
/// Each part has its price, and a smaller table is copied soon.
const SIZES: Sizes = Sizes { divided_from_bytes: 256 << 20, part_bytes: 128 << 20 };

/// A snapshot of the source, kept open by its session.
pub(super) struct Snapshot {
    /// The session that sees it.
    pub(super) session: Server,
    /// Its name, by which other sessions see the same.
    pub(super) name: String,
}

/// What a copy has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Copied {
    /// Bytes that were copied.
    pub bytes: u64,
    /// Tables that are copied and follow the stream.
    pub tables_ready: u64,
    /// All tables of the stream.
    pub tables: u64,
}

/// How far a copy is, while it goes on.
#[derive(Default)]
pub(super) struct Counter {
    bytes: AtomicU64,
    tables: AtomicU64,
    tables_ready: AtomicU64,
}

impl Counter {
    pub(super) fn now(&self) -> Copied {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let (bytes, tables) = (read(&self.bytes), read(&self.tables));
        Copied { bytes, tables_ready: read(&self.tables_ready), tables }
    }
}

/// Copies the rows of a stream's tables, from the beginning, and makes their keys. `begin` makes
/// the stream's slot, and takes the snapshot that goes with it.
pub(super) async fn copy<T>(
    pair: &Pair,
    stream: &str,
    begin: impl Future<Output = Result<(Snapshot, T)>>,
    counter: &Arc<Counter>,
) -> Result<T> {
    slots::drop_all(pair, stream).await?;
    schema::empty_tables(&pair.target).await?;
    let tables = carried(pair, stream).await?;
    let sources = parts::read(&pair.source, &tables).await?;
    counter.bytes.store(0, Ordering::Relaxed);
    counter.tables_ready.store(0, Ordering::Relaxed);
    counter.tables.store(sources.len() as u64, Ordering::Relaxed);
    let (snapshot, begun) = begin.await?;
    copy_parts(pair, &snapshot, parts::of(sources, COPIES_AT_ONCE, SIZES), counter).await?;
    snapshot.session.batch("let go of the snapshot", "COMMIT").await?;
    schema::carry_keys(pair).await?;
    Ok(begun)
}

/// Whether a copy that failed may succeed when it begins again: a connection was lost, or the
/// source's tables are no longer those that the target has.
pub(super) async fn is_worth_another(pair: &Pair, stream: &str, error: &Error) -> bool {
    error.is_retryable() || changed(pair, stream).await.is_ok_and(|changed| changed.is_some())
}

/// The names of the stream's tables, which the target has as the source has them now: as long as
/// there are no rows every change can be followed.
async fn carried(pair: &Pair, stream: &str) -> Result<Vec<String>> {
    if let Some(now) = changed(pair, stream).await? {
        schema::drop_all(&pair.target).await?;
        schema::carry_tables(pair).await?;
        now.keep(&pair.source).await?;
    }
    publication::tables(&pair.source, stream).await
}

/// The source's tables, when they are not what the target has.
async fn changed(pair: &Pair, stream: &str) -> Result<Option<Shape>> {
    let published = publication::tables(&pair.source, stream).await?;
    let tables = catalog::names(&catalog::tables(&pair.source).await?);
    let mut now = Shape::read(&pair.source).await?;
    // A new table is not published yet. It is followed, and copied, when the stream flows.
    now.forget(|table| tables.contains(table) && !published.contains(table));
    let kept = Shape::kept(&pair.source).await?;
    Ok(kept.is_some_and(|kept| kept != now).then_some(now))
}

/// Copies all parts; what fails first ends the others.
async fn copy_parts(
    pair: &Pair,
    snapshot: &Snapshot,
    parts: VecDeque<Part>,
    counter: &Arc<Counter>,
) -> Result<()> {
    let workers = COPIES_AT_ONCE.min(parts.len());
    let parts = Arc::new(Mutex::new(parts));
    let mut working = JoinSet::new();
    for _ in 0..workers {
        let worker = Worker::open(pair, &snapshot.name, counter.clone()).await?;
        let parts = parts.clone();
        working.spawn(async move {
            while let Some(part) = next(&parts) {
                worker.copy(&part).await?;
            }
            Ok(())
        });
    }
    while let Some(ended) = working.join_next().await {
        ended
            .map_err(|error| Error::failed("copy_failed", "a copy ended early").because(error))??;
    }
    Ok(())
}

fn next(parts: &Mutex<VecDeque<Part>>) -> Option<Part> {
    parts.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
}
