//! One of those that copy: a session on each side.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::{Bytes, BytesMut};
use futures::{SinkExt, TryStreamExt};
use tokio_postgres::error::SqlState;

use super::Counter;
use super::parts::{self, Part};
use crate::movers::postgres::connect::{Pair, Server};
use crate::{Error, Result};

/// How much is sent at once. Rows come one by one, and each sending has its price.
const SENT_BYTES: usize = 64 << 10;

/// One that copies.
pub(super) struct Worker {
    /// Sees the snapshot, and of the catalogues what was then.
    from: Server,
    to: Server,
    /// Sees what is.
    now: Server,
    snapshot: String,
    counter: Arc<Counter>,
}

impl Worker {
    pub(super) async fn open(pair: &Pair, snapshot: &str, counter: Arc<Counter>) -> Result<Worker> {
        let (from, to) = (session(&pair.source).await?, session(&pair.target).await?);
        // Rows that we may not see would be missing.
        from.batch("change a setting", "SET row_security = off").await?;
        // What is written later flushes this too; until then the copy counts for nothing.
        to.batch("change a setting", "SET synchronous_commit = off").await?;
        write_as_replica(&to).await?;
        let (now, snapshot) = (pair.source.again().await?, snapshot.to_owned());
        Ok(Worker { from, to, now, snapshot, counter })
    }

    /// Copies a table, or a part of one. Its lock on the source ends with it: whoever waits to
    /// change a table makes everybody else wait behind him.
    pub(super) async fn copy(&self, part: &Part) -> Result<()> {
        let begin = format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT '{}'",
            self.snapshot
        );
        self.from.batch("see the snapshot", &begin).await?;
        self.to.batch("write rows", "BEGIN READ WRITE").await?;
        if !part.is_divided() {
            let name = &part.source.name;
            self.to.batch(&format!("empty {name}"), &format!("TRUNCATE ONLY {name}")).await?;
        }
        self.carry(part).await?;
        self.require_same(part).await?;
        self.to.batch("write rows", "COMMIT").await?;
        self.from.batch("let go of the snapshot", "COMMIT").await?;
        if part.source.parts_left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.counter.tables_ready.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    async fn carry(&self, part: &Part) -> Result<()> {
        let (from, to) = (&self.from, &self.to);
        let what = format!("copy {}", part.source.name);
        let rows = from.client().copy_out(&part.reading()).await;
        let mut rows = pin!(rows.map_err(|error| from.failed(&what, error))?);
        let sink = to.client().copy_in::<_, Bytes>(&part.writing()).await;
        let mut sink = pin!(sink.map_err(|error| to.failed(&what, error))?);
        let mut waiting = BytesMut::with_capacity(2 * SENT_BYTES);
        while let Some(row) = rows.try_next().await.map_err(|error| from.failed(&what, error))? {
            waiting.extend_from_slice(&row);
            if waiting.len() >= SENT_BYTES {
                self.counter.bytes.fetch_add(waiting.len() as u64, Ordering::Relaxed);
                let sent = sink.feed(waiting.split().freeze()).await;
                sent.map_err(|error| to.failed(&what, error))?;
            }
        }
        self.counter.bytes.fetch_add(waiting.len() as u64, Ordering::Relaxed);
        sink.feed(waiting.freeze()).await.map_err(|error| to.failed(&what, error))?;
        sink.finish().await.map_err(|error| to.failed(&what, error)).map(drop)
    }

    /// Refuses when the table was changed after it was looked at and before it was read. It cannot
    /// change now: the source's session still holds its lock.
    async fn require_same(&self, part: &Part) -> Result<()> {
        let name = &part.source.name;
        let now = parts::read(&self.now, std::slice::from_ref(name)).await?;
        if now.iter().all(|now| part.source.is_still(now, part.is_divided())) {
            return Ok(());
        }
        let why = format!("{name} was changed on {} while it was copied", self.from.name);
        Err(Error::failed("copy_outdated", why).retryable())
    }
}

/// A session whose statements take as long as they need.
pub(in crate::movers::postgres) async fn session(server: &Server) -> Result<Server> {
    let session = server.again().await?;
    let patience = "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0";
    session.batch("change a setting", patience).await?;
    Ok(session)
}

/// As the server's own replication writes: no triggers, no foreign keys. Where that is refused to
/// us preflight has made sure that there are none.
pub(in crate::movers::postgres) async fn write_as_replica(target: &Server) -> Result<()> {
    let sql = "SET session_replication_role = replica";
    match target.client().batch_execute(sql).await {
        Err(error) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => Ok(()),
        set => set.map_err(|error| target.failed("write as a replica", error)),
    }
}
