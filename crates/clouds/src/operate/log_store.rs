//! Where a fenced log is kept: a store in which something is created once or not at all.

use std::fmt::Debug;

use async_trait::async_trait;
use bytes::Bytes;

use crate::Result;

/// How a create ended, when it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// There was nothing of that name, and this is there now.
    New,
    /// Something of that name is there, and stays as it is. It may be what this very call, or a
    /// copy of it, has created.
    Exists,
}

/// What a log needs of a store. Names are paths with `/`, of letters, digits, `-`, `_` and `.`.
/// Every call has a bound in time.
#[async_trait]
pub trait LogStore: Debug + Send + Sync {
    /// The store in words, for errors.
    fn place(&self) -> String;
    /// Refuses, with code `log_expires`, a store that deletes entries by itself.
    async fn check(&self) -> Result<()> {
        Ok(())
    }
    /// Creates what is not there, whole and durable. Never repeats the call by itself. An error
    /// means that it is not known whether it happened or will: a copy may still arrive.
    async fn create(&self, name: &str, content: Bytes) -> Result<Created>;
    /// What is there under a name.
    async fn get(&self, name: &str) -> Result<Option<Bytes>>;
    /// The names that begin with `prefix`, in no order. What a create has begun and not finished
    /// is not among them. A file that can be none of the log's is an error, code `log_damaged`.
    async fn list(&self, prefix: &str) -> Result<Vec<String>>;
    /// Removes what is there under a name, if anything.
    async fn delete(&self, name: &str) -> Result<()>;
}
