//! See [`VerifyDatabase`].

use async_trait::async_trait;
use serde_json::Value;
use trefoil_core::plan::VerifyDatabase;

use super::databases::{after_earlier, output};
use crate::Result;
use crate::engine::{Check, Context, Perform};
use crate::movers::postgres::{Pair, verify};

#[async_trait]
impl Perform for VerifyDatabase {
    async fn check(&self, cx: &Context<'_>) -> Result<Check> {
        Ok(after_earlier(cx))
    }

    async fn perform(&self, cx: &Context<'_>) -> Result<Value> {
        let pair = Pair::open(cx, &self.from, &self.to).await?.patient().await?;
        output(&verify::streaming(&pair, &self.stream, cx.progress).await?)
    }

    async fn undo(&self, _cx: &Context<'_>) -> Result<()> {
        Ok(())
    }
}
