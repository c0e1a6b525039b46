//! Compaction: many old entries become one file that holds them word for word.
//!
//! A checkpoint is created once or not at all, like an entry, before any entry that it holds is
//! removed. So a writer that slept over it and creates an entry in a place that was cleared can
//! see that it is late: it looks for a checkpoint after each append (see `FencedLog::append`).

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use trefoil_clouds::operate::log_store::Created;
use trefoil_core::digest::sha256_hex;

use super::{FencedLog, LogEntry, Tail, VERSION, damage};
use crate::{Error, Result};

/// How old an entry must be before it is put into a checkpoint: no writer sleeps that long with a
/// call under way.
pub const COMPACT_AFTER: SignedDuration = SignedDuration::from_hours(24);
/// How many entries a checkpoint holds at least, unless it is told otherwise.
pub const COMPACT_MIN: usize = 64;

/// What a checkpoint's file holds.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Checkpoint {
    v: u32,
    /// Its number, from 1.
    k: u64,
    /// The last entry that it holds; the first is behind the checkpoint before it.
    base: u64,
    made_at: Timestamp,
    /// The entries' files, word for word.
    entries: Vec<String>,
}

impl FencedLog {
    /// Puts all entries that are older than [`COMPACT_AFTER`] into a checkpoint and removes their
    /// files, when there are at least `min` of them. The newest entry stays where it is. How many
    /// went. Another process that does the same at the same time does no harm.
    pub async fn compact(&self, now: Timestamp, min: usize) -> Result<u64> {
        let names = self.names().await?;
        let (_, tail) = self.checkpoints(&names, &Tail::default()).await?;
        self.remove_below(&names, tail.n, now).await?;
        let (mut texts, mut last) = (Vec::new(), tail.clone());
        for n in tail.n + 1..names.newest {
            let Some(bytes) = self.get(n).await? else { break };
            let envelope = self.follows(&last, &bytes)?;
            if now.duration_since(envelope.at) < COMPACT_AFTER {
                break;
            }
            last = Tail { n, digest: sha256_hex(&bytes) };
            texts.push(String::from_utf8_lossy(&bytes).into_owned());
        }
        if texts.is_empty() || texts.len() < min {
            return Ok(0);
        }
        let count = texts.len() as u64;
        let k = names.checkpoints.last().copied().unwrap_or(0) + 1;
        let checkpoint = Checkpoint { v: VERSION, k, base: last.n, made_at: now, entries: texts };
        if !self.create_checkpoint(&checkpoint).await? {
            return Ok(0);
        }
        self.remove_below(&names, last.n, now).await?;
        Ok(count)
    }

    /// Whether this checkpoint is there now, word for word.
    async fn create_checkpoint(&self, checkpoint: &Checkpoint) -> Result<bool> {
        let text = serde_json::to_vec(checkpoint).map_err(|error| {
            Error::failed("log_entry", "a checkpoint cannot be written").because(error)
        })?;
        let (name, bytes) = (self.checkpoint_name(checkpoint.k), Bytes::from(text));
        match self.store.create(&name, bytes.clone()).await {
            Ok(Created::New) => Ok(true),
            // An answer that was lost: what stands there tells.
            Ok(Created::Exists) | Err(_) => Ok(self.fetch(&name).await? == Some(bytes)),
        }
    }

    /// Removes the files of old entries that a checkpoint holds, those included that a process
    /// which died left, and those that a late writer created in a cleared place.
    async fn remove_below(&self, names: &super::Names, base: u64, now: Timestamp) -> Result<()> {
        for n in names.entries.iter().copied().filter(|n| *n <= base) {
            let Some(bytes) = self.get(n).await? else { continue };
            let old = self.parse(n, &bytes).map(|envelope| now.duration_since(envelope.at));
            if old.is_ok_and(|age| age >= COMPACT_AFTER) {
                self.remove(&self.name(n)).await?;
            }
        }
        Ok(())
    }

    /// The entries after `after` that checkpoints hold, and where they end.
    pub(super) async fn checkpoints(
        &self,
        names: &super::Names,
        after: &Tail,
    ) -> Result<(Vec<LogEntry>, Tail)> {
        let (mut entries, mut tail) = (Vec::new(), Tail::default());
        for (k, expected) in names.checkpoints.iter().zip(1..) {
            let name = self.checkpoint_name(expected);
            if *k != expected {
                return Err(damage(&name, "is missing, although a later one exists"));
            }
            let bytes = self.fetch(&name).await?;
            let bytes = bytes.ok_or_else(|| damage(&name, "is missing"))?;
            let checkpoint = self.parse_checkpoint(expected, &bytes)?;
            for text in &checkpoint.entries {
                let envelope = self.follows(&tail, text.as_bytes())?;
                tail = Tail { n: tail.n + 1, digest: sha256_hex(text.as_bytes()) };
                if tail.n == after.n && tail != *after {
                    return Err(damage(&name, "holds another entry than was read before"));
                }
                if tail.n > after.n {
                    entries.push(LogEntry { n: tail.n, at: envelope.at, body: envelope.body });
                }
            }
            if tail.n != checkpoint.base {
                return Err(damage(&name, "does not hold the entries that it says"));
            }
        }
        Ok((entries, tail))
    }

    /// The last entry that a checkpoint holds; 0 when there is none.
    pub(super) async fn newest_base(&self) -> Result<u64> {
        let prefix = format!("{}/checkpoint/", self.prefix);
        let names = self.listed(&prefix).await?;
        let newest = names.iter().filter_map(|name| self.checkpoint_number(name)).max();
        let Some(newest) = newest else { return Ok(0) };
        let name = self.checkpoint_name(newest);
        let bytes = self.fetch(&name).await?.ok_or_else(|| damage(&name, "is missing"))?;
        Ok(self.parse_checkpoint(newest, &bytes)?.base)
    }

    fn checkpoint_name(&self, k: u64) -> String {
        format!("{}/checkpoint/{k:020}.json", self.prefix)
    }

    /// The number of a checkpoint's file; `None` for any other.
    pub(super) fn checkpoint_number(&self, name: &str) -> Option<u64> {
        let digits = name.rsplit('/').next()?.strip_suffix(".json")?;
        let k = digits.parse().ok().filter(|k| *k > 0)?;
        (self.checkpoint_name(k) == name).then_some(k)
    }

    fn parse_checkpoint(&self, k: u64, bytes: &[u8]) -> Result<Checkpoint> {
        let name = self.checkpoint_name(k);
        let found: Checkpoint = serde_json::from_slice(bytes)
            .map_err(|error| damage(&name, "cannot be read as a checkpoint").because(error))?;
        if found.v != VERSION || found.k != k {
            return Err(damage(&name, "is of another version, or another checkpoint"));
        }
        Ok(found)
    }
}
