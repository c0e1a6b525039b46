//! Starting and ending the process that carries back.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf, absolute};
use std::process::Stdio;
use std::time::Instant;

use nix::sys::signal::Signal;
use tokio::process::{Child, Command};

use super::status::Status;
use super::{POLL, STOP_TIMEOUT};
use crate::engine::World;
use crate::state::place_arguments;
use crate::{Error, Result};

/// Where a run's process writes its log.
pub(super) fn log_file(folder: &Path, run_id: &str) -> PathBuf {
    folder.join(format!("runs-backflow-{run_id}.log"))
}

/// Starts a run's process: `PROGRAM backflow --folder F --file SPEC --run RUN_ID`. It leaves this
/// process's session by itself.
pub(super) fn spawn(world: &World, run_id: &str) -> Result<Child> {
    let cannot = |error: std::io::Error| {
        Error::failed("backflow_start", "cannot start the process that carries changes back")
            .because(error)
    };
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(log_file(&world.folder, run_id))
        .map_err(cannot)?;
    Command::new(&world.program)
        .args(place_arguments(world.log_url.as_deref(), &world.folder).map_err(cannot)?)
        .arg("backflow")
        .arg("--folder")
        .arg(absolute(&world.folder).map_err(cannot)?)
        .arg("--file")
        .arg(absolute(&world.spec_file).map_err(cannot)?)
        .args(["--run", run_id])
        .stdin(Stdio::null())
        .stdout(log.try_clone().map_err(cannot)?)
        .stderr(log)
        .spawn()
        .map_err(cannot)
}

/// Ends a process: a polite signal, then a kill. Idempotent.
pub(super) async fn end(status: &Status) -> Result<()> {
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        if !status.is_alive() {
            return Ok(());
        }
        status.process().signal(signal);
        let deadline = Instant::now() + STOP_TIMEOUT;
        while status.is_alive() && Instant::now() < deadline {
            tokio::time::sleep(POLL).await;
        }
    }
    if status.is_alive() {
        let why = format!("the process {} that carries changes back does not end", status.pid);
        return Err(Error::failed("backflow_stop", why));
    }
    Ok(())
}
