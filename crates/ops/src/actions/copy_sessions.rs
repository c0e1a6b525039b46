//! See [`CopySessions`].

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;
use trefoil_clouds::sessions::Sessions;
use trefoil_core::plan::{CopySessions, PlanKind, Since};

use super::copies::{Sides, extent, position, to_value};
use crate::engine::{Check, Context, Perform};
use crate::movers::{Tally, sessions, with_progress};
use crate::{Error, Result, backflow};

#[async_trait]
impl Perform for CopySessions {
    async fn check(&self, cx: &Context<'_>) -> Result<Check> {
        let sides = Sides { from: &self.from, to: &self.to };
        if let Some(not_ready) = sides.not_ready(cx, Some(&self.since)).await? {
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
        let (source, target) = (store(cx, &self.from)?, store(cx, &self.to)?);
        let since = position(cx, self.since)?;
        let tally = Tally::default();
        let copy =
            sessions::copy(source, target, since, extent(self.last), Timestamp::now(), &tally);
        to_value(&with_progress(cx.progress, &tally, "sessions", None, copy).await?)
    }

    async fn undo(&self, cx: &Context<'_>) -> Result<()> {
        if self.since != Since::Beginning || cx.run.plan.kind == PlanKind::Rollback {
            return Ok(());
        }
        sessions::remove_copied(store(cx, &self.from)?, store(cx, &self.to)?).await
    }
}

fn store<'a>(cx: &'a Context<'_>, environment: &str) -> Result<&'a Sessions> {
    cx.site(environment)?.services.sessions.as_ref().ok_or_else(|| {
        Error::usage("sessions_unknown", format!("`{environment}` has no store of sessions"))
    })
}
