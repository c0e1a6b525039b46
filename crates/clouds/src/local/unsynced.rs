//! Files that were written and are still to be made durable, many at a time.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{Error, Result};

/// The files.
#[derive(Default)]
pub(super) struct Unsynced {
    paths: Mutex<Vec<PathBuf>>,
}

/// Some of them, which go back to the others unless they were made durable to the end.
pub(super) struct Batch<'a> {
    of: &'a Unsynced,
    paths: Arc<Vec<PathBuf>>,
    durable: bool,
}

impl Unsynced {
    /// Adds a file that was written whole.
    pub(super) fn add(&self, path: PathBuf) {
        self.paths().push(path);
    }

    /// All there are; `None` when there are none.
    pub(super) fn take(&self) -> Option<Batch<'_>> {
        let paths = Arc::new(std::mem::take(&mut *self.paths()));
        (!paths.is_empty()).then_some(Batch { of: self, paths, durable: false })
    }

    fn paths(&self) -> MutexGuard<'_, Vec<PathBuf>> {
        self.paths.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Batch<'_> {
    /// Lets the files, and the folder that they are in, survive the loss of power. After the first
    /// one of a batch the others cost little: they are in the same transaction of the file system's
    /// journal.
    pub(super) async fn flush(&self, folder: &Path) -> Result<()> {
        let (folder, paths) = (folder.to_owned(), self.paths.clone());
        let flush =
            move || paths.iter().try_for_each(|path| sync(path)).and_then(|()| sync(&folder));
        tokio::task::spawn_blocking(flush).await.map_err(|error| {
            Error::failed("store_failed", "the work in a store ended early").because(error)
        })?
    }

    /// Says that they are durable, and so is whatever names them.
    pub(super) fn settle(mut self) {
        self.durable = true;
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        if !self.durable {
            self.of.paths().extend(self.paths.iter().cloned());
        }
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
