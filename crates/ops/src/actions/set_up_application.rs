//! See [`SetUpApplication`].

use async_trait::async_trait;
use serde_json::Value;
use trefoil_core::plan::SetUpApplication;

use crate::engine::{Check, Context, Perform};
use crate::{Result, serving};

#[async_trait]
impl Perform for SetUpApplication {
    /// Only the application knows whether it is set up, so its command is always run: it has to
    /// bear that.
    async fn check(&self, cx: &Context<'_>) -> Result<Check> {
        let application = cx.world.spec_of(&self.environment)?.application;
        if application.is_none_or(|application| application.setup.is_empty()) {
            return Ok(Check::Done(Value::Null));
        }
        cx.site(&self.environment)?;
        Ok(serving::after_provision(cx, &self.environment).unwrap_or(Check::Ready))
    }

    async fn perform(&self, cx: &Context<'_>) -> Result<Value> {
        cx.site(&self.environment)?.compute.set_up().await?;
        Ok(Value::Null)
    }

    /// What it made goes with the environment's data.
    async fn undo(&self, _cx: &Context<'_>) -> Result<()> {
        Ok(())
    }
}
