//! How far a stream is, and noticing that it does not get further.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use tokio_postgres::types::PgLsn;

use super::client::progress;
use super::connect::{Pair, Server};
use crate::{Error, Result};

/// Errors in a row after which a stream counts as broken. One error is a lost connection, which
/// the server repairs by itself.
const ERRORS_MAX: i64 = 3;
/// Errors further apart than this are not in a row.
const ERRORS_APART: Duration = Duration::from_secs(60);
/// A stream that confirms nothing for this long does not move.
const STALLED_AFTER: Duration = Duration::from_secs(120);
/// Between two looks at a stream: at first, and when it takes long. Each look writes a little.
const LOOK_SOON: Duration = Duration::from_millis(20);
const LOOK_LATER: Duration = Duration::from_millis(500);

/// How far a stream is behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lag {
    /// Bytes of write-ahead log that the subscriber has not confirmed.
    pub behind_bytes: u64,
    /// Bytes of write-ahead log that the publisher keeps for the slot.
    pub retained_bytes: u64,
}

/// Where the server writes next.
pub async fn insert_position(server: &Server) -> Result<PgLsn> {
    let sql = "SELECT pg_current_wal_insert_lsn()";
    Ok(server.one("read the position of the log", sql, &[]).await?.get(0))
}

/// How far the stream is behind.
pub async fn lag(publisher: &Server, stream: &str) -> Result<Lag> {
    let sql = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), confirmed_flush_lsn)::int8,
                      pg_wal_lsn_diff(pg_current_wal_insert_lsn(), restart_lsn)::int8
               FROM pg_replication_slots WHERE slot_name = $1";
    let rows = publisher.query("read the lag", sql, &[&stream]).await?;
    let row = rows.first().ok_or_else(|| slot_lost(publisher, stream, "is gone"))?;
    let bytes = |n: usize| u64::try_from(row.get::<_, Option<i64>>(n).unwrap_or(0)).unwrap_or(0);
    Ok(Lag { behind_bytes: bytes(0), retained_bytes: bytes(1) })
}

/// Whether the subscriber has confirmed everything up to a position of the publisher.
///
/// The subscriber confirms what it has on disk, and tells so when it hears something. So its log
/// is flushed first by a commit of ours, and the publisher is given something to tell.
pub async fn confirmed(pair: &Pair, stream: &str, position: PgLsn) -> Result<bool> {
    if position_confirmed(&pair.source, stream, position).await? {
        return Ok(true);
    }
    flush(&pair.target).await?;
    flush(&pair.source).await?;
    position_confirmed(&pair.source, stream, position).await
}

async fn position_confirmed(publisher: &Server, stream: &str, position: PgLsn) -> Result<bool> {
    let sql = "SELECT coalesce(confirmed_flush_lsn >= $2, false), wal_status = 'lost'
               FROM pg_replication_slots WHERE slot_name = $1";
    let rows = publisher.query("read the slot", sql, &[&stream, &position]).await?;
    let row = rows.first().ok_or_else(|| slot_lost(publisher, stream, "is gone"))?;
    if row.get::<_, Option<bool>>(1).unwrap_or(false) {
        return Err(slot_lost(publisher, stream, "was dropped behind by the server"));
    }
    Ok(row.get(0))
}

/// A commit that reaches the disk, and with it everything before it. The message itself is for
/// nobody: no stream asks for messages.
pub async fn flush(server: &Server) -> Result<()> {
    let sql = "SELECT pg_logical_emit_message(true, 'trefoil', '')";
    server.query("flush the log", sql, &[]).await.map(drop)
}

/// Waits until the subscriber has everything that the publisher has written up to now.
pub async fn catch_up(pair: &Pair, stream: &str, told: &(dyn Fn(Lag) + Sync)) -> Result<()> {
    let position = insert_position(&pair.source).await?;
    let mut watch = Watch::start(pair, stream).await?;
    let mut pause = LOOK_SOON;
    loop {
        if confirmed(pair, stream, position).await? {
            return Ok(());
        }
        let lag = lag(&pair.source, stream).await?;
        told(lag);
        watch.look(pair, Some(lag.behind_bytes)).await?;
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LOOK_LATER);
    }
}

