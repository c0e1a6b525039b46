//! What a move has carried, object by object, on the disk: memory does not grow with the data, a
//! copy that was killed goes on where it was, and only what the move wrote is ever deleted by it.
//!
//! One file for each bucket of two environments, used in both directions. It is fsynced once for
//! each batch, after the target has made the batch's objects durable.

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row as SqlRow, Transaction, params};
use trefoil_clouds::objects::{ListedObject, ObjectInfo};

use crate::{Error, Result};

/// How long a statement waits for another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// `a_` is the side that the move came from, `b_` the side that it went to. `state` is 0 for what
/// is about to be written, 1 for what was carried, 2 for what was at the target before.
const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS move (run TEXT NOT NULL, a TEXT NOT NULL, looked INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS objects (
    key BLOB PRIMARY KEY,
    state INTEGER NOT NULL,
    a_etag TEXT,
    b_etag TEXT,
    a_second INTEGER,
    b_second INTEGER,
    digest TEXT,
    size INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TEMPORARY TABLE listed (key BLOB PRIMARY KEY) WITHOUT ROWID;
";

/// Both ends are bounds of the index: a condition that is none is tried on every row behind.
const RANGE: &str = "WHERE key > ?1 AND key <= ?2 ORDER BY key LIMIT ?3";

/// What is known of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) key: String,
    pub(super) state: State,
    /// The source's object when it was carried.
    pub(super) source: Option<Seen>,
    /// The target's object that holds the same.
    pub(super) target: Option<Seen>,
    /// SHA-256 of the content, where it is known.
    pub(super) digest: Option<String>,
    pub(super) size_bytes: u64,
}

/// Whose object it is that the target holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// The move's, one of its before, or none: it was about to be written.
    Intended,
    /// The move's.
    Carried,
    /// Somebody else's: it was there before the move. Never overwritten, never deleted.
    Foreign,
}

/// By what a write of an object is told from the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) etag: String,
    /// When it was written, in whole seconds, because some answers tell no more; `None` where a
    /// store did not say.
    pub(super) second: Option<i64>,
}

/// What has become of one key.
#[derive(Debug, Clone)]
pub(super) enum Settled {
    /// Both sides hold the same.
    Same(Known),
    /// The target holds nothing of the move under this key.
    Gone(String),
}

/// The file. Cheap to clone.
#[derive(Clone)]
pub struct Manifest {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    /// Whether this move goes from `a` to `b`.
    forwards: bool,
    connection: Mutex<Connection>,
}

/// Which manifest it is.
#[derive(Debug, Clone, Copy)]
pub struct Which<'a> {
    /// The folder of state on this machine.
    pub folder: &'a Path,
    /// The environment that is copied from.
    pub from: &'a str,
    /// The environment that is copied to.
    pub to: &'a str,
    /// The bucket.
    pub bucket: &'a str,
    /// The run that begins to copy; what another run knew is forgotten. `None` for a run that goes
    /// on with what another one carried.
    pub begun_by: Option<&'a str>,
}

impl Which<'_> {
    /// Where it is.
    pub fn path(&self) -> PathBuf {
        let mut ends = [self.from, self.to];
        ends.sort_unstable();
        let name = format!("{}--{}--{}.sqlite", ends[0], ends[1], self.bucket);
        self.folder.join("moves").join(name)
    }
}

impl Seen {
    pub(super) fn of(info: &ObjectInfo) -> Self {
        Self { etag: info.etag.clone(), second: Some(info.modified_at.as_second()) }
    }

    pub(super) fn listed(object: &ListedObject) -> Self {
        Self { etag: object.etag.clone(), second: Some(object.modified_at.as_second()) }
    }

    /// What was just written: its time is the client's, which the store's may differ from.
    pub(super) fn written(info: &ObjectInfo) -> Self {
        Self { etag: info.etag.clone(), second: None }
    }

    /// Whether that is the same write.
    pub(super) fn is(&self, other: &Seen) -> bool {
        let same_time = match (self.second, other.second) {
            (Some(one), Some(other)) => one == other,
            _ => true,
        };
        self.etag == other.etag && same_time
    }
}

