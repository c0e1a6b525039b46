//! See [`AwaitReady`].

use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use trefoil_core::plan::AwaitReady;

use crate::engine::{Check, Context, Perform};
use crate::{Result, serving};

#[async_trait]
impl Perform for AwaitReady {
    async fn check(&self, cx: &Context<'_>) -> Result<Check> {
        let site = cx.site(&self.environment)?;
        if let Some(after) = serving::after_start(cx, &self.environment) {
            return Ok(after);
        }
        let ready = site.compute.ready().await?;
        Ok(if ready.is_ok() { Check::Done(Value::Null) } else { Check::Ready })
    }

    async fn perform(&self, cx: &Context<'_>) -> Result<Value> {
        let site = cx.site(&self.environment)?;
        let limit = Duration::from_millis(self.timeout_ms);
        serving::await_ready(site, &cx.world.spec_of(&self.environment)?, limit).await?;
        Ok(Value::Null)
    }

    /// Waiting changes nothing.
    async fn undo(&self, _cx: &Context<'_>) -> Result<()> {
        Ok(())
    }
}
