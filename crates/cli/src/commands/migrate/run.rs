//! `trefoil migrate run`: performs a plan until the soak, or looks at what it would meet.

use schemars::JsonSchema;
use serde::Serialize;
use trefoil_core::plan::{Blocker, Limits, Plan};
use trefoil_core::units::Period;
use trefoil_ops::engine::{Check, Verdict};
use trefoil_ops::state::{State, new_id};

use super::session::{Outcome, Session, answer};
use super::{plan_file, view};
use crate::args::MigrateRunArgs;
use crate::errors::Problem;
use crate::{Cx, ExitStatus, Result, runner};

/// What is answered: how the run stands, or what a dry run saw.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Answer<'a> {
    /// After a run.
    Ran(Outcome<'a>),
    /// After a dry run.
    Looked(Looked<'a>),
}

/// What a dry run answers.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Looked<'a> {
    /// The plan's identifier.
    plan_id: &'a str,
    /// Why the plan may not run.
    blockers: &'a [Blocker],
    /// Every step as it would be met now.
    steps: Vec<LookedStep>,
}

/// What was seen of one step.
#[derive(Serialize, JsonSchema)]
struct LookedStep {
    /// Its number.
    n: usize,
    /// What it does.
    action: String,
    #[serde(flatten)]
    seen: Seen,
}

/// Whether a step can be performed.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "verdict", content = "detail", rename_all = "snake_case")]
enum Seen {
    /// It is done already.
    Done(()),
    /// It can be done now.
    Ready(()),
    /// It cannot be known before an earlier step is done.
    After {
        /// The earlier step.
        step: usize,
        /// What that step will provide.
        provides: String,
    },
    /// It cannot be done.
    Blocked(Problem),
}

/// Performs the plan in a file. Ends with exit code 0 when the soak begins.
///
/// Errors: `plan_file`, `plan_changed`, `plan_unknown`, `plan_blocked`, `inventory_changed`,
/// `epoch_stale`, `run_open`; `run_paused` when it stopped midway.
pub(super) async fn run(cx: &Cx, args: &MigrateRunArgs) -> Result<ExitStatus> {
    let plan = plan_file::read(&args.plan).await?;
    let state = runner::state(cx).await?;
    state.known(&plan).await?;
    if args.dry_run {
        return dry_run(cx, state, &plan).await;
    }
    let plan = as_chosen(&state, plan, args).await?;
    let session = Session::open(cx, state, &plan).await?;
    let observed = session.inputs(&plan).await?;
    let engine = session.engine(cx, &args.supervision);
    engine.admit(&plan, &observed).await?;
    cx.printer.talk(&view::promise(&plan));
    cx.confirm(&format!("Move {} from {} to {}?", plan.application, plan.from, plan.to)).await?;
    let run = engine.start(&plan, &observed).await?;
    answer(cx, &run, Answer::Ran)
}

/// What is chosen now makes another plan, with a digest of its own in the log.
async fn as_chosen(state: &State, plan: Plan, args: &MigrateRunArgs) -> Result<Plan> {
    let limits = Limits {
        max_mbps: args.max_mbps.or(plan.limits.max_mbps),
        max_requests: args.max_requests.or(plan.limits.max_requests),
    };
    let soak_ms = args.soak.map_or(plan.soak_ms, Period::as_millis);
    if soak_ms == plan.soak_ms && limits == plan.limits {
        return Ok(plan);
    }
    let plan = Plan { plan_id: new_id(), soak_ms, limits, ..plan };
    state.record_plan(&plan).await?;
    Ok(plan)
}

async fn dry_run(cx: &Cx, state: State, plan: &Plan) -> Result<ExitStatus> {
    let session = Session::open(cx, state, plan).await?;
    let verdicts = session.looking().dry_run(plan).await?;
    let blocked = verdicts.iter().any(|one| matches!(one.check, Check::Blocked(_)));
    let steps = verdicts.iter().map(LookedStep::from).collect();
    let looked = Looked { plan_id: &plan.plan_id, blockers: &plan.blockers, steps };
    cx.printer.answer(&Answer::Looked(looked), || view::verdicts(plan, &verdicts))?;
    let clear = !blocked && plan.blockers.is_empty();
    Ok(if clear { ExitStatus::Yes } else { ExitStatus::No })
}

impl From<&Verdict> for LookedStep {
    fn from(verdict: &Verdict) -> Self {
        let seen = match &verdict.check {
            Check::Done(_) => Seen::Done(()),
            Check::Ready => Seen::Ready(()),
            Check::After { step, provides } => {
                Seen::After { step: *step, provides: provides.clone() }
            }
            Check::Blocked(error) => Seen::Blocked(error.into()),
        };
        Self { n: verdict.step.n, action: verdict.step.action.name(), seen }
    }
}
