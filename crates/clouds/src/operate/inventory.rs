//! Observing what exists in an environment.

use async_trait::async_trait;
use trefoil_core::inventory::Inventory;

use crate::Result;

/// Observes what exists; changes nothing.
#[async_trait]
pub trait Observe: Send + Sync {
    /// What is there now, and what could not be seen.
    async fn observe(&self) -> Result<Inventory>;
}
