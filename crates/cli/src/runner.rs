//! What commands that run plans have in common: the state, the engine, Ctrl-C.

use jiff::Timestamp;
use trefoil_core::journal::{Run, RunState};
use trefoil_core::ledger::Ledger;
use trefoil_core::plan::{Plan, PlanKind};
use trefoil_core::planner::environment::{EnvironmentFacts, OpenRun, inputs};
use trefoil_core::spec::AppSpec;
use trefoil_ops::engine::{Engine, Stop, World};
use trefoil_ops::state::{State, new_id};

use crate::{Cx, Result};

/// Opens the log and the journals of this application.
pub async fn state(cx: &Cx) -> Result<State> {
    match &cx.settings.log_url {
        Some(url) => State::open_url(url).await,
        None => State::open(&cx.settings.state.join("state")).await,
    }
}

/// The same for a command that only looks.
pub fn state_to_read(cx: &Cx) -> Result<State> {
    match &cx.settings.log_url {
        Some(url) => State::open_url_to_read(url),
        None => State::open_to_read(&cx.settings.state.join("state")),
    }
}

/// The state for a command that changes a run. That the run is there is looked up first: a name
/// that nobody has leaves nothing behind.
pub async fn state_with(cx: &Cx, run: &str) -> Result<State> {
    state_to_read(cx)?.resolve(run).await?;
    state(cx).await
}

/// From now on Ctrl-C asks the engine to stop, which first ends what it may not leave half done.
/// The task that carries the wish ends with the program.
pub fn stop(cx: &Cx) -> Stop {
    let (handle, stop) = Stop::new();
    cx.interrupt.take_over();
    let interrupt = cx.interrupt.clone();
    tokio::spawn(async move {
        interrupt.asked().await;
        handle.ask();
    });
    stop
}

/// What `up` and `down` of an environment are decided on.
pub struct Asked {
    spec: AppSpec,
    world: World,
    state: State,
    open: Vec<OpenRun>,
    ledger: Ledger,
    /// The identifier of the plan and its run.
    pub plan_id: String,
    made_at: Timestamp,
}

impl Asked {
    /// Gathers it.
    pub async fn of(cx: &Cx, environment: &str) -> Result<Asked> {
        let spec = cx.specification().await?.spec;
        let world = cx.world(&spec, &[environment])?;
        let state = state(cx).await?;
        let open = state.open_runs().await?;
        let ledger = state.ledger().await?;
        let (plan_id, made_at) = (new_id(), Timestamp::now());
        Ok(Asked { spec, world, state, open, ledger, plan_id, made_at })
    }

    /// As the planners take it.
    pub fn facts<'a>(&'a self, environment: &'a str) -> EnvironmentFacts<'a> {
        EnvironmentFacts {
            spec: &self.spec,
            environment,
            ledger: &self.ledger,
            open: &self.open,
            plan_id: &self.plan_id,
            made_at: self.made_at,
        }
    }

    /// Records a plan and runs it. A plan with blockers is refused and leaves nothing in the log.
    pub async fn run(&self, cx: &Cx, plan: &Plan) -> Result<Run> {
        if plan.blockers.is_empty() {
            self.state.record_plan(plan).await?;
        }
        let progress = cx.progress();
        let engine = Engine::new(&self.state, &self.world, &*progress, stop(cx));
        engine.start(plan, &inputs(&self.spec)).await
    }
}

/// The environments of a run, opened.
pub fn world_of(cx: &Cx, spec: &AppSpec, plan: &Plan) -> Result<World> {
    let mut names = vec![plan.from.as_str(), plan.to.as_str()];
    names.dedup();
    cx.world(spec, &names)
}

/// The commands to type next for a run that waits for a person.
pub fn next_commands(run: &Run, state: RunState) -> Vec<String> {
    let run_id = &run.plan.plan_id;
    let command = |what: &str| format!("trefoil {what} {run_id}");
    match state {
        RunState::Planned | RunState::Paused if run.approvals_missing() > 0 => {
            vec![format!("{} --as NAME", command("runs approve")), command("runs abort")]
        }
        RunState::Planned | RunState::Paused if run.switched() => vec![command("runs resume")],
        RunState::Planned | RunState::Paused if run.plan.kind == PlanKind::Down => {
            vec![command("runs resume")]
        }
        RunState::Planned | RunState::Paused => vec![command("runs resume"), command("runs abort")],
        RunState::Aborting => vec![command("runs abort")],
        RunState::Soaking => vec![command("migrate finish"), command("migrate rollback")],
        _ => Vec::new(),
    }
}
