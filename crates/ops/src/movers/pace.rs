//! How fast a copy goes: what a person allows, and what the stores bear.
//!
//! The number in flight follows the stores as a sender follows a network: one more for each round
//! that went well, half as many when a store asks for fewer calls.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use trefoil_core::plan::Limits;

use crate::{Error, Result};

/// How many are in flight at first.
const IN_FLIGHT_FIRST: f64 = 16.0;
/// How many are in flight at most.
pub(super) const IN_FLIGHT_MAX: usize = 64;
/// How much memory the contents in flight may take together: what bounds the process, whatever
/// the number of objects and their sizes.
const MEMORY_BYTES: u64 = 32 * 1024 * 1024;
/// In what steps it is given out.
const MEMORY_UNIT_BYTES: u64 = 64 * 1024;
/// What an object takes whatever its size.
const MEMORY_LEAST_BYTES: u64 = 32 * 1024;
/// What the buffers of its two connections take at most; they grow with the content, to half of it.
const MEMORY_BUFFERS_BYTES: u64 = 512 * 1024;
/// An object takes no more than this, however large it is: it passes in parts.
const MEMORY_EACH_BYTES: u64 = 16 * 1024 * 1024;
/// The number is halved at most once in this time: calls that fail together are one sign.
const HALVED_ONCE_IN: Duration = Duration::from_millis(500);
/// The longest pause that a store may ask for.
const QUIET_MAX: Duration = Duration::from_secs(60);
/// How far a limited rate may run ahead: what was not used for so long is not made up for.
const BURST: Duration = Duration::from_millis(100);
/// With a limit of bytes there are no more in flight than get a piece each within this time,
/// because an object that stands still for a minute is given up.
const PIECE_WITHIN: Duration = Duration::from_secs(10);
/// About the size of a piece.
const PIECE_BYTES: f64 = 256.0 * 1024.0;

/// How fast all copies of a run go together.
#[derive(Debug)]
pub struct Pace {
    window: Mutex<Window>,
    room: Notify,
    memory: Arc<Semaphore>,
    requests: Option<Rate>,
    bytes: Option<Rate>,
}

#[derive(Debug)]
struct Window {
    allowed: f64,
    allowed_max: f64,
    in_flight: usize,
    halved_at: Option<Instant>,
    quiet_until: Option<Instant>,
}

/// The right to work on one object; given back when dropped.
#[derive(Debug)]
pub(super) struct Turn {
    pace: Arc<Pace>,
    _memory: OwnedSemaphorePermit,
}

impl Pace {
    /// A pace within these limits.
    pub fn new(limits: &Limits) -> Arc<Self> {
        let bytes_per_s = limits.max_mbps.map(|mbps| mbps as f64 * 1_000_000.0 / 8.0);
        let allowed_max = bytes_per_s.map_or(IN_FLIGHT_MAX as f64, |rate| {
            (rate * PIECE_WITHIN.as_secs_f64() / PIECE_BYTES).clamp(1.0, IN_FLIGHT_MAX as f64)
        });
        let window = Window {
            allowed: IN_FLIGHT_FIRST.min(allowed_max),
            allowed_max,
            in_flight: 0,
            halved_at: None,
            quiet_until: None,
        };
        Arc::new(Self {
            window: Mutex::new(window),
            room: Notify::new(),
            memory: Arc::new(Semaphore::new((MEMORY_BYTES / MEMORY_UNIT_BYTES) as usize)),
            requests: limits.max_requests.map(|rate| Rate::new(rate as f64)),
            bytes: bytes_per_s.map(Rate::new),
        })
    }

    /// Waits until one more object of this size may be worked on.
    pub(super) async fn turn(self: &Arc<Self>, size_bytes: u64) -> Result<Turn> {
        let memory = self.memory.clone().acquire_many_owned(units(size_bytes)).await;
        let memory = memory
            .map_err(|error| Error::failed("copy_stopped", "the copy has ended").because(error))?;
        loop {
            let room = self.room.notified();
            match self.enter() {
                Entry::Entered => return Ok(Turn { pace: self.clone(), _memory: memory }),
                Entry::Quiet(until) => tokio::time::sleep_until(until).await,
                Entry::Full => room.await,
            }
        }
    }

    /// Waits until so many requests more may be sent.
    pub(super) async fn requests(&self, count: u64) {
        if let Some(rate) = self.requests.as_ref().filter(|_| count > 0) {
            rate.take(count).await;
        }
    }

    /// Waits until so many bytes may pass.
    pub(super) async fn bytes(&self, count: usize) {
        if let Some(rate) = &self.bytes {
            rate.take(count as u64).await;
        }
    }

    /// Something went well.
    pub(super) fn succeeded(&self) {
        let mut window = self.window();
        let more = window.allowed + 1.0 / window.allowed;
        window.allowed = more.min(window.allowed_max);
    }

