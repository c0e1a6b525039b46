//! See [`AwaitStream`].

use async_trait::async_trait;
use serde_json::Value;
use trefoil_core::plan::AwaitStream;

use super::databases::{after_earlier, flowing, output};
use crate::Result;
use crate::engine::{Check, Context, Perform};
use crate::movers::postgres::lag;

#[async_trait]
impl Perform for AwaitStream {
    async fn check(&self, cx: &Context<'_>) -> Result<Check> {
        Ok(after_earlier(cx))
    }

    async fn perform(&self, cx: &Context<'_>) -> Result<Value> {
        let pair = flowing(cx, &self.from, &self.to, &self.stream).await?;
        let told = |lag: lag::Lag| cx.progress.advanced(0, Some(lag.behind_bytes), "bytes");
        lag::catch_up(&pair, &self.stream, &told).await?;
        output(&lag::lag(&pair.source, &self.stream).await?)
    }

    async fn undo(&self, _cx: &Context<'_>) -> Result<()> {
        Ok(())
    }
}
