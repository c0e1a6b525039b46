//! Sessions in a SQLite file that several processes use at once.

use std::path::Path;

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::sqlite::{Rows, Sqlite};
use crate::sessions::{Session, SessionChange, SessionsDriver, conflict};
use crate::{Error, Result};

/// `forget_at_ns` is the latest expiry that a version of the session ever had: until then a copy
/// elsewhere may live, so the row stays, if only to say that the session was deleted.
const SCHEMA: &str = "
CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    position INTEGER NOT NULL UNIQUE,
    data TEXT,
    expires_at_ns INTEGER NOT NULL,
    version INTEGER NOT NULL,
    forget_at_ns INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX sessions_expiry ON sessions (expires_at_ns) WHERE data IS NOT NULL;
CREATE INDEX sessions_forget ON sessions (forget_at_ns);
CREATE TABLE counter (position INTEGER NOT NULL);
INSERT INTO counter VALUES (0);
";
/// The columns of a session; `data` is null when it was deleted.
const COLUMNS: &str = "id, data, expires_at_ns, version, position";

/// A store of sessions in a file.
pub struct LocalSessions {
    store: Sqlite,
}

impl LocalSessions {
    /// The store in the file at `path`. Makes nothing: what is not there is empty to readers, and
    /// made by the first write.
    pub fn new(path: &Path) -> Self {
        Self { store: Sqlite::new(path.to_owned(), SCHEMA) }
    }

    /// Makes the store, empty, when it is not there. Blocks.
    pub fn create(&self) -> Result<()> {
        self.store.create()
    }
}

#[async_trait]
impl SessionsDriver for LocalSessions {
    async fn put(&self, session: &Session, expected: Option<u64>) -> Result<()> {
        let session = session.clone();
        let expires_at_ns = nanoseconds(session.expires_at)?;
        self.store.write(move |store| replace(store, &session, expires_at_ns, expected)).await
    }

    async fn get(&self, id: &str) -> Result<Option<Session>> {
        let id = id.to_owned();
        Ok(self.store.read(move |store| stored(store, &id)).await?.flatten())
    }

    async fn delete(&self, id: &str) -> Result<bool> {
        if self.get(id).await?.is_none() {
            return Ok(false);
        }
        let id = id.to_owned();
        self.store.write(move |store| bury(store, &id).map(Ok)).await
    }

    async fn changes(&self, since: u64, limit: usize) -> Result<Vec<SessionChange>> {
        Ok(self.store.read(move |store| changes(store, since, limit)).await?.unwrap_or_default())
    }

    async fn position(&self) -> Result<u64> {
        let ask = |store: &Connection| {
            store.query_row("SELECT position FROM counter", [], |row| row.get(0))
        };
        Ok(self.store.read(ask).await?.unwrap_or_default())
    }

    async fn sweep(&self, before: Timestamp, limit: usize) -> Result<u64> {
        if !self.store.path().exists() {
            return Ok(0);
        }
        let before_ns = nanoseconds(before)?;
        self.store.write(move |store| sweep(store, before_ns, limit).map(Ok)).await
    }

    async fn count(&self, now: Timestamp) -> Result<u64> {
        let now_ns = nanoseconds(now)?;
        let ask = "SELECT count(*) FROM sessions WHERE data IS NOT NULL AND expires_at_ns > ?1";
        let count = move |store: &Connection| {
            store.prepare_cached(ask)?.query_row([now_ns], |row| row.get(0))
        };
        Ok(self.store.read(count).await?.unwrap_or_default())
    }

    async fn health(&self) -> Result<()> {
        let ask = |store: &Connection| {
            store.query_row("SELECT count(*) FROM counter", [], |row| row.get::<_, u64>(0))
        };
        let path = self.store.path().display();
        match self.store.read(ask).await? {
            Some(1) => Ok(()),
            Some(_) => Err(Error::failed("sessions_damaged", format!("{path} is damaged"))),
            None => Err(Error::missing("sessions_missing", format!("there is no {path}"))),
        }
    }
}

fn replace(
    store: &Transaction<'_>,
    session: &Session,
    expires_at_ns: i64,
    expected: Option<u64>,
) -> Rows<Result<()>> {
    let before = stored(store, &session.id)?.map_or(0, |session| session.version);
    if expected.is_some_and(|expected| expected != before) {
        return Ok(Err(conflict(&format!("its version is {before}"))));
    }
    let write = "INSERT INTO sessions (id, position, data, expires_at_ns, version, forget_at_ns) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?4) ON CONFLICT (id) DO UPDATE SET position = ?2, data = ?3, \
        expires_at_ns = ?4, version = ?5, forget_at_ns = max(forget_at_ns, ?4)";
    store.prepare_cached(write)?.execute(params![
        session.id,
        next_position(store)?,
        session.data.to_string(),
        expires_at_ns,
        session.version,
    ])?;
    Ok(Ok(()))
}

/// Leaves a row that says that the session is gone; false when there was none.
fn bury(store: &Transaction<'_>, id: &str) -> Rows<bool> {
    if stored(store, id)?.is_none() {
        return Ok(false);
    }
    let position = next_position(store)?;
    let bury = "UPDATE sessions SET data = NULL, position = ?2 WHERE id = ?1";
    store.prepare_cached(bury)?.execute(params![id, position])?;
    Ok(true)
}

