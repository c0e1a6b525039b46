//! See [`CopySecrets`].

use async_trait::async_trait;
use serde_json::Value;
use trefoil_clouds::secrets::Secrets;
use trefoil_core::plan::{CopySecrets, PlanKind};

use super::copies::{Sides, to_value};
use crate::engine::{Check, Context, Perform};
use crate::movers::{Tally, secrets, with_progress};
use crate::{Result, backflow};

#[async_trait]
impl Perform for CopySecrets {
    async fn check(&self, cx: &Context<'_>) -> Result<Check> {
        let sides = Sides { from: &self.from, to: &self.to };
        if let Some(not_ready) = sides.not_ready(cx, None).await? {
            return Ok(not_ready);
        }
        for environment in [&self.from, &self.to] {
            if let Err(error) = store(cx, environment)?.health().await {
                return Ok(Check::Blocked(error));
            }
        }
        Ok(Check::Ready)
    }

    async fn perform(&self, cx: &Context<'_>) -> Result<Value> {
        backflow::stop_between(cx.world, &self.from, &self.to).await?;
        let tally = Tally::default();
        let copy = secrets::copy(store(cx, &self.from)?, store(cx, &self.to)?, &tally);
        to_value(&with_progress(cx.progress, &tally, "secrets", None, copy).await?)
    }

    async fn undo(&self, cx: &Context<'_>) -> Result<()> {
        // A rollback writes to the environment that the secrets come from.
        if cx.run.plan.kind == PlanKind::Rollback {
            return Ok(());
        }
        secrets::remove_copied(store(cx, &self.from)?, store(cx, &self.to)?).await
    }
}

fn store<'a>(cx: &'a Context<'_>, environment: &str) -> Result<&'a Secrets> {
    Ok(&cx.site(environment)?.services.secrets)
}
