//! The runs that have not ended: which of them a process executes, and which give way.

use trefoil_core::journal::{Run, RunState};
use trefoil_core::plan::{Action, Plan};
use trefoil_core::planner::environment::OpenRun;

use super::{Executor, State};
use crate::Result;

/// The other process that executes a run now; `None` when it waits for a person, or is ours.
pub(crate) fn executed_by(run: &Run) -> Option<Executor> {
    let executor = run.executor().and_then(|text| text.parse::<Executor>().ok());
    let other = executor.filter(|executor| *executor != Executor::current());
    other.filter(|other| !run.at_rest() && other.is_alive() == Some(true))
}

impl State {
    /// The runs that have not ended, oldest first.
    pub async fn open_runs(&self) -> Result<Vec<OpenRun>> {
        self.settle().await?;
        let ledger = self.ledger().await?;
        let mut open = Vec::new();
        for run_id in ledger.open_runs() {
            let run = self.journal(run_id).await?;
            let executing = executed_by(&run).is_some();
            open.push(OpenRun { run, executing });
        }
        Ok(open)
    }

    /// As [`State::resolve`], for a command that goes on with a run or takes it back: `last` is the
    /// newest that has not ended, whatever was brought up meanwhile; the newest when all have.
    pub async fn resolve_open(&self, wanted: &str) -> Result<String> {
        match self.ledger().await?.open_run() {
            Some(open) if wanted == "last" => Ok(open.to_owned()),
            _ => self.resolve(wanted).await,
        }
    }

    /// Ends, as failed, every open run that only brought an environment up or down and that nobody
    /// executes: a new one finds by itself what is left to do.
    pub async fn supersede(&self) -> Result<()> {
        for OpenRun { run, executing } in self.open_runs().await? {
            if executing || run.plan.kind.is_move() {
                continue;
            }
            let mut journal = self.adopt(&run.plan.plan_id).await?;
            if let Some(environment) = deleting(&journal.run().plan, journal.run()) {
                self.note_destroyed(environment, &run.plan.plan_id).await?;
            }
            self.close_run(&mut journal, RunState::Failed).await?;
        }
        Ok(())
    }
}

/// The environment whose deletion the run has begun: what is left of it cannot be called active.
fn deleting<'a>(plan: &'a Plan, run: &Run) -> Option<&'a str> {
    plan.steps.iter().find_map(|step| match &step.action {
        Action::TearDownEnvironment(down) if down.destroy && !run.is_untouched(step.n) => {
            Some(down.environment.as_str())
        }
        _ => None,
    })
}
