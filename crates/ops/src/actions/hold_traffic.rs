//! See [`HoldTraffic`].

use async_trait::async_trait;
use serde_json::Value;
use trefoil_clouds::operate::edge_protocol::{EdgeStatus, Hold};
use trefoil_core::plan::HoldTraffic;

use crate::engine::{Check, Context, Perform};
use crate::{Error, Result, serving};

#[async_trait]
impl Perform for HoldTraffic {
    async fn check(&self, cx: &Context<'_>) -> Result<Check> {
        let Some(edge) = cx.site(&self.environment)?.traffic.status().await? else {
            let error = Error::missing("edge_absent", "the edge does not run: nothing to hold");
            return Ok(Check::Blocked(error.hint(format!("`trefoil up {}`", self.environment))));
        };
        Ok(match is_here(&self.environment, &edge) {
            Ok(()) => Check::Ready,
            Err(error) => Check::Blocked(error),
        })
    }

    async fn perform(&self, cx: &Context<'_>) -> Result<Value> {
        let hold = Hold { limit_requests: self.limit_requests, limit_ms: self.limit_ms };
        cx.require_ours().await?;
        cx.site(&self.environment)?.traffic.hold(&hold).await?;
        Ok(Value::Null)
    }

    /// Releases to the environment that served, under the epoch that the edge has. An edge that
    /// died meanwhile is started again: it remembers its epoch.
    async fn undo(&self, cx: &Context<'_>) -> Result<()> {
        let site = cx.site(&self.environment)?;
        let edge = serving::edge_again(site, &cx.world.spec).await?;
        is_here(&self.environment, &edge)?;
        cx.require_ours().await?;
        serving::release(site, edge.epoch).await
    }
}

/// Refuses an edge that sends users to another environment.
fn is_here(environment: &str, edge: &EdgeStatus) -> Result<()> {
    match &edge.upstream {
        Some(upstream) if upstream.environment != environment => {
            let there = &upstream.environment;
            let why = format!("the edge sends users to `{there}`, not to `{environment}`");
            Err(Error::refused("edge_elsewhere", why).hint("see `trefoil ps`"))
        }
        _ => Ok(()),
    }
}
