//! See [`DrainTraffic`].

use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use trefoil_core::plan::{DrainOutput, DrainTraffic};

use crate::engine::{Check, Context, Perform};
use crate::{Result, serving};

#[async_trait]
impl Perform for DrainTraffic {
    async fn check(&self, cx: &Context<'_>) -> Result<Check> {
        let edge = serving::edge(cx.site(&self.environment)?).await;
        Ok(edge.map_or_else(Check::Blocked, |_| Check::Ready))
    }

    async fn perform(&self, cx: &Context<'_>) -> Result<Value> {
        let site = cx.site(&self.environment)?;
        let drained = site.traffic.drain(Duration::from_millis(self.deadline_ms)).await?;
        Ok(json!(DrainOutput { drained: drained.drained, cut: drained.cut }))
    }

    /// Requests that have ended stay ended.
    async fn undo(&self, _cx: &Context<'_>) -> Result<()> {
        Ok(())
    }
}
