//! What bounds every call of a service: time, and the number of entries.

use std::time::Duration;

use crate::{Error, Result};

/// The most that one call lists.
pub const PAGE_MAX: usize = 10_000;

/// Bounds a call of a driver in time.
pub(crate) async fn within<T>(
    limit: Duration,
    service: &str,
    call: impl Future<Output = Result<T>>,
) -> Result<T> {
    let late = |_| {
        let why = format!("{service} did not answer within {} s", limit.as_secs());
        Error::missing("service_timeout", why).retryable()
    };
    tokio::time::timeout(limit, call).await.map_err(late)?
}

/// Refuses a number of entries that one call does not list. Fewer are never returned instead:
/// whoever reads changes takes a short page for the end.
pub(crate) fn check_limit(limit: usize) -> Result<()> {
    if (1..=PAGE_MAX).contains(&limit) {
        return Ok(());
    }
    let why = format!("{limit} entries were asked for; 1 to {PAGE_MAX} are allowed");
    Err(Error::usage("limit_range", why))
}
