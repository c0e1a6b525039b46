//! Files that were written and are still to be made durable, many at a time.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::{Error, Result};

/// The files.
#[derive(Default)]
pub(super) struct Unsynced {
    paths: Mutex<Vec<PathBuf>>,
}

impl Unsynced {
    /// Adds a file that was written whole.
    pub(super) fn add(&self, path: PathBuf) {
        self.paths.lock().unwrap_or_else(PoisonError::into_inner).push(path);
    }

    /// Lets all of them, and the folder that they are in, survive the loss of power; false when
    /// there were none. After the first one of a batch the others cost little: they are in the
    /// same transaction of the file system's journal.
    pub(super) async fn flush(&self, folder: &Path) -> Result<bool> {
        let paths = std::mem::take(&mut *self.paths.lock().unwrap_or_else(PoisonError::into_inner));
        if paths.is_empty() {
            return Ok(false);
        }
        let folder = folder.to_owned();
        let flush = move || {
            let flushed = paths.iter().try_for_each(|path| sync(path)).and_then(|()| sync(&folder));
            (flushed, paths)
        };
        let (flushed, paths) = tokio::task::spawn_blocking(flush).await.map_err(|error| {
            Error::failed("store_failed", "the work in a store ended early").because(error)
        })?;
        if flushed.is_err() {
            paths.into_iter().for_each(|path| self.add(path));
        }
        flushed.map(|()| true)
    }
}

/// A file that is gone was replaced or deleted since.
fn sync(path: &Path) -> Result<()> {
    match File::open(path).and_then(|file| file.sync_all()) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            let why = format!("{} cannot be made durable", path.display());
            Err(Error::failed("object_file", why).because(error))
        }
        _ => Ok(()),
    }
}
