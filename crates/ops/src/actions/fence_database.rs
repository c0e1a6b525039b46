//! See [`FenceDatabase`].

use async_trait::async_trait;
use serde_json::Value;
use trefoil_core::plan::FenceDatabase;

use super::databases::{access, after_earlier, alone};
use crate::engine::{Check, Context, Perform};
use crate::movers::postgres::{KeptSessions, Server, access as fence};
use crate::{Error, Result};

#[async_trait]
impl Perform for FenceDatabase {
    async fn check(&self, cx: &Context<'_>) -> Result<Check> {
        Ok(after_earlier(cx))
    }

    async fn perform(&self, cx: &Context<'_>) -> Result<Value> {
        let record = access(cx, &self.access)?;
        let server = KeptSessions::of(cx).lend(cx.site(&self.environment)?).await?;
        cx.require_ours().await?;
        fence::close_as(&server, &record, cx.token()).await?;
        KeptSessions::of(cx).keep(server);
        Ok(Value::Null)
    }

    async fn undo(&self, cx: &Context<'_>) -> Result<()> {
        let record = access(cx, &self.access)?;
        require_other_closed(&self.environment, cx).await?;
        let server = alone(cx, &self.environment).await?;
        cx.require_ours().await?;
        fence::open_as(&server, &record, cx.token()).await
    }
}

/// At most one side may accept writes. The journal says that the other side was not opened;
/// its server is asked too, if it answers.
async fn require_other_closed(environment: &str, cx: &Context<'_>) -> Result<()> {
    let plan = &cx.run.plan;
    let other = if plan.to == environment { &plan.from } else { &plan.to };
    let other = cx.site(other)?;
    let Ok(server) = Server::of_site(other).await else { return Ok(()) };
    if fence::is_closed(&server).await? {
        return Ok(());
    }
    let why = format!("{} is open, so {environment} stays closed", other.name);
    Err(Error::refused("both_would_be_open", why))
}
