//! What a comparison costs the servers, and the limit of that.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use trefoil_core::plan::VerifyCost;

use crate::{Error, Result};

/// Keeps a comparison to a share of one server process's time, and adds up what it took.
#[derive(Debug)]
pub struct Pace {
    percent: u32,
    began: Instant,
    source_us: AtomicU64,
    target_us: AtomicU64,
    waited_us: AtomicU64,
    queries: AtomicU64,
}

/// Which server works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Source,
    Target,
}

impl Pace {
    /// As fast as the servers answer.
    pub fn full() -> Pace {
        Pace {
            percent: 100,
            began: Instant::now(),
            source_us: AtomicU64::default(),
            target_us: AtomicU64::default(),
            waited_us: AtomicU64::default(),
            queries: AtomicU64::default(),
        }
    }

    /// At most this share of one process on each server, from 1 to 100 percent: after each query
    /// there is a pause in proportion to what it took.
    ///
    /// # Errors
    /// `max_load` when it is no such share.
    pub fn at_most(percent: u32) -> Result<Pace> {
        if !(1..=100).contains(&percent) {
            let why = format!("a load of {percent} percent is not between 1 and 100");
            return Err(Error::usage("max_load", why));
        }
        Ok(Pace { percent, ..Pace::full() })
    }

    /// Does one query's work on a side, and then pauses as it should.
    pub(super) async fn spend<T>(
        &self,
        side: Side,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let began = Instant::now();
        let result = work.await?;
        let took = began.elapsed();
        let busy = if side == Side::Source { &self.source_us } else { &self.target_us };
        busy.fetch_add(micros(took), Ordering::Relaxed);
        self.queries.fetch_add(1, Ordering::Relaxed);
        if self.percent < 100 {
            let pause = took * (100 - self.percent) / self.percent;
            tokio::time::sleep(pause).await;
            self.waited_us.fetch_add(micros(pause), Ordering::Relaxed);
        }
        Ok(result)
    }

    /// What it took so far.
    pub(super) fn cost(&self) -> VerifyCost {
        let millis = |counter: &AtomicU64| counter.load(Ordering::Relaxed) / 1_000;
        VerifyCost {
            source_busy_ms: millis(&self.source_us),
            target_busy_ms: millis(&self.target_us),
            waited_ms: millis(&self.waited_us),
            elapsed_ms: micros(self.began.elapsed()) / 1_000,
            queries: self.queries.load(Ordering::Relaxed),
            max_load_percent: self.percent,
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_quarter_of_the_load_waits_three_times_as_long_as_it_works() {
        let pace = Pace::at_most(25).unwrap();
        let work = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok(())
        };
        pace.spend(Side::Target, work).await.unwrap();
        let cost = pace.cost();
        assert_eq!((cost.source_busy_ms, cost.queries, cost.max_load_percent), (0, 1, 25));
        assert!(cost.target_busy_ms >= 20, "{cost:?}");
        assert!(cost.waited_ms.abs_diff(cost.target_busy_ms * 3) <= 3, "{cost:?}");
        assert!(cost.elapsed_ms >= cost.target_busy_ms + cost.waited_ms, "{cost:?}");
    }

    #[test]
    fn a_share_that_is_none_is_refused() {
        for percent in [0, 101] {
            let error = Pace::at_most(percent).unwrap_err();
            assert_eq!((error.code(), error.kind().exit_code()), ("max_load", 2));
        }
    }
}
