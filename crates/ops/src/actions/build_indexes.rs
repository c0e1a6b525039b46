//! See [`BuildIndexes`].

use async_trait::async_trait;
use serde_json::Value;
use trefoil_core::plan::BuildIndexes;

use super::databases::after_earlier;
use crate::Result;
use crate::engine::{Check, Context, Perform};
use crate::movers::postgres::{Pair, schema};

#[async_trait]
impl Perform for BuildIndexes {
    async fn check(&self, cx: &Context<'_>) -> Result<Check> {
        Ok(after_earlier(cx))
    }

    async fn perform(&self, cx: &Context<'_>) -> Result<Value> {
        let pair = Pair::open(cx, &self.from, &self.to).await?.patient().await?;
        schema::carry_rest(&pair).await?;
        Ok(Value::Null)
    }

    /// Indexes go with their tables.
    async fn undo(&self, _cx: &Context<'_>) -> Result<()> {
        Ok(())
    }
}
