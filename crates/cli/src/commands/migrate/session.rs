//! What each command that runs a plan needs: the state, the world, and an engine that can be
//! interrupted.

use serde_json::json;
use trefoil_core::journal::Run;
use trefoil_core::plan::{Inputs, Plan};
use trefoil_core::report::MoveReport;
use trefoil_ops::engine::{Engine, Progress, Stop, World};
use trefoil_ops::facts;
use trefoil_ops::state::State;

use super::view;
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

    /// An engine that Ctrl-C stops where it is safe to stop.
    pub(super) fn engine(&self, cx: &Cx) -> Engine<'_> {
        Engine::new(&self.state, &self.world, &*self.progress, runner::stop(cx))
    }

    /// What the plan's inputs are now.
    pub(super) async fn inputs(&self, plan: &Plan) -> Result<Inputs> {
        facts::inputs(&self.world, plan).await
    }
}

/// Says how the run stands, with its report.
pub(super) fn answer(cx: &Cx, run: &Run) -> Result<ExitStatus> {
    let report = MoveReport::of(run);
    let data = json!({
        "run_id": run.plan.plan_id,
        "plan_id": run.plan.plan_id,
        "kind": run.plan.kind,
        "state": run.state(),
        "report": report,
    });
    cx.printer.answer(&data, || view::outcome(run, &report))?;
    Ok(ExitStatus::Yes)
}
