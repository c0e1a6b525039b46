//! See [`BuildIndexes`].

use async_trait::async_trait;
use serde_json::Value;
use trefoil_core::plan::BuildIndexes;

use super::databases::{after_earlier, stream_of};
use crate::Result;
use crate::engine::{Check, Context, Perform};
use crate::movers::postgres::fingerprint::Extent;
use crate::movers::postgres::{Pair, ddl, guard, schema};

#[async_trait]
impl Perform for BuildIndexes {
    async fn check(&self, cx: &Context<'_>) -> Result<Check> {
        Ok(after_earlier(cx))
    }

    async fn perform(&self, cx: &Context<'_>) -> Result<Value> {
        let pair = Pair::open(cx, &self.from, &self.to).await?.patient().await?;
        let stream = stream_of(cx)?;
        let build = schema::carry_rest(&pair, cx.progress);
        let build = ddl::during(&pair, &stream, Extent::Keys, build);
        let ((), followed) = guard::during(&pair, &stream, build).await?;
        followed.keep(&pair.source).await?;
        Ok(Value::Null)
    }

    /// Indexes go with their tables.
    async fn undo(&self, _cx: &Context<'_>) -> Result<()> {
        Ok(())
    }
}
