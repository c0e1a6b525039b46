//! Sending users' requests to an environment.

use std::time::Duration;

use async_trait::async_trait;

use super::edge_protocol::{Drained, EdgeStatus, Hold, Release};
use crate::Result;

/// Sends users' requests to an environment. All calls are idempotent.
#[async_trait]
pub trait Traffic: Send + Sync {
    /// How traffic is switched: `edge` or `dns`.
    fn kind(&self) -> &'static str;
    /// Starts what users reach, on this port, if it does not run.
    async fn open(&self, port: u16) -> Result<()>;
    /// How it is; `None` when it does not run.
    async fn status(&self) -> Result<Option<EdgeStatus>>;
    /// Lets new requests wait.
    async fn hold(&self, hold: &Hold) -> Result<()>;
    /// Waits for requests in flight and cuts the rest.
    async fn drain(&self, deadline: Duration) -> Result<Drained>;
    /// Sends traffic to an upstream, those held first.
    async fn release(&self, release: &Release) -> Result<()>;
    /// Stops it. Users reach nothing from then on.
    async fn close(&self) -> Result<()>;
}
