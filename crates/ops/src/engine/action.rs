//! What every action is to the engine.

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde_json::Value;
use trefoil_clouds::operate::Site;
use trefoil_core::journal::Run;
use trefoil_core::plan::Step;

use super::{Progress, World};
use crate::state::{FencingToken, Journal};
use crate::{Error, Result};

/// What a look at the world says about a step, without changing anything.
#[derive(Debug)]
pub enum Check {
    /// It is done already, with this output.
    Done(Value),
    /// It can be done now.
    Ready,
    /// It cannot be known before an earlier step is done.
    After {
        /// The earlier step.
        step: usize,
        /// What that step will provide.
        provides: String,
    },
    /// It cannot be done.
    Blocked(Error),
}

/// What an action sees.
pub struct Context<'a> {
    /// The environments and what belongs to them.
    pub world: &'a World,
    /// The run so far.
    pub run: &'a Run,
    /// The step.
    pub step: &'a Step,
    /// Where progress is shown.
    pub progress: &'a dyn Progress,
    /// The journal from which the run is executed; none where it is only looked at.
    pub journal: Option<&'a Journal>,
}

impl Context<'_> {
    /// Asks the log whether this process still executes the run, right before what cannot be taken
    /// back: it may have slept since the step began.
    ///
    /// # Errors
    /// `executor_superseded`, `log_unreachable`.
    pub async fn require_ours(&self) -> Result<()> {
        match self.journal {
            Some(journal) => journal.require_ours().await,
            None => Ok(()),
        }
    }

    /// What servers order executors by.
    pub fn token(&self) -> FencingToken {
        self.journal.map(Journal::token).unwrap_or_default()
    }

    /// An environment of the plan.
    pub fn site(&self, environment: &str) -> Result<&Site> {
        self.world.site(environment)
    }

    /// What [`Perform::find`] found before this step was begun first; `None` before that.
    pub fn found<T: DeserializeOwned>(&self) -> Option<T> {
        let found = self.run.found.get(&self.step.n)?;
        serde_json::from_value(found.clone()).ok()
    }

    /// The output of an earlier step. Fails when that step is not done.
    pub fn output<T: DeserializeOwned>(&self, step: usize) -> Result<T> {
        let output = self.run.output(step).ok_or_else(|| {
            Error::refused("step_output", format!("step {step} has no output yet"))
        })?;
        serde_json::from_value(output.clone()).map_err(|error| {
            Error::refused("step_output", format!("step {step}'s output is not what is needed"))
                .because(error)
        })
    }
}

/// One action. All three are idempotent: the process may die inside any of them, and another
/// begins the same one again.
#[async_trait]
pub trait Perform: Send + Sync {
    /// Looks; changes nothing.
    async fn check(&self, cx: &Context<'_>) -> Result<Check>;
    /// What undoing must know of the world as it was before. The journal holds it before anything
    /// is changed, so that it outlives a process that dies while it performs. Never a secret.
    async fn find(&self, _cx: &Context<'_>) -> Result<Option<Value>> {
        Ok(None)
    }
    /// Does it, and gives what later steps refer to. Never a secret.
    async fn perform(&self, cx: &Context<'_>) -> Result<Value>;
    /// Undoes it, also when it was only begun.
    async fn undo(&self, cx: &Context<'_>) -> Result<()>;
}
