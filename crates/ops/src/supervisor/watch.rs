//! What the process does: look, judge, have the run taken over, until there is nothing to watch.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::process::Child;
use trefoil_core::journal::Run;

use super::judge::{Sight, Verdict, judge};
use super::status::{self, Status};
use super::{Tool, beat, process};
use crate::state::{Executor, Follower, State};
use crate::{Error, Result};

/// How often it is looked whether the executor lives.
const LOOK: Duration = Duration::from_millis(100);
/// How often the journal is read while the executor lives.
const READ: Duration = Duration::from_secs(1);
/// How often a run is taken over at most: what fails so often needs a person.
const TAKEOVERS: u32 = 5;
/// The pause before the second takeover; it doubles with each one, and is drawn from its upper half.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a process that is ending may take to leave: a predecessor the lock, an executor its sign.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the log may not answer before it is given up.
const LOG_TIMEOUT: Duration = Duration::from_secs(600);

/// Watches over a run until it has ended, soaks or waits for a person. The whole of
/// `trefoil supervise`.
///
/// # Errors
/// `supervisor_running` when another one watches; `supervisor_gave_up` when the run could not be
/// brought to rest; those of a log that does not answer.
pub async fn serve(tool: Tool<'_>, state: &State, run_id: &str) -> Result<()> {
    // Refused only for the leader of a process group, which no signal of a terminal reaches.
    let _ = nix::unistd::setsid();
    let lock = lock(&tool, run_id).await?;
    let mut watch = Watch {
        tool,
        state,
        follower: state.follow(run_id).await?,
        status: Status::new(run_id),
        child: None,
        frozen: false,
    };
    watch.status.write(tool.folder)?;
    tracing::info!(run = run_id, "watching");
    let ended = watch.until_over().await;
    watch.leave()?;
    drop(lock);
    ended
}

/// The lock of the run, after a predecessor that is just ending.
async fn lock(tool: &Tool<'_>, run_id: &str) -> Result<nix::fcntl::Flock<std::fs::File>> {
    let deadline = Instant::now() + LEAVE_TIMEOUT;
    loop {
        if let Some(lock) = status::lock(tool.folder, run_id)? {
            return Ok(lock);
        }
        if status::running(tool.folder, run_id)?.is_some() || Instant::now() > deadline {
            let why = format!("run {run_id} is watched over by another process already");
            return Err(Error::refused("supervisor_running", why));
        }
        tokio::time::sleep(LOOK).await;
    }
}

struct Watch<'a> {
    tool: Tool<'a>,
    state: &'a State,
    follower: Follower,
    status: Status,
    /// The takeover that is under way.
    child: Option<Child>,
    /// Whether the executor looked frozen the last time.
    frozen: bool,
}

