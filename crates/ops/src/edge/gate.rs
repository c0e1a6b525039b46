//! Who may go through: every request is counted as in flight before a hold took effect, or it is
//! held. One lock decides, so there is no third case.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;
use trefoil_clouds::operate::edge_protocol::{Drained, EdgeStatus, Hold, Release, Upstream};

use super::metrics::{Limits, Metrics};
use super::upload::{Budget, Upload};
use crate::{Error, Result};

/// How many requests may be under way, held or in flight; more are answered 503.
pub(super) const REQUESTS_MAX: usize = 10_000;
/// How long connecting to the upstream may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a connection to the upstream is kept for the next request: shorter than the usual
/// servers keep it (gunicorn 2 s, uvicorn and node 5 s), so that they do not close it under us.
const POOL_IDLE: Duration = Duration::from_secs(1);
/// How long requests may take to notice that they are cut.
const CUT_TIMEOUT: Duration = Duration::from_secs(5);

/// Where requests go, with the connections that belong to it alone.
pub(super) struct Target {
    pub(super) upstream: Upstream,
    pub(super) client: Client<HttpConnector, Upload>,
}

impl Target {
    fn new(upstream: Upstream) -> Arc<Self> {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(POOL_IDLE)
            .pool_timer(TokioTimer::new())
            .build(connector);
        Arc::new(Self { upstream, client })
    }
}

/// The gate of an edge.
pub(super) struct Gate {
    inner: Mutex<Inner>,
    /// Told when nothing is in flight.
    quiet: Notify,
    pub(super) metrics: Arc<Metrics>,
    /// Of all bodies that are kept for another try.
    kept: Arc<Budget>,
}

struct Inner {
    epoch: u64,
    target: Option<Arc<Target>>,
    hold: Option<Hold>,
    next_number: u64,
    /// Held requests by number, which is their order.
    waiting: BTreeMap<u64, Waiting>,
    /// Requests in flight by number, with what cuts their connection.
    in_flight: BTreeMap<u64, CancellationToken>,
}

struct Waiting {
    cut: CancellationToken,
    pass: oneshot::Sender<Pass>,
}

/// The right to be at the upstream. The request counts as in flight until this is dropped.
pub(super) struct Pass {
    pub(super) target: Arc<Target>,
    gate: Arc<Gate>,
    number: u64,
}

impl Pass {
    /// What may be kept of bodies for another try.
    pub(super) fn budget(&self) -> Arc<Budget> {
        self.gate.kept.clone()
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut inner = self.gate.lock();
        inner.in_flight.remove(&self.number);
        if inner.in_flight.is_empty() {
            self.gate.quiet.notify_waiters();
        }
    }
}

