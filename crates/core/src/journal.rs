//! Events of a run, and the one function that says which may follow which.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::plan::{Action, Plan, Step};

/// One line of a run's journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The run exists and its plan is fixed. First entry of every journal.
    Opened {
        /// The plan, whole: the journal alone is enough to go on elsewhere.
        plan: Box<Plan>,
    },
    /// A process takes the run over; the process before it fails at its next append.
    Adopted {
        /// Host and process, for people.
        executor: String,
    },
    /// The engine is about to perform a step.
    Started {
        /// The step's number.
        step: usize,
        /// What undoing must know of the world as it was before; see [`Run::found`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        found: Option<Value>,
    },
    /// The step is done.
    Succeeded {
        /// The step's number.
        step: usize,
        /// What later steps refer to. Never a secret.
        output: Value,
    },
    /// The step failed; what it had done so far may stand.
    Failed {
        /// The step's number.
        step: usize,
        /// The error with its causes.
        error: String,
    },
    /// The engine is about to undo a step.
    UndoStarted {
        /// The step's number.
        step: usize,
    },
    /// The step is undone; it may be started again.
    UndoFinished {
        /// The step's number.
        step: usize,
    },
    /// Undoing failed; a person is needed.
    UndoFailed {
        /// The step's number.
        step: usize,
        /// The error with its causes.
        error: String,
    },
    /// A person approved the run, or confirmed an item of its checklist.
    Approved {
        /// The name that the person gave; it is not authenticated.
        by: String,
        /// The item's id; `None` for the run as a whole.
        item: Option<String>,
    },
    /// The process that executes goes no further by its own decision: a step failed, a person
    /// interrupted it. What may follow is undoing. Nobody but a person goes on from here; a
    /// process that died has said nothing of the kind.
    Halted {
        /// The error with its causes.
        why: String,
    },
    /// A person asked that everything be undone.
    AbortRequested,
    /// A person asked that the move be made final.
    FinishRequested,
    /// The run has ended. Last entry of every journal.
    Closed {
        /// How it ended.
        state: RunState,
    },
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Its plan exists; nothing was done.
    Planned,
    /// Steps are being performed.
    Running,
    /// Stopped midway: `runs resume` or `runs abort`.
    Paused,
    /// Switched; the way back is open until `migrate finish` or `migrate rollback`.
    Soaking,
    /// Ended as planned.
    Succeeded,
    /// A rollback run brought everything back.
    RolledBack,
    /// Ended without reaching its goal.
    Failed,
    /// Steps are being undone on a person's word.
    Aborting,
    /// Everything was undone.
    Aborted,
}

/// Where one step stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum StepStatus {
    /// Not started, or undone.
    Pending,
    /// Started, and not known to have ended.
    Started,
    /// Done.
    Succeeded {
        /// What later steps refer to.
        output: Value,
    },
    /// Failed.
    Failed {
        /// The error with its causes.
        error: String,
    },
    /// Being undone.
    Undoing,
    /// Undoing failed.
    UndoFailed {
        /// The error with its causes.
        error: String,
    },
}

/// A journal entry: an event and when it was appended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    /// When the process that appended it did so, by its own clock.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What a person approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Approval {
    /// The name that the person gave; it is not authenticated.
    pub by: String,
    /// The item of the checklist; `None` for the run as a whole.
    pub item: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// How long a person's name may be, in bytes.
const NAME_MAX: usize = 100;

/// A run: the fold of its plan and its events.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// The plan that the first event holds.
    pub plan: Plan,
    /// The status of each step, by number.
    pub steps: BTreeMap<usize, StepStatus>,
    /// The output of each step that has succeeded, kept until the step is undone to its end:
    /// undoing needs it too.
    pub outputs: BTreeMap<usize, Value>,
    /// What was found before each step was begun, kept until the step is undone to its end. A step
    /// that is begun again has changed the world already, so the first is kept.
    pub found: BTreeMap<usize, Value>,
    /// What people approved, oldest first.
    pub approvals: Vec<Approval>,
    /// A person asked for an abort.
    pub abort_requested: bool,
    /// A person asked for the end of the soak.
    pub finish_requested: bool,
    /// How it ended, if it has.
    pub closed: Option<RunState>,
    /// All entries, oldest first.
    pub entries: Vec<Entry>,
}

