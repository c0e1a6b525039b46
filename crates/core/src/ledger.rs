//! The application's own log: which plans were made, which run is open, who may write.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::journal::RunState;
use crate::plan::PlanKind;

/// One entry of the application's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum LedgerEvent {
    /// A plan was made; `run` accepts only plans whose digest is here.
    PlanMade {
        /// The plan's identifier.
        plan_id: String,
        /// What it is for.
        kind: PlanKind,
        /// Its digest.
        digest: String,
        /// The environment that serves before.
        from: String,
        /// The environment that serves afterwards.
        to: String,
        /// The run that the plan takes back, for a rollback.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent: Option<String>,
    },
    /// A run of a plan began. Refused while another run is open, except the one that it takes
    /// back. Bringing an environment up again, which switches nothing, may begin beside a move.
    RunOpened {
        /// The plan's and the run's identifier.
        run_id: String,
    },
    /// An environment became the one that may write.
    EpochOpened {
        /// One more than the epoch before.
        epoch: u64,
        /// The environment.
        environment: String,
        /// The run that opened it.
        run_id: String,
    },
    /// An environment's data was deleted; when it was the active one, none is.
    EnvironmentDestroyed {
        /// The environment.
        environment: String,
        /// The run that deleted it.
        run_id: String,
    },
    /// A run ended.
    RunClosed {
        /// The run.
        run_id: String,
        /// How.
        state: RunState,
    },
}

/// An entry with its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LedgerEntry {
    /// When the process that appended it did so, by its own clock.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub event: LedgerEvent,
}

/// What a plan's entry says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanRecord {
    /// What it is for.
    pub kind: PlanKind,
    /// Its digest.
    pub digest: String,
    /// The environment that serves before.
    pub from: String,
    /// The environment that serves afterwards.
    pub to: String,
    /// The run that it takes back, for a rollback.
    pub parent: Option<String>,
    /// When it was made.
    pub made_at: Timestamp,
}

/// The fold of the application's log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Every plan by its identifier.
    pub plans: BTreeMap<String, PlanRecord>,
    /// Every run with how it ended, `None` while it is open; oldest first.
    pub runs: Vec<(String, Option<RunState>)>,
    /// The newest epoch; 0 before the first.
    pub epoch: u64,
    /// The environment that may write.
    pub active: Option<String>,
}

impl Ledger {
    /// Folds all entries, oldest first.
    pub fn fold<'a>(entries: impl IntoIterator<Item = &'a LedgerEntry>) -> Result<Ledger> {
        let mut ledger = Ledger::default();
        for entry in entries {
            ledger.apply(entry)?;
        }
        Ok(ledger)
    }

    /// The newest run that has not ended, if there is one.
    pub fn open_run(&self) -> Option<&str> {
        self.open_runs().next_back()
    }

    /// The runs that have not ended, oldest first: several while a rollback takes back a run whose
    /// way back is open, and while an environment is brought up again beside a move.
    pub fn open_runs(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.runs.iter().filter(|(_, state)| state.is_none()).map(|(run, _)| run.as_str())
    }

    /// Whether the run began and has not ended.
    pub fn is_open(&self, run_id: &str) -> bool {
        self.runs.iter().any(|(run, state)| run == run_id && state.is_none())
    }

    /// Adds one entry, if it may follow the others.
    pub fn apply(&mut self, entry: &LedgerEntry) -> Result<()> {
        match &entry.event {
            LedgerEvent::PlanMade { plan_id, kind, digest, from, to, parent } => {
                let record = PlanRecord {
                    kind: *kind,
                    digest: digest.clone(),
                    from: from.clone(),
                    to: to.clone(),
                    parent: parent.clone(),
                    made_at: entry.at,
                };
                self.plans.insert(plan_id.clone(), record);
            }
            LedgerEvent::RunOpened { run_id } => self.open(run_id)?,
            LedgerEvent::EpochOpened { epoch, environment, .. } => {
                self.raise(*epoch, environment)?;
            }
            LedgerEvent::EnvironmentDestroyed { environment, .. } => {
                self.active.take_if(|active| active == environment);
            }
            LedgerEvent::RunClosed { run_id, state } => self.close(run_id, *state)?,
        }
        Ok(())
    }

    fn open(&mut self, run_id: &str) -> Result<()> {
        let Some(plan) = self.plans.get(run_id) else {
            return Err(Error::refused("plan_unknown", format!("the log holds no plan {run_id}"))
                .hint("make it again: the log keeps the digest of every plan that it knows"));
        };
        if let Some(other) =
            self.open_runs().rev().find(|other| !self.may_stand_beside(plan, other))
        {
            return Err(Error::refused("run_open", format!("run {other} is still open"))
                .hint(format!("see `trefoil runs show {other}`")));
        }
        if self.runs.iter().any(|(run, _)| run == run_id) {
            return Err(Error::refused("run_closed", format!("plan {run_id} was run already"))
                .hint("make a new plan"));
        }
        self.runs.push((run_id.to_owned(), None));
        Ok(())
    }

    /// A rollback beside what it takes back; a start of what exists already beside a move, because
    /// a machine that was started again needs it before the move can go on or back.
    fn may_stand_beside(&self, plan: &PlanRecord, open: &str) -> bool {
        let is_move = self.plans.get(open).is_some_and(|other| other.kind.is_move());
        let restarts = plan.kind == PlanKind::Up && self.active.is_some();
        plan.parent.as_deref() == Some(open) || (restarts && is_move)
    }

    fn raise(&mut self, epoch: u64, environment: &str) -> Result<()> {
        if epoch != self.epoch + 1 {
            let why = format!("epoch {epoch} cannot follow epoch {}", self.epoch);
            return Err(Error::refused("epoch_stale", why)
                .hint("something else switched meanwhile; make a new plan"));
        }
        self.epoch = epoch;
        self.active = Some(environment.to_owned());
        Ok(())
    }

    fn close(&mut self, run_id: &str, state: RunState) -> Result<()> {
        let run = self.runs.iter_mut().find(|(id, ended)| id == run_id && ended.is_none());
        let Some((_, ended)) = run else {
            return Err(Error::refused("run_closed", format!("run {run_id} is not open")));
        };
        *ended = Some(state);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
