//! What a supervisor says of itself, in a file that only it writes, and the lock that makes it the
//! only one of its run.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use nix::fcntl::Flock;
use serde::{Deserialize, Serialize};
use trefoil_clouds::operate::files;

use crate::Result;
use crate::state::Executor;

/// How a supervisor is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The run that it watches over.
    pub run_id: String,
    /// Its process: `host pid starttime`.
    pub process: String,
    /// When it began.
    pub started_at: Timestamp,
    /// How often it has had the run gone on with.
    pub takeovers: u32,
}

impl Status {
    /// Of this process, which begins now.
    pub(super) fn new(run_id: &str) -> Self {
        let (run_id, process) = (run_id.to_owned(), Executor::current().to_string());
        Self { run_id, process, started_at: Timestamp::now(), takeovers: 0 }
    }

    /// The process's number, while it lives on this host.
    pub fn pid(&self) -> Option<u32> {
        let process: Executor = self.process.parse().ok()?;
        (process.is_alive() == Some(true)).then_some(process.pid)
    }

    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        files::write_json(&file(folder, &self.run_id, "json"), self)
    }

    pub(super) fn remove(&self, folder: &Path) -> Result<()> {
        files::remove_file(&file(folder, &self.run_id, "json"))
    }
}

/// The supervisor that watches over a run now, if there is one.
pub fn running(folder: &Path, run_id: &str) -> Result<Option<Status>> {
    let status: Option<Status> = files::read_json(&file(folder, run_id, "json"))?;
    Ok(status.filter(|status| status.pid().is_some()))
}

/// All supervisors that live.
pub fn list(folder: &Path) -> Result<Vec<Status>> {
    let folder = folder.join("supervisors");
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(files::file_error("read", &folder, error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| files::file_error("read", &folder, error))?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            found.extend(files::read_json::<Status>(&path)?);
        }
    }
    found.retain(|status| status.pid().is_some());
    Ok(found)
}

/// Makes this process the only supervisor of its run for as long as the lock is kept; `None` when
/// there is one already.
pub(super) fn lock(folder: &Path, run_id: &str) -> Result<Option<Flock<File>>> {
    let path = file(folder, run_id, "lock");
    let Some(lock) = files::lock(&path)? else { return Ok(None) };
    // Whoever had it may have removed the file while this process opened it.
    let inode = |found: std::io::Result<std::fs::Metadata>| found.ok().map(|data| data.ino());
    let same = inode(lock.metadata()) == inode(std::fs::metadata(&path));
    Ok(same.then_some(lock))
}

/// A supervisor's file: `json`, `lock`, `log`, or `beat`.
pub(super) fn file(folder: &Path, run_id: &str, extension: &str) -> PathBuf {
    folder.join("supervisors").join(format!("{run_id}.{extension}"))
}
