//! The fenced log: numbered entries, each created once or not at all. Two writers can never both
//! append entry N, and the loser learns at once that it is stale. Nothing is updated in place.
//!
//! Entry N is the object `<prefix>/<N, 20 digits>.json`; it holds the digest of entry N-1, so that
//! a changed, missing or foreign entry is seen by everyone who reads. Old entries may stand together
//! in a checkpoint instead, see [`checkpoint`].

pub mod checkpoint;
pub mod files;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::{sleep, timeout};
use trefoil_clouds::operate::log_store::{Created, LogStore};
use trefoil_core::digest::sha256_hex;

use crate::{Error, Result};

/// The format that this program writes and reads.
const VERSION: u32 = 1;
/// How long one call of the store may take, should the store not keep to its own bound.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// How often a read begins again because entries went into a checkpoint meanwhile.
const READS: u32 = 5;
/// How often an append whose result is not known is tried again.
const ATTEMPTS: u32 = 6;
/// The pause before the second attempt; it doubles with each one.
const BACKOFF: Duration = Duration::from_millis(50);

/// One log in a store.
#[derive(Debug, Clone)]
pub struct FencedLog {
    store: Arc<dyn LogStore>,
    prefix: String,
    compacted: bool,
}

/// What a listing showed of a log.
struct Names {
    /// The entries, lowest first.
    entries: Vec<u64>,
    /// The highest entry; 0 for an empty log.
    newest: u64,
    /// The checkpoints, lowest first.
    checkpoints: Vec<u64>,
}

/// The newest entry that a reader knows: its number, and the digest that the next one must name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tail {
    n: u64,
    digest: String,
}

impl Tail {
    /// The number of the newest entry; 0 for an empty log.
    pub fn n(&self) -> u64 {
        self.n
    }
}

/// An entry that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct LogEntry {
    /// Its number, from 1.
    pub n: u64,
    /// When its writer appended it, by the writer's clock.
    pub at: Timestamp,
    /// What it says.
    pub body: Value,
}

/// How an append ended.
#[derive(Debug)]
pub enum Appended {
    /// The entry is in the log.
    Mine {
        /// The log now ends here.
        tail: Tail,
        /// The time that the entry carries.
        at: Timestamp,
    },
    /// Another writer's entry has this number. This attempt is over for ever: read again.
    Lost,
}

/// What an entry's file holds.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    v: u32,
    n: u64,
    /// 128 random bits: how a writer knows its own entry when an answer was lost.
    nonce: String,
    /// SHA-256 of the bytes of entry n-1; empty in entry 1.
    prev: String,
    at: Timestamp,
    body: Value,
}

impl FencedLog {
    /// The log under `prefix`, whose entries all stay for ever.
    pub fn new(store: Arc<dyn LogStore>, prefix: impl Into<String>) -> Self {
        Self { store, prefix: prefix.into(), compacted: false }
    }

    /// The same, where [`FencedLog::compact`] may have been at work: every append looks for it.
    #[must_use]
    pub fn compacted(self) -> Self {
        Self { compacted: true, ..self }
    }

    /// All entries after `after`, in order, and where the log ends now. Fails with code
    /// `log_damaged` when a file is torn, empty, missing or none of ours: it is never skipped.
    pub async fn read(&self, after: &Tail) -> Result<(Vec<LogEntry>, Tail)> {
        let mut names = self.names().await?;
        for _ in 0..READS {
            let read = self.read_listed(&names, after).await;
            // The listing came first, so what it saw has all its predecessors by now.
            let whole = read.as_ref().is_ok_and(|(_, tail)| tail.n >= names.newest);
            if whole && !self.compacted {
                return read;
            }
            // Entries that went into a checkpoint meanwhile explain what is missing, and what a
            // late writer may have left in their places.
            let now = self.names().await?;
            if now.checkpoints == names.checkpoints {
                let n = read.as_ref().map_or(0, |(_, tail)| tail.n + 1);
                let missing = || Err(self.damaged(n, "is missing, although a later entry exists"));
                return if whole || read.is_err() { read } else { missing() };
            }
            names = now;
        }
        Err(self.unreachable())
    }

    /// Whether there is an entry after `tail`: one read.
    pub async fn continues(&self, tail: &Tail) -> Result<bool> {
        Ok(self.get(tail.n + 1).await?.is_some())
    }

    async fn read_listed(&self, names: &Names, after: &Tail) -> Result<(Vec<LogEntry>, Tail)> {
        let (mut entries, mut tail) = self.checkpoints(names, after).await?;
        if tail.n < after.n {
            tail = after.clone();
        }
        self.read_on(&mut entries, &mut tail).await?;
        Ok((entries, tail))
    }

    /// Reads entry after entry until there is none.
    async fn read_on(&self, entries: &mut Vec<LogEntry>, tail: &mut Tail) -> Result<()> {
        while let Some(bytes) = self.get(tail.n + 1).await? {
            let envelope = self.follows(tail, &bytes)?;
            *tail = Tail { n: tail.n + 1, digest: sha256_hex(&bytes) };
            entries.push(LogEntry { n: tail.n, at: envelope.at, body: envelope.body });
        }
        Ok(())
    }

    /// The entry behind `tail`, if it continues it.
    fn follows(&self, tail: &Tail, bytes: &[u8]) -> Result<Envelope> {
        let n = tail.n + 1;
        let envelope = self.parse(n, bytes)?;
        if envelope.prev != tail.digest {
            return Err(self.damaged(n, "does not continue the entry before it"));
        }
        Ok(envelope)
    }

