//! A process that is looked after: started by this agent, or taken over from an earlier one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::process::Command;
use tokio::sync::watch;
use trefoil_clouds::operate::agent_protocol::InstanceRecord;
use trefoil_clouds::operate::files;
use trefoil_clouds::operate::process::ProcessId;

use crate::{Error, Result};

/// How often a process that is not our child is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// How long a killed process may take to be gone.
const KILL_TIMEOUT: Duration = Duration::from_secs(5);

/// What is needed to start a program. The environment may hold secrets.
#[derive(Clone)]
pub(super) struct Launch {
    pub(super) command: Vec<String>,
    pub(super) working_dir: String,
    pub(super) environment: BTreeMap<String, String>,
}

/// Where a process writes.
#[derive(Clone)]
pub(super) struct Logs {
    pub(super) out: PathBuf,
    pub(super) err: PathBuf,
}

/// A process, and how it ended once it has.
#[derive(Clone)]
pub(super) struct Child {
    pub(super) id: ProcessId,
    ended: watch::Receiver<Option<Ended>>,
}

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ended {
    /// Whether it said that all is well.
    pub(super) success: bool,
    /// In words.
    pub(super) how: String,
}

impl Child {
    /// Starts a program as the leader of a process group of its own, which outlives the agent.
    pub(super) fn spawn(launch: &Launch, port: u16, record: &Path, logs: &Logs) -> Result<Self> {
        let (program, arguments) = launch.command.split_first().ok_or_else(|| {
            Error::usage("program_missing", "the command is empty; it needs a program")
        })?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(&launch.working_dir)
            .env_clear()
            .envs(&launch.environment)
            .env("PORT", port.to_string())
            .env(InstanceRecord::MARK, record);
        Self::start(command, logs)
    }

    /// Starts a prepared command in the same way.
    pub(super) fn start(mut command: Command, logs: &Logs) -> Result<Self> {
        let out = files::open_log(&logs.out)?;
        let err = files::open_log(&logs.err)?;
        let command = command.stdin(Stdio::null()).stdout(out).stderr(err).process_group(0);
        let mut child = command.spawn().map_err(|error| {
            let program = command.as_std().get_program().to_string_lossy().into_owned();
            Error::missing("program_missing", format!("cannot start `{program}`")).because(error)
        })?;
        let pid = child.id().unwrap_or_default();
        // One that has ended already is nobody, and is collected below.
        let id = ProcessId::of(pid).unwrap_or(ProcessId { pid, start_ticks: 0 });
        let (tell, ended) = watch::channel(None);
        tokio::spawn(async move {
            let ended = match child.wait().await {
                Ok(status) => Ended { success: status.success(), how: status.to_string() },
                Err(error) => Ended { success: false, how: error.to_string() },
            };
            tell.send_replace(Some(ended));
        });
        Ok(Self { id, ended })
    }

    /// Takes over a process that another agent has started.
    pub(super) fn adopt(id: ProcessId) -> Self {
        let (tell, ended) = watch::channel(None);
        tokio::spawn(async move {
            while id.alive() && !tell.is_closed() {
                tokio::time::sleep(LOOK_INTERVAL).await;
            }
            let how = "ended; how is not known, because an earlier agent had started it";
            tell.send_replace(Some(Ended { success: false, how: how.to_owned() }));
        });
        Self { id, ended }
    }

    /// Whether it still runs.
    pub(super) fn runs(&self) -> bool {
        self.ended.borrow().is_none() && self.id.alive()
    }

    /// Waits for its end.
    pub(super) async fn ended(&self) -> Ended {
        let mut ended = self.ended.clone();
        let ended = ended.wait_for(Option::is_some).await.ok().and_then(|ended| ended.clone());
        ended.unwrap_or_else(|| Ended { success: false, how: "ended unseen".to_owned() })
    }

    /// Asks its group to end, gives it `drain`, then kills what is left of the group.
    pub(super) async fn stop(&self, drain: Duration) -> Result<Ended> {
        if self.runs() {
            self.id.signal_group(Signal::SIGTERM);
        }
        if let Ok(ended) = tokio::time::timeout(drain, self.ended()).await {
            // Those it has started itself do not outlive it.
            self.id.signal_group(Signal::SIGKILL);
            return Ok(ended);
        }
        self.id.signal_group(Signal::SIGKILL);
        tokio::time::timeout(KILL_TIMEOUT, self.ended()).await.map_err(|_| {
            let message = format!("process {} was killed and is still there", self.id.pid);
            Error::failed("instance_failed", message).retryable()
        })
    }
}

/// The environment that a process was started with, as far as it is about `names`; `None` when
/// one of them is not there, as after a program has overwritten its own.
pub(super) fn environment_of(pid: u32, names: &[String]) -> Option<BTreeMap<String, String>> {
    let bytes = std::fs::read(Path::new("/proc").join(pid.to_string()).join("environ")).ok()?;
    let all: BTreeMap<&str, &str> = bytes
        .split(|byte| *byte == 0)
        .filter_map(|pair| std::str::from_utf8(pair).ok()?.split_once('='))
        .collect();
    names.iter().map(|name| Some((name.clone(), (*all.get(name.as_str())?).to_owned()))).collect()
}
