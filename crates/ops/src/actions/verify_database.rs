//! See [`VerifyDatabase`].

use async_trait::async_trait;
use serde_json::Value;
use trefoil_core::plan::VerifyDatabase;

use super::databases::{after_earlier, flowing, kept, output};
use crate::Result;
use crate::engine::{Check, Context, Perform};
use crate::movers::postgres::fingerprint::Extent;
use crate::movers::postgres::verify::{self, Pace};
use crate::movers::postgres::{ddl, guard};

#[async_trait]
impl Perform for VerifyDatabase {
    async fn check(&self, cx: &Context<'_>) -> Result<Check> {
        Ok(after_earlier(cx))
    }

    async fn perform(&self, cx: &Context<'_>) -> Result<Value> {
        let pair = flowing(cx, &self.from, &self.to, &self.stream).await?.patient().await?;
        let pace = Pace::at_most(self.max_load_percent)?;
        let work = verify::streaming(&pair, &self.stream, &pace, cx.progress);
        let work = ddl::during(&pair, &self.stream, Extent::Whole, work);
        let work = guard::during(&pair, &self.stream, work);
        let (mut verified, followed) = kept(cx, (&self.from, &self.to), &self.stream, work).await?;
        verify::again(&pair, &self.stream, &followed.touched, &mut verified, &pace).await?;
        followed.keep(&pair.source).await?;
        output(&verified)
    }

    async fn undo(&self, _cx: &Context<'_>) -> Result<()> {
        Ok(())
    }
}