impl Known {
    /// Whether the source's object is the one that the target holds already.
    pub(super) fn holds(&self, source: &Seen) -> bool {
        // What was about to be overwritten may have been.
        let noted = self.state != State::Intended && self.target.is_some();
        noted && self.source.as_ref().is_some_and(|seen| seen.is(source))
    }

    /// Whether the target holds, or held, somebody else's object.
    pub(super) fn is_foreign(&self) -> bool {
        self.state == State::Foreign && self.target.is_some()
    }

    /// Whether the source's object is somebody else's, as it was before the move.
    pub(super) fn is_theirs(&self, source: &Seen) -> bool {
        let untouched = self.source.as_ref().is_some_and(|seen| seen.is(source));
        self.state == State::Foreign && self.target.is_none() && untouched
    }
}

impl Manifest {
    /// Opens a manifest, or makes an empty one.
    pub async fn open(which: Which<'_>) -> Result<Self> {
        let path = which.path();
        let (from, run) = (which.from.to_owned(), which.begun_by.map(str::to_owned));
        blocking(move || {
            let failed = |error| cannot(&path, error);
            let mut connection = connect(&path)?;
            let forwards = begin(&mut connection, &from, run.as_deref()).map_err(failed)?;
            let connection = Mutex::new(connection);
            Ok(Self { inner: Arc::new(Inner { path, forwards, connection }) })
        })
        .await
    }

    /// Opens the manifest of a run that has begun one; `None` when it is not there.
    pub async fn reopen(which: Which<'_>) -> Result<Option<Self>> {
        let (path, from) = (which.path(), which.from.to_owned());
        let run = which.begun_by.unwrap_or_default().to_owned();
        blocking(move || {
            if !path.exists() {
                return Ok(None);
            }
            let connection = connect(&path)?;
            let ask = "SELECT a FROM move WHERE run = ?1";
            let a = connection.query_row(ask, [run], |row| row.get::<_, String>(0)).optional();
            let a = a.map_err(|error| cannot(&path, error))?;
            Ok(a.map(|a| {
                let (forwards, connection) = (a == from, Mutex::new(connection));
                Self { inner: Arc::new(Inner { path, forwards, connection }) }
            }))
        })
        .await
    }

    /// Whether it has been noted what the target held before the move.
    pub(super) async fn has_looked(&self) -> Result<bool> {
        self.read(|db, _| db.query_row("SELECT looked FROM move", [], |row| row.get(0))).await
    }

    /// Notes what the target held before the move.
    pub(super) async fn note_foreign(&self, objects: Vec<ListedObject>) -> Result<()> {
        self.write(move |db, forwards| {
            let target = if forwards { "b" } else { "a" };
            let note = format!(
                "INSERT OR IGNORE INTO objects (key, state, {target}_etag, {target}_second, size) \
                 VALUES (?1, 2, ?2, ?3, ?4)"
            );
            let mut note = db.prepare_cached(&note)?;
            for object in &objects {
                let second = object.modified_at.as_second();
                let key = object.key.as_bytes();
                note.execute(params![key, object.etag, second, object.size_bytes])?;
            }
            Ok(())
        })
        .await
    }

    /// All that the target held before the move is noted.
    pub(super) async fn looked(&self) -> Result<()> {
        self.write(|db, _| db.execute("UPDATE move SET looked = 1", []).map(drop)).await
    }

    /// What is known of these keys.
    pub(super) async fn of_keys(&self, keys: Vec<String>) -> Result<Vec<Known>> {
        self.read(move |db, forwards| {
            let mut ask = db.prepare_cached(&select(forwards, "WHERE key = ?1"))?;
            let mut found = Vec::new();
            for key in keys {
                found.extend(ask.query_row([key.as_bytes()], known).optional()?);
            }
            Ok(found)
        })
        .await
    }

    /// What is known of the keys after `after` and up to `to`, in byte order, at most `limit`.
    pub(super) async fn range(
        &self,
        after: Option<String>,
        to: Option<String>,
        limit: usize,
    ) -> Result<Vec<Known>> {
        self.read(move |db, forwards| {
            // No key is empty and no byte of UTF-8 is 0xFF: nothing is left out without an end.
            let (after, end) =
                (after.unwrap_or_default(), to.map_or(vec![0xFF], String::into_bytes));
            let mut ask = db.prepare_cached(&select(forwards, RANGE))?;
            ask.query_map(params![after.into_bytes(), end, limit], known)?.collect()
        })
        .await
    }

