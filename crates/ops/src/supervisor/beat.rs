//! The sign of life of the process that executes a run: the time of a file, renewed each second.
//! It is not in the log, because it is worth nothing afterwards.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tokio::task::JoinHandle;
use trefoil_clouds::operate::files;

use super::status;
use crate::Result;

/// How often it is given.
pub(super) const INTERVAL: Duration = Duration::from_secs(1);

/// Gives the sign until it is dropped.
pub(crate) struct Beat {
    file: PathBuf,
    giving: JoinHandle<()>,
}

impl Beat {
    /// Begins.
    pub(crate) fn begin(folder: &Path, run_id: &str) -> Result<Beat> {
        let file = status::file(folder, run_id, "beat");
        std::fs::write(&file, "").map_err(|error| files::file_error("write", &file, error))?;
        let path = file.clone();
        let giving = tokio::spawn(async move {
            loop {
                tokio::time::sleep(INTERVAL).await;
                // A sign that cannot be given is as good as none, and is treated so.
                if let Err(error) = give(&path) {
                    tracing::debug!(error = %error.chain(), "no sign of life was given");
                }
            }
        });
        Ok(Beat { file, giving })
    }
}

impl Drop for Beat {
    fn drop(&mut self) {
        self.giving.abort();
        // What cannot be removed now is removed by the supervisor.
        let _ = std::fs::remove_file(&self.file);
    }
}

/// Changes the file's time, for which a disk needs no space. It is never made anew: whoever
/// removed it knows that this process is at its end.
fn give(path: &Path) -> Result<()> {
    let file = OpenOptions::new().append(true).open(path);
    let given = file.and_then(|file| file.set_modified(SystemTime::now()));
    given.map_err(|error| files::file_error("write", path, error))
}

/// How long ago the last sign was given; `None` when there never was one.
pub(super) fn age(folder: &Path, run_id: &str) -> Option<Duration> {
    let data = std::fs::metadata(status::file(folder, run_id, "beat")).ok()?;
    // A clock that was put back makes it a sign of just now.
    Some(data.modified().ok()?.elapsed().unwrap_or_default())
}

/// Forgets the signs of a process that is dead.
pub(super) fn forget(folder: &Path, run_id: &str) -> Result<()> {
    files::remove_file(&status::file(folder, run_id, "beat"))
}
