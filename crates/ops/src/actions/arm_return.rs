//! See [`ArmReturn`].

use async_trait::async_trait;
use serde_json::Value;
use trefoil_core::plan::{Action, ArmReturn, VerifyOutput};

use super::databases::{after_earlier, pair_alone, stream_of};
use crate::Result;
use crate::engine::{Check, Context, Perform};
use crate::movers::postgres::fingerprint::{self, Extent};
use crate::movers::postgres::shape::Shape;
use crate::movers::postgres::verify::{self, Pace};
use crate::movers::postgres::{Pair, ddl, large_objects, schema, stream};

#[async_trait]
impl Perform for ArmReturn {
    async fn check(&self, cx: &Context<'_>) -> Result<Check> {
        Ok(after_earlier(cx))
    }

    async fn perform(&self, cx: &Context<'_>) -> Result<Value> {
        let pair = Pair::open(cx, &self.from, &self.to).await?.patient().await?;
        let forward = stream_of(cx)?;
        let followed = ddl::follow(&pair, &forward, Extent::Whole).await?;
        fingerprint::require_same(&pair, Extent::Whole).await?;
        if !followed.touched.is_empty() {
            let mut compared = VerifyOutput::default();
            let pace = Pace::full();
            verify::again(&pair, &forward, &followed.touched, &mut compared, &pace).await?;
        }
        followed.keep(&pair.source).await?;
        if copies_large_objects(cx) {
            // The bulk of them, so that the switch has only what changes from here on.
            large_objects::carry(&pair).await?;
        }
        // As late as users do not wait for it: the contents of these views are not replicated.
        schema::refresh_views(&pair).await?;
        stream::arm(&pair.target, &pair.source, &self.stream).await?;
        Shape::read(&pair.target).await?.keep(&pair.target).await?;
        // The logins of the window, while users do not wait for them.
        Pair::lent(cx, &self.from, &self.to).await?.keep(cx);
        Ok(Value::Null)
    }

    async fn undo(&self, cx: &Context<'_>) -> Result<()> {
        let back = pair_alone(cx, &self.to, &self.from).await?;
        stream::drop_stream(&back, &self.stream).await
    }
}

fn copies_large_objects(cx: &Context<'_>) -> bool {
    cx.run.plan.steps.iter().any(|step| match &step.action {
        Action::SyncDatabase(sync) => sync.unstreamed.large_objects,
        _ => false,
    })
}
