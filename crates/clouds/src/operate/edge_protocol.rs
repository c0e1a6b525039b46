//! What is said between Trefoil and the edge of an application: JSON over HTTP on a Unix socket.
//!
//! `GET /status` · `GET /metrics` · `POST /hold` · `POST /drain` · `POST /release` · `POST /shutdown`

use serde::{Deserialize, Serialize};

/// Lets new requests wait, before their bodies are read. Idempotent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Hold {
    /// How many may wait; more are answered 503 with Retry-After.
    pub limit_requests: u64,
    /// How long one may wait before it is answered 503, in milliseconds.
    pub limit_ms: u64,
}

/// Waits for requests in flight; cuts those that are not done by the deadline.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Drain {
    /// In milliseconds.
    pub deadline_ms: u64,
}

/// How a drain ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Drained {
    /// Requests that ended by themselves.
    pub drained: u64,
    /// Requests that were cut.
    pub cut: u64,
}

/// Sends traffic to an upstream, those held first. Refused when `epoch` is below the edge's, or
/// equal to it for another environment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Release {
    /// The epoch under which the environment serves.
    pub epoch: u64,
    /// Where requests go.
    pub upstream: Upstream,
}

/// Where requests go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upstream {
    /// The environment's name.
    pub environment: String,
    /// Host and port.
    pub address: String,
}

/// How the edge is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EdgeStatus {
    /// The edge's process.
    pub pid: u32,
    /// The address that users reach.
    pub listen: String,
    /// Where requests go; kept across restarts.
    pub upstream: Option<Upstream>,
    /// Never falls; kept across restarts.
    pub epoch: u64,
    /// Whether new requests wait.
    pub holding: bool,
    /// Requests that wait now.
    pub held: u64,
    /// Requests at the upstream now.
    pub in_flight: u64,
    /// Counts since the edge started.
    pub counters: EdgeCounters,
}

/// Counts since the edge started.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct EdgeCounters {
    /// Requests that came in.
    pub requests: u64,
    /// Requests that waited for a switch.
    pub held: u64,
    /// Requests answered 503 because too many waited or one waited too long.
    pub refused: u64,
    /// Requests answered 502 or 504 because the upstream did not answer.
    pub upstream_errors: u64,
    /// Requests cut at the end of a drain.
    pub cut: u64,
    /// Further tries of requests after the upstream's connection had failed.
    #[serde(default)]
    pub retried: u64,
}
