//! See [`CopyRows`].

use async_trait::async_trait;
use serde_json::{Value, json};
use trefoil_core::plan::CopyRows;

use super::databases::{after_earlier, pair_alone};
use crate::Result;
use crate::engine::{Check, Context, Perform};
use crate::movers::postgres::client::process;
use crate::movers::postgres::{Pair, catalog, schema, stream};

#[async_trait]
impl Perform for CopyRows {
    async fn check(&self, cx: &Context<'_>) -> Result<Check> {
        Ok(after_earlier(cx))
    }

    async fn perform(&self, cx: &Context<'_>) -> Result<Value> {
        let pair = Pair::open(cx, &self.from, &self.to).await?;
        let tables = catalog::tables(&pair.source).await?;
        let total: u64 = tables.iter().map(|table| table.bytes).sum();
        stream::begin_copy(&pair, &self.stream).await?;
        process::ensure(cx.world, &pair, &self.stream).await?;
        let told = |copied: stream::Copied| {
            cx.progress.advanced(copied.bytes.min(total), Some(total), "bytes");
        };
        let copied = stream::await_copied(&pair, &self.stream, &told).await?;
        Ok(json!({ "tables": copied.tables, "bytes": copied.bytes }))
    }

    async fn undo(&self, cx: &Context<'_>) -> Result<()> {
        let pair = pair_alone(cx, &self.from, &self.to).await?.patient().await?;
        stream::unsubscribe(&pair, &self.stream).await?;
        schema::empty_tables(&pair.target).await
    }
}
