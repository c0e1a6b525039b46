//! Sessions: small values that expire at an instant that is kept exactly, wherever they move.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::bounds::{check_limit, within};
use crate::{Error, Result};

/// One session. It is expired when now is not before `expires_at`, whatever the store has deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its identifier.
    pub id: String,
    /// What the application keeps in it.
    pub data: serde_json::Value,
    /// From this instant on it is gone.
    pub expires_at: Timestamp,
    /// Grows with every write of this session.
    pub version: u64,
}

/// One change of the store. The newest change of a session hides those before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionChange {
    /// Position in the change record; grows with every change of the store.
    pub position: u64,
    /// The session's identifier.
    pub id: String,
    /// The session now, or `None` when it was deleted.
    pub session: Option<Session>,
}

/// What a cloud implements. A driver stores and deletes; whether a session is expired is decided
/// by [`Sessions`] from the time that it is given.
#[async_trait]
pub trait SessionsDriver: Send + Sync {
    /// Writes a session with the version it has; whatever was there is replaced. Fails with code
    /// `session_conflict` when `expected` is given and the stored version is another one
    /// (`Some(0)`: none must be stored).
    async fn put(&self, session: &Session, expected: Option<u64>) -> Result<()>;
    /// A session, expired or not; `None` when it is not stored.
    async fn get(&self, id: &str) -> Result<Option<Session>>;
    /// Deletes a session; false when there was none.
    async fn delete(&self, id: &str) -> Result<bool>;
    /// Changes after `since`, oldest first, at most `limit`, each session once.
    async fn changes(&self, since: u64, limit: usize) -> Result<Vec<SessionChange>>;
    /// The position of the newest change; 0 when there was none.
    async fn position(&self) -> Result<u64>;
    /// Forgets sessions that expired before `before`, at most `limit`; how many they were. No
    /// change is recorded of them: a copy of theirs has expired as well.
    async fn sweep(&self, before: Timestamp, limit: usize) -> Result<u64>;
    /// How many are stored and not expired at `now`.
    async fn count(&self, now: Timestamp) -> Result<u64>;
    /// Whether it answers.
    async fn health(&self) -> Result<()>;
}

/// A store of sessions.
#[derive(Clone)]
pub struct Sessions {
    driver: Arc<dyn SessionsDriver>,
}

/// The longest identifier, in bytes.
pub const ID_MAX_BYTES: usize = 256;
/// The largest data of a session as JSON, in bytes: below what every cloud's store takes.
pub const DATA_MAX_BYTES: usize = 256 * 1024;
/// How long a session lives when the application does not say.
pub const DEFAULT_TTL: Duration = Duration::from_secs(30 * 60);
/// How long one call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(15);
/// How often a write is tried again when others write the same session meanwhile.
const CONFLICT_ATTEMPTS: u32 = 16;

impl Sessions {
    /// A store of sessions on a driver.
    pub fn new(driver: Arc<dyn SessionsDriver>) -> Self {
        Self { driver }
    }

    /// Makes a session that expires `ttl` after `now`, with an identifier of its own (122 random
    /// bits) or the one given. Fails with code `session_conflict` when one of that identifier
    /// lives.
    pub async fn create(
        &self,
        id: Option<&str>,
        data: serde_json::Value,
        ttl: Duration,
        now: Timestamp,
    ) -> Result<Session> {
        let id = id.map_or_else(|| uuid::Uuid::new_v4().to_string(), str::to_owned);
        check_id(&id)?;
        let stored = self.raw(&id).await?;
        if stored.as_ref().is_some_and(|session| !session.is_expired(now)) {
            return Err(conflict("it exists already"));
        }
        let before = stored.map_or(0, |session| session.version);
        let session = Session { id, data, expires_at: expiry(now, ttl)?, version: before + 1 };
        self.put(&session, Some(before)).await?;
        Ok(session)
    }

    /// A session that has not expired at `now`.
    pub async fn get(&self, id: &str, now: Timestamp) -> Result<Option<Session>> {
        Ok(self.raw(id).await?.filter(|session| !session.is_expired(now)))
    }

    /// Replaces a session's data; with `ttl` it expires that long after `now`, else when it would
    /// have. Fails with code `session_conflict` when `version` is given and the session has
    /// another one. `None` when there is no such session, or it has expired.
    pub async fn update(
        &self,
        id: &str,
        data: serde_json::Value,
        version: Option<u64>,
        ttl: Option<Duration>,
        now: Timestamp,
    ) -> Result<Option<Session>> {
        let expires_at = ttl.map(|ttl| expiry(now, ttl)).transpose()?;
        let change = |session: &mut Session| {
            session.data = data.clone();
            session.expires_at = expires_at.unwrap_or(session.expires_at);
        };
        self.change(id, version, now, change).await
    }

