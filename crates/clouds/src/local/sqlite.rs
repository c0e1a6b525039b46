//! A SQLite file that several processes use at once, from asynchronous code.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};
use tokio::sync::Semaphore;

use crate::{Error, Result};

/// How long a statement waits for another process's write.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// How often making a file is tried again when another process makes it too: changing to WAL
/// fails at once where other statements would wait.
const CREATE_ATTEMPTS: u32 = 100;
/// The pause between two of them.
const CREATE_PAUSE: Duration = Duration::from_millis(20);
/// How many calls work at a time; further ones wait.
const CONNECTIONS_MAX: usize = 8;
/// The version of the schema, kept in the file.
const SCHEMA_VERSION: i64 = 1;

/// What a call in the file returns.
pub(super) type Rows<T> = rusqlite::Result<T>;

/// A SQLite file. Cheap to clone.
#[derive(Clone)]
pub(super) struct Sqlite {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    schema: &'static str,
    synchronous: &'static str,
    idle: Mutex<Vec<Open>>,
    turns: Arc<Semaphore>,
    /// One writer at a time: a second one would poll the file's lock, with pauses that grow.
    writing: Arc<Mutex<()>>,
}

/// A connection and the file that it has open, which may have been replaced since.
struct Open {
    connection: Connection,
    file: (u64, u64),
}

impl Sqlite {
    /// The file at `path` with the tables of `schema`. Opens and makes nothing yet.
    pub(super) fn new(path: PathBuf, schema: &'static str) -> Self {
        // An acknowledged write survives the loss of the machine's power.
        Self::with(path, schema, "FULL", Arc::default())
    }

    /// The same, whose writes survive the loss of power only after a later one that is durable.
    pub(super) fn hasty(&self) -> Self {
        let Inner { path, schema, writing, .. } = &*self.inner;
        Self::with(path.clone(), schema, "NORMAL", writing.clone())
    }

    fn with(
        path: PathBuf,
        schema: &'static str,
        synchronous: &'static str,
        writing: Arc<Mutex<()>>,
    ) -> Self {
        let turns = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let idle = Mutex::default();
        Self { inner: Arc::new(Inner { path, schema, synchronous, idle, turns, writing }) }
    }

    /// Where the file is.
    pub(super) fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Makes the file when it is not there. Blocks.
    pub(super) fn create(&self) -> Result<()> {
        let open = self.inner.open(true)?;
        self.inner.give_back(open);
        Ok(())
    }

    /// Reads from the file; `None` when there is no file.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Rows<T> + Send + 'static,
    ) -> Result<Option<T>> {
        self.blocking(move |inner| {
            if !inner.path.exists() {
                return Ok(None);
            }
            let open = inner.take(false)?;
            let result = work(&open.connection).map_err(|error| inner.failed(error))?;
            inner.give_back(open);
            Ok(Some(result))
        })
        .await
    }

    /// Writes in one transaction that no other writer can come between; made when it is not
    /// there. Nothing is written when `work` fails.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Rows<Result<T>> + Send + 'static,
    ) -> Result<T> {
        self.blocking(move |inner| {
            let _writing = inner.writing.lock().unwrap_or_else(PoisonError::into_inner);
            let mut open = inner.take(true)?;
            let failed = |error| inner.failed(error);
            let behavior = TransactionBehavior::Immediate;
            let transaction =
                open.connection.transaction_with_behavior(behavior).map_err(failed)?;
            let result = work(&transaction).map_err(failed)?;
            if result.is_ok() {
                transaction.commit().map_err(failed)?;
            } else {
                transaction.rollback().map_err(failed)?;
            }
            inner.give_back(open);
            result
        })
        .await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let turn = self.inner.turns.clone().acquire_owned().await;
        let turn = turn.map_err(|error| Error::failed("store_closed", "closed").because(error))?;
        let inner = self.inner.clone();
        // The turn goes along: work goes on when nobody waits for it any more.
        let work = move || {
            let result = work(&inner);
            drop(turn);
            result
        };
        tokio::task::spawn_blocking(work).await.map_err(|error| {
            Error::failed("store_failed", "the work in a store ended early").because(error)
        })?
    }
}

impl Inner {
    /// A connection to the file that is there now.
    fn take(&self, create: bool) -> Result<Open> {
        let now = identity(&self.path);
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|open| Some(open.file) == now);
        match idle.pop() {
            Some(open) => Ok(open),
            None => {
                drop(idle);
                self.open(create)
            }
        }
    }

    fn give_back(&self, open: Open) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(open);
    }

    fn open(&self, create: bool) -> Result<Open> {
        if create && let Some(folder) = self.path.parent() {
            private_folder(folder)?;
        }
        for _ in 1..CREATE_ATTEMPTS {
            match self.connect(create) {
                Err(error) if is_busy(&error) => std::thread::sleep(CREATE_PAUSE),
                result => return result.map_err(|error| self.failed(error))?,
            }
        }
        self.connect(create).map_err(|error| self.failed(error))?
    }

    fn connect(&self, create: bool) -> Rows<Result<Open>> {
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        flags.set(OpenFlags::SQLITE_OPEN_CREATE, create);
        let mut connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", self.synchronous)?;
        let version = |connection: &Connection| {
            connection.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))
        };
        if version(&connection)? == 0 {
            let behavior = TransactionBehavior::Immediate;
            let transaction = connection.transaction_with_behavior(behavior)?;
            // Asked again: another process may have made the tables meanwhile.
            if version(&transaction)? == 0 {
                transaction.execute_batch(self.schema)?;
                transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
            }
            transaction.commit()?;
        }
        let found = version(&connection)?;
        let file = identity(&self.path).unwrap_or_default();
        if found != SCHEMA_VERSION {
            let path = self.path.display();
            let why = format!("{path} has version {found}; this build knows {SCHEMA_VERSION}");
            return Ok(Err(Error::refused("store_version", why)));
        }
        Ok(Ok(Open { connection, file }))
    }

    fn failed(&self, error: rusqlite::Error) -> Error {
        let path = self.path.display();
        if is_busy(&error) {
            let why = format!("{path} stayed busy for {} s", BUSY_TIMEOUT.as_secs());
            return Error::missing("store_busy", why).retryable();
        }
        Error::failed("store_failed", format!("{path} cannot be used")).because(error)
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

/// Makes a folder, and those above it, that only their owner can open.
pub(super) fn private_folder(folder: &Path) -> Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| {
        let why = format!("the folder {} cannot be made", folder.display());
        Error::failed("store_folder", why).because(error)
    })
}