    /// A store asked for fewer calls, and for none before `after` when it said so.
    pub(super) fn throttled(&self, after: Option<Duration>) {
        let mut window = self.window();
        let now = Instant::now();
        if let Some(after) = after {
            let until = now + after.min(QUIET_MAX);
            window.quiet_until = Some(window.quiet_until.map_or(until, |before| before.max(until)));
        }
        if window.halved_at.is_none_or(|at| now >= at + HALVED_ONCE_IN) {
            window.allowed = (window.allowed / 2.0).max(1.0);
            window.halved_at = Some(now);
            tracing::info!(in_flight = window.allowed as u64, "a store asks for fewer requests");
        }
    }

    fn enter(&self) -> Entry {
        let mut window = self.window();
        if let Some(until) = window.quiet_until.filter(|until| *until > Instant::now()) {
            return Entry::Quiet(until);
        }
        if window.in_flight >= window.allowed as usize {
            return Entry::Full;
        }
        window.in_flight += 1;
        Entry::Entered
    }

    fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many units of memory an object of this size takes.
fn units(size_bytes: u64) -> u32 {
    let buffers = MEMORY_LEAST_BYTES + (size_bytes / 2).min(MEMORY_BUFFERS_BYTES);
    let bytes = size_bytes.saturating_add(buffers).min(MEMORY_EACH_BYTES);
    bytes.div_ceil(MEMORY_UNIT_BYTES) as u32
}

enum Entry {
    Entered,
    Full,
    Quiet(Instant),
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.pace.window().in_flight -= 1;
        self.pace.room.notify_one();
    }
}

/// So many of something in a second, evenly.
#[derive(Debug)]
struct Rate {
    per_s: f64,
    next: Mutex<Instant>,
}

impl Rate {
    fn new(per_s: f64) -> Self {
        Self { per_s: per_s.max(1.0), next: Mutex::new(Instant::now()) }
    }

    async fn take(&self, count: u64) {
        let at = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let earliest = now.checked_sub(BURST).unwrap_or(now);
            let at = (*next).max(earliest);
            *next = at + Duration::from_secs_f64(count as f64 / self.per_s);
            at
        };
        tokio::time::sleep_until(at).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(max_mbps: Option<u64>, max_requests: Option<u64>) -> Limits {
        Limits { max_mbps, max_requests }
    }

    async fn fill(pace: &Arc<Pace>) -> Vec<Turn> {
        let mut turns = Vec::new();
        while let Ok(turn) = tokio::time::timeout(Duration::from_millis(20), pace.turn(0)).await {
            turns.push(turn.unwrap());
        }
        turns
    }

    #[tokio::test]
    async fn the_number_in_flight_is_halved_by_a_throttle_and_grows_again() {
        let pace = Pace::new(&Limits::default());
        assert_eq!(fill(&pace).await.len(), 16);
        pace.throttled(None);
        pace.throttled(None);
        assert_eq!(pace.window().allowed as u32, 8, "calls that fail together count once");
        assert_eq!(fill(&pace).await.len(), 8);
        tokio::time::sleep(HALVED_ONCE_IN).await;
        pace.throttled(None);
        assert_eq!(fill(&pace).await.len(), 4);
        (0..10_000).for_each(|_| pace.succeeded());
        assert_eq!(fill(&pace).await.len(), IN_FLIGHT_MAX);
    }

    #[tokio::test]
    async fn nothing_is_begun_before_the_store_wants_it() {
        let pace = Pace::new(&Limits::default());
        pace.throttled(Some(Duration::from_millis(300)));
        let begun = Instant::now();
        pace.turn(0).await.unwrap();
        assert!(begun.elapsed() >= Duration::from_millis(300));
    }

    #[tokio::test]
    async fn what_is_in_flight_is_bounded_by_its_bytes() {
        for (size_bytes, wanted) in [(4_096, IN_FLIGHT_MAX), (1 << 20, 20), (u64::MAX, 2)] {
            let pace = Pace::new(&Limits::default());
            (0..10_000).for_each(|_| pace.succeeded());
            let mut turns = Vec::new();
            let wait = Duration::from_millis(20);
            while let Ok(turn) = tokio::time::timeout(wait, pace.turn(size_bytes)).await {
                turns.push(turn.unwrap());
            }
            assert_eq!(turns.len(), wanted, "of {size_bytes} bytes each");
        }
    }

    #[tokio::test]
    async fn limits_hold_over_any_time() {
        let pace = Pace::new(&limits(Some(80), Some(1_000)));
        let begun = Instant::now();
        for _ in 0..500 {
            pace.requests(1).await;
        }
        assert!(begun.elapsed() >= Duration::from_millis(380), "{:?}", begun.elapsed());
        let begun = Instant::now();
        for _ in 0..50 {
            pace.bytes(100_000).await;
        }
        assert!(begun.elapsed() >= Duration::from_millis(370), "{:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn a_slow_limit_has_few_in_flight() {
        assert_eq!(fill(&Pace::new(&limits(Some(1), None))).await.len(), 4);
    }
}
