//! Stores of sessions and of secrets on a bad day.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::SecretString;

use super::{Faults, call};
use crate::Result;
use crate::secrets::{SecretVersion, Secrets, SecretsDriver, Selector, StoredVersion};
use crate::sessions::{Session, SessionChange, Sessions, SessionsDriver};

/// A store of sessions under faults.
pub fn faulty_sessions(inner: &Sessions, faults: &Faults) -> Sessions {
    Sessions::new(Arc::new(Faulty { inner: inner.clone(), faults: faults.clone() }))
}

/// A store of secrets under faults.
pub fn faulty_secrets(inner: &Secrets, faults: &Faults) -> Secrets {
    Secrets::new(Arc::new(Faulty { inner: inner.clone(), faults: faults.clone() }))
}

struct Faulty<S> {
    inner: S,
    faults: Faults,
}

#[async_trait]
impl SessionsDriver for Faulty<Sessions> {
    async fn put(&self, session: &Session, expected: Option<u64>) -> Result<()> {
        call(&self.faults, &session.id, self.inner.put(session, expected)).await
    }

    async fn get(&self, id: &str) -> Result<Option<Session>> {
        call(&self.faults, id, self.inner.raw(id)).await
    }

    async fn delete(&self, id: &str) -> Result<bool> {
        call(&self.faults, id, self.inner.delete(id)).await
    }

    async fn changes(&self, since: u64, limit: usize) -> Result<Vec<SessionChange>> {
        call(&self.faults, "the record", self.inner.changes(since, limit)).await
    }

    async fn position(&self) -> Result<u64> {
        call(&self.faults, "the position", self.inner.position()).await
    }

    async fn sweep(&self, before: Timestamp, limit: usize) -> Result<u64> {
        call(&self.faults, "a sweep", self.inner.sweep(before, limit)).await
    }

    async fn count(&self, now: Timestamp) -> Result<u64> {
        call(&self.faults, "a count", self.inner.count(now)).await
    }

    async fn health(&self) -> Result<()> {
        self.inner.health().await
    }
}

#[async_trait]
impl SecretsDriver for Faulty<Secrets> {
    async fn get(&self, name: &str) -> Result<Option<SecretString>> {
        call(&self.faults, name, self.inner.get(name)).await
    }

    async fn set(&self, name: &str, value: &SecretString) -> Result<()> {
        call(&self.faults, name, self.inner.set(name, value)).await
    }

    async fn delete(&self, name: &str) -> Result<bool> {
        call(&self.faults, name, self.inner.delete(name)).await
    }

    async fn names(&self) -> Result<Vec<String>> {
        call(&self.faults, "the names", self.inner.names()).await
    }

    async fn health(&self) -> Result<()> {
        self.inner.health().await
    }

    async fn get_version(&self, name: &str, which: &Selector) -> Result<Option<SecretString>> {
        call(&self.faults, name, self.inner.get_version(name, which.clone())).await
    }

    async fn versions(&self, name: &str) -> Result<Vec<SecretVersion>> {
        call(&self.faults, name, self.inner.versions(name)).await
    }

    async fn put_version(&self, name: &str, value: &SecretString) -> Result<SecretVersion> {
        call(&self.faults, name, self.inner.put_version(name, value)).await
    }

    async fn promote(&self, name: &str, id: &str) -> Result<()> {
        call(&self.faults, name, self.inner.promote(name, id)).await
    }

    async fn replace(&self, name: &str, versions: &[StoredVersion]) -> Result<()> {
        call(&self.faults, name, self.inner.replace(name, versions)).await
    }
}
