//! Aborting a run that another process executes: the log carries the wish, and that process undoes
//! what it did, because it alone knows what it has half done.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use trefoil_core::journal::Run;

use super::{Engine, words};
use crate::state::{Executor, State};
use crate::{Result, supervisor};

/// How often the log is asked for a wish, and for what became of it.
const ASK: Duration = Duration::from_secs(1);
/// How long whoever executes a run may write nothing after it was asked: undoing one step may take
/// two minutes.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(150);
/// The same for one of another host, of which nobody here knows whether it lives.
const DISTANT_TIMEOUT: Duration = Duration::from_secs(30);

/// A person's wish that the run be aborted.
#[derive(Debug, Clone)]
pub(super) struct Wish(watch::Sender<bool>);

impl Default for Wish {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

/// Listens until it is dropped.
pub(super) struct Listening(JoinHandle<()>);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Wish {
    /// Asks the log for the wish from now on.
    pub(super) fn listen(&self, state: &State, run_id: &str) -> Listening {
        let (wish, state, run_id) = (self.0.clone(), state.clone(), run_id.to_owned());
        Listening(tokio::spawn(async move {
            loop {
                match state.abort_is_requested(&run_id).await {
                    Ok(true) => break,
                    Ok(false) => {}
                    // The next entry of the journal tells a person that the log does not answer.
                    Err(error) => tracing::debug!(error = %error.chain(), "no answer of the log"),
                }
                sleep(ASK).await;
            }
            wish.send_replace(true);
        }))
    }

    pub(super) fn is_felt(&self) -> bool {
        *self.0.borrow()
    }

    /// Ends when there is such a wish.
    pub(super) async fn felt(&self) {
        // It cannot fail: this value holds the sender.
        let _ = self.0.subscribe().wait_for(|wish| *wish).await;
    }
}

impl Engine<'_> {
    /// Has whoever executes the run abort it, and waits for that; the run when it has ended.
    /// `None` when nobody executes it, or nobody that can be seen from here does what was asked.
    ///
    /// # Errors
    /// `run_switched`; `run_running` when a process of this host does not answer.
    pub(super) async fn abort_by_executor(&self, run_id: &str) -> Result<Option<Run>> {
        let mut follower = self.state.follow(run_id).await?;
        let (mut asked, mut entries, mut heard) = (false, 0, Instant::now());
        loop {
            follower.catch_up().await?;
            let run = follower.run();
            if run.closed.is_some() {
                return Ok(asked.then(|| run.clone()));
            }
            // Also where nobody is at work: taking over a run calls a supervisor that goes on with it.
            if run.switched() {
                return Err(words::switched(run));
            }
            let Some(executor) = self.at_work(run)? else { return Ok(None) };
            if !asked {
                self.progress
                    .note(&format!("{executor} executes the run; it is asked to abort it"));
                self.state.request_abort(run_id).await?;
                asked = true;
            }
            if run.entries.len() > entries {
                (entries, heard) = (run.entries.len(), Instant::now());
            }
            match executor.is_alive() {
                // The log refuses one that wakes up later, and so do the servers.
                None if heard.elapsed() > DISTANT_TIMEOUT => return Ok(None),
                Some(_) if heard.elapsed() > ANSWER_TIMEOUT => {
                    return Err(words::does_not_answer(run_id, &executor.to_string()));
                }
                _ => {}
            }
            tokio::select! {
                () = self.stop.asked() => return Err(words::interrupted()),
                () = sleep(ASK) => {}
            }
        }
    }

    /// Who executes the run, or will in a moment because a supervisor goes on with it.
    fn at_work(&self, run: &Run) -> Result<Option<Executor>> {
        let stopped = run.halted().is_some() && run.to_compensate().is_empty();
        if run.at_rest() || run.approvals_missing() > 0 || stopped {
            return Ok(None);
        }
        let executor = run.executor().and_then(|text| text.parse::<Executor>().ok());
        let Some(other) = executor.filter(|it| *it != Executor::current()) else {
            return Ok(None);
        };
        let gone = other.is_alive() == Some(false);
        let followed = supervisor::running(&self.world.folder, &run.plan.plan_id)?.is_some();
        Ok((!gone || followed).then_some(other))
    }
}
