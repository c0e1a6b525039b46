//! See [`FinishBackflow`].

use async_trait::async_trait;
use serde_json::Value;
use trefoil_core::plan::{Action, FinishBackflow};

use crate::engine::{Check, Context, Perform};
use crate::{Result, backflow};

#[async_trait]
impl Perform for FinishBackflow {
    async fn check(&self, cx: &Context<'_>) -> Result<Check> {
        let starts = cx.run.plan.find(|action| matches!(action, Action::StartBackflow(_)));
        if let Some(step) = starts.filter(|step| *step < cx.step.n && !cx.run.is_done(*step)) {
            let provides = "the process that carries changes back".into();
            return Ok(Check::After { step, provides });
        }
        let mut all = backflow::list(&cx.world.folder)?.into_iter();
        let any = all.any(|status| status.is_between(&self.from, &self.to));
        Ok(if any { Check::Ready } else { Check::Done(Value::Null) })
    }

    async fn perform(&self, cx: &Context<'_>) -> Result<Value> {
        backflow::stop_between(cx.world, &self.from, &self.to).await?;
        Ok(Value::Null)
    }

    /// A rollback that is undone leaves the run that it takes back in its soak, with its changes
    /// carried back as before. After the point of no return there is nothing to undo.
    async fn undo(&self, cx: &Context<'_>) -> Result<()> {
        if let Some(parent) = &cx.run.plan.parent {
            backflow::start(cx.world, parent, &self.from, &self.to).await?;
        }
        Ok(())
    }
}