impl Run {
    /// Folds a journal. Refuses one that does not begin with `Opened` or holds an illegal step.
    pub fn fold(entries: Vec<Entry>) -> Result<Run> {
        let Some(Event::Opened { plan }) = entries.first().map(|entry| &entry.event) else {
            return Err(illegal("the journal does not begin with its plan"));
        };
        let mut run = Run {
            plan: (**plan).clone(),
            steps: plan.steps.iter().map(|step| (step.n, StepStatus::Pending)).collect(),
            outputs: BTreeMap::new(),
            found: BTreeMap::new(),
            approvals: Vec::new(),
            abort_requested: false,
            finish_requested: false,
            closed: None,
            entries: vec![entries[0].clone()],
        };
        for entry in entries.into_iter().skip(1) {
            run.apply(entry)?;
        }
        Ok(run)
    }

    /// Adds one entry, if it may follow the others.
    pub fn apply(&mut self, entry: Entry) -> Result<()> {
        if let Some(state) = self.closed {
            return Err(illegal(format!("the run is closed as {state:?}")));
        }
        match &entry.event {
            Event::Opened { .. } => return Err(illegal("the run is open already")),
            Event::Adopted { .. } | Event::Halted { .. } => {}
            Event::Approved { by, item } => self.approve(by, item.as_deref(), entry.at)?,
            Event::AbortRequested if self.switched() => {
                return Err(illegal("after the switch a run is rolled back, not aborted"));
            }
            Event::AbortRequested => self.abort_requested = true,
            Event::FinishRequested if !self.soaking() => {
                return Err(illegal("only a run that soaks can be finished"));
            }
            Event::FinishRequested => self.finish_requested = true,
            Event::Closed { state } => self.close(*state)?,
            step_event => self.apply_step(step_event)?,
        }
        self.entries.push(entry);
        Ok(())
    }

    fn approve(&mut self, by: &str, item: Option<&str>, at: Timestamp) -> Result<()> {
        if !is_name(by) {
            return Err(illegal("nobody's name is given"));
        }
        if item.is_some_and(|id| !is_name(id)) {
            return Err(illegal("the item has no name"));
        }
        self.approvals.push(Approval { by: by.into(), item: item.map(str::to_owned), at });
        Ok(())
    }

    fn close(&mut self, state: RunState) -> Result<()> {
        let legal = match state {
            RunState::Succeeded => self.next_step().is_none(),
            RunState::RolledBack => self.switched(),
            RunState::Aborted => self.abort_requested && self.all_untouched_after(0),
            RunState::Failed => true,
            _ => false,
        };
        if !legal {
            return Err(illegal(format!("a run that stands here cannot be closed as {state:?}")));
        }
        self.closed = Some(state);
        Ok(())
    }

    fn apply_step(&mut self, event: &Event) -> Result<()> {
        let Some(n) = event.step() else { return Ok(()) };
        let status = self.steps.get(&n).ok_or_else(|| illegal(format!("there is no step {n}")))?;
        let next = transition(status, event)?;
        self.in_order(n, event)?;
        match event {
            Event::Started { found: Some(found), .. } => {
                self.found.entry(n).or_insert_with(|| found.clone());
            }
            Event::Succeeded { output, .. } => {
                self.outputs.insert(n, output.clone());
            }
            Event::UndoFinished { .. } => {
                self.outputs.remove(&n);
                self.found.remove(&n);
            }
            _ => {}
        }
        self.steps.insert(n, next);
        Ok(())
    }

    /// Steps are performed forwards and undone backwards, and nothing is undone from the switch on.
    fn in_order(&self, n: usize, event: &Event) -> Result<()> {
        match event {
            Event::Started { .. } if self.abort_requested => {
                Err(illegal("a run that is being aborted starts nothing"))
            }
            Event::Started { .. } if self.approvals_missing() > 0 => {
                Err(illegal("the run is not approved"))
            }
            Event::Started { .. } if self.next_step().is_some_and(|next| next.n != n) => {
                Err(illegal(format!("step {n} is not the next one")))
            }
            Event::Started { .. }
                if self.plan.step(n).is_some_and(|s| s.finish) && !self.finish_requested =>
            {
                Err(illegal(format!("step {n} waits for the word to finish")))
            }
            Event::UndoStarted { .. } if self.switched() => {
                Err(illegal("after the switch nothing is undone"))
            }
            Event::UndoStarted { .. } if !self.all_untouched_after(n) => {
                Err(illegal(format!("steps after {n} must be undone first")))
            }
            _ => Ok(()),
        }
    }

