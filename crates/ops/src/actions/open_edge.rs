//! See [`OpenEdge`].

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use trefoil_core::plan::OpenEdge;

use crate::engine::{Check, Context, Perform};
use crate::{Result, serving};

/// Where users reach it, and what undoing needs to know.
#[derive(Serialize, Deserialize)]
struct Output {
    /// The address that users reach.
    listen: String,
    /// Whether this run started the edge.
    opened: bool,
}

#[async_trait]
impl Perform for OpenEdge {
    async fn check(&self, cx: &Context<'_>) -> Result<Check> {
        let site = cx.site(&self.environment)?;
        if let Some(after) = serving::after_start(cx, &self.environment) {
            return Ok(after);
        }
        if !serving::is_served(site, self.epoch).await? {
            return Ok(Check::Ready);
        }
        let listen = serving::edge(site).await?.listen;
        Ok(Check::Done(json!(Output { listen, opened: false })))
    }

    async fn perform(&self, cx: &Context<'_>) -> Result<Value> {
        let site = cx.site(&self.environment)?;
        let opened = site.traffic.status().await?.is_none();
        site.traffic.open(self.port).await?;
        serving::release(site, self.epoch).await?;
        let listen = serving::edge(site).await?.listen;
        Ok(json!(Output { listen, opened }))
    }

    async fn undo(&self, cx: &Context<'_>) -> Result<()> {
        if cx.output::<Output>(cx.step.n).is_ok_and(|output| output.opened) {
            cx.site(&self.environment)?.traffic.close().await?;
        }
        Ok(())
    }
}
