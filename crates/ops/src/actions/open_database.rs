//! See [`OpenDatabase`].

use async_trait::async_trait;
use serde_json::Value;
use trefoil_core::plan::OpenDatabase;

use super::databases::{access, after_earlier, not_undone};
use crate::engine::{Check, Context, Perform};
use crate::movers::postgres::{KeptSessions, access as fence, bookkeeping};
use crate::{Error, Result};

#[async_trait]
impl Perform for OpenDatabase {
    async fn check(&self, cx: &Context<'_>) -> Result<Check> {
        Ok(after_earlier(cx))
    }

    async fn perform(&self, cx: &Context<'_>) -> Result<Value> {
        let record = access(cx, &self.access)?;
        let server = KeptSessions::of(cx).lend(cx.site(&self.environment)?).await?;
        require_other_closed(cx).await?;
        cx.require_ours().await?;
        bookkeeping::raise_epoch(&server, self.epoch).await?;
        fence::open_as(&server, &record, cx.token()).await?;
        Ok(Value::Null)
    }

    async fn undo(&self, _cx: &Context<'_>) -> Result<()> {
        Err(not_undone("opening a database"))
    }
}

/// At most one side may accept writes.
async fn require_other_closed(cx: &Context<'_>) -> Result<()> {
    let other = KeptSessions::of(cx).lend(cx.site(&cx.run.plan.from)?).await?;
    let open = fence::why_open(&other).await?;
    if open.is_empty() {
        return Ok(());
    }
    let why = format!("{} is not closed: {}", other.name, open.join(", "));
    Err(Error::refused("both_would_be_open", why))
}
