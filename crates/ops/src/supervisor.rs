//! Watches over the process that executes a move: a process of its own, because the tool can be
//! killed while users wait. When the executor is dead, or is frozen beyond the window's deadline,
//! the run is taken over as `trefoil runs resume` does it: the log says that it is, so that a
//! process that wakes up later is refused.
//!
//! It does nothing to the world itself. It ends when the run has ended, soaks, or waits for a
//! person's word, and there is never more than one for a run.

mod beat;
mod judge;
mod process;
mod status;
mod watch;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::process::Child;

use crate::{Error, Result};

pub(crate) use beat::Beat;
pub use status::{Status, list, running};
pub use watch::serve;

/// How long a supervisor may take to begin.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// How often it is looked whether it has begun.
const POLL: Duration = Duration::from_millis(20);

/// How the tool is called again for what concerns one application.
#[derive(Debug, Clone, Copy)]
pub struct Tool<'a> {
    /// Its program.
    pub program: &'a Path,
    /// The specification.
    pub spec_file: &'a Path,
    /// The folder of state on this machine (`.trefoil`).
    pub folder: &'a Path,
    /// Where the log is when it is not in that folder.
    pub log_url: Option<&'a str>,
}

/// Starts the supervisor of a run, and waits until it watches. Idempotent: one that watches
/// already is left alone.
///
/// # Errors
/// `supervisor_start`.
pub(crate) async fn start(tool: &Tool<'_>, run_id: &str) -> Result<()> {
    if running(tool.folder, run_id)?.is_some() {
        return Ok(());
    }
    let mut child = process::spawn(tool, run_id)?;
    let deadline = Instant::now() + START_TIMEOUT;
    while Instant::now() < deadline {
        if running(tool.folder, run_id)?.is_some() {
            return Ok(());
        }
        refuse_ended(&mut child, tool.folder, run_id)?;
        tokio::time::sleep(POLL).await;
    }
    let why = "the supervisor of the run did not begin";
    Err(Error::failed("supervisor_start", why).hint(see_log(tool.folder, run_id)))
}

fn refuse_ended(child: &mut Child, folder: &Path, run_id: &str) -> Result<()> {
    match child.try_wait().ok().flatten() {
        Some(ended) if running(folder, run_id)?.is_none() => {
            let why = format!("the supervisor of the run ended at once ({ended})");
            Err(Error::failed("supervisor_start", why).hint(see_log(folder, run_id)))
        }
        _ => Ok(()),
    }
}

/// Where the supervisor of a run writes its log, and whoever it starts.
pub fn log_file(folder: &Path, run_id: &str) -> PathBuf {
    status::file(folder, run_id, "log")
}

fn see_log(folder: &Path, run_id: &str) -> String {
    let log = log_file(folder, run_id);
    format!("see {}; `--no-supervisor` goes without one", log.display())
}
