//! See [`StartReturn`].

use async_trait::async_trait;
use serde_json::Value;
use trefoil_core::plan::StartReturn;

use super::databases::{after_earlier, flowing, not_undone};
use crate::Result;
use crate::engine::{Check, Context, Perform};
use crate::movers::postgres::{Pair, stream};

#[async_trait]
impl Perform for StartReturn {
    async fn check(&self, cx: &Context<'_>) -> Result<Check> {
        Ok(after_earlier(cx))
    }

    async fn perform(&self, cx: &Context<'_>) -> Result<Value> {
        let pair = Pair::open(cx, &self.from, &self.to).await?;
        // First the way back: what is written from the switch on waits for it.
        stream::enable(&pair.source, &self.return_stream).await?;
        drop(flowing(cx, &self.to, &self.from, &self.return_stream).await?);
        stream::drop_stream(&pair, &self.stream).await?;
        Ok(Value::Null)
    }

    async fn undo(&self, _cx: &Context<'_>) -> Result<()> {
        Err(not_undone("starting the stream back"))
    }
}
