//! See [`StartApplication`].

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use trefoil_core::plan::{StartApplication, StartOutput};

use crate::engine::{Check, Context, Perform};
use crate::{Result, serving};

/// A [`StartOutput`] with what undoing needs to know.
#[derive(Serialize, Deserialize)]
struct Output {
    #[serde(flatten)]
    start: StartOutput,
    /// Whether this run started it: what ran before goes on running after an abort.
    started: bool,
}

#[async_trait]
impl Perform for StartApplication {
    async fn check(&self, cx: &Context<'_>) -> Result<Check> {
        let site = cx.site(&self.environment)?;
        if let Some(after) = serving::after_provision(cx, &self.environment) {
            return Ok(after);
        }
        let Some(running) = site.compute.running().await? else { return Ok(Check::Ready) };
        // A step that was begun and not ended started it; the process died before it said so.
        let started = self.standby || !cx.run.is_untouched(cx.step.n);
        let start = StartOutput { address: running.address };
        Ok(Check::Done(json!(Output { start, started })))
    }

    async fn perform(&self, cx: &Context<'_>) -> Result<Value> {
        let running = cx.site(&self.environment)?.compute.start().await?;
        let start = StartOutput { address: running.address };
        Ok(json!(Output { start, started: true }))
    }

    async fn undo(&self, cx: &Context<'_>) -> Result<()> {
        let ran_before = cx.output::<Output>(cx.step.n).is_ok_and(|output| !output.started);
        if ran_before {
            return Ok(());
        }
        let drain = serving::drain_time(&cx.world.spec);
        cx.site(&self.environment)?.compute.stop(drain).await
    }
}
