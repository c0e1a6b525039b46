//! `trefoil migrate run`: performs a plan until the soak, or looks at what it would meet.

use serde_json::{Value, json};
use trefoil_core::plan::Plan;
use trefoil_core::units::Period;
use trefoil_ops::engine::{Check, Verdict};
use trefoil_ops::state::{State, new_id};

use super::session::{Session, answer};
use super::{plan_file, view};
use crate::args::MigrateRunArgs;
use crate::errors::error_json;
use crate::{Cx, ExitStatus, Result, runner};

/// Performs the plan in a file. Ends with exit code 0 when the soak begins.
///
/// Errors: `plan_file`, `plan_changed`, `plan_unknown`, `plan_blocked`, `inventory_changed`,
/// `epoch_stale`, `run_open`; `run_paused` when it stopped midway.
pub(super) async fn run(args: &MigrateRunArgs, cx: &Cx) -> Result<ExitStatus> {
    let plan = plan_file::read(&args.plan).await?;
    let state = runner::state(cx).await?;
    state.known(&plan).await?;
    if args.dry_run {
        return dry_run(cx, state, &plan).await;
    }
    let plan = with_soak(&state, plan, args.soak).await?;
    let session = Session::open(cx, state, &plan).await?;
    let observed = session.inputs(&plan).await?;
    let engine = session.engine(cx);
    engine.admit(&plan, &observed).await?;
    cx.printer.talk(&view::promise(&plan));
    cx.confirm(&format!("Move {} from {} to {}?", plan.application, plan.from, plan.to)).await?;
    let run = engine.start(&plan, &observed).await?;
    answer(cx, &run)
}

/// A soak that is chosen now makes another plan, with a digest of its own in the log.
async fn with_soak(state: &State, plan: Plan, soak: Option<Period>) -> Result<Plan> {
    match soak.map(Period::as_millis) {
        Some(soak_ms) if soak_ms != plan.soak_ms => {
            let plan = Plan { plan_id: new_id(), soak_ms, ..plan };
            state.record_plan(&plan).await?;
            Ok(plan)
        }
        _ => Ok(plan),
    }
}

async fn dry_run(cx: &Cx, state: State, plan: &Plan) -> Result<ExitStatus> {
    let session = Session::open(cx, state, plan).await?;
    let verdicts = session.looking().dry_run(plan).await?;
    let blocked = verdicts.iter().any(|one| matches!(one.check, Check::Blocked(_)));
    let data = json!({
        "plan_id": plan.plan_id,
        "blockers": plan.blockers,
        "steps": verdicts.iter().map(verdict_json).collect::<Vec<_>>(),
    });
    cx.printer.answer(&data, || view::verdicts(plan, &verdicts))?;
    let clear = !blocked && plan.blockers.is_empty();
    Ok(if clear { ExitStatus::Yes } else { ExitStatus::No })
}

fn verdict_json(verdict: &Verdict) -> Value {
    let (word, detail) = match &verdict.check {
        Check::Done(_) => ("done", Value::Null),
        Check::Ready => ("ready", Value::Null),
        Check::After { step, provides } => ("after", json!({ "step": step, "provides": provides })),
        Check::Blocked(error) => ("blocked", error_json(error)),
    };
    json!({
        "n": verdict.step.n,
        "action": verdict.step.action.name(),
        "verdict": word,
        "detail": detail,
    })
}
