//! See [`DetachDatabase`].

use async_trait::async_trait;
use serde_json::Value;
use trefoil_core::plan::DetachDatabase;

use super::databases::{after_earlier, alone, flowing};
use crate::Result;
use crate::engine::{Check, Context, Perform};
use crate::movers::postgres::{Pair, stream};

#[async_trait]
impl Perform for DetachDatabase {
    async fn check(&self, cx: &Context<'_>) -> Result<Check> {
        Ok(after_earlier(cx))
    }

    async fn perform(&self, cx: &Context<'_>) -> Result<Value> {
        let pair = Pair::lent(cx, &self.from, &self.to).await?;
        cx.require_ours().await?;
        stream::detach(&pair, &self.stream, &self.return_stream).await?;
        pair.keep(cx);
        Ok(Value::Null)
    }

    /// The stream flows again; the stream back is put behind it when this is performed again.
    async fn undo(&self, cx: &Context<'_>) -> Result<()> {
        let target = alone(cx, &self.to).await?;
        match stream::is_awake(&target, &self.stream).await? {
            Some(false) => {
                stream::enable(&target, &self.stream).await?;
                flowing(cx, &self.from, &self.to, &self.stream).await.map(drop)
            }
            Some(true) | None => Ok(()),
        }
    }
}
