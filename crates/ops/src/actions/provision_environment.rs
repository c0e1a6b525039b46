//! See [`ProvisionEnvironment`].

use async_trait::async_trait;
use serde_json::{Value, json};
use trefoil_clouds::operate::provision::Provisioned;
use trefoil_core::plan::ProvisionEnvironment;

use crate::Result;
use crate::engine::{Check, Context, Perform};

#[async_trait]
impl Perform for ProvisionEnvironment {
    async fn check(&self, cx: &Context<'_>) -> Result<Check> {
        Ok(match cx.site(&self.environment)?.provision.state().await? {
            Provisioned::Running => Check::Done(Value::Null),
            Provisioned::Absent | Provisioned::Stopped => Check::Ready,
        })
    }

    async fn find(&self, cx: &Context<'_>) -> Result<Option<Value>> {
        let before = cx.site(&self.environment)?.provision.state().await?;
        Ok(Some(json!(before)))
    }

    async fn perform(&self, cx: &Context<'_>) -> Result<Value> {
        cx.site(&self.environment)?.provision.provision().await?;
        Ok(Value::Null)
    }

    /// As it was before: nothing, stopped, or running.
    async fn undo(&self, cx: &Context<'_>) -> Result<()> {
        let provision = &cx.site(&self.environment)?.provision;
        match cx.found() {
            Some(Provisioned::Absent) => provision.destroy().await,
            Some(Provisioned::Stopped) => provision.stop().await,
            Some(Provisioned::Running) | None => Ok(()),
        }
    }
}
