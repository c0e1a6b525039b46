//! Performs a plan on copies: scratch environments of the same names in a folder of state of their
//! own, filled from the environment that serves, moved by the same engine, and deleted whatever
//! happens. Of the environment that serves everything is read, and nothing written or closed.

mod database;
mod fill;
mod scratch;
mod space;

use jiff::Timestamp;
use trefoil_core::journal::RunState;
use trefoil_core::plan::{Action, Plan, PlanKind};
use trefoil_core::planner::environment::{EnvironmentFacts, plan_up};
use trefoil_core::planner::{Measured, MoveOptions, plan_migrate, rehearsed};
use trefoil_core::report::MoveReport;

use crate::engine::{Engine, Progress, Stop, World};
use crate::state::{State, new_id};
use crate::{Error, Result, facts};

pub use scratch::{Record, Scratch, left, resolve};

/// What a rehearsal showed.
#[derive(Debug)]
pub struct Rehearsed {
    /// The plan with measured estimates.
    pub plan: Plan,
    /// What the move of the copies did and proved.
    pub report: MoveReport,
}

/// A rehearsal that can begin: nothing is copied yet.
pub struct Rehearsal<'a> {
    /// The environments of the plan.
    pub real: &'a World,
    /// The plan.
    pub plan: &'a Plan,
    /// Where the copies are made.
    pub scratch: &'a Scratch,
    /// Opens the scratch environments; after they were made, once more.
    pub open: &'a (dyn Fn() -> Result<World> + Sync),
    /// Where progress is shown.
    pub progress: &'a dyn Progress,
}

impl Rehearsal<'_> {
    /// Refuses what cannot be rehearsed.
    ///
    /// # Errors
    /// `rehearsal_kind`, `rehearsal_elsewhere`, `rehearsal_space`.
    pub async fn admit(&self) -> Result<()> {
        if self.plan.kind != PlanKind::Migrate {
            let why = "only the plan of a move is rehearsed: a rollback copies nothing";
            return Err(Error::refused("rehearsal_kind", why));
        }
        for environment in [&self.plan.from, &self.plan.to] {
            if !self.real.site(environment)?.provision.is_contained() {
                let why = format!("`{environment}` has parts outside of the folder of state");
                return Err(Error::refused("rehearsal_elsewhere", why)
                    .hint("copies are made of environments that Trefoil makes on this machine"));
            }
        }
        space::require(self.real, self.plan).await
    }

    /// Makes the copies and moves them. Nothing of it is taken away again: that is
    /// [`Scratch::tear_down`]'s.
    ///
    /// # Errors
    /// `rehearsal_failed` when the move of the copies stops; `rehearsal_differs`; those of copying.
    pub async fn perform(&self) -> Result<Rehearsed> {
        let state = State::open(&self.scratch.folder().join("state")).await?;
        fill::fill(self, &state).await?;
        let world = (self.open)()?;
        self.serve(&state, &world).await?;
        let options = options(self.plan);
        let (from, to) = (&self.plan.from, &self.plan.to);
        let facts = facts::of_move(&state, &world, from, to, options).await?;
        let plan = plan_migrate(&facts);
        state.record_plan(&plan).await?;
        let run = self.engine(&state, &world).start(&plan, &plan.inputs).await;
        let run = run.map_err(|cause| failed("the move of the copies stopped").because(cause))?;
        let report = MoveReport::of(&run);
        if run.state() != RunState::Soaking || !report.all_equal() {
            return Err(failed("the copies are not equal after the move"));
        }
        let measured = Measured { plan: &plan, report: &report, at: Timestamp::now() };
        let plan = rehearsed(self.plan, &new_id(), &measured)?;
        Ok(Rehearsed { plan, report })
    }

    /// Starts the application on the copy, and an edge of its own.
    async fn serve(&self, state: &State, world: &World) -> Result<()> {
        let plan_id = new_id();
        let ledger = state.ledger().await?;
        let up = plan_up(&EnvironmentFacts {
            spec: &world.spec,
            environment: &self.plan.from,
            ledger: &ledger,
            open: &[],
            plan_id: &plan_id,
            made_at: Timestamp::now(),
        });
        state.record_plan(&up.plan).await?;
        let started = self.engine(state, world).start(&up.plan, &up.plan.inputs).await;
        started.map(drop).map_err(|cause| failed("the copy does not serve").because(cause))
    }

    fn engine<'e>(&'e self, state: &'e State, world: &'e World) -> Engine<'e> {
        // All of it is deleted, so nobody need stop it carefully.
        Engine::new(state, world, self.progress, Stop::never())
    }
}

/// As the plan was made, but nobody need approve copies.
fn options(plan: &Plan) -> MoveOptions {
    let verify = plan.steps.iter().find_map(|step| match &step.action {
        Action::VerifyDatabase(verify) => Some(verify.max_load_percent),
        _ => None,
    });
    let sync = plan.steps.iter().find_map(|step| match &step.action {
        Action::SyncDatabase(sync) => Some(sync.unstreamed),
        _ => None,
    });
    let default = MoveOptions::default();
    MoveOptions {
        window_deadline_ms: plan.window_deadline_ms,
        soak_ms: plan.soak_ms,
        required_approvals: 0,
        unstreamed: sync.unwrap_or_default(),
        max_load_percent: verify.unwrap_or(default.max_load_percent),
    }
}

fn failed(why: &str) -> Error {
    Error::failed("rehearsal_failed", format!("the rehearsal failed: {why}"))
        .hint("the environment that serves was not touched; remove the cause and rehearse again")
}
