//! One line for each run.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use trefoil_core::journal::{Run, RunState};
use trefoil_core::plan::PlanKind;

use super::Executor;

/// A run as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RunSummary {
    /// The run's and its plan's identifier.
    pub run_id: String,
    /// What it is for.
    pub kind: PlanKind,
    /// The environment that served before.
    pub from: String,
    /// The environment that serves afterwards.
    pub to: String,
    /// When its plan was made.
    pub made_at: Timestamp,
    /// Where it stands; running when the process that executes it lives, or cannot be seen from
    /// this host.
    pub state: RunState,
    /// Who executes or executed it: `host pid starttime`.
    pub executor: Option<String>,
}

/// Where a run stands, with what only this host knows: whether its process lives.
pub(super) fn state_of(run: &Run) -> RunState {
    let state = run.state();
    let unfinished = matches!(state, RunState::Planned | RunState::Paused);
    let executor = run.executor().and_then(|text| text.parse::<Executor>().ok());
    let lives = executor.is_some_and(|executor| executor.is_alive() != Some(false));
    if unfinished && lives { RunState::Running } else { state }
}