    fn all_untouched_after(&self, n: usize) -> bool {
        self.steps.range(n + 1..).all(|(_, status)| *status == StepStatus::Pending)
    }

    /// The output of a step that has succeeded; also while the step is being undone.
    pub fn output(&self, step: usize) -> Option<&Value> {
        self.outputs.get(&step)
    }

    /// Whether the step that opens the other side was begun: from then on the only way is
    /// forward, and back is a rollback.
    pub fn switched(&self) -> bool {
        self.plan.switch_step().is_some_and(|step| !self.is_untouched(step.n))
    }

    /// The window's steps that were begun and not undone, last first: what has to be undone so
    /// that the source serves again. Empty from the switch on.
    pub fn to_compensate(&self) -> Vec<Step> {
        if self.switched() {
            return Vec::new();
        }
        let begun = |step: &&Step| step.window && !self.is_untouched(step.n);
        self.plan.steps.iter().filter(begun).rev().cloned().collect()
    }

    /// Every step that was begun and not undone, last first.
    pub fn to_undo(&self) -> Vec<Step> {
        let begun = |step: &&Step| !self.is_untouched(step.n);
        self.plan.steps.iter().filter(begun).rev().cloned().collect()
    }

    /// Whether there is nothing to do without a person's word: every step is done, or the run soaks.
    pub fn at_rest(&self) -> bool {
        self.next_step().is_none() || (self.soaking() && !self.finish_requested)
    }

    /// The stream that carries rows back while the run soaks; `None` without a database.
    pub fn return_stream(&self) -> Option<&str> {
        self.plan.steps.iter().find_map(|step| match &step.action {
            Action::StartReturn(start) => Some(start.return_stream.as_str()),
            _ => None,
        })
    }

    /// How many more people must approve the run before its first step. One person counts once.
    pub fn approvals_missing(&self) -> u32 {
        let whole = self.approvals.iter().filter(|approval| approval.item.is_none());
        let people: BTreeSet<_> = whole.map(|approval| approval.by.trim()).collect();
        self.plan.required_approvals.saturating_sub(u32::try_from(people.len()).unwrap_or(u32::MAX))
    }

    /// When the step last ended, well or not.
    pub fn ended_at(&self, step: usize) -> Option<Timestamp> {
        let ended = |entry: &&Entry| match &entry.event {
            Event::Succeeded { step: n, .. }
            | Event::Failed { step: n, .. }
            | Event::UndoFailed { step: n, .. } => *n == step,
            _ => false,
        };
        self.entries.iter().rfind(ended).map(|entry| entry.at)
    }

    /// Why the run goes no further without a person's word; `None` when nobody decided that, or a
    /// step was started since.
    pub fn halted(&self) -> Option<&str> {
        let newest = self.entries.iter().rev().find_map(|entry| match &entry.event {
            Event::Halted { why } => Some(Some(why.as_str())),
            Event::Started { .. } => Some(None),
            _ => None,
        });
        newest.flatten()
    }

    /// When users began to wait, while they still do: from the window's first step until they are
    /// served again, by either side.
    pub fn users_wait_since(&self) -> Option<Timestamp> {
        let first = self.plan.window_start()?.n;
        let serving = self.plan.find(|action| matches!(action, Action::SwitchTraffic(_)));
        let served = serving.or(self.plan.switch_step().map(|step| step.n))?;
        if self.is_untouched(first) || self.is_done(served) {
            return None;
        }
        let began = |entry: &&Entry| entry.event.starts(first);
        self.entries.iter().rfind(began).map(|entry| entry.at)
    }

    /// Host and process that run it, as the newest entry of that kind says.
    pub fn executor(&self) -> Option<&str> {
        self.entries.iter().rev().find_map(|entry| match &entry.event {
            Event::Adopted { executor } => Some(executor.as_str()),
            _ => None,
        })
    }

    /// The environment that accepts writes as far as the journal tells; `None` inside the window
    /// and while the switch is under way. `active` is the one that the ledger names.
    pub fn writable_side(&self, active: Option<&str>) -> Option<String> {
        let switched = self.plan.switch_step().map(|step| self.is_done(step.n));
        match switched {
            _ if self.closed.is_some() => active.map(str::to_owned),
            Some(true) => Some(self.plan.to.clone()),
            _ if self.switched() || !self.to_compensate().is_empty() => None,
            _ => active.map(str::to_owned),
        }
    }

