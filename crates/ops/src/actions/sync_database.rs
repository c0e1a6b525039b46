//! See [`SyncDatabase`].

use async_trait::async_trait;
use serde_json::Value;
use trefoil_core::plan::{SyncDatabase, SyncOutput, VerifyOutput};

use super::databases::{after_earlier, output};
use crate::Result;
use crate::engine::{Check, Context, Perform};
use crate::movers::postgres::{Pair, sequences, verify};

#[async_trait]
impl Perform for SyncDatabase {
    async fn check(&self, cx: &Context<'_>) -> Result<Check> {
        Ok(after_earlier(cx))
    }

    async fn perform(&self, cx: &Context<'_>) -> Result<Value> {
        let verified: VerifyOutput = cx.output(self.verified)?;
        let pair = Pair::open(cx, &self.from, &self.to).await?;
        let sequences = sequences::carry(&pair).await?;
        let tables = verify::recheck(&pair, &verified).await?;
        output(&SyncOutput { sequences, tables })
    }

    /// Sequences of a closed database harm nobody, and the next switch sets them again.
    async fn undo(&self, _cx: &Context<'_>) -> Result<()> {
        Ok(())
    }
}
