//! What streams back through the edge, and the clock of an answer.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::gate::Pass;
use super::metrics::Metrics;

/// What a client gets from the upstream. The request is in flight until its last byte was read.
pub(super) struct Download {
    body: Incoming,
    in_flight: Option<(Pass, Timing)>,
}

/// Observes how long a request took when it is dropped.
pub(super) struct Timing {
    pub(super) metrics: Arc<Metrics>,
    pub(super) began: Instant,
}

impl Drop for Timing {
    fn drop(&mut self) {
        self.metrics.observe(self.began.elapsed());
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
