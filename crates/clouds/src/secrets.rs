//! Secrets: values that are never printed, logged or written anywhere but into their store.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};

use crate::bounds::within;
use crate::{Error, Result};

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
/// The longest name, in bytes.
pub const NAME_MAX_BYTES: usize = 128;
/// The largest value, in bytes: the smallest limit of the clouds' stores is 25 kB on Azure.
pub const VALUE_MAX_BYTES: usize = 25_000;
/// How long one call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

impl Secrets {
    /// A store of secrets on a driver.
    pub fn new(driver: Arc<dyn SecretsDriver>) -> Self {
        Self { driver }
    }

    /// The store at a URL, such as `file:///var/lib/app/secrets.age`.
    pub fn open(url: &str) -> Result<Self> {
        crate::registry::open_secrets(url)
    }

    /// A secret's value; `None` when there is none of that name.
    pub async fn get(&self, name: &str) -> Result<Option<SecretString>> {
        check_name(name)?;
        within(CALL_TIMEOUT, "secrets", self.driver.get(name)).await
    }

    /// Writes a secret, new or not.
    pub async fn set(&self, name: &str, value: &SecretString) -> Result<()> {
        check_name(name)?;
        let size = value.expose_secret().len();
        if size > VALUE_MAX_BYTES {
            let why = format!("`{name}` has {size} bytes; at most {VALUE_MAX_BYTES} are allowed");
            return Err(Error::usage("secret_value", why));
        }
        within(CALL_TIMEOUT, "secrets", self.driver.set(name, value)).await
    }

    /// Deletes a secret; false when there was none.
    pub async fn delete(&self, name: &str) -> Result<bool> {
        check_name(name)?;
        within(CALL_TIMEOUT, "secrets", self.driver.delete(name)).await
    }

    /// The names in byte order, without those that belong to one environment.
    pub async fn names(&self) -> Result<Vec<String>> {
        let mut names = self.all_names().await?;
        names.retain(|name| !name.starts_with(RESERVED_PREFIX));
        Ok(names)
    }

    /// The names in byte order, with those that belong to one environment.
    pub async fn all_names(&self) -> Result<Vec<String>> {
        within(CALL_TIMEOUT, "secrets", self.driver.names()).await
    }

    /// Whether the store answers.
    pub async fn health(&self) -> Result<()> {
        within(CALL_TIMEOUT, "secrets", self.driver.health()).await
    }
}

fn check_name(name: &str) -> Result<()> {
    let legal = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    let begins = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if name.len() <= NAME_MAX_BYTES && begins && name.chars().all(legal) {
        return Ok(());
    }
    let why = format!("`{}` is not a name for a secret", name.escape_debug());
    Err(Error::usage("secret_name", why).hint(format!(
        "a letter or digit, then letters, digits, `_`, `-`, `.`, `/`; at most {NAME_MAX_BYTES}"
    )))
}
