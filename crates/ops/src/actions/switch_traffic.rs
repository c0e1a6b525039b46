//! See [`SwitchTraffic`].

use async_trait::async_trait;
use serde_json::Value;
use trefoil_core::plan::SwitchTraffic;

use crate::engine::{Check, Context, Perform};
use crate::{Error, Result, serving};

#[async_trait]
impl Perform for SwitchTraffic {
    async fn check(&self, cx: &Context<'_>) -> Result<Check> {
        let site = cx.site(&self.to)?;
        if serving::is_served(site, self.epoch).await? {
            return Ok(Check::Done(Value::Null));
        }
        // One that does not run is started when it is time: a held request died with it anyway.
        let epoch = site.traffic.status().await?.map_or(0, |edge| edge.epoch);
        if epoch > self.epoch {
            let why = format!("the edge stands at epoch {epoch}, above {}", self.epoch);
            let error = Error::refused("epoch_stale", why);
            return Ok(Check::Blocked(error.hint("something else switched; make a new plan")));
        }
        Ok(serving::after_start(cx, &self.to).unwrap_or(Check::Ready))
    }

    async fn perform(&self, cx: &Context<'_>) -> Result<Value> {
        let site = cx.site(&self.to)?;
        serving::edge_again(site, &cx.world.spec).await?;
        cx.require_ours().await?;
        serving::release(site, self.epoch).await?;
        Ok(Value::Null)
    }

    /// Never called by the engine: users of the other side may have written already.
    async fn undo(&self, _cx: &Context<'_>) -> Result<()> {
        Err(Error::refused("run_switched", "traffic that was switched is not switched back")
            .hint("the way back is a rollback"))
    }
}
