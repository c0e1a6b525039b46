//! See [`Validate`].

use async_trait::async_trait;
use serde_json::Value;
use trefoil_core::plan::{Action, Validate, VerifyOutput};

use super::databases::{self, after_earlier};
use super::store_proofs;
use crate::Result;
use crate::engine::{Check, Context, Perform};
use crate::movers::postgres::validate;

#[async_trait]
impl Perform for Validate {
    async fn check(&self, cx: &Context<'_>) -> Result<Check> {
        Ok(after_earlier(cx))
    }

    async fn perform(&self, cx: &Context<'_>) -> Result<Value> {
        // The stores first: until changes are carried back, the side that served is as it was.
        let mut seen = databases::output(&store_proofs::prove(self, cx).await?)?;
        if cx.world.spec.database.is_some() {
            let verified = cx.run.plan.find(|one| matches!(one, Action::VerifyDatabase(_)));
            let verified = match verified {
                Some(step) => cx.output(step)?,
                None => VerifyOutput::default(),
            };
            let back = databases::flowing(cx, &self.to, &self.from, &self.return_stream).await?;
            let back = back.patient().await?;
            let proof = validate::after_switch(&back, &self.return_stream, &verified).await?;
            seen["database"] = databases::output(&proof)?;
        }
        Ok(seen)
    }

    async fn undo(&self, _cx: &Context<'_>) -> Result<()> {
        Ok(())
    }
}
