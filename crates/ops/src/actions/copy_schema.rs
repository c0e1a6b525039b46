//! See [`CopySchema`].

use async_trait::async_trait;
use serde_json::Value;
use trefoil_core::plan::CopySchema;

use super::databases::{after_earlier, pair_alone};
use crate::Result;
use crate::engine::{Check, Context, Perform};
use crate::movers::postgres::shape::Shape;
use crate::movers::postgres::{Pair, schema};

#[async_trait]
impl Perform for CopySchema {
    async fn check(&self, cx: &Context<'_>) -> Result<Check> {
        Ok(after_earlier(cx))
    }

    async fn perform(&self, cx: &Context<'_>) -> Result<Value> {
        let pair = Pair::open(cx, &self.from, &self.to).await?.patient().await?;
        // What people change from here on is followed.
        let shape = Shape::read(&pair.source).await?;
        schema::carry_tables(&pair).await?;
        shape.keep(&pair.source).await?;
        Ok(Value::Null)
    }

    async fn undo(&self, cx: &Context<'_>) -> Result<()> {
        let pair = pair_alone(cx, &self.from, &self.to).await?.patient().await?;
        schema::drop_all(&pair.target).await
    }
}
