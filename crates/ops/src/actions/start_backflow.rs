//! See [`StartBackflow`].

use async_trait::async_trait;
use serde_json::{Value, json};
use trefoil_core::plan::StartBackflow;

use crate::engine::{Check, Context, Perform};
use crate::{Result, backflow};

#[async_trait]
impl Perform for StartBackflow {
    async fn check(&self, cx: &Context<'_>) -> Result<Check> {
        let buckets = self.buckets.iter().map(|(_, step)| *step);
        for step in buckets.chain(self.sessions) {
            if !cx.run.is_done(step) {
                let provides = "the position from which changes are carried back".into();
                return Ok(Check::After { step, provides });
            }
        }
        cx.site(&self.from)?;
        cx.site(&self.to)?;
        let running = backflow::running(&cx.world.folder, &cx.run.plan.plan_id)?;
        Ok(running.map_or(Check::Ready, |status| Check::Done(output(&status))))
    }

    async fn perform(&self, cx: &Context<'_>) -> Result<Value> {
        let run_id = &cx.run.plan.plan_id;
        Ok(output(&backflow::start(cx.world, run_id, &self.from, &self.to).await?))
    }

    async fn undo(&self, cx: &Context<'_>) -> Result<()> {
        backflow::stop(&cx.world.folder, &cx.run.plan.plan_id).await
    }
}

fn output(status: &backflow::Status) -> Value {
    json!({ "pid": status.pid, "started_at": status.started_at })
}
