//! Trying again: a bounded number of times, after a pause that grows and that chance spreads.

use std::time::Duration;

use rand::Rng;

use crate::{Error, Result};

/// How often something is tried.
const ATTEMPTS: u32 = 8;
/// Half the longest pause before the second attempt; twice as long before each further one.
const PAUSE: Duration = Duration::from_millis(100);
/// No pause is longer, except one that the other side asked for.
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// The longest pause that the other side may ask for.
const ASKED_MAX: Duration = Duration::from_secs(60);

/// Does something until it succeeds, fails for good, or has been tried often enough.
pub(super) async fn retrying<T, F>(what: &str, mut attempt: impl FnMut(u32) -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    for number in 1.. {
        let result = attempt(number).await;
        let Err(error) = &result else { return result };
        let Some(pause) = next_pause(number, error) else { return result };
        tracing::debug!(what, number, error = %error.chain(), "tried again");
        tokio::time::sleep(pause).await;
    }
    Err(Error::failed("retry", format!("{what}: never tried")))
}

/// How long to wait after an attempt of this number; `None` when it was the last.
fn next_pause(number: u32, error: &Error) -> Option<Duration> {
    (number < ATTEMPTS && may_pass(error)).then(|| pause(number, error))
}

/// Whether another attempt may go better. A digest that does not fit can come from a source that
/// was written to while it was read, and a conflict from a writer that came between.
fn may_pass(error: &Error) -> bool {
    error.is_retryable() || matches!(error.code(), "object_digest" | "session_conflict")
}

/// Anything up to twice the pause before it, so that many who failed together do not come back
/// together; never less than what the other side asked for.
fn pause(number: u32, error: &Error) -> Duration {
    let longest = PAUSE.saturating_mul(1 << number.min(16)).min(PAUSE_MAX);
    let chosen = rand::rng().random_range(Duration::ZERO..=longest);
    error.retry_after().map_or(chosen, |asked| asked.min(ASKED_MAX) + chosen / 4)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Instant;

    use super::*;

    async fn failing(error: impl Fn() -> Error) -> (u32, Result<()>) {
        let count = AtomicU32::new(0);
        let attempt = |_| {
            count.fetch_add(1, Ordering::SeqCst);
            let error = error();
            async { Err(error) }
        };
        let result = retrying("a test", attempt).await;
        (count.load(Ordering::SeqCst), result)
    }

    #[tokio::test]
    async fn what_may_pass_is_tried_a_bounded_number_of_times() {
        let away = || Error::missing("away", "away").retryable();
        let (mut count, mut waited) = (0, Duration::ZERO);
        while let Some(before_next) = next_pause(count + 1, &away()) {
            (count, waited) = (count + 1, waited + before_next);
        }
        assert_eq!(count, ATTEMPTS - 1);
        assert!(waited <= PAUSE_MAX * ATTEMPTS);
        let (count, _) = failing(|| Error::failed("broken", "broken")).await;
        assert_eq!(count, 1);
    }

    #[test]
    fn a_pause_is_never_shorter_than_what_was_asked_for() {
        let asked = Duration::from_secs(7);
        let error = Error::missing("slow", "slow down").throttled(Some(asked));
        for number in 1..20 {
            assert!(pause(number, &error) >= asked);
            assert!(pause(number, &error) <= asked + PAUSE_MAX);
        }
        let forever = Error::missing("slow", "slow down").throttled(Some(Duration::MAX));
        assert!(pause(1, &forever) <= ASKED_MAX + PAUSE_MAX);
    }

    /// Many who failed together do not come back together: each tenth of the time is chosen, also
    /// beyond what was asked for.
    #[test]
    fn pauses_are_spread_over_all_the_time_there_is() {
        let asked = Duration::from_secs(7);
        let away = Error::missing("away", "away").retryable();
        let throttled = Error::missing("slow", "slow down").throttled(Some(asked));
        for (error, least) in [(away, Duration::ZERO), (throttled, asked)] {
            for number in [1, 4, ATTEMPTS] {
                let pauses: Vec<_> = (0..2_000).map(|_| pause(number, &error) - least).collect();
                let longest = pauses.iter().max().unwrap().as_secs_f64();
                assert!(longest > 0.0, "attempt {number}: all the same");
                let tenth = |one: &Duration| (one.as_secs_f64() / longest * 9.999) as usize;
                let mut tenths = [0; 10];
                pauses.iter().for_each(|one| tenths[tenth(one)] += 1);
                assert!(tenths.iter().all(|count| *count > 100), "attempt {number}: {tenths:?}");
            }
        }
    }

    #[tokio::test]
    async fn success_is_not_repeated() {
        let begun = Instant::now();
        assert_eq!(retrying("a test", async |number| Ok(number)).await.unwrap(), 1);
        assert!(begun.elapsed() < PAUSE_MAX);
    }
}
