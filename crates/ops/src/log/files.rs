//! Logs in a folder of this machine.

use std::fmt;
use std::io::ErrorKind;
use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use tokio::time::timeout;
use trefoil_clouds::operate::log_store::{Created, LogStore};

use crate::{Error, Result};

/// How long one call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// A folder that holds logs.
pub struct FileStore {
    place: String,
    /// `None` where there is no folder: a log that nobody has begun is empty.
    store: Option<Arc<dyn ObjectStore>>,
}

impl FileStore {
    /// The logs in a folder, which is made if there is none.
    ///
    /// # Errors
    /// What the file system says.
    pub fn create(folder: &FilePath) -> Result<Self> {
        let place = folder.display().to_string();
        std::fs::create_dir_all(folder).map_err(|error| unusable(&place, error))?;
        Self::open(folder)
    }

    /// The logs in a folder; none when it is not there. Writes nothing by itself.
    ///
    /// # Errors
    /// What the file system says.
    pub fn open(folder: &FilePath) -> Result<Self> {
        let place = folder.display().to_string();
        let whole = std::path::absolute(folder).map_err(|error| unusable(&place, error))?;
        if is_absent(&whole).map_err(|error| unusable(&place, error))? {
            return Ok(Self { place, store: None });
        }
        let store = LocalFileSystem::new_with_prefix(&whole);
        let store = store.map_err(|error| unusable(&place, error))?.with_fsync(true);
        Ok(Self { place, store: Some(Arc::new(store)) })
    }

    fn failed(&self, cause: impl std::error::Error + Send + Sync + 'static) -> Error {
        unusable(&self.place, cause)
    }
}

/// Whether there is no folder yet, and one could be made. Anything else on the way to it (a file, a
/// link to nothing, a folder that may not be entered) is no empty log.
fn is_absent(folder: &FilePath) -> std::io::Result<bool> {
    for place in folder.ancestors() {
        match std::fs::symlink_metadata(place) {
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            Err(error) => return Err(error),
            Ok(_) if std::fs::metadata(place)?.is_dir() => return Ok(place != folder),
            Ok(_) => return Err(ErrorKind::NotADirectory.into()),
        }
    }
    Ok(true)
}

fn unusable(place: &str, cause: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::missing("log_unreachable", format!("the folder `{place}` cannot be used")).because(cause)
}

impl fmt::Debug for FileStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileStore({})", self.place)
    }
}

#[async_trait]
impl LogStore for FileStore {
    fn place(&self) -> String {
        self.place.clone()
    }

    async fn create(&self, name: &str, content: Bytes) -> Result<Created> {
        let Some(store) = &self.store else {
            let message = format!("there is no folder `{}`", self.place);
            return Err(Error::missing("log_unreachable", message));
        };
        let (path, payload) = (Path::from(name), content.into());
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let put = timeout(CALL_TIMEOUT, store.put_opts(&path, payload, options)).await;
        match put.map_err(|late| self.failed(late))? {
            Ok(_) => Ok(Created::New),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(Created::Exists),
            Err(error) => Err(self.failed(error)),
        }
    }

    async fn get(&self, name: &str) -> Result<Option<Bytes>> {
        let Some(store) = &self.store else { return Ok(None) };
        let path = Path::from(name);
        let read = timeout(CALL_TIMEOUT, async { store.get(&path).await?.bytes().await }).await;
        match read.map_err(|late| self.failed(late))? {
            Ok(bytes) => Ok(Some(bytes)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed(error)),
        }
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>> {
        let Some(store) = &self.store else { return Ok(Vec::new()) };
        let mut listing = store.list(Some(&Path::from(prefix)));
        let mut names = Vec::new();
        loop {
            let next = timeout(CALL_TIMEOUT, listing.next()).await;
            match next.map_err(|late| self.failed(late))? {
                None => return Ok(names),
                Some(Ok(found)) => names.push(found.location.to_string()),
                // Files that are being staged (`...#1`) are not listed by the store.
                Some(Err(error @ object_store::Error::InvalidPath { .. })) => {
                    return Err(super::damage(prefix, "holds a file that is none of its entries")
                        .because(error));
                }
                Some(Err(error)) => return Err(self.failed(error)),
            }
        }
    }

    async fn delete(&self, name: &str) -> Result<()> {
        let Some(store) = &self.store else { return Ok(()) };
        let path = Path::from(name);
        match timeout(CALL_TIMEOUT, store.delete(&path)).await.map_err(|late| self.failed(late))? {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failed(error)),
        }
    }
}
