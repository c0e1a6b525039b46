//! See [`ResumeBackflow`].

use async_trait::async_trait;
use serde_json::Value;
use trefoil_core::plan::ResumeBackflow;

use crate::engine::{Check, Context, Perform};
use crate::{Result, backflow};

#[async_trait]
impl Perform for ResumeBackflow {
    async fn check(&self, cx: &Context<'_>) -> Result<Check> {
        let running = backflow::running(&cx.world.folder, &self.run)?;
        Ok(running.map_or(Check::Ready, |_| Check::Done(Value::Null)))
    }

    async fn perform(&self, cx: &Context<'_>) -> Result<Value> {
        backflow::start(cx.world, &self.run, &self.from, &self.to).await?;
        Ok(Value::Null)
    }

    /// The run that it belongs to needs it whatever becomes of this one.
    async fn undo(&self, _cx: &Context<'_>) -> Result<()> {
        Ok(())
    }
}