/// Whether a stream flows now, and why not, in words.
///
/// # Errors
/// `slot_lost` when it never will again.
pub async fn why_dry(pair: &Pair, stream: &str) -> Result<Option<String>> {
    position_confirmed(&pair.source, stream, PgLsn::from(0)).await?;
    if let Some(ours) = progress::read(&pair.target, stream).await? {
        let sql = "SELECT active FROM pg_replication_slots WHERE slot_name = $1";
        let active = pair.source.one("read the slot", sql, &[&stream]).await?.get::<_, bool>(0);
        return Ok(match (ours.enabled, active) {
            (true, true) => None,
            (false, _) => Some("it was disabled".to_owned()),
            (true, false) => Some(ours.last_error.unwrap_or("nobody carries it".to_owned())),
        });
    }
    let (enabled, errors) = subscription(&pair.target, stream).await?;
    let sql = "SELECT 1 FROM pg_stat_subscription WHERE subname = $1 AND relid IS NULL
                 AND pid IS NOT NULL";
    let works = !pair.target.query("look for the worker", sql, &[&stream]).await?.is_empty();
    Ok(match (enabled, works) {
        (true, true) => None,
        (false, _) => Some("it was disabled".to_owned()),
        (true, false) => Some(format!("no worker applies it; it met {errors} errors so far")),
    })
}

/// Watches a stream for signs that it will not get further.
pub struct Watch {
    stream: String,
    errors_before: i64,
    errors_seen: i64,
    last_error: Instant,
    remaining: Option<u64>,
    last_progress: Instant,
    /// What stopped a stream of ours last.
    why: Option<String>,
}

impl Watch {
    /// Begins to watch; what happened before does not count.
    pub async fn start(pair: &Pair, stream: &str) -> Result<Watch> {
        let (_, errors) = subscription(&pair.target, stream).await?;
        let now = Instant::now();
        Ok(Watch {
            stream: stream.to_owned(),
            errors_before: errors,
            errors_seen: errors,
            last_error: now,
            remaining: None,
            last_progress: now,
            why: None,
        })
    }

    /// Looks. `remaining` is anything that falls while the stream makes progress.
    pub async fn look(&mut self, pair: &Pair, remaining: Option<u64>) -> Result<()> {
        let (enabled, errors) = subscription(&pair.target, &self.stream).await?;
        let now = Instant::now();
        if errors > self.errors_seen {
            (self.errors_seen, self.last_error) = (errors, now);
        } else if now - self.last_error > ERRORS_APART {
            self.errors_before = errors;
        }
        if !enabled {
            return Err(self.broken(pair, "it was disabled"));
        }
        if self.errors_seen > self.errors_before {
            self.why =
                progress::read(&pair.target, &self.stream).await?.and_then(|one| one.last_error);
        }
        if self.errors_seen - self.errors_before >= ERRORS_MAX {
            let why = format!("{} errors in a row", self.errors_seen - self.errors_before);
            return Err(self.broken(pair, &why));
        }
        if remaining != self.remaining {
            (self.remaining, self.last_progress) = (remaining, now);
        }
        if now - self.last_progress > STALLED_AFTER {
            return Err(self.broken(pair, "it does not move"));
        }
        Ok(())
    }

    fn broken(&self, pair: &Pair, why: &str) -> Error {
        let (source, target) = (&pair.source.name, &pair.target.name);
        let mut message =
            format!("stream {} from {source} to {target} is stuck: {why}", self.stream);
        if let Some(why) = &self.why {
            message.push_str(&format!("; the last: {why}"));
        }
        Error::failed("stream_stuck", message).hint(format!(
            "the log of PostgreSQL of {target} says which row or column was refused; remove the \
             cause, then `trefoil runs resume`"
        ))
    }
}

/// Whether the subscription is enabled, and how many errors it has met.
async fn subscription(subscriber: &Server, stream: &str) -> Result<(bool, i64)> {
    if let Some(ours) = progress::read(subscriber, stream).await? {
        return Ok((ours.enabled, ours.errors));
    }
    let sql = "SELECT s.subenabled, coalesce(t.apply_error_count + t.sync_error_count, 0)
               FROM pg_subscription s LEFT JOIN pg_stat_subscription_stats t ON t.subid = s.oid
               WHERE s.subname = $1
                 AND s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let rows = subscriber.query("read the subscription", sql, &[&stream]).await?;
    let row = rows.first().ok_or_else(|| {
        let why = format!("{} does not subscribe to stream {stream}", subscriber.name);
        Error::failed("stream_missing", why)
    })?;
    Ok((row.get(0), row.get(1)))
}

fn slot_lost(publisher: &Server, stream: &str, how: &str) -> Error {
    let why = format!("the slot of stream {stream} on {} {how}", publisher.name);
    Error::failed("slot_lost", why)
        .hint("the rows must be copied again: abort the run and begin a new one")
}
