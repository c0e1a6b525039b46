//! What a process that carries back says of itself, in a file that only it writes.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::ErrorKind as IoKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};
use trefoil_clouds::operate::process::ProcessId;

use crate::{Error, Result};

/// How a process that carries back is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The run whose way back it keeps open.
    pub run_id: String,
    /// The environment that serves.
    pub from: String,
    /// The environment that served.
    pub to: String,
    /// The process.
    pub pid: u32,
    /// When the process started, in the kernel's ticks: another process can get the same number.
    pub started_ticks: u64,
    /// When it began.
    pub started_at: Timestamp,
    /// When this was written.
    pub updated_at: Timestamp,
    /// When everything was carried for the last time.
    pub caught_up_at: Option<Timestamp>,
    /// Up to where each bucket's change record is carried.
    pub objects: BTreeMap<String, u64>,
    /// Up to where the sessions' change record is carried.
    pub sessions: Option<u64>,
    /// How many changes have come since.
    pub lag: Lag,
    /// How many objects, sessions and secrets were written or deleted so far.
    pub carried: u64,
    /// How many passes were made.
    pub passes: u64,
    /// Why the last pass failed, if it did.
    pub last_error: Option<String>,
    /// Why the database's way back is closed for good, once it is.
    #[serde(default)]
    pub way_back_closed: Option<String>,
}

/// Changes that are not carried back yet: not more than this, because a key that changed twice
/// counts twice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lag {
    /// Of objects, in all buckets.
    pub objects: u64,
    /// Of sessions.
    pub sessions: u64,
}

impl Status {
    /// Whether it carries between these two environments, in whichever direction.
    pub fn is_between(&self, one: &str, other: &str) -> bool {
        (self.from == one && self.to == other) || (self.from == other && self.to == one)
    }

    /// Whether its process lives.
    pub fn is_alive(&self) -> bool {
        self.process().alive()
    }

    pub(super) fn process(&self) -> ProcessId {
        ProcessId { pid: self.pid, start_ticks: self.started_ticks }
    }

    /// Replaces the file whole.
    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        let path = file(folder, &self.run_id);
        let new = path.with_extension("new");
        let failed = |error| cannot("write", &path, error);
        let text = serde_json::to_vec_pretty(self).map_err(|error| failed(error.into()))?;
        std::fs::write(&new, text).map_err(failed)?;
        std::fs::rename(&new, &path).map_err(failed)
    }
}

/// The status of a run's process, whether it lives or not.
pub fn status(folder: &Path, run_id: &str) -> Result<Option<Status>> {
    let path = file(folder, run_id);
    match std::fs::read(&path) {
        Ok(text) => read(&path, &text).map(Some),
        Err(error) if error.kind() == IoKind::NotFound => Ok(None),
        Err(error) => Err(cannot("read", &path, error)),
    }
}

/// The statuses of all processes, whether they live or not.
pub fn list(folder: &Path) -> Result<Vec<Status>> {
    let folder = folder.join("backflow");
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == IoKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(cannot("read", &folder, error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| cannot("read", &folder, error))?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let text = std::fs::read(&path).map_err(|error| cannot("read", &path, error))?;
            found.push(read(&path, &text)?);
        }
    }
    Ok(found)
}

/// Forgets the status of a run's process.
pub(super) fn remove(folder: &Path, run_id: &str) -> Result<()> {
    let path = file(folder, run_id);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != IoKind::NotFound => Err(cannot("remove", &path, error)),
        _ => Ok(()),
    }
}

/// Makes this process the only one of its run, for as long as the lock is kept; `None` when there
/// is one already.
pub(super) fn lock(folder: &Path, run_id: &str) -> Result<Option<Flock<File>>> {
    let path = file(folder, run_id).with_extension("lock");
    let parent = folder.join("backflow");
    std::fs::create_dir_all(&parent).map_err(|error| cannot("make", &parent, error))?;
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(|error| cannot("open", &path, error))?;
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => Ok(Some(lock)),
        Err((_, nix::errno::Errno::EWOULDBLOCK)) => Ok(None),
        Err((_, error)) => Err(cannot("lock", &path, error.into())),
    }
}

/// Whether a process of this run lives, or is about to begin.
pub(super) fn is_locked(folder: &Path, run_id: &str) -> Result<bool> {
    Ok(lock(folder, run_id)?.is_none())
}

fn file(folder: &Path, run_id: &str) -> PathBuf {
    folder.join("backflow").join(format!("{run_id}.json"))
}

fn read(path: &Path, text: &[u8]) -> Result<Status> {
    serde_json::from_slice(text).map_err(|error| {
        let why = format!("{} is not a status of changes carried back", path.display());
        Error::failed("backflow_status", why).because(error)
    })
}

fn cannot(verb: &str, path: &Path, error: std::io::Error) -> Error {
    Error::failed("backflow_file", format!("cannot {verb} {}", path.display())).because(error)
}
