//! What each command that runs a plan needs: the state, the world, and an engine that can be
//! interrupted.

use schemars::JsonSchema;
use serde::Serialize;
use trefoil_core::journal::{Run, RunState};
use trefoil_core::plan::{Inputs, Plan, PlanKind};
use trefoil_core::report::MoveReport;
use trefoil_ops::engine::{Engine, Progress, Stop, World};
use trefoil_ops::facts;
use trefoil_ops::state::State;

use super::view;
use crate::args::Supervision;
use crate::{Cx, ExitStatus, Result, runner};

/// An opened state and world.
pub(super) struct Session {
    pub(super) state: State,
    pub(super) world: World,
    progress: Box<dyn Progress>,
}

impl Session {
    /// Opens the state, and the two environments of `plan`.
    pub(super) async fn open(cx: &Cx, state: State, plan: &Plan) -> Result<Session> {
        let read = cx.specification().await?;
        let world = runner::world_of(cx, &read.spec, plan)?;
        Ok(Session { state, world, progress: cx.progress() })
    }

    /// An engine that looks only.
    pub(super) fn looking(&self) -> Engine<'_> {
        Engine::new(&self.state, &self.world, &*self.progress, Stop::never())
    }

    /// An engine that Ctrl-C stops where it is safe to stop, watched over as was asked for.
    pub(super) fn engine(&self, cx: &Cx, supervision: &Supervision) -> Engine<'_> {
        Engine::new(&self.state, &self.world, &*self.progress, runner::stop(cx))
            .supervised(!supervision.no_supervisor)
    }

    /// What the plan's inputs are now.
    pub(super) async fn inputs(&self, plan: &Plan) -> Result<Inputs> {
        facts::inputs(&self.world, plan).await
    }
}

/// What a command that runs a plan answers.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Outcome<'a> {
    /// The run's identifier.
    run_id: &'a str,
    /// Its plan's identifier: the same.
    plan_id: &'a str,
    /// Move or rollback.
    kind: PlanKind,
    /// Where the run stands.
    state: RunState,
    /// What it did and proved.
    report: Box<MoveReport>,
}

impl<'a> Outcome<'a> {
    fn of(run: &'a Run) -> Self {
        let id = run.plan.plan_id.as_str();
        let report = Box::new(MoveReport::of(run));
        Self { run_id: id, plan_id: id, kind: run.plan.kind, state: run.state(), report }
    }
}

/// Says how the run stands, with its report. `wrap` makes the command's answer of it.
pub(super) fn answer<'a, A: Serialize>(
    cx: &Cx,
    run: &'a Run,
    wrap: impl FnOnce(Outcome<'a>) -> A,
) -> Result<ExitStatus> {
    let outcome = Outcome::of(run);
    let text = view::outcome(run, &outcome.report);
    cx.printer.answer(&wrap(outcome), || text)?;
    Ok(ExitStatus::Yes)
}
