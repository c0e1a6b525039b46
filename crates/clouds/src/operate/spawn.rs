//! Starting the processes that stay: agent and edge.

use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::Instant;

use super::control::Control;
use super::files;
use crate::{Error, Result};

/// How long a process may take until its socket answers.
const START_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to go on asking after the process that we started has ended: another one may have
/// been faster, and is just as good.
const RIVAL_TIMEOUT: Duration = Duration::from_secs(1);
/// How often the socket is asked.
const ASK_INTERVAL: Duration = Duration::from_millis(25);
/// How many lines of its log an error tells.
const LAST_LINES: usize = 10;

/// A process that stays.
pub struct Resident<'a> {
    /// What it is called in messages: `agent`, `edge`.
    pub name: &'static str,
    /// The program.
    pub program: &'a Path,
    /// Its arguments. Never a secret: everyone on the machine can read them.
    pub arguments: Vec<OsString>,
    /// Where it works.
    pub working_dir: &'a Path,
    /// Where what it writes goes.
    pub log: &'a Path,
}

/// Starts a process that outlives this one, and waits until it answers. The process begins a
/// session of its own as the first thing that it does.
///
/// # Errors
/// `resident_failed` with the last lines of its log when it ends or does not answer in 10 s.
pub async fn spawn(resident: &Resident<'_>, control: &Control) -> Result<()> {
    let log = files::open_log(resident.log)?;
    let since = log.metadata().map(|log| log.len()).unwrap_or_default();
    let same = log.try_clone().map_err(|error| files::file_error("open", resident.log, error))?;
    let mut child = Command::new(resident.program)
        .args(&resident.arguments)
        .current_dir(resident.working_dir)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(same)
        .spawn()
        .map_err(|error| {
            let program = resident.program.display();
            Error::missing("program_missing", format!("cannot start {program}")).because(error)
        })?;
    let mut deadline = Instant::now() + START_TIMEOUT;
    let mut ended = None;
    while Instant::now() < deadline {
        if control.answers().await {
            return Ok(());
        }
        if ended.is_none() {
            ended = child.try_wait().ok().flatten();
            if ended.is_some() {
                deadline = Instant::now() + RIVAL_TIMEOUT;
            }
        }
        tokio::time::sleep(ASK_INTERVAL).await;
    }
    let how = match ended {
        Some(status) => format!("the {} ended with {status}", resident.name),
        None => format!("the {} does not answer after 10 s", resident.name),
    };
    let words = files::last_lines(resident.log, since, LAST_LINES).join("\n");
    let error = Error::failed("resident_failed", how)
        .hint(format!("its log is {}", resident.log.display()));
    Err(if words.is_empty() { error } else { error.because(words) })
}