    /// Creates the entry after `tail`, or finds that another writer has. An error means that it is
    /// not known whether the entry exists or will: read again before doing anything.
    pub async fn append(&self, tail: &Tail, body: &Value) -> Result<Appended> {
        let envelope = Envelope {
            v: VERSION,
            n: tail.n + 1,
            nonce: hex::encode(rand::random::<[u8; 16]>()),
            prev: tail.digest.clone(),
            at: Timestamp::now(),
            body: body.clone(),
        };
        let text = serde_json::to_vec(&envelope)
            .map_err(|e| Error::failed("log_entry", "the entry cannot be written").because(e))?;
        let bytes = Bytes::from(text);
        let mine = || Appended::Mine {
            tail: Tail { n: envelope.n, digest: sha256_hex(&bytes) },
            at: envelope.at,
        };
        let mut last = None;
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                let pause = BACKOFF * 2_u32.pow(attempt - 1);
                // Chance keeps those apart that failed together.
                sleep(pause.mul_f64(rand::random_range(0.5..=1.0))).await;
            }
            match self.create(envelope.n, bytes.clone()).await {
                Ok(Created::New) => return self.unless_late(envelope.n, mine()).await,
                Ok(Created::Exists) => {}
                Err(error) => last = Some(error),
            }
            // Exists, refused or no answer: only what stands there now tells which.
            match self.get(envelope.n).await {
                Ok(Some(found)) => {
                    if self.parse(envelope.n, &found)?.nonce != envelope.nonce {
                        return Ok(Appended::Lost);
                    }
                    return self.unless_late(envelope.n, mine()).await;
                }
                // A late copy may still arrive: never concluded to have failed.
                Ok(None) => {}
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| self.unreachable()))
    }

    /// `mine`, unless the entry was created in a place that a checkpoint had cleared.
    async fn unless_late(&self, n: u64, mine: Appended) -> Result<Appended> {
        if self.compacted && self.newest_base().await? >= n {
            return Ok(Appended::Lost);
        }
        Ok(mine)
    }

    fn name(&self, n: u64) -> String {
        format!("{}/{n:020}.json", self.prefix)
    }

    async fn create(&self, n: u64, bytes: Bytes) -> Result<Created> {
        self.bounded(self.store.create(&self.name(n), bytes)).await
    }

    async fn get(&self, n: u64) -> Result<Option<Bytes>> {
        self.fetch(&self.name(n)).await
    }

    async fn fetch(&self, name: &str) -> Result<Option<Bytes>> {
        self.bounded(self.store.get(name)).await
    }

    async fn remove(&self, name: &str) -> Result<()> {
        self.bounded(self.store.delete(name)).await
    }

    async fn listed(&self, prefix: &str) -> Result<Vec<String>> {
        self.bounded(self.store.list(prefix)).await
    }

    async fn bounded<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        match timeout(CALL_TIMEOUT, call).await {
            Ok(Err(error)) if error.code() == "log_damaged" => Err(error),
            Ok(Err(error)) => Err(self.unreachable().because(error)),
            Err(late) => Err(self.unreachable().because(late)),
            Ok(done) => done,
        }
    }

    /// What a listing shows. What is none of the log's is an error: it is never skipped.
    async fn names(&self) -> Result<Names> {
        let (mut entries, mut checkpoints) = (Vec::new(), Vec::new());
        for name in self.listed(&format!("{}/", self.prefix)).await? {
            match (self.number(&name), self.checkpoint_number(&name)) {
                (Some(n), _) => entries.push(n),
                (None, Some(k)) => checkpoints.push(k),
                (None, None) => return Err(damage(&name, "is none of the log's entries")),
            }
        }
        entries.sort_unstable();
        checkpoints.sort_unstable();
        Ok(Names { newest: entries.last().copied().unwrap_or(0), entries, checkpoints })
    }

    /// The number of an entry's file; `None` for any other.
    fn number(&self, name: &str) -> Option<u64> {
        let digits = name.rsplit('/').next()?.strip_suffix(".json")?;
        let n = digits.parse().ok().filter(|n| *n > 0)?;
        (self.name(n) == name).then_some(n)
    }

    fn parse(&self, n: u64, bytes: &[u8]) -> Result<Envelope> {
        let envelope: Envelope = serde_json::from_slice(bytes)
            .map_err(|error| self.damaged(n, "cannot be read as an entry").because(error))?;
        if envelope.v != VERSION {
            let why = format!("has version {}; this program reads {VERSION}", envelope.v);
            return Err(self.damaged(n, &why));
        }
        if envelope.n != n {
            return Err(self.damaged(n, &format!("holds entry {}", envelope.n)));
        }
        Ok(envelope)
    }

    /// The error of a reader that finds an entry it cannot accept.
    pub(crate) fn damaged(&self, n: u64, why: &str) -> Error {
        damage(&self.name(n), why)
    }

    fn unreachable(&self) -> Error {
        let log = format!("the log `{}` at {} does not answer", self.prefix, self.store.place());
        Error::missing("log_unreachable", log)
            .hint("nothing is done without the log; the same command may be given again")
            .retryable()
    }
}

fn damage(name: &str, why: &str) -> Error {
    Error::refused("log_damaged", format!("the log's file `{name}` {why}"))
        .hint("put the file back as it was, from a copy of the state folder")
}

#[cfg(test)]
mod tests;
