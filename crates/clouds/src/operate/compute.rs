//! Starting and stopping the application.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::Result;

/// The running application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Host and port where it listens.
    pub address: String,
    /// Process or instance identifiers.
    pub instances: Vec<String>,
}

/// Starts and stops the application. All calls are idempotent.
#[async_trait]
pub trait Compute: Send + Sync {
    /// Runs the setup command to its end, if the specification has one.
    async fn set_up(&self) -> Result<()>;
    /// Starts the application and waits until its health path answers, whatever its database does.
    async fn start(&self) -> Result<Running>;
    /// Stops it; requests in flight have `drain` to end.
    async fn stop(&self, drain: Duration) -> Result<()>;
    /// The running application, or `None`.
    async fn running(&self) -> Result<Option<Running>>;
    /// Whether its ready path answers 200; otherwise why not, in words.
    async fn ready(&self) -> Result<std::result::Result<(), String>>;
}
