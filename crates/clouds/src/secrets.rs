//! Secrets: values that are never printed, logged or written anywhere but into their store.

use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;

use crate::Result;

/// What a cloud implements.
#[async_trait]
pub trait SecretsDriver: Send + Sync {
    /// A secret's value; `None` when there is none of that name.
    async fn get(&self, name: &str) -> Result<Option<SecretString>>;
    /// Writes a secret, new or not.
    async fn set(&self, name: &str, value: &SecretString) -> Result<()>;
    /// Deletes a secret; false when there was none.
    async fn delete(&self, name: &str) -> Result<bool>;
    /// The names, in byte order.
    async fn names(&self) -> Result<Vec<String>>;
    /// Whether it answers.
    async fn health(&self) -> Result<()>;
}

/// A store of secrets. Names that begin with `trefoil/` are Trefoil's own: they belong to one
/// environment and are never carried to another.
#[derive(Clone)]
pub struct Secrets {
    driver: Arc<dyn SecretsDriver>,
}

/// The prefix of the names that belong to one environment.
pub const RESERVED_PREFIX: &str = "trefoil/";
