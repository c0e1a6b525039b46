//! See [`CopyRows`].

use async_trait::async_trait;
use serde_json::{Value, json};
use trefoil_core::plan::CopyRows;

use super::databases::{after_earlier, kept, pair_alone};
use crate::Result;
use crate::engine::{Check, Context, Perform};
use crate::movers::postgres::client::process;
use crate::movers::postgres::fingerprint::Extent;
use crate::movers::postgres::{Copied, Pair, catalog, ddl, guard, schema, stream};

#[async_trait]
impl Perform for CopyRows {
    async fn check(&self, cx: &Context<'_>) -> Result<Check> {
        Ok(after_earlier(cx))
    }

    async fn perform(&self, cx: &Context<'_>) -> Result<Value> {
        let pair = Pair::open(cx, &self.from, &self.to).await?;
        let tables = catalog::tables(&pair.source).await?;
        let total: u64 = tables.iter().map(|table| table.bytes).sum();
        let told = |copied: Copied| {
            cx.progress.advanced(copied.bytes.min(total), Some(total), "bytes");
        };
        // What changes in the schema meanwhile is followed when the stream flows: until then the
        // copy itself notices it.
        let copy = async {
            stream::begin_copy(&pair, &self.stream, &told).await?;
            process::ensure(cx.world, &pair, &self.stream).await?;
            stream::await_copied(&pair, &self.stream, &told).await
        };
        let copy = guard::during(&pair, &self.stream, copy);
        let copied = kept(cx, (&self.from, &self.to), &self.stream, copy).await?;
        let follow = stream::await_copied(&pair, &self.stream, &told);
        let follow = ddl::during(&pair, &self.stream, Extent::Keys, follow);
        let follow = guard::during(&pair, &self.stream, follow);
        let (_, followed) = kept(cx, (&self.from, &self.to), &self.stream, follow).await?;
        followed.keep(&pair.source).await?;
        Ok(json!({ "tables": copied.tables, "bytes": copied.bytes }))
    }

    async fn undo(&self, cx: &Context<'_>) -> Result<()> {
        let pair = pair_alone(cx, &self.from, &self.to).await?.patient().await?;
        stream::unsubscribe(&pair, &self.stream).await?;
        schema::empty_tables(&pair.target).await
    }
}