    /// Keys after `after` that were about to be written when it was noted last, at most `limit`.
    pub(super) async fn intended(
        &self,
        after: Option<String>,
        limit: usize,
    ) -> Result<Vec<String>> {
        self.read(move |db, forwards| {
            let condition = "WHERE key > ?1 AND state = 0 ORDER BY key LIMIT ?2";
            let mut ask = db.prepare_cached(&select(forwards, condition))?;
            let after = after.unwrap_or_default().into_bytes();
            let found = ask.query_map(params![after, limit], known)?;
            found.map(|known| known.map(|known| known.key)).collect()
        })
        .await
    }

    /// How many of them the move has carried.
    pub(super) async fn count_carried(&self) -> Result<u64> {
        self.read(|db, _| {
            let ask = "SELECT count(*) FROM objects WHERE state = 1";
            db.query_row(ask, [], |row| row.get(0))
        })
        .await
    }

    /// Begins to note which keys a listing shows, for stores that list in an order of their own.
    pub(super) async fn list_anew(&self) -> Result<()> {
        self.read(|db, _| db.execute("DELETE FROM temp.listed", []).map(drop)).await
    }

    /// Notes that a listing shows these keys.
    pub(super) async fn list(&self, keys: Vec<String>) -> Result<()> {
        self.write(move |db, _| {
            let mut note = db.prepare_cached("INSERT OR IGNORE INTO temp.listed VALUES (?1)")?;
            keys.iter().try_for_each(|key| note.execute([key.as_bytes()]).map(drop))
        })
        .await
    }

    /// What is known of keys after `after` that the listing did not show, at most `limit`.
    pub(super) async fn unlisted(&self, after: Option<String>, limit: usize) -> Result<Vec<Known>> {
        self.read(move |db, forwards| {
            let condition = "WHERE key > ?1 AND key NOT IN temp.listed ORDER BY key LIMIT ?2";
            let mut ask = db.prepare_cached(&select(forwards, condition))?;
            let after = after.unwrap_or_default().into_bytes();
            ask.query_map(params![after, limit], known)?.collect()
        })
        .await
    }

    /// Notes that these keys are about to be written, before they are: until it is noted what was
    /// written, nobody can tell it from what another writes.
    pub(super) async fn intend(&self, keys: Vec<String>) -> Result<()> {
        self.write(move |db, _| {
            let note = "INSERT INTO objects (key, state, size) VALUES (?1, 0, 0) \
                        ON CONFLICT (key) DO UPDATE SET state = 0 WHERE state = 1";
            let mut note = db.prepare_cached(note)?;
            keys.iter().try_for_each(|key| note.execute([key.as_bytes()]).map(drop))
        })
        .await
    }

    /// Notes what has become of keys. What is noted survives the loss of power.
    pub(super) async fn settle(&self, settled: Vec<Settled>) -> Result<()> {
        self.write(move |db, forwards| {
            settled.iter().try_for_each(|settled| match settled {
                Settled::Same(known) => replace(db, forwards, known),
                Settled::Gone(key) => {
                    let forget = "DELETE FROM objects WHERE key = ?1";
                    db.prepare_cached(forget)?.execute([key.as_bytes()]).map(drop)
                }
            })
        })
        .await
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, bool) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let inner = self.inner.clone();
        blocking(move || {
            let connection = inner.connection.lock().unwrap_or_else(PoisonError::into_inner);
            work(&connection, inner.forwards).map_err(|error| cannot(&inner.path, error))
        })
        .await
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>, bool) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let inner = self.inner.clone();
        blocking(move || {
            let failed = |error| cannot(&inner.path, error);
            let mut connection = inner.connection.lock().unwrap_or_else(PoisonError::into_inner);
            let transaction = connection.transaction().map_err(failed)?;
            let done = work(&transaction, inner.forwards).map_err(failed)?;
            transaction.commit().map_err(failed)?;
            Ok(done)
        })
        .await
    }
}

