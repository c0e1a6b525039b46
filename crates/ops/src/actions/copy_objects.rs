//! See [`CopyObjects`].

use async_trait::async_trait;
use serde_json::{Value, json};
use trefoil_core::plan::{Action, CopyObjects, PlanKind};

use super::copies::{Sides, bucket_of, extent, position, route, to_value};
use crate::engine::{Check, Context, Perform};
use crate::movers::{Tally, objects, with_progress};
use crate::{Result, backflow};

#[async_trait]
impl Perform for CopyObjects {
    async fn check(&self, cx: &Context<'_>) -> Result<Check> {
        let sides = Sides { from: &self.from, to: &self.to };
        if let Some(not_ready) = sides.not_ready(cx, Some(&self.since)).await? {
            return Ok(not_ready);
        }
        for environment in [&self.from, &self.to] {
            if let Err(error) = bucket_of(cx, environment, &self.bucket)?.health().await {
                return Ok(Check::Blocked(error));
            }
        }
        Ok(Check::Ready)
    }

    /// Makes the record of what is carried, so that whoever goes on knows that there must be one.
    async fn find(&self, cx: &Context<'_>) -> Result<Option<Value>> {
        if !begins(self, cx) {
            return Ok(None);
        }
        let sides = Sides { from: &self.from, to: &self.to };
        route(cx, &sides, &self.bucket).await?;
        Ok(Some(json!("the record of what is carried")))
    }

    async fn perform(&self, cx: &Context<'_>) -> Result<Value> {
        backflow::stop_between(cx.world, &self.from, &self.to).await?;
        let sides = Sides { from: &self.from, to: &self.to };
        let route = route(cx, &sides, &self.bucket).await?;
        route.refuse_obstacles(&self.bucket).await?;
        let since = position(cx, self.since)?;
        let tally = Tally::default();
        let copy = objects::copy(&route, since, extent(self.last), &tally);
        let total = total_bytes(self, cx);
        to_value(&with_progress(cx.progress, &tally, "objects", total, copy).await?)
    }

    async fn undo(&self, cx: &Context<'_>) -> Result<()> {
        if !begins(self, cx) {
            return Ok(());
        }
        let sides = Sides { from: &self.from, to: &self.to };
        match route(cx, &sides, &self.bucket).await {
            Err(error) if error.code() == "manifest_lost" => {
                let bucket = &self.bucket;
                tracing::warn!(bucket, "what was copied stays at the target: {error}");
                Ok(())
            }
            route => objects::remove_copied(&route?).await,
        }
    }
}

/// Whether it begins a record of what is carried: a way back goes on with that of the way there.
fn begins(copy: &CopyObjects, cx: &Context<'_>) -> bool {
    copy.is_first() && cx.run.plan.kind != PlanKind::Rollback
}

/// How many bytes there will be, when it is known: a plan has them for all buckets together.
fn total_bytes(copy: &CopyObjects, cx: &Context<'_>) -> Option<u64> {
    let first = |action: &Action| matches!(action, Action::CopyObjects(copy) if copy.is_first());
    let buckets = cx.run.plan.steps.iter().filter(|step| first(&step.action)).count();
    (copy.is_first() && buckets == 1).then_some(cx.run.plan.bytes.objects_bytes)
}
