//! The fenced log: numbered entries, each created once or not at all. Two writers can never both
//! append entry N, and the loser learns at once that it is stale. Nothing is updated in place.
//!
//! Entry N is the object `<prefix>/<N, 20 digits>.json`; it holds the digest of entry N-1, so that
//! a changed, missing or foreign entry is seen by everyone who reads.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use jiff::Timestamp;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::{sleep, timeout};
use trefoil_core::digest::sha256_hex;

use crate::{Error, Result};

/// The format that this program writes and reads.
const VERSION: u32 = 1;
/// How long one call of the store may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// How often an append whose result is not known is tried again.
const ATTEMPTS: u32 = 6;
/// The pause before the second attempt; it doubles with each one.
const BACKOFF: Duration = Duration::from_millis(50);

/// One log in an object store.
#[derive(Debug, Clone)]
pub struct FencedLog {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
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
    /// The log under `prefix`.
    pub fn new(store: Arc<dyn ObjectStore>, prefix: Path) -> Self {
        Self { store, prefix }
    }

    /// All entries after `after`, in order, and where the log ends now. Fails with code
    /// `log_damaged` when a file is torn, empty, missing or none of ours: it is never skipped.
    pub async fn read(&self, after: &Tail) -> Result<(Vec<LogEntry>, Tail)> {
        let listed = self.newest_listed().await?;
        let (mut entries, mut tail) = (Vec::new(), after.clone());
        loop {
            let n = tail.n + 1;
            let Some(bytes) = self.get(n).await? else {
                // The listing came first, so what it saw has all its predecessors by now.
                return if n > listed {
                    Ok((entries, tail))
                } else {
                    Err(self.damaged(n, "is missing, although a later entry exists"))
                };
            };
            let envelope = self.parse(n, &bytes)?;
            if envelope.prev != tail.digest {
                return Err(self.damaged(n, "does not continue the entry before it"));
            }
            tail = Tail { n, digest: sha256_hex(&bytes) };
            entries.push(LogEntry { n, at: envelope.at, body: envelope.body });
        }
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
                sleep(BACKOFF * 2_u32.pow(attempt - 1)).await;
            }
            match self.create(envelope.n, bytes.clone()).await {
                Ok(()) => return Ok(mine()),
                Err(error) => last = Some(error),
            }
            // Exists, refused or no answer: only what stands there now tells which.
            match self.get(envelope.n).await {
                Ok(Some(found)) => {
                    let same = self.parse(envelope.n, &found)?.nonce == envelope.nonce;
                    return Ok(if same { mine() } else { Appended::Lost });
                }
                Ok(None) => {}
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| self.unreachable()))
    }

    fn path(&self, n: u64) -> Path {
        self.prefix.clone().join(format!("{n:020}.json"))
    }

    async fn create(&self, n: u64, bytes: Bytes) -> Result<()> {
        let path = self.path(n);
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let put = self.store.put_opts(&path, bytes.into(), options);
        match timeout(CALL_TIMEOUT, put).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(self.unreachable().because(error)),
            Err(late) => Err(self.unreachable().because(late)),
        }
    }

    async fn get(&self, n: u64) -> Result<Option<Bytes>> {
        let path = self.path(n);
        let read = async { self.store.get(&path).await?.bytes().await };
        match timeout(CALL_TIMEOUT, read).await {
            Ok(Ok(bytes)) => Ok(Some(bytes)),
            Ok(Err(object_store::Error::NotFound { .. })) => Ok(None),
            Ok(Err(error)) => Err(self.unreachable().because(error)),
            Err(late) => Err(self.unreachable().because(late)),
        }
    }

    /// The highest number that a listing shows; 0 for an empty log. Files that are being staged
    /// (`...#1`) are not listed by the store.
    async fn newest_listed(&self) -> Result<u64> {
        let mut listing = self.store.list(Some(&self.prefix));
        let mut newest = 0;
        loop {
            let next = timeout(CALL_TIMEOUT, listing.next()).await;
            match next.map_err(|late| self.unreachable().because(late))? {
                None => return Ok(newest),
                Some(Ok(found)) => newest = newest.max(self.number(&found.location)?),
                Some(Err(error @ object_store::Error::InvalidPath { .. })) => {
                    return Err(damage(&self.prefix, "holds a file that is none of its entries")
                        .because(error));
                }
                Some(Err(error)) => return Err(self.unreachable().because(error)),
            }
        }
    }

    fn number(&self, location: &Path) -> Result<u64> {
        let name = location.filename().unwrap_or_default();
        let n = name.strip_suffix(".json").and_then(|digits| digits.parse().ok()).unwrap_or(0);
        if n == 0 || self.path(n) != *location {
            return Err(damage(location, "is none of the log's entries"));
        }
        Ok(n)
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
        damage(&self.path(n), why)
    }

    fn unreachable(&self) -> Error {
        Error::missing("log_unreachable", format!("the log `{}` does not answer", self.prefix))
            .hint("nothing is done without the log; the same command may be given again")
            .retryable()
    }
}

fn damage(path: &Path, why: &str) -> Error {
    Error::refused("log_damaged", format!("the log's file `{path}` {why}"))
        .hint("put the file back as it was, from a copy of the state folder")
}

#[cfg(test)]
mod tests;