    /// Whether the environment's application is meant to run, as far as the journal tells: before
    /// the run only the source's did, and what was begun counts.
    pub fn runs_application(&self, environment: &str) -> bool {
        let begun = self.plan.steps.iter().filter(|step| !self.is_untouched(step.n));
        begun.fold(self.plan.from == environment, |runs, step| match &step.action {
            Action::StartApplication(start) if start.environment == environment => true,
            Action::StopApplication(stop) if stop.environment == environment => false,
            _ => runs,
        })
    }

    /// Whether the step was never started, or was undone.
    pub fn is_untouched(&self, step: usize) -> bool {
        matches!(self.steps.get(&step), Some(StepStatus::Pending))
    }

    /// Whether the step is done.
    pub fn is_done(&self, step: usize) -> bool {
        matches!(self.steps.get(&step), Some(StepStatus::Succeeded { .. }))
    }

    /// The first step that is not done, in order.
    pub fn next_step(&self) -> Option<&Step> {
        self.plan.steps.iter().find(|step| !self.is_done(step.n))
    }

    /// Whether the way back is open: everything up to the finish mark is done, the rest not.
    pub fn soaking(&self) -> bool {
        let finish = self.plan.steps.iter().find(|step| step.finish).map(|step| step.n);
        let next = self.next_step().map(|step| step.n);
        self.closed.is_none() && finish.is_some() && finish == next
    }

    /// Where the run stands. A run whose process died reads as paused: nothing runs it.
    pub fn state(&self) -> RunState {
        if let Some(state) = self.closed {
            return state;
        }
        if self.abort_requested {
            return RunState::Aborting;
        }
        if self.soaking() && !self.finish_requested {
            return RunState::Soaking;
        }
        let touched = self.steps.values().any(|status| *status != StepStatus::Pending);
        if touched { RunState::Paused } else { RunState::Planned }
    }
}

impl Event {
    /// A step of which nothing has to be known before is begun.
    pub fn started(step: usize) -> Event {
        Event::Started { step, found: None }
    }

    /// Whether this begins the step.
    pub fn starts(&self, wanted: usize) -> bool {
        matches!(self, Event::Started { step, .. } if *step == wanted)
    }

    /// The number of the step that the event is about.
    pub fn step(&self) -> Option<usize> {
        match self {
            Event::Started { step, .. }
            | Event::Succeeded { step, .. }
            | Event::Failed { step, .. }
            | Event::UndoStarted { step }
            | Event::UndoFinished { step }
            | Event::UndoFailed { step, .. } => Some(*step),
            _ => None,
        }
    }
}

/// The whole state machine of a step. A step that is `Started` may be started again: the process
/// that began it died, and performing is idempotent.
pub fn transition(status: &StepStatus, event: &Event) -> Result<StepStatus> {
    use StepStatus as S;
    match (status, event) {
        (S::Pending | S::Started | S::Failed { .. }, Event::Started { .. }) => Ok(S::Started),
        (S::Started, Event::Succeeded { output, .. }) => {
            Ok(S::Succeeded { output: output.clone() })
        }
        (S::Started, Event::Failed { error, .. }) => Ok(S::Failed { error: error.clone() }),
        (
            S::Started | S::Succeeded { .. } | S::Failed { .. } | S::Undoing | S::UndoFailed { .. },
            Event::UndoStarted { .. },
        ) => Ok(S::Undoing),
        (S::Undoing, Event::UndoFinished { .. }) => Ok(S::Pending),
        (S::Undoing, Event::UndoFailed { error, .. }) => Ok(S::UndoFailed { error: error.clone() }),
        (status, event) => Err(illegal(format!("{event:?} may not follow {status:?}"))),
    }
}

/// Whether this can be a person's name: one line, not empty, at most 100 bytes.
pub fn is_name(name: &str) -> bool {
    let name = name.trim();
    !name.is_empty() && name.len() <= NAME_MAX && !name.chars().any(char::is_control)
}

fn illegal(why: impl Into<String>) -> Error {
    Error::refused("journal_illegal", format!("the journal refuses this entry: {}", why.into()))
}

#[cfg(test)]
mod tests;
