//! See [`TearDownEnvironment`].

use async_trait::async_trait;
use serde_json::Value;
use trefoil_clouds::operate::Site;
use trefoil_clouds::operate::provision::Provisioned;
use trefoil_core::plan::TearDownEnvironment;

use crate::engine::{Check, Context, Perform};
use crate::{Result, serving};

#[async_trait]
impl Perform for TearDownEnvironment {
    async fn check(&self, cx: &Context<'_>) -> Result<Check> {
        let site = cx.site(&self.environment)?;
        let down = match site.provision.state().await? {
            Provisioned::Absent => true,
            Provisioned::Stopped => !self.destroy,
            Provisioned::Running => false,
        };
        let done = down && !serves(site).await?;
        Ok(if done { Check::Done(Value::Null) } else { Check::Ready })
    }

    /// The edge first, so that users are refused rather than sent to what is going away; then the
    /// application, so that its requests can end while its database lives.
    async fn perform(&self, cx: &Context<'_>) -> Result<Value> {
        let site = cx.site(&self.environment)?;
        if serves(site).await? {
            site.traffic.close().await?;
        }
        if site.provision.state().await? == Provisioned::Running {
            site.compute.stop(serving::drain_time(&cx.world.spec)).await?;
        }
        if self.destroy {
            site.provision.destroy().await?;
        } else {
            site.provision.stop().await?;
        }
        Ok(Value::Null)
    }

    /// Deleted data does not come back, and what was stopped is started by `trefoil up`.
    async fn undo(&self, cx: &Context<'_>) -> Result<()> {
        let name = &self.environment;
        cx.progress.note(&format!("`{name}` stays down; `trefoil up {name}` starts it"));
        Ok(())
    }
}

/// Whether users' requests are sent to the environment.
async fn serves(site: &Site) -> Result<bool> {
    let edge = site.traffic.status().await?;
    let upstream = edge.and_then(|edge| edge.upstream);
    Ok(upstream.is_some_and(|upstream| upstream.environment == site.name))
}
