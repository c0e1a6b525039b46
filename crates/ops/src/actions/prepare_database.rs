//! See [`PrepareDatabase`].

use async_trait::async_trait;
use serde_json::Value;
use trefoil_clouds::operate::provision::Provisioned;
use trefoil_core::plan::PrepareDatabase;

use super::databases::{output, pair_alone};
use crate::Result;
use crate::engine::{Check, Context, Perform};
use crate::movers::postgres::{Pair, bookkeeping, preflight, prepare};

#[async_trait]
impl Perform for PrepareDatabase {
    async fn check(&self, cx: &Context<'_>) -> Result<Check> {
        if cx.site(&self.to)?.provision.state().await? != Provisioned::Running {
            let earlier = cx.run.plan.steps.iter().rev().find(|step| step.n < cx.step.n);
            let step = earlier.map_or(cx.step.n, |step| step.n);
            return Ok(Check::After { step, provides: format!("a database on {}", self.to) });
        }
        let pair = Pair::open(cx, &self.from, &self.to).await?;
        if bookkeeping::exists(&pair.target).await? {
            return Ok(Check::Ready);
        }
        let findings = preflight::of_move(&pair.source, Some(&pair.target), Some(&self.stream));
        Ok(match preflight::require_none(&findings.await?) {
            Ok(()) => Check::Ready,
            Err(blocked) => Check::Blocked(blocked),
        })
    }

    async fn perform(&self, cx: &Context<'_>) -> Result<Value> {
        let pair = Pair::open(cx, &self.from, &self.to).await?;
        let secrets = &cx.site(&self.to)?.services.secrets;
        output(&prepare::prepare(&pair, &self.stream, secrets).await?)
    }

    async fn undo(&self, cx: &Context<'_>) -> Result<()> {
        let pair = pair_alone(cx, &self.from, &self.to).await?;
        prepare::undo(&pair, &self.stream).await
    }
}
