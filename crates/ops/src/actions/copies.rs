//! What the actions that copy have in common.

use serde::Serialize;
use serde_json::Value;
use trefoil_clouds::objects::Objects;
use trefoil_clouds::operate::provision::Provisioned;
use trefoil_core::plan::{Action, CopyOutput, Limits, PlanKind, Since};

use crate::engine::{Check, Context};
use crate::movers::objects::{Manifest, Route, Which};
use crate::movers::{Extent, Pace};
use crate::{Error, Result};

/// The two environments of a copy.
pub(super) struct Sides<'a> {
    pub(super) from: &'a str,
    pub(super) to: &'a str,
}

impl Sides<'_> {
    /// Why the copy cannot begin now, if it cannot. Services of an environment that does not run
    /// are not touched: opening them could make them.
    pub(super) async fn not_ready(
        &self,
        cx: &Context<'_>,
        since: Option<&Since>,
    ) -> Result<Option<Check>> {
        for environment in [self.from, self.to] {
            if let Some(check) = not_running(cx, environment).await? {
                return Ok(Some(check));
            }
        }
        Ok(match since {
            Some(Since::Step(step)) if !cx.run.is_done(*step) => Some(Check::After {
                step: *step,
                provides: "the position up to which the source is carried already".into(),
            }),
            _ => None,
        })
    }
}

async fn not_running(cx: &Context<'_>, environment: &str) -> Result<Option<Check>> {
    if cx.site(environment)?.provision.state().await? == Provisioned::Running {
        return Ok(None);
    }
    let provisions = |action: &Action| matches!(action, Action::ProvisionEnvironment(made) if made.environment == environment);
    Ok(Some(match cx.run.plan.find(provisions) {
        Some(step) if !cx.run.is_done(step) => {
            Check::After { step, provides: format!("the services of `{environment}`") }
        }
        _ => {
            let why = format!("the environment `{environment}` does not run");
            let error = Error::missing("environment_down", why);
            Check::Blocked(error.hint(format!("start it: trefoil up {environment}")))
        }
    }))
}

/// The position where a copy begins.
pub(super) fn position(cx: &Context<'_>, since: Since) -> Result<u64> {
    Ok(match since {
        Since::Beginning => 0,
        Since::Position(position) => position,
        Since::Step(step) => cx.output::<CopyOutput>(step)?.source_position,
    })
}

/// How far a copy goes.
pub(super) fn extent(last: bool) -> Extent {
    if last { Extent::UntilQuiet } else { Extent::UntilSmall }
}

/// A bucket's way between two environments, with what this run, or the run that it takes back, has
/// carried of it. Limits hold while nobody waits for the copy.
pub(super) async fn route(cx: &Context<'_>, sides: &Sides<'_>, bucket: &str) -> Result<Route> {
    let plan = &cx.run.plan;
    let back = plan.kind == PlanKind::Rollback;
    let limits = if cx.step.window { Limits::default() } else { plan.limits };
    let which = Which {
        folder: &cx.world.folder,
        from: sides.from,
        to: sides.to,
        bucket,
        begun_by: (!back).then_some(plan.plan_id.as_str()),
    };
    let manifest = match !back && is_begun(cx, bucket) {
        true => Manifest::reopen(which).await?.ok_or_else(|| lost(&which))?,
        false => Manifest::open(which).await?,
    };
    Ok(Route {
        source: bucket_of(cx, sides.from, bucket)?.clone(),
        target: bucket_of(cx, sides.to, bucket)?.clone(),
        manifest,
        pace: Pace::new(&limits),
        own_target: back,
    })
}

/// Whether this run began to copy a bucket, here or on another machine.
fn is_begun(cx: &Context<'_>, bucket: &str) -> bool {
    let mut steps = cx.run.plan.steps.iter();
    steps.any(|step| {
        let Action::CopyObjects(copy) = &step.action else { return false };
        copy.bucket == bucket && copy.is_first() && cx.run.found.contains_key(&step.n)
    })
}

/// Without it the move's own objects would be taken for somebody else's.
fn lost(which: &Which<'_>) -> Error {
    let path = which.path();
    let why = format!("the record of what this run has carried is gone: {}", path.display());
    Error::refused("manifest_lost", why).hint(
        "go on where the run was begun, or put the file back; else abort the run: what it has \
         copied then stays in the target's bucket, and a new plan names it",
    )
}

/// A bucket of an environment.
pub(super) fn bucket_of<'a>(
    cx: &'a Context<'_>,
    environment: &str,
    name: &str,
) -> Result<&'a Objects> {
    cx.site(environment)?.services.objects.get(name).ok_or_else(|| {
        Error::usage("bucket_unknown", format!("`{environment}` has no bucket `{name}`"))
    })
}

/// An output as the journal holds it.
pub(super) fn to_value<T: Serialize>(output: &T) -> Result<Value> {
    serde_json::to_value(output).map_err(|error| {
        Error::failed("step_output", "the output of the step cannot be written").because(error)
    })
}
