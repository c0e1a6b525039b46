//! See [`ArmReturn`].

use async_trait::async_trait;
use serde_json::Value;
use trefoil_core::plan::ArmReturn;

use super::databases::{after_earlier, pair_alone};
use crate::Result;
use crate::engine::{Check, Context, Perform};
use crate::movers::postgres::fingerprint::{self, Extent};
use crate::movers::postgres::{Pair, schema, stream};

#[async_trait]
impl Perform for ArmReturn {
    async fn check(&self, cx: &Context<'_>) -> Result<Check> {
        Ok(after_earlier(cx))
    }

    async fn perform(&self, cx: &Context<'_>) -> Result<Value> {
        let pair = Pair::open(cx, &self.from, &self.to).await?.patient().await?;
        fingerprint::require_same(&pair, Extent::Whole).await?;
        // As late as users do not wait for it: the contents of these views are not replicated.
        schema::refresh_views(&pair).await?;
        stream::arm(&pair.target, &pair.source, &self.stream).await?;
        Ok(Value::Null)
    }

    async fn undo(&self, cx: &Context<'_>) -> Result<()> {
        let back = pair_alone(cx, &self.to, &self.from).await?;
        stream::drop_stream(&back, &self.stream).await
    }
}