/// Forgets what expired. What was deleted, or once had a later expiry, leaves its row until then.
fn sweep(store: &Transaction<'_>, before_ns: i64, limit: usize) -> Rows<u64> {
    let expired = "SELECT id, forget_at_ns < ?1 FROM sessions WHERE data IS NOT NULL \
                   AND expires_at_ns < ?1 ORDER BY expires_at_ns LIMIT ?2";
    let pair = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let mut statement = store.prepare_cached(expired)?;
    let expired: Vec<(String, bool)> =
        statement.query_map(params![before_ns, limit], pair)?.collect::<Rows<_>>()?;
    for (id, forget) in &expired {
        if *forget {
            store.prepare_cached("DELETE FROM sessions WHERE id = ?1")?.execute([id])?;
        } else {
            bury(store, id)?;
        }
    }
    let forget = "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions \
                  WHERE data IS NULL AND forget_at_ns < ?1 ORDER BY forget_at_ns LIMIT ?2)";
    store.prepare_cached(forget)?.execute(params![before_ns, limit])?;
    Ok(expired.len() as u64)
}

fn next_position(store: &Transaction<'_>) -> Rows<u64> {
    let next = "UPDATE counter SET position = position + 1 RETURNING position";
    store.query_row(next, [], |row| row.get(0))
}

fn stored(store: &Connection, id: &str) -> Rows<Option<Session>> {
    let ask = format!("SELECT {COLUMNS} FROM sessions WHERE id = ?1");
    let change = store.prepare_cached(&ask)?.query_row([id], change).optional()?;
    Ok(change.and_then(|change| change.session))
}

fn changes(store: &Connection, since: u64, limit: usize) -> Rows<Vec<SessionChange>> {
    let ask =
        format!("SELECT {COLUMNS} FROM sessions WHERE position > ?1 ORDER BY position LIMIT ?2");
    store.prepare_cached(&ask)?.query_map(params![since, limit], change)?.collect()
}

fn change(row: &Row<'_>) -> Rows<SessionChange> {
    let id: String = row.get(0)?;
    let data: Option<String> = row.get(1)?;
    let session = data.map(|data| session(row, &id, &data)).transpose()?;
    Ok(SessionChange { position: row.get(4)?, id, session })
}

fn session(row: &Row<'_>, id: &str, data: &str) -> Rows<Session> {
    let wrong =
        |column, error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error);
    let expires_at = Timestamp::from_nanosecond(i128::from(row.get::<_, i64>(2)?));
    Ok(Session {
        id: id.to_owned(),
        data: serde_json::from_str(data).map_err(|error| wrong(1, error.into()))?,
        expires_at: expires_at.map_err(|error| wrong(2, error.into()))?,
        version: row.get(3)?,
    })
}

/// Nanoseconds since 1970, which a SQLite integer holds until the year 2262.
fn nanoseconds(at: Timestamp) -> Result<i64> {
    i64::try_from(at.as_nanosecond()).map_err(|error| {
        let why = format!("{at} is not between the years 1677 and 2262");
        Error::usage("session_expiry", why).because(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(id: &str, expires_at: i64, version: u64) -> Session {
        let expires_at = Timestamp::from_second(expires_at).unwrap();
        Session { id: id.into(), data: serde_json::json!({}), expires_at, version }
    }

    #[tokio::test]
    async fn a_deletion_is_remembered_as_long_as_a_copy_may_live() {
        let folder = tempfile::tempdir().unwrap();
        let sessions = LocalSessions::new(&folder.path().join("sessions.sqlite"));
        sessions.put(&session("a", 2_000, 1), None).await.unwrap();
        sessions.put(&session("a", 1_000, 2), None).await.unwrap();
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(sessions.sweep(at(1_500), 10).await.unwrap(), 1);
        let changes = sessions.changes(0, 10).await.unwrap();
        assert_eq!((changes.len(), &changes[0].session), (1, &None));
        assert_eq!(sessions.sweep(at(2_500), 10).await.unwrap(), 0);
        assert!(sessions.changes(0, 10).await.unwrap().is_empty());
        assert_eq!(sessions.position().await.unwrap(), 3, "positions are never used again");
    }

    #[tokio::test]
    async fn reading_makes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sessions.sqlite");
        let sessions = LocalSessions::new(&path);
        assert!(sessions.get("a").await.unwrap().is_none());
        assert!(!sessions.delete("a").await.unwrap());
        assert_eq!(sessions.count(Timestamp::UNIX_EPOCH).await.unwrap(), 0);
        assert_eq!(sessions.health().await.unwrap_err().code(), "sessions_missing");
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_foreign_file_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sessions.sqlite");
        std::fs::write(&path, "not a database, but long enough to be taken for one ".repeat(40))
            .unwrap();
        let error = LocalSessions::new(&path).get("a").await.unwrap_err();
        assert!(error.to_string().contains(path.to_str().unwrap()));
    }
}
