//! Sessions: small values that expire at an instant that is kept exactly, wherever they move.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Result;

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
    /// Forgets sessions that expired before `before`, at most `limit`; how many they were.
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

/// How long a session lives when the application does not say.
pub const DEFAULT_TTL: Duration = Duration::from_secs(30 * 60);
