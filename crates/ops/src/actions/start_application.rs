//! See [`StartApplication`].

use async_trait::async_trait;
use serde_json::{Value, json};
use trefoil_core::plan::{StartApplication, StartFound, StartOutput};

use crate::engine::{Check, Context, Perform};
use crate::{Result, serving};

#[async_trait]
impl Perform for StartApplication {
    async fn check(&self, cx: &Context<'_>) -> Result<Check> {
        let site = cx.site(&self.environment)?;
        if let Some(after) = serving::after_provision(cx, &self.environment) {
            return Ok(after);
        }
        let Some(running) = site.compute.running().await? else { return Ok(Check::Ready) };
        Ok(Check::Done(json!(StartOutput { address: running.address })))
    }

    async fn find(&self, cx: &Context<'_>) -> Result<Option<Value>> {
        let ran = cx.site(&self.environment)?.compute.running().await?.is_some();
        Ok(Some(json!(StartFound { ran: ran && !self.standby })))
    }

    async fn perform(&self, cx: &Context<'_>) -> Result<Value> {
        let running = cx.site(&self.environment)?.compute.start().await?;
        Ok(json!(StartOutput { address: running.address }))
    }

    async fn undo(&self, cx: &Context<'_>) -> Result<()> {
        if cx.found().is_some_and(|found: StartFound| found.ran) {
            return Ok(());
        }
        let drain = serving::drain_time(&cx.world.spec);
        cx.site(&self.environment)?.compute.stop(drain).await
    }
}
