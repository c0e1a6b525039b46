//! See [`OpenEdge`].

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use trefoil_core::plan::OpenEdge;

use crate::engine::{Check, Context, Perform};
use crate::{Result, serving};

/// Where users reach it.
#[derive(Serialize)]
struct Output {
    listen: String,
}

/// What undoing needs to know.
#[derive(Serialize, Deserialize)]
struct Found {
    /// Whether the edge ran.
    open: bool,
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
        Ok(Check::Done(json!(Output { listen })))
    }

    async fn find(&self, cx: &Context<'_>) -> Result<Option<Value>> {
        let open = cx.site(&self.environment)?.traffic.status().await?.is_some();
        Ok(Some(json!(Found { open })))
    }

    async fn perform(&self, cx: &Context<'_>) -> Result<Value> {
        let site = cx.site(&self.environment)?;
        site.traffic.open(self.port).await?;
        serving::release(site, self.epoch).await?;
        let listen = serving::edge(site).await?.listen;
        Ok(json!(Output { listen }))
    }

    async fn undo(&self, cx: &Context<'_>) -> Result<()> {
        if cx.found().is_some_and(|found: Found| !found.open) {
            cx.site(&self.environment)?.traffic.close().await?;
        }
        Ok(())
    }
}