/// What a request gets at the gate.
pub(super) enum Entry {
    /// It goes to the upstream.
    Go(Pass),
    /// It is held.
    Wait(Ticket),
    /// It is answered 503, and this is why.
    Refused(&'static str),
}

/// The place of a held request. Dropping it gives the place up.
pub(super) struct Ticket {
    gate: Arc<Gate>,
    number: u64,
    limit: Duration,
    pass: oneshot::Receiver<Pass>,
}

impl Ticket {
    /// Waits for the release; `None` when that took too long.
    pub(super) async fn wait(mut self) -> Option<Pass> {
        if let Ok(released) = tokio::time::timeout(self.limit, &mut self.pass).await {
            return released.ok();
        }
        self.gate.lock().waiting.remove(&self.number);
        // A release that was faster than this has sent the pass under the same lock.
        self.pass.try_recv().ok()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.gate.lock().waiting.remove(&self.number);
    }
}

impl Gate {
    /// A gate that is open to the upstream, if there is one.
    pub(super) fn new(epoch: u64, upstream: Option<Upstream>) -> Arc<Self> {
        Arc::new(Self {
            inner: Mutex::new(Inner {
                epoch,
                target: upstream.map(Target::new),
                hold: None,
                next_number: 0,
                waiting: BTreeMap::new(),
                in_flight: BTreeMap::new(),
            }),
            quiet: Notify::new(),
            metrics: Arc::default(),
            kept: Arc::default(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request arrives; `cut` ends its connection.
    pub(super) fn enter(self: &Arc<Self>, cut: CancellationToken) -> Entry {
        self.metrics.requests.add(1);
        let mut inner = self.lock();
        if inner.in_flight.len() + inner.waiting.len() >= REQUESTS_MAX {
            return Entry::Refused("too many requests are under way");
        }
        let number = inner.next_number;
        inner.next_number += 1;
        if let Some(hold) = &inner.hold {
            if inner.waiting.len() as u64 >= hold.limit_requests {
                return Entry::Refused("too many requests wait for a switch");
            }
            let limit = Duration::from_millis(hold.limit_ms);
            let (sender, pass) = oneshot::channel();
            inner.waiting.insert(number, Waiting { cut, pass: sender });
            self.metrics.held.add(1);
            return Entry::Wait(Ticket { gate: self.clone(), number, limit, pass });
        }
        match inner.target.clone() {
            None => Entry::Refused("no environment serves yet"),
            Some(target) => {
                inner.in_flight.insert(number, cut);
                Entry::Go(Pass { target, gate: self.clone(), number })
            }
        }
    }

    /// From now on requests wait.
    pub(super) fn hold(&self, hold: Hold) {
        self.lock().hold = Some(hold);
    }

    /// Waits until nothing is in flight, at most `deadline`, then cuts what is.
    pub(super) async fn drain(&self, deadline: Duration) -> Result<Drained> {
        let before = {
            let inner = self.lock();
            if inner.hold.is_none() {
                let message = "requests are not held, so those in flight would never end";
                return Err(Error::refused("edge_not_holding", message)
                    .hint("hold first; an edge that was started again does not hold"));
            }
            inner.in_flight.len() as u64
        };
        if tokio::time::timeout(deadline, self.wait_quiet()).await.is_ok() {
            return Ok(Drained { drained: before, cut: 0 });
        }
        let cut = {
            let inner = self.lock();
            inner.in_flight.values().for_each(CancellationToken::cancel);
            inner.in_flight.len() as u64
        };
        self.metrics.cut.add(cut);
        tokio::time::timeout(CUT_TIMEOUT, self.wait_quiet()).await.map_err(|_| {
            Error::failed("edge_failed", "requests that were cut are still in flight").retryable()
        })?;
        Ok(Drained { drained: before.saturating_sub(cut), cut })
    }

    async fn wait_quiet(&self) {
        loop {
            let told = self.quiet.notified();
            tokio::pin!(told);
            // Listens before it looks, so that the last request cannot end in between unheard.
            told.as_mut().enable();
            if self.lock().in_flight.is_empty() {
                return;
            }
            told.await;
        }
    }

    /// Whether a release is allowed: the epoch never falls, and one epoch has one environment.
    pub(super) fn permits(&self, release: &Release) -> Result<()> {
        let inner = self.lock();
        let refused = |message: String| {
            Error::refused("edge_epoch", message)
                .hint("another run has switched since; `trefoil runs` shows it")
        };
        if release.epoch < inner.epoch {
            let (new, now) = (release.epoch, inner.epoch);
            return Err(refused(format!("epoch {new} is below the edge's epoch {now}")));
        }
        match &inner.target {
            Some(target)
                if release.epoch == inner.epoch
                    && target.upstream.environment != release.upstream.environment =>
            {
                let serves = &target.upstream.environment;
                let message = format!("in epoch {} it is `{serves}` that serves", inner.epoch);
                Err(refused(message))
            }
            _ => Ok(()),
        }
    }

    /// Sends requests to an upstream from now on; those held go first, in the order in which
    /// they came.
    pub(super) fn release(self: &Arc<Self>, release: Release) {
        let target = Target::new(release.upstream);
        let mut gone = Vec::new();
        {
            let mut inner = self.lock();
            inner.epoch = release.epoch;
            inner.target = Some(target.clone());
            inner.hold = None;
            for (number, waiting) in std::mem::take(&mut inner.waiting) {
                inner.in_flight.insert(number, waiting.cut);
                let pass = Pass { target: target.clone(), gate: self.clone(), number };
                gone.extend(waiting.pass.send(pass).err());
            }
        }
        // Passes of clients that have gone: dropping one takes the lock.
        drop(gone);
    }

    /// How it is.
    pub(super) fn status(&self, listen: SocketAddr) -> EdgeStatus {
        let inner = self.lock();
        EdgeStatus {
            pid: std::process::id(),
            listen: listen.to_string(),
            upstream: inner.target.as_ref().map(|target| target.upstream.clone()),
            epoch: inner.epoch,
            holding: inner.hold.is_some(),
            held: inner.waiting.len() as u64,
            in_flight: inner.in_flight.len() as u64,
            counters: self.metrics.counters(),
        }
    }

    /// How many requests there may be now.
    pub(super) fn limits(&self) -> Limits {
        let held = self.lock().hold.as_ref().map_or(0, |hold| hold.limit_requests);
        Limits { held, requests: REQUESTS_MAX as u64 }
    }
}
