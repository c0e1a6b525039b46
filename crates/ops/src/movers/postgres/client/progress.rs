//! How far a stream of ours is, kept by its subscriber.

use tokio_postgres::types::{PgLsn, ToSql};

use crate::movers::postgres::bookkeeping;
use crate::movers::postgres::bulk::Copied;
use crate::movers::postgres::connect::Server;
use crate::{Error, Result};

/// How far a stream is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Whether it may write.
    pub enabled: bool,
    /// Whether what was there before it is copied.
    pub copied: bool,
    /// Everything that the publisher committed before this is written.
    pub position: PgLsn,
    /// What the copy has seen, as `pg_current_snapshot()` says it, and a position after which
    /// nothing of it can be committed any more.
    pub snapshot: Option<(String, PgLsn)>,
    /// What has been copied.
    pub rows: Copied,
    /// How often it failed.
    pub errors: i64,
    /// Why, the last time.
    pub last_error: Option<String>,
}

/// How far the stream is; `None` when the subscriber has none of that name that we carry.
pub async fn read(subscriber: &Server, stream: &str) -> Result<Option<Progress>> {
    let sql = "SELECT to_regclass('trefoil.progress') IS NOT NULL";
    if !subscriber.one("look for streams of ours", sql, &[]).await?.get::<_, bool>(0) {
        return Ok(None);
    }
    let sql = "SELECT enabled, copied, position, snapshot, snapshot_end, bytes, tables,
                      tables_ready, errors, last_error FROM trefoil.progress WHERE stream = $1";
    let rows = subscriber.query("read the stream's progress", sql, &[&stream]).await?;
    Ok(rows.first().map(|row| {
        let snapshot: Option<String> = row.get(3);
        let end: Option<PgLsn> = row.get(4);
        let [bytes, tables, tables_ready] = [5, 6, 7].map(|n| row.get::<_, i64>(n).unsigned_abs());
        Progress {
            enabled: row.get(0),
            copied: row.get(1),
            position: row.get(2),
            snapshot: snapshot.zip(end),
            rows: Copied { bytes, tables_ready, tables },
            errors: row.get(8),
            last_error: row.get(9),
        }
    }))
}

/// Whether we carry any stream to this server.
pub async fn any(subscriber: &Server) -> Result<bool> {
    if !bookkeeping::exists(subscriber).await? {
        return Ok(false);
    }
    let sql = "SELECT count(*) FROM trefoil.progress";
    Ok(subscriber.one("look for streams of ours", sql, &[]).await?.get::<_, i64>(0) > 0)
}

/// Begins a stream that copies first.
pub async fn begin(subscriber: &Server, stream: &str) -> Result<()> {
    let sql = "INSERT INTO trefoil.progress (stream, enabled, copied, position)
               VALUES ($1, true, false, '0/0') ON CONFLICT DO NOTHING";
    subscriber.query("begin the stream", sql, &[&stream]).await.map(drop)
}

/// Prepares a stream that sleeps, and will begin at a position.
pub async fn arm(subscriber: &Server, stream: &str, position: PgLsn) -> Result<()> {
    let sql = "INSERT INTO trefoil.progress (stream, enabled, copied, position)
               VALUES ($1, false, true, $2) ON CONFLICT DO NOTHING";
    subscriber.query("arm the stream", sql, &[&stream, &position]).await.map(drop)
}

/// Wakes a stream, or puts it to sleep: from then on it writes nothing, whatever its process does.
pub async fn enable(subscriber: &Server, stream: &str, enabled: bool) -> Result<()> {
    let sql = "UPDATE trefoil.progress SET enabled = $2 WHERE stream = $1";
    subscriber.query("wake the stream, or let it sleep", sql, &[&stream, &enabled]).await.map(drop)
}

/// Has a sleeping stream begin behind a position.
pub async fn begin_behind(subscriber: &Server, stream: &str, position: PgLsn) -> Result<()> {
    let sql = "UPDATE trefoil.progress SET position = $2 WHERE stream = $1 AND NOT enabled
               RETURNING position";
    let rows = subscriber.query("note where the stream begins", sql, &[&stream, &position]).await?;
    if rows.is_empty() {
        let why = format!("stream {stream} to {} does not sleep", subscriber.name);
        return Err(Error::failed("stream_missing", why));
    }
    Ok(())
}

/// Forgets a stream.
pub async fn forget(subscriber: &Server, stream: &str) -> Result<()> {
    let sql = "DELETE FROM trefoil.progress WHERE stream = $1";
    subscriber.query("forget the stream", sql, &[&stream]).await.map(drop)
}

/// Notes a failure, for whoever waits for the stream.
pub(super) async fn note_failure(subscriber: &Server, stream: &str, why: &str) -> Result<()> {
    let sql = "UPDATE trefoil.progress SET errors = errors + 1, last_error = $2 WHERE stream = $1";
    subscriber.query("note the failure", sql, &[&stream, &why]).await.map(drop)
}

/// Notes how far the copy is.
pub(super) async fn note_rows(subscriber: &Server, stream: &str, copied: Copied) -> Result<()> {
    let sql = "UPDATE trefoil.progress SET bytes = $2, tables = $3, tables_ready = $4
               WHERE stream = $1";
    let [bytes, tables, ready] = [copied.bytes, copied.tables, copied.tables_ready]
        .map(|count| i64::try_from(count).unwrap_or(i64::MAX));
    let params: [&(dyn ToSql + Sync); 4] = [&stream, &bytes, &tables, &ready];
    subscriber.query("note the copy's progress", sql, &params).await.map(drop)
}

/// Notes that all tables are copied, as `snapshot` saw them.
pub(super) async fn note_copied(
    subscriber: &Server,
    stream: &str,
    position: PgLsn,
    snapshot: &(String, PgLsn),
) -> Result<()> {
    let sql = "UPDATE trefoil.progress SET copied = true, position = $2, snapshot = $3,
                      snapshot_end = $4 WHERE stream = $1 AND enabled RETURNING stream";
    let (seen, end) = snapshot;
    let rows = subscriber.query("note the copy", sql, &[&stream, &position, seen, end]).await?;
    if rows.is_empty() { Err(asleep(subscriber, stream)) } else { Ok(()) }
}

/// The error of a stream that was put to sleep meanwhile.
pub(super) fn asleep(subscriber: &Server, stream: &str) -> Error {
    let why =
        format!("stream {stream} to {} sleeps, or another process carries it", subscriber.name);
    Error::failed("stream_asleep", why).retryable()
}
