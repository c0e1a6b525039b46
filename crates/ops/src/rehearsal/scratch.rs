//! The folder of a rehearsal, and how everything in it is deleted: also by another process, when
//! the one that rehearsed was killed.

use std::fs::File;
use std::path::{Path, PathBuf};

use nix::fcntl::Flock;
use serde::{Deserialize, Serialize};
use trefoil_clouds::operate::files;

use crate::engine::World;
use crate::state::new_id;
use crate::{Error, Result, backflow};

/// What a rehearsal writes down before it makes anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The rehearsal.
    pub rehearsal_id: String,
    /// The plan that is rehearsed.
    pub plan_id: String,
    /// The environment that is copied.
    pub from: String,
    /// The environment that the copy is moved to.
    pub to: String,
}

/// The folder of one rehearsal. While the value lives no other process rehearses or deletes.
#[derive(Debug)]
pub struct Scratch {
    /// What was written down of it.
    pub record: Record,
    folder: PathBuf,
    _lock: Flock<File>,
}

impl Scratch {
    /// A new one below the folder of state, written down at once.
    ///
    /// # Errors
    /// `rehearsal_running` while another process rehearses.
    pub fn begin(state: &Path, plan_id: &str, from: &str, to: &str) -> Result<Scratch> {
        let all = all(state);
        files::private_folder(&all)?;
        let lock = lock(&all)?;
        // A short name: the sockets below have long paths already.
        let id = new_id().replace('-', "");
        let record = Record {
            rehearsal_id: id[id.len() - 12..].to_owned(),
            plan_id: plan_id.to_owned(),
            from: from.to_owned(),
            to: to.to_owned(),
        };
        let folder = all.join(&record.rehearsal_id);
        files::private_folder(&folder)?;
        files::write_json(&folder.join(RECORD), &record)?;
        Ok(Scratch { record, folder, _lock: lock })
    }

    /// One that a process has left behind that died.
    ///
    /// # Errors
    /// `rehearsal_running` while another process rehearses.
    pub fn left_behind(state: &Path, record: Record) -> Result<Scratch> {
        let all = all(state);
        let lock = lock(&all)?;
        Ok(Scratch { folder: all.join(&record.rehearsal_id), record, _lock: lock })
    }

    /// The folder of state of the copies.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Ends every process of the rehearsal and deletes all that it made. Idempotent. `world` is
    /// the one of the copies.
    pub async fn tear_down(&self, world: &World) -> Result<()> {
        for carrying in backflow::list(&self.folder)? {
            backflow::stop(&self.folder, &carrying.run_id).await?;
        }
        for environment in [&self.record.from, &self.record.to] {
            let site = world.site(environment)?;
            site.traffic.close().await?;
            site.provision.destroy().await?;
        }
        match tokio::fs::remove_dir_all(&self.folder).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(files::file_error("remove the folder", &self.folder, error))
            }
            _ => Ok(()),
        }
    }
}

/// The file in which a rehearsal is written down.
const RECORD: &str = "rehearsal.json";

fn all(state: &Path) -> PathBuf {
    state.join("rehearsals")
}

fn lock(all: &Path) -> Result<Flock<File>> {
    files::lock(&all.join("lock"))?.ok_or_else(|| {
        Error::refused("rehearsal_running", "another process rehearses a plan now")
            .hint("wait for its end")
    })
}

/// The rehearsals whose folders exist: one that runs, and those that were left behind.
pub fn left(state: &Path) -> Result<Vec<Record>> {
    let all = all(state);
    let entries = match std::fs::read_dir(&all) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(files::file_error("read", &all, error)),
    };
    let mut records = Vec::new();
    for entry in entries {
        let folder = entry.map_err(|error| files::file_error("read", &all, error))?.path();
        if folder.is_dir() {
            records.extend(record(&folder)?);
        }
    }
    Ok(records)
}

/// A folder without a record was left by a process that died before it made anything in it.
fn record(folder: &Path) -> Result<Option<Record>> {
    let record = files::read_json(&folder.join(RECORD))?;
    if record.is_none() {
        // Fails for a folder with something in it, which is none of ours.
        let _ = std::fs::remove_dir(folder);
    }
    Ok(record)
}

/// The rehearsal with this identifier, if its folder exists.
pub fn resolve(state: &Path, wanted: &str) -> Result<Option<Record>> {
    Ok(left(state)?.into_iter().find(|record| record.rehearsal_id == wanted))
}
