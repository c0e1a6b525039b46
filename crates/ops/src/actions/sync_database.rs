//! See [`SyncDatabase`].

use async_trait::async_trait;
use serde_json::Value;
use trefoil_core::plan::{SyncDatabase, SyncOutput, VerifyOutput};

use super::databases::{after_earlier, output};
use crate::Result;
use crate::engine::{Check, Context, Perform};
use crate::movers::postgres::{Pair, ddl, large_objects, sequences, unlogged, verify};

#[async_trait]
impl Perform for SyncDatabase {
    async fn check(&self, cx: &Context<'_>) -> Result<Check> {
        Ok(after_earlier(cx))
    }

    async fn perform(&self, cx: &Context<'_>) -> Result<Value> {
        let verified: VerifyOutput = cx.output(self.verified)?;
        let pair = Pair::lent(cx, &self.from, &self.to).await?;
        ddl::require_unchanged(&pair).await?;
        let sequences = sequences::carry(&pair).await?;
        let mut tables = verify::recheck(&pair, &verified).await?;
        if self.unstreamed.unlogged {
            unlogged::carry(&pair).await?;
            tables.extend(verify::unlogged(&pair).await?);
        }
        if self.unstreamed.large_objects {
            let proof = large_objects::carry(&pair).await?;
            large_objects::require_equal(&proof, &pair)?;
            tables.push(proof);
        }
        pair.keep(cx);
        output(&SyncOutput { sequences, tables })
    }

    /// Sequences of a closed database harm nobody, and the next switch sets them again.
    async fn undo(&self, _cx: &Context<'_>) -> Result<()> {
        Ok(())
    }
}
