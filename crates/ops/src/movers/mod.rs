//! Movers of data: one for each kind, and what they share.

pub mod objects;
mod pace;
mod passes;
pub mod postgres;
pub mod queue;
mod retry;
pub mod secrets;
pub mod sessions;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use trefoil_core::plan::{CopyOutput, StoreProof};

use crate::Result;
use crate::engine::Progress;

pub use pace::Pace;
pub use passes::Extent;

/// How often progress is shown.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);

/// What a copy has done so far. It can be read while the copy goes on.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    seen: AtomicU64,
    written: AtomicU64,
    deleted: AtomicU64,
    bytes_seen: AtomicU64,
    bytes_written: AtomicU64,
}

impl Tally {
    /// How many were looked at, those included that needed nothing.
    pub fn seen(&self) -> u64 {
        self.counts.seen.load(Ordering::Relaxed)
    }

    /// How many bytes those have that were looked at.
    pub fn bytes_seen(&self) -> u64 {
        self.counts.bytes_seen.load(Ordering::Relaxed)
    }

    /// How many were written or deleted at the target.
    pub fn changed(&self) -> u64 {
        self.counts.written.load(Ordering::Relaxed) + self.counts.deleted.load(Ordering::Relaxed)
    }

    fn saw(&self) {
        self.counts.seen.fetch_add(1, Ordering::Relaxed);
    }

    fn saw_bytes(&self, bytes: u64) {
        self.counts.bytes_seen.fetch_add(bytes, Ordering::Relaxed);
    }

    fn wrote(&self, bytes: u64) {
        self.counts.written.fetch_add(1, Ordering::Relaxed);
        self.counts.bytes_written.fetch_add(bytes, Ordering::Relaxed);
    }

    fn deleted(&self) {
        self.counts.deleted.fetch_add(1, Ordering::Relaxed);
    }

    fn output(&self, source_position: u64, target_position: u64) -> CopyOutput {
        CopyOutput {
            source_position,
            target_position,
            written: self.counts.written.load(Ordering::Relaxed),
            deleted: self.counts.deleted.load(Ordering::Relaxed),
            bytes: self.counts.bytes_written.load(Ordering::Relaxed),
        }
    }
}

/// How many differences are remembered by name; a comparison with more is unequal whatever they are.
const REMEMBERED_MAX: usize = 1_000;

/// What a comparison found while users may have gone on changing one side.
#[derive(Debug)]
pub struct Differences {
    proof: StoreProof,
    found: Vec<(String, String)>,
}

impl Differences {
    fn begin() -> Self {
        Self { proof: StoreProof::begin(), found: Vec::new() }
    }

    fn count(&mut self, bytes: u64) {
        self.proof.count(bytes);
    }

    fn differ(&mut self, key: &str, how: &str) {
        if self.found.len() < REMEMBERED_MAX {
            self.found.push((key.to_owned(), how.to_owned()));
        } else {
            self.proof.differ(format!("more than {REMEMBERED_MAX} differ"));
        }
    }

    /// The comparison's end: what users have changed meanwhile is no difference.
    pub fn settle(self, changed: &HashSet<String>) -> StoreProof {
        let mut proof = self.proof;
        for (key, how) in self.found.into_iter().filter(|(key, _)| !changed.contains(key)) {
            proof.differ(format!("{key}: {how}"));
        }
        proof
    }
}

/// Shows how far a copy is while it goes on, in `unit`s and in bytes.
pub async fn with_progress<T>(
    progress: &dyn Progress,
    tally: &Tally,
    unit: &'static str,
    total_bytes: Option<u64>,
    copy: impl Future<Output = Result<T>>,
) -> Result<T> {
    let show = || {
        progress.advanced(tally.seen(), None, unit);
        if tally.bytes_seen() > 0 {
            progress.advanced(tally.bytes_seen(), total_bytes, "bytes");
        }
    };
    let mut ticks = tokio::time::interval(PROGRESS_EVERY);
    let mut copy = std::pin::pin!(copy);
    loop {
        tokio::select! {
            result = &mut copy => {
                show();
                return result;
            }
            _ = ticks.tick() => show(),
        }
    }
}
