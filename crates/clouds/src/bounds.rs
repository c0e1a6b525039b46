//! What bounds every call of a service: time, and the number of entries.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt};

use crate::{Error, Result};

/// The most that one call lists.
pub const PAGE_MAX: usize = 10_000;

/// Bounds a call of a driver in time.
pub(crate) async fn within<T>(
    limit: Duration,
    service: &str,
    call: impl Future<Output = Result<T>>,
) -> Result<T> {
    tokio::time::timeout(limit, call).await.map_err(|_| late(limit, service))?
}

/// A content that counts its pieces, and the count.
pub(crate) fn beating(
    content: BoxStream<'static, Result<Bytes>>,
) -> (BoxStream<'static, Result<Bytes>>, Arc<AtomicU64>) {
    let beat = Arc::new(AtomicU64::new(0));
    let count = beat.clone();
    let content = content.inspect(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
    });
    (content.boxed(), beat)
}

/// Bounds the time in which a call of a driver takes no piece of its content and does not end.
pub(crate) async fn while_it_moves<T>(
    limit: Duration,
    service: &str,
    beat: &AtomicU64,
    call: impl Future<Output = Result<T>>,
) -> Result<T> {
    let mut call = std::pin::pin!(call);
    loop {
        let before = beat.load(Ordering::Relaxed);
        match tokio::time::timeout(limit, &mut call).await {
            Ok(result) => return result,
            Err(_) if beat.load(Ordering::Relaxed) != before => {}
            Err(_) => return Err(late(limit, service)),
        }
    }
}

fn late(limit: Duration, service: &str) -> Error {
    let why = format!("{service} did not answer within {} s", limit.as_secs());
    Error::missing("service_timeout", why).retryable()
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

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_millis(200);

    /// Takes pieces that come every so often, and ends with the last.
    async fn taken(pause: Duration, pieces: u32) -> Result<()> {
        let content = futures::stream::iter(0..pieces).then(move |_| async move {
            tokio::time::sleep(pause).await;
            Ok(Bytes::from_static(b"piece"))
        });
        let (mut content, beat) = beating(content.boxed());
        let take = async {
            while content.next().await.is_some() {}
            Ok(())
        };
        while_it_moves(LIMIT, "objects", &beat, take).await
    }

    #[tokio::test]
    async fn what_moves_may_take_long_and_what_stands_still_may_not() {
        taken(LIMIT / 8, 20).await.unwrap();
        assert_eq!(taken(LIMIT * 4, 2).await.unwrap_err().code(), "service_timeout");
    }
}
