//! See [`VerifyDatabase`].

use async_trait::async_trait;
use serde_json::Value;
use trefoil_core::plan::VerifyDatabase;

use super::databases::{after_earlier, flowing, output};
use crate::Result;
use crate::engine::{Check, Context, Perform};
use crate::movers::postgres::verify::{self, Pace};

#[async_trait]
impl Perform for VerifyDatabase {
    async fn check(&self, cx: &Context<'_>) -> Result<Check> {
        Ok(after_earlier(cx))
    }

    async fn perform(&self, cx: &Context<'_>) -> Result<Value> {
        let pair = flowing(cx, &self.from, &self.to, &self.stream).await?.patient().await?;
        let pace = Pace::at_most(self.max_load_percent)?;
        let verified = verify::streaming(&pair, &self.stream, &pace, cx.progress).await?;
        output(&verified)
    }

    async fn undo(&self, _cx: &Context<'_>) -> Result<()> {
        Ok(())
    }
}
