//! See [`StopApplication`].

use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use trefoil_core::plan::StopApplication;

use crate::engine::{Check, Context, Perform};
use crate::{Result, serving};

#[async_trait]
impl Perform for StopApplication {
    async fn check(&self, cx: &Context<'_>) -> Result<Check> {
        let running = cx.site(&self.environment)?.compute.running().await?;
        Ok(if running.is_some() { Check::Ready } else { Check::Done(Value::Null) })
    }

    async fn perform(&self, cx: &Context<'_>) -> Result<Value> {
        let drain = Duration::from_millis(self.drain_ms);
        cx.site(&self.environment)?.compute.stop(drain).await?;
        Ok(Value::Null)
    }

    /// The environment has to serve again, so this ends only when the application says it can.
    async fn undo(&self, cx: &Context<'_>) -> Result<()> {
        let site = cx.site(&self.environment)?;
        site.compute.start().await?;
        let spec = cx.world.spec_of(&self.environment)?;
        serving::await_ready(site, &spec, serving::start_time(&spec)).await
    }
}
