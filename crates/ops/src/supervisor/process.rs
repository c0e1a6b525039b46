//! Starting a supervisor, and what a supervisor starts and ends.

use std::path::{Path, absolute};
use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use trefoil_clouds::operate::files;

use super::judge::Verdict;
use super::{Tool, log_file};
use crate::state::{CRASH_AFTER_EVENT, CRASH_BEFORE_EVENT, Executor, place_arguments};
use crate::{Error, Result};

/// Starts `PROGRAM supervise --folder F --file SPEC --run RUN_ID`. It leaves this process's session
/// by itself.
pub(super) fn spawn(tool: &Tool<'_>, run_id: &str) -> Result<Child> {
    let path = log_file(tool.folder, run_id);
    if let Some(folder) = path.parent() {
        files::private_folder(folder)?;
    }
    let log = files::open_log(&path)?;
    let same = log.try_clone().map_err(cannot)?;
    let mut command = Command::new(tool.program);
    // What it sees and does is why it has a log.
    command.args(["-v", "supervise"]).arg("--folder").arg(absolute(tool.folder).map_err(cannot)?);
    command.arg("--file").arg(absolute(tool.spec_file).map_err(cannot)?);
    command.args(["--run", run_id]);
    command.args(place_arguments(tool.log_url, tool.folder).map_err(cannot)?);
    // A crash that a test asks for is the executor's, not that of whoever follows it.
    command.env_remove(CRASH_AFTER_EVENT).env_remove(CRASH_BEFORE_EVENT);
    command.stdin(Stdio::null()).stdout(log).stderr(same).spawn().map_err(cannot)
}

/// Starts the command that a person would type. What it says goes to the supervisor's log.
pub(super) fn take_over(tool: &Tool<'_>, run_id: &str, verdict: Verdict) -> Result<Child> {
    let mut command = Command::new(tool.program);
    command.arg("--file").arg(absolute(tool.spec_file).map_err(cannot)?);
    command.args(place_arguments(tool.log_url, tool.folder).map_err(cannot)?);
    command.args(["--no-progress", "runs", "resume", run_id]);
    if verdict == Verdict::Compensate {
        command.arg("--compensate-only");
    }
    command.stdin(Stdio::null()).spawn().map_err(cannot)
}

fn cannot(error: std::io::Error) -> Error {
    Error::failed("supervisor_start", "cannot start a process to watch over the run").because(error)
}

/// Kills a process that nothing else ends. One that has ended meanwhile is no failure.
pub(super) fn end(executor: &Executor) {
    if executor.is_alive() == Some(true)
        && let Ok(pid) = i32::try_from(executor.pid)
    {
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
}

/// Whether the folder of state is still there: a supervisor without one has nothing to do.
pub(super) fn has_state(folder: &Path) -> bool {
    folder.is_dir()
}
