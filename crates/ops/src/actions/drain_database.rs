//! See [`DrainDatabase`].

use async_trait::async_trait;
use serde_json::Value;
use trefoil_core::plan::DrainDatabase;

use super::databases::{after_earlier, kept};
use crate::Result;
use crate::engine::{Check, Context, Perform};
use crate::movers::postgres::client::process;
use crate::movers::postgres::{Pair, marker};

#[async_trait]
impl Perform for DrainDatabase {
    async fn check(&self, cx: &Context<'_>) -> Result<Check> {
        Ok(after_earlier(cx))
    }

    async fn perform(&self, cx: &Context<'_>) -> Result<Value> {
        let pair = Pair::lent(cx, &self.from, &self.to).await?;
        process::ensure(cx.world, &pair, &self.stream).await?;
        let drained = marker::drain(&pair, &self.stream, &cx.run.plan.plan_id);
        kept(cx, (&self.from, &self.to), &self.stream, drained).await?;
        pair.keep(cx);
        Ok(Value::Null)
    }

    /// The markers go with the bookkeeping.
    async fn undo(&self, _cx: &Context<'_>) -> Result<()> {
        Ok(())
    }
}
