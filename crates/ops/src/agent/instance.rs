//! One instance of a program: kept running, or run once.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use nix::sys::signal::Signal;
use tokio_util::sync::CancellationToken;
use trefoil_clouds::operate::agent_protocol::{InstanceRecord, InstanceStatus, StartInstance};
use trefoil_clouds::operate::files;

use super::child::{Child, Ended, Launch, Logs, environment_of};
use super::ports;
use crate::{Error, Result};

/// The pause before the first restart; it doubles with each up to the longest.
const BACKOFF_FIRST: Duration = Duration::from_millis(200);
const BACKOFF_LONGEST: Duration = Duration::from_secs(5);
/// One that has run this long is well: the pauses begin anew.
const WELL_AFTER: Duration = Duration::from_secs(30);
/// How many lines of standard error are told.
const LAST_LINES: usize = 20;
/// How long one that ran too long may take to end.
const LATE_DRAIN: Duration = Duration::from_secs(2);

/// One instance.
pub(super) struct Instance {
    name: String,
    file: PathBuf,
    pub(super) logs: Logs,
    /// Held while it is started or stopped.
    changing: tokio::sync::Mutex<()>,
    state: Mutex<State>,
    /// Ends the task that looks after it.
    watch: CancellationToken,
    /// Set when nothing is started any more.
    closed: CancellationToken,
}

#[derive(Default)]
struct State {
    record: Option<InstanceRecord>,
    /// `None` when it is not known how to start it again.
    launch: Option<Launch>,
    child: Option<Child>,
    /// Grows with every start and stop by request: a task that looks after an earlier start
    /// sees that it is no longer meant.
    generation: u64,
    last_exit: Option<String>,
    last_words: Vec<String>,
    /// Where in the log of standard error the present process began.
    err_since: u64,
}

