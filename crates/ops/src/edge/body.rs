//! What streams back through the edge, and the clock of an answer.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::gate::Pass;

/// When a client last sent something: the clock of the upstream's answer begins there.
pub(super) struct Progress {
    began: Instant,
    last_ms: AtomicU64,
}

impl Progress {
    pub(super) fn begin() -> Arc<Self> {
        Arc::new(Self { began: Instant::now(), last_ms: AtomicU64::new(0) })
    }

    /// Something was sent just now.
    pub(super) fn touch(&self) {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_ms.store(now, Ordering::Relaxed);
    }

    /// Returns when nothing was sent for `limit`.
    pub(super) async fn stalled(&self, limit: Duration) {
        loop {
            let last = Duration::from_millis(self.last_ms.load(Ordering::Relaxed));
            let left = (last + limit).saturating_sub(self.began.elapsed());
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left).await;
        }
    }
}

/// What a client gets from the upstream. The request is in flight until its last byte was read.
pub(super) struct Download {
    body: Incoming,
    in_flight: Option<(Pass, Timing)>,
}

/// Observes how long a request took when it is dropped.
pub(super) struct Timing {
    pub(super) gate: Arc<super::gate::Gate>,
    pub(super) began: Instant,
}

impl Drop for Timing {
    fn drop(&mut self) {
        self.gate.metrics.observe(self.began.elapsed());
    }
}

impl Download {
    pub(super) fn new(body: Incoming, pass: Pass, timing: Timing) -> Self {
        let ended = body.is_end_stream();
        Self { body, in_flight: (!ended).then_some((pass, timing)) }
    }
}

impl Body for Download {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if !matches!(frame, Some(Ok(_))) || self.body.is_end_stream() {
            self.in_flight = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