    /// Lets a session expire `ttl` after `now`. `None` when there is no such session, or it has
    /// expired.
    pub async fn touch(&self, id: &str, ttl: Duration, now: Timestamp) -> Result<Option<Session>> {
        let expires_at = expiry(now, ttl)?;
        self.change(id, None, now, |session| session.expires_at = expires_at).await
    }

    /// Deletes a session; false when there was none, expired or not.
    pub async fn delete(&self, id: &str) -> Result<bool> {
        check_id(id)?;
        within(CALL_TIMEOUT, "sessions.delete", self.driver.delete(id)).await
    }

    /// Writes a session exactly as it is, for a copy: see [`SessionsDriver::put`].
    pub async fn put(&self, session: &Session, expected: Option<u64>) -> Result<()> {
        check_id(&session.id)?;
        check_data(&session.data)?;
        within(CALL_TIMEOUT, "sessions.put", self.driver.put(session, expected)).await
    }

    /// A session exactly as it is stored, expired or not, for a copy.
    pub async fn raw(&self, id: &str) -> Result<Option<Session>> {
        check_id(id)?;
        within(CALL_TIMEOUT, "sessions.get", self.driver.get(id)).await
    }

    /// Changes after the position `since`, oldest first, 1 to [`crate::services::PAGE_MAX`] of
    /// them; each session once. Fewer than `limit` means that there are no more.
    pub async fn changes(&self, since: u64, limit: usize) -> Result<Vec<SessionChange>> {
        check_limit(limit)?;
        within(CALL_TIMEOUT, "sessions.changes", self.driver.changes(since, limit)).await
    }

    /// The position of the newest change; 0 when there was none.
    pub async fn position(&self) -> Result<u64> {
        within(CALL_TIMEOUT, "sessions.position", self.driver.position()).await
    }

    /// Forgets sessions that expired before `before`, at most `limit`; how many they were.
    pub async fn sweep(&self, before: Timestamp, limit: usize) -> Result<u64> {
        check_limit(limit)?;
        within(CALL_TIMEOUT, "sessions.sweep", self.driver.sweep(before, limit)).await
    }

    /// How many sessions have not expired at `now`.
    pub async fn count(&self, now: Timestamp) -> Result<u64> {
        within(CALL_TIMEOUT, "sessions.count", self.driver.count(now)).await
    }

    /// Whether the store answers.
    pub async fn health(&self) -> Result<()> {
        within(CALL_TIMEOUT, "sessions.health", self.driver.health()).await
    }

    /// Reads, changes and writes a session, again when somebody else wrote it meanwhile, unless
    /// the caller asked for a version.
    async fn change(
        &self,
        id: &str,
        version: Option<u64>,
        now: Timestamp,
        change: impl Fn(&mut Session) + Send + Sync,
    ) -> Result<Option<Session>> {
        for _ in 0..CONFLICT_ATTEMPTS {
            let Some(mut session) = self.get(id, now).await? else { return Ok(None) };
            let stored = session.version;
            if version.is_some_and(|version| version != stored) {
                return Err(conflict(&format!("its version is {stored}")));
            }
            change(&mut session);
            session.version = stored + 1;
            match self.put(&session, Some(stored)).await {
                Err(error) if error.code() == "session_conflict" => {}
                result => return result.map(|()| Some(session)),
            }
        }
        Err(conflict("others write it all the time").retryable())
    }
}

impl Session {
    /// Whether it is gone at `now`: its last instant is the one before `expires_at`.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.expires_at
    }
}

/// The error of a write that found another session than it expected. The identifier is left out:
/// whoever knows it has the session.
pub(crate) fn conflict(why: &str) -> Error {
    Error::refused("session_conflict", format!("the session was not written: {why}"))
}

fn expiry(now: Timestamp, ttl: Duration) -> Result<Timestamp> {
    now.checked_add(ttl).map_err(|error| {
        let why = format!("a session cannot live for {} s", ttl.as_secs());
        Error::usage("session_ttl", why).because(error)
    })
}

fn check_id(id: &str) -> Result<()> {
    let legal = |c: char| !c.is_control();
    if (1..=ID_MAX_BYTES).contains(&id.len()) && id.chars().all(legal) {
        return Ok(());
    }
    let why =
        format!("a session's identifier has 1 to {ID_MAX_BYTES} bytes without control characters");
    Err(Error::usage("session_id", why))
}

fn check_data(data: &serde_json::Value) -> Result<()> {
    let size = data.to_string().len();
    if size <= DATA_MAX_BYTES {
        return Ok(());
    }
    let why = format!("a session's data has {size} bytes; at most {DATA_MAX_BYTES} are allowed");
    Err(Error::usage("session_data", why))
}
