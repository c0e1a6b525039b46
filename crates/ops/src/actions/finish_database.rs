//! See [`FinishDatabase`].

use async_trait::async_trait;
use serde_json::Value;
use trefoil_core::plan::{FinishDatabase, PrepareOutput, Prepared};

use super::databases::{after_earlier, not_undone};
use crate::Result;
use crate::engine::{Check, Context, Perform};
use crate::movers::postgres::{Pair, guard, prepare};

#[async_trait]
impl Perform for FinishDatabase {
    async fn check(&self, cx: &Context<'_>) -> Result<Check> {
        Ok(after_earlier(cx))
    }

    async fn perform(&self, cx: &Context<'_>) -> Result<Value> {
        let prepared: PrepareOutput = match &self.prepared {
            Prepared::Step(step) => cx.output(*step)?,
            Prepared::Known(known) => (**known).clone(),
        };
        let back = Pair::open(cx, &self.to, &self.from).await?;
        cx.require_ours().await?;
        guard::restore_limit(&back.source).await?;
        guard::restore_limit(&back.target).await?;
        prepare::finish(&back, &self.return_stream, &prepared).await?;
        Ok(Value::Null)
    }

    async fn undo(&self, _cx: &Context<'_>) -> Result<()> {
        Err(not_undone("closing the way back"))
    }
}
