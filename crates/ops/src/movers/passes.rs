//! Pass after pass over what changes, until what is left is small, or nothing.

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt};

use crate::{Error, Result};

/// How many changes are read at once.
pub(super) const PAGE: usize = 256;
/// How many changes are carried at the same time.
pub(super) const IN_FLIGHT: usize = 16;
/// A pass with no more changes than this is small: the next one is as short as it can be.
const SMALL: u64 = PAGE as u64;
/// How many passes are made while the source goes on changing. What is left then is for the next
/// copy.
const PASSES_MAX: u32 = 20;
/// How many passes a quiet source may need. One is enough for a source that is really quiet.
const QUIET_PASSES_MAX: u32 = 3;

/// How far a copy goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Once through what has changed.
    OnePass,
    /// Passes until one is small.
    UntilSmall,
    /// Until nothing is left. The source can no longer change; it is an error when it does.
    UntilQuiet,
}

/// What can be gone through again and again.
pub(super) trait Pass: Sync {
    /// What it is that changes, in words.
    fn what(&self) -> &'static str;
    /// Once through everything that changed after a position.
    fn once(&self, since: u64) -> impl Future<Output = Result<Passed>> + Send;
    /// Whether nothing has changed since this pass.
    fn is_quiet(&self, passed: &Passed) -> impl Future<Output = Result<bool>> + Send;
}

/// What a pass did.
#[derive(Debug, Clone, Copy)]
pub(super) struct Passed {
    /// Everything up to here is at the target.
    pub(super) reached: u64,
    /// How many changes it saw.
    pub(super) count: u64,
    /// How many of them had to be carried.
    pub(super) changed: u64,
}

/// Makes passes from `since` on; the position up to which everything is at the target.
pub(super) async fn follow(pass: &impl Pass, since: u64, extent: Extent) -> Result<u64> {
    let mut position = since;
    let passes_max = match extent {
        Extent::OnePass => 1,
        Extent::UntilSmall => PASSES_MAX,
        Extent::UntilQuiet => QUIET_PASSES_MAX,
    };
    for _ in 0..passes_max {
        let passed = pass.once(position).await?;
        position = passed.reached;
        let enough = match extent {
            Extent::OnePass => true,
            Extent::UntilSmall => passed.count <= SMALL,
            Extent::UntilQuiet => pass.is_quiet(&passed).await?,
        };
        if enough {
            return Ok(position);
        }
    }
    if extent == Extent::UntilQuiet {
        let why = format!("{} still change at the source, which must be quiet", pass.what());
        return Err(Error::refused("source_not_quiet", why)
            .hint("something other than the application writes there; stop it"));
    }
    Ok(position)
}

/// A change record, and what is done with each change.
#[async_trait]
pub(super) trait Feed: Send + Sync {
    /// A change.
    type Change: Send + Sync;
    /// What it is that changes, in words.
    fn what(&self) -> &'static str;
    /// Where a change stands in the record.
    fn position_of(&self, change: &Self::Change) -> u64;
    /// The position of the newest change.
    async fn newest(&self) -> Result<u64>;
    /// The changes after `since`, oldest first, each key once; fewer than `limit` at the end.
    async fn page(&self, since: u64, limit: usize) -> Result<Vec<Self::Change>>;
    /// Brings one change to the target. Idempotent.
    async fn carry(&self, change: Self::Change) -> Result<()>;
}

/// Passes over a change record.
pub(super) struct OverRecord<F>(pub(super) F);

impl<F: Feed> Pass for OverRecord<F> {
    fn what(&self) -> &'static str {
        self.0.what()
    }

    /// A page is finished before the next one is read. A key is in a page once, but it can be in
    /// the next one again, and two writes of one key at the same time could end in the wrong order.
    async fn once(&self, since: u64) -> Result<Passed> {
        let feed = &self.0;
        // Everything up to here is seen by this pass, also when the record has forgotten some of it.
        let newest = feed.newest().await?;
        let mut position = since;
        let mut count = 0;
        loop {
            let page = feed.page(position, PAGE).await?;
            if let Some(last) = page.last() {
                position = feed.position_of(last);
            }
            let length = page.len();
            count += length as u64;
            futures::stream::iter(page)
                .map(|change| feed.carry(change))
                .buffer_unordered(IN_FLIGHT)
                .try_collect::<()>()
                .await?;
            // A record that grows as fast as it is read is left to the next pass.
            if length < PAGE || position >= newest {
                return Ok(Passed { reached: position.max(newest), count, changed: count });
            }
        }
    }

    async fn is_quiet(&self, passed: &Passed) -> Result<bool> {
        Ok(self.0.page(passed.reached, 1).await?.is_empty())
    }
}