impl Instance {
    /// An instance of which nothing is known yet.
    pub(super) fn new(
        folder: &Path,
        name: &str,
        watch: CancellationToken,
        closed: CancellationToken,
    ) -> Arc<Self> {
        Arc::new(Self {
            name: name.to_owned(),
            file: folder.join(format!("{name}.json")),
            logs: Logs {
                out: folder.join(format!("{name}.log")),
                err: folder.join(format!("{name}.stderr.log")),
            },
            changing: tokio::sync::Mutex::default(),
            state: Mutex::default(),
            watch,
            closed,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks after the process that an earlier agent has started. Its environment, which is
    /// written nowhere because it may hold secrets, is taken from the process itself.
    pub(super) fn take_over(self: &Arc<Self>) -> Result<()> {
        let Some(record) = files::read_json::<InstanceRecord>(&self.file)? else { return Ok(()) };
        let mut state = self.lock();
        match record.running(&self.file) {
            Some(process) => {
                let environment = environment_of(process.pid, &record.variables);
                state.launch = environment.map(|environment| Launch {
                    command: record.command.clone(),
                    working_dir: record.working_dir.clone(),
                    environment,
                });
                state.child = Some(Child::adopt(process));
                state.err_since = length(&self.logs.err);
                let again = !record.once;
                tokio::spawn(self.clone().look_after(state.generation, again));
            }
            None if record.process.is_some() => {
                state.last_exit = Some("ended while no agent looked after it".to_owned());
                state.last_words = files::last_lines(&self.logs.err, 0, LAST_LINES);
            }
            None => {}
        }
        state.record = Some(record);
        Ok(())
    }

    /// Starts it, or leaves it alone when it runs; with `once`, runs it to its end.
    pub(super) async fn start(self: &Arc<Self>, request: StartInstance) -> Result<InstanceStatus> {
        let _changing = self.changing.lock().await;
        if self.closed.is_cancelled() {
            return Err(Error::refused("agent_stopping", "the agent is shutting down"));
        }
        let running = self.lock().child.clone().filter(Child::runs);
        match running {
            Some(_) if !request.once => return self.known_status(),
            // Begun for somebody who has gone: it is run again, for whoever asks now.
            Some(earlier) => drop(earlier.stop(LATE_DRAIN).await?),
            None => {}
        }
        let (once, timeout) = (request.once, Duration::from_millis(request.timeout_ms));
        let (child, generation) = self.begin(request)?;
        if once {
            return self.await_end(&child, generation, timeout).await;
        }
        tokio::spawn(self.clone().look_after(generation, true));
        self.known_status()
    }

    fn begin(&self, request: StartInstance) -> Result<(Child, u64)> {
        let mut state = self.lock();
        let kept = state.record.as_ref().map(|record| record.port);
        let port = match kept.filter(|port| ports::is_free(*port)) {
            Some(port) => port,
            None => ports::find_free()?,
        };
        state.generation += 1;
        state.record = Some(InstanceRecord {
            command: request.command.clone(),
            working_dir: request.working_dir.clone(),
            variables: request.environment.keys().cloned().collect(),
            port,
            once: request.once,
            process: None,
            restarts: 0,
            started_at: Timestamp::now(),
        });
        state.launch = Some(Launch {
            command: request.command,
            working_dir: request.working_dir,
            environment: request.environment,
        });
        let child = self.spawn(&mut state)?;
        state.last_exit = None;
        state.last_words.clear();
        Ok((child, state.generation))
    }

    /// Starts the process and writes down which it is. That it may be there is written down
    /// before, so that an agent that finds the record looks for it.
    fn spawn(&self, state: &mut State) -> Result<Child> {
        let unknown = || Error::failed("instance_failed", "it is not known how to start it");
        let launch = state.launch.clone().ok_or_else(unknown)?;
        let port = state.record.as_ref().ok_or_else(unknown)?.port;
        self.write_down(state)?;
        state.err_since = length(&self.logs.err);
        let child = Child::spawn(&launch, port, &self.file, &self.logs)?;
        state.child = Some(child.clone());
        if let Some(record) = &mut state.record {
            record.process = Some(child.id);
            record.started_at = Timestamp::now();
        }
        let written = self.write_down(state);
        if written.is_err() {
            // One that no later agent would know must not go on.
            child.id.signal_group(Signal::SIGKILL);
        }
        written.map(|()| child)
    }

    fn write_down(&self, state: &State) -> Result<()> {
        state.record.as_ref().map_or(Ok(()), |record| files::write_json(&self.file, record))
    }

    /// Writes down that it has ended, and how.
    fn note_end(&self, state: &mut State, ended: &Ended) {
        state.last_exit = Some(ended.how.clone());
        state.last_words = files::last_lines(&self.logs.err, state.err_since, LAST_LINES);
        state.child = None;
        if let Some(record) = &mut state.record {
            record.process = None;
        }
        if let Err(error) = self.write_down(state) {
            tracing::warn!(instance = self.name, error = error.chain(), "not written down");
        }
    }

    async fn await_end(
        &self,
        child: &Child,
        generation: u64,
        timeout: Duration,
    ) -> Result<InstanceStatus> {
        let in_time = tokio::time::timeout(timeout, child.ended()).await;
        let late = in_time.is_err();
        let ended = match in_time {
            Ok(ended) => ended,
            Err(_) => child.stop(LATE_DRAIN).await?,
        };
        let mut state = self.lock();
        if state.generation == generation {
            self.note_end(&mut state, &ended);
        }
        let words = state.last_words.join("\n");
        drop(state);
        let name = &self.name;
        let error = if late {
            let limit = timeout.as_secs_f64();
            Error::failed("instance_timeout", format!("`{name}` was not done after {limit} s"))
        } else if ended.success {
            return self.known_status();
        } else {
            Error::failed("instance_failed", format!("`{name}` failed: {}", ended.how))
        };
        let error = error.hint(format!("its log is {}", self.logs.err.display()));
        Err(if words.is_empty() { error } else { error.because(words) })
    }

    /// Waits for its end, and starts it again, until it is started or stopped by request.
    async fn look_after(self: Arc<Self>, generation: u64, again: bool) {
        let watch = self.watch.clone();
        let mut pause = BACKOFF_FIRST;
        loop {
            let child = self.lock().child.clone();
            let began = Instant::now();
            if let Some(child) = child {
                let Some(ended) = watch.run_until_cancelled(child.ended()).await else { return };
                let mut state = self.lock();
                if state.generation != generation {
                    return;
                }
                // Its own children may still hold the port.
                child.id.signal_group(Signal::SIGKILL);
                tracing::warn!(instance = self.name, how = ended.how, "an instance ended");
                self.note_end(&mut state, &ended);
                if !again || state.launch.is_none() {
                    return;
                }
            }
            if began.elapsed() > WELL_AFTER {
                pause = BACKOFF_FIRST;
            }
            if watch.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                return;
            }
            pause = (pause * 2).min(BACKOFF_LONGEST);
            if !self.start_again(generation) {
                return;
            }
        }
    }

    /// Starts it after it has ended by itself; false when it is no longer meant to run.
    fn start_again(&self, generation: u64) -> bool {
        let mut state = self.lock();
        if state.generation != generation {
            return false;
        }
        if let Some(record) = &mut state.record {
            record.restarts += 1;
        }
        if let Err(error) = self.spawn(&mut state) {
            state.child = None;
            state.last_exit = Some(error.chain());
        }
        true
    }

    /// Stops it. One that does not run is stopped already.
    pub(super) async fn stop(&self, drain: Duration) -> Result<()> {
        // Asked before the lock is had: one that is awaited holds the lock until it ends.
        let child = {
            let mut state = self.lock();
            state.generation += 1;
            state.child.clone()
        };
        if let Some(child) = child.filter(Child::runs) {
            child.id.signal_group(Signal::SIGTERM);
        }
        let _changing = self.changing.lock().await;
        let child = {
            let mut state = self.lock();
            state.generation += 1;
            state.child.clone()
        };
        if let Some(child) = child {
            let ended = child.stop(drain).await?;
            let mut state = self.lock();
            self.note_end(&mut state, &ended);
            state.last_exit = Some(format!("stopped by request ({})", ended.how));
        }
        Ok(())
    }

    fn known_status(&self) -> Result<InstanceStatus> {
        self.status().ok_or_else(|| Error::failed("instance_failed", "nothing is known of it"))
    }

    /// How it is; `None` when it was never started.
    pub(super) fn status(&self) -> Option<InstanceStatus> {
        let state = self.lock();
        let record = state.record.as_ref()?;
        let running = state.child.as_ref().filter(|child| child.runs());
        Some(InstanceStatus {
            name: self.name.clone(),
            pid: running.map(|child| child.id.pid),
            port: record.port,
            restarts: record.restarts,
            started_at: record.started_at,
            last_exit: state.last_exit.clone(),
            last_words: state.last_words.clone(),
        })
    }
}

fn length(log: &Path) -> u64 {
    std::fs::metadata(log).map(|log| log.len()).unwrap_or_default()
}
