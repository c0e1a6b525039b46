//! See [`Preflight`].

use async_trait::async_trait;
use serde_json::{Value, json};
use trefoil_clouds::operate::provision::Provisioned;
use trefoil_core::finding::Finding;
use trefoil_core::plan::{Action, PlanKind, Preflight};

use crate::engine::{Check, Context, Perform};
use crate::movers::postgres::{Server, preflight};
use crate::{Error, Result};

#[async_trait]
impl Perform for Preflight {
    async fn check(&self, cx: &Context<'_>) -> Result<Check> {
        let findings = findings(self, cx).await?;
        Ok(match preflight::require_none(&findings) {
            Ok(()) => Check::Ready,
            Err(blocked) => Check::Blocked(blocked),
        })
    }

    async fn perform(&self, cx: &Context<'_>) -> Result<Value> {
        let findings = findings(self, cx).await?;
        preflight::require_none(&findings)?;
        for found in &findings {
            cx.progress.note(&found.message);
        }
        Ok(json!({ "findings": findings }))
    }

    async fn undo(&self, _cx: &Context<'_>) -> Result<()> {
        Ok(())
    }
}

/// What is in the way now. A target that does not run yet is looked at again once it does.
async fn findings(step: &Preflight, cx: &Context<'_>) -> Result<Vec<Finding>> {
    let (from, to) = (cx.site(&step.from)?, cx.site(&step.to)?);
    let Some(admin) = from.provision.database_admin().await? else { return Ok(vec![]) };
    let source = Server::connect(&from.name, &admin).await?;
    let target = match to.provision.state().await? {
        Provisioned::Running => Some(Server::of_site(to).await?),
        Provisioned::Absent | Provisioned::Stopped => None,
    };
    let prepare = cx.run.plan.steps.iter().find_map(|step| match &step.action {
        Action::PrepareDatabase(prepare) => Some(prepare.stream.as_str()),
        _ => None,
    });
    match target {
        Some(target) if cx.run.plan.kind == PlanKind::Rollback => {
            preflight::of_rollback(&source, &target).await
        }
        None if cx.run.plan.kind == PlanKind::Rollback => {
            let why = format!("the environment `{}` does not run", to.name);
            let error = Error::missing("environment_down", why);
            Err(error.hint(format!("start it: trefoil up {}", to.name)))
        }
        target => preflight::of_move(&source, target.as_ref(), prepare).await,
    }
}
