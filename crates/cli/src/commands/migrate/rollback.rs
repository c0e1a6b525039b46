//! `trefoil migrate rollback`: takes a move back, keeping what was written since.

use schemars::JsonSchema;
use serde::Serialize;
use trefoil_core::planner::plan_rollback;
use trefoil_ops::facts;

use super::plan::{PlanWithDigest, options};
use super::session::{Outcome, Session, answer};
use super::view;
use crate::args::RollbackArgs;
use crate::{Cx, ExitStatus, Result, runner};

/// What is answered: how the run stands, or with `--plan-only` the plan.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Answer<'a> {
    /// After a run.
    Ran(Outcome<'a>),
    /// With `--plan-only`.
    Planned(PlanWithDigest<'a>),
}

/// Plans and performs a rollback, a run of its own with its own soak.
///
/// Errors: `rollback_not_soaking`; `plan_blocked` while the way back is closed, with the reason.
pub(super) async fn run(cx: &Cx, args: &RollbackArgs) -> Result<ExitStatus> {
    let state = runner::state_with(cx, &args.run).await?;
    let run_id = state.resolve_open(&args.run).await?;
    let parent = state.journal(&run_id).await?;
    let session = Session::open(cx, state, &parent.plan).await?;
    let options = options(args.window, args.soak);
    let facts = facts::of_rollback(&session.state, &session.world, parent, options).await?;
    let plan = plan_rollback(&facts)?;
    session.state.record_plan(&plan).await?;
    if args.plan_only {
        let answer = Answer::Planned(PlanWithDigest::new(&plan));
        cx.printer.answer(&answer, || view::plan(&plan))?;
        return Ok(ExitStatus::Yes);
    }
    let engine = session.engine(cx, &args.supervision);
    engine.admit(&plan, &plan.inputs).await?;
    cx.printer.talk(&view::promise(&plan));
    cx.confirm(&format!("Go back from {} to {}?", plan.from, plan.to)).await?;
    let observed = session.inputs(&plan).await?;
    let run = engine.start(&plan, &observed).await?;
    answer(cx, &run, Answer::Ran)
}