fn connect(path: &Path) -> Result<Connection> {
    let failed = |error| cannot(path, error);
    if let Some(folder) = path.parent() {
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|error| {
            let why = format!("the folder {} cannot be made", folder.display());
            Error::failed("manifest_file", why).because(error)
        })?;
    }
    let connection = Connection::open(path).map_err(failed)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
    connection.pragma_update(None, "journal_mode", "WAL").map_err(failed)?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
    connection.execute_batch(SCHEMA).map_err(failed)?;
    Ok(connection)
}

/// Forgets what another run knew, unless this run goes on with it; whether this run goes from `a`
/// to `b`. A run that goes on and finds nothing knows that both sides are the application's own.
fn begin(connection: &mut Connection, from: &str, run: Option<&str>) -> rusqlite::Result<bool> {
    let transaction = connection.transaction()?;
    let pair = |row: &SqlRow<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?));
    let before = transaction.query_row("SELECT run, a FROM move", [], pair).optional()?;
    let forwards = match (&before, run) {
        (Some((_, a)), None) => a == from,
        (Some((begun, a)), Some(run)) if begun == run => a == from,
        (_, run) => {
            transaction.execute_batch("DELETE FROM move; DELETE FROM objects")?;
            let note = "INSERT INTO move (run, a, looked) VALUES (?1, ?2, ?3)";
            transaction.execute(note, params![run.unwrap_or(""), from, run.is_none()])?;
            true
        }
    };
    transaction.commit()?;
    Ok(forwards)
}

fn select(forwards: bool, condition: &str) -> String {
    let (source, target) = if forwards { ("a", "b") } else { ("b", "a") };
    format!(
        "SELECT key, state, {source}_etag, {source}_second, {target}_etag, {target}_second, \
         digest, size FROM objects {condition}"
    )
}

fn replace(db: &Transaction<'_>, forwards: bool, known: &Known) -> rusqlite::Result<()> {
    let (source, target) = if forwards { ("a", "b") } else { ("b", "a") };
    let replace = format!(
        "INSERT OR REPLACE INTO objects (key, state, {source}_etag, {source}_second, \
         {target}_etag, {target}_second, digest, size) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
    );
    let state = match known.state {
        State::Intended => 0,
        State::Carried => 1,
        State::Foreign => 2,
    };
    let (source, target) = (known.source.as_ref(), known.target.as_ref());
    db.prepare_cached(&replace)?.execute(params![
        known.key.as_bytes(),
        state,
        source.map(|seen| &seen.etag),
        source.and_then(|seen| seen.second),
        target.map(|seen| &seen.etag),
        target.and_then(|seen| seen.second),
        known.digest,
        known.size_bytes,
    ])?;
    Ok(())
}

fn known(row: &SqlRow<'_>) -> rusqlite::Result<Known> {
    let key = String::from_utf8(row.get(0)?);
    let seen = |etag: usize, second: usize| -> rusqlite::Result<Option<Seen>> {
        let second = row.get(second)?;
        Ok(row.get::<_, Option<String>>(etag)?.map(|etag| Seen { etag, second }))
    };
    Ok(Known {
        key: key.map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?,
        state: match row.get::<_, i64>(1)? {
            0 => State::Intended,
            1 => State::Carried,
            _ => State::Foreign,
        },
        source: seen(2, 3)?,
        target: seen(4, 5)?,
        digest: row.get(6)?,
        size_bytes: row.get(7)?,
    })
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        Error::failed("manifest_file", "the work in a manifest ended early").because(error)
    })?
}

fn cannot(path: &Path, error: rusqlite::Error) -> Error {
    let why = format!("the record of what was carried, {}, cannot be used", path.display());
    Error::failed("manifest_file", why).because(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_reads_no_row_behind_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let connection = connect(&folder.path().join("manifest.sqlite")).unwrap();
        let explain = format!("EXPLAIN QUERY PLAN {}", select(true, RANGE));
        let detail = |row: &SqlRow<'_>| row.get::<_, String>(3);
        let plan = connection.query_row(&explain, params!["", "", 1], detail).unwrap();
        assert!(plan.contains("USING PRIMARY KEY (key>? AND key<?)"), "{plan}");
    }
}