impl Watch<'_> {
    async fn until_over(&mut self) -> Result<()> {
        loop {
            match self.verdict().await? {
                Verdict::Watch => {
                    self.frozen = false;
                    self.wait().await;
                }
                Verdict::Over => {
                    self.executor_leaves().await;
                    // Whoever begins to execute now looks for a supervisor after it has said so in
                    // the log: either it finds none, or this look finds it.
                    self.status.remove(self.tool.folder)?;
                    if self.verdict().await? == Verdict::Over {
                        tracing::info!("there is nothing to watch over any more");
                        return Ok(());
                    }
                    self.status.write(self.tool.folder)?;
                }
                // The clock may have jumped: one that lives gives a sign of it meanwhile.
                Verdict::End if !std::mem::replace(&mut self.frozen, true) => {
                    tokio::time::sleep(2 * beat::INTERVAL).await;
                }
                Verdict::End => {
                    if let Some(executor) = executor(self.follower.run()) {
                        tracing::warn!(%executor, "frozen while users wait; it is ended");
                        process::end(&executor);
                        tokio::time::sleep(LOOK).await;
                    }
                }
                verdict @ (Verdict::Resume | Verdict::Compensate) => {
                    self.take_over(verdict).await?;
                }
            }
        }
    }

    /// What to do now. While the log does not answer nothing can be done, so it is asked again.
    async fn verdict(&mut self) -> Result<Verdict> {
        let deadline = Instant::now() + LOG_TIMEOUT;
        loop {
            match self.look().await {
                Err(error) if error.is_retryable() && Instant::now() < deadline => {
                    tracing::warn!(error = %error.chain(), "the log does not answer");
                    tokio::time::sleep(READ).await;
                }
                looked => return looked,
            }
        }
    }

    async fn look(&mut self) -> Result<Verdict> {
        if !process::has_state(self.tool.folder) {
            return Ok(Verdict::Over);
        }
        self.follower.catch_up().await?;
        let run = self.follower.run();
        let parent_open = match &run.plan.parent {
            Some(parent) => self.state.ledger().await?.is_open(parent),
            None => false,
        };
        let sight = Sight {
            run,
            alive: executor(run).map_or(Some(false), |executor| executor.is_alive()),
            silent: beat::age(self.tool.folder, &self.status.run_id),
            parent_open,
            now: Timestamp::now(),
        };
        Ok(judge(&sight))
    }

    /// Until the executor has died, or it is time to read the journal again.
    async fn wait(&self) {
        let until = Instant::now() + READ;
        let executor = executor(self.follower.run());
        while Instant::now() < until {
            tokio::time::sleep(LOOK).await;
            if executor.as_ref().is_some_and(|executor| executor.is_alive() == Some(false)) {
                return;
            }
        }
    }

    /// Until the executor of a run that is over has ended or taken its sign away: one that is killed
    /// between its last entry and its end leaves the sign to [`Watch::leave`].
    async fn executor_leaves(&self) {
        let deadline = Instant::now() + LEAVE_TIMEOUT;
        let signed = || beat::age(self.tool.folder, &self.status.run_id).is_some();
        let alive = || executor(self.follower.run()).is_some_and(|it| it.is_alive() == Some(true));
        while signed() && alive() && Instant::now() < deadline {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Has the run gone on with, unless a takeover that was begun has still to say that it is the
    /// executor now.
    async fn take_over(&mut self, verdict: Verdict) -> Result<()> {
        if let Some(child) = &mut self.child
            && child.try_wait().ok().flatten().is_none()
        {
            tokio::time::sleep(LOOK).await;
            return Ok(());
        }
        let run_id = &self.status.run_id;
        if self.status.takeovers >= TAKEOVERS {
            let why = format!("run {run_id} was taken over {TAKEOVERS} times and is not at rest");
            let hint = format!("see what is above, then `trefoil runs resume {run_id}`");
            return Err(Error::failed("supervisor_gave_up", why).hint(hint));
        }
        if self.status.takeovers > 0 {
            let pause = PAUSE * 2_u32.pow(self.status.takeovers - 1);
            tokio::time::sleep(pause.mul_f64(0.5 + rand::random::<f64>() / 2.0)).await;
        }
        tracing::warn!(?verdict, "the executor is dead; the run is taken over");
        self.child = Some(process::take_over(&self.tool, run_id, verdict)?);
        self.status.takeovers += 1;
        self.status.write(self.tool.folder)
    }

    /// Takes away what only a supervisor that watches has; its log stays.
    fn leave(&self) -> Result<()> {
        if !process::has_state(self.tool.folder) {
            return Ok(());
        }
        let (folder, run_id) = (self.tool.folder, &self.status.run_id);
        self.status.remove(folder)?;
        let executor = executor(self.follower.run());
        if executor.is_none_or(|executor| executor.is_alive() == Some(false)) {
            beat::forget(folder, run_id)?;
        }
        trefoil_clouds::operate::files::remove_file(&status::file(folder, run_id, "lock"))
    }
}

/// Who executes a run, as its journal says.
fn executor(run: &Run) -> Option<Executor> {
    run.executor().and_then(|text| text.parse().ok())
}
