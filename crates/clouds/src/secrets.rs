//! Secrets: values that are never printed, logged or written anywhere but into their store. Each
//! has versions, and stages that say which version is in use.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::bounds::within;
use crate::{Error, Result};

/// What a cloud implements. Every call is idempotent.
#[async_trait]
pub trait SecretsDriver: Send + Sync {
    /// The value of a secret's current version; `None` when there is none.
    async fn get(&self, name: &str) -> Result<Option<SecretString>>;
    /// Makes a value current: a new version of it, unless it is current already. The version that
    /// was current is the previous one from then on.
    async fn set(&self, name: &str, value: &SecretString) -> Result<()>;
    /// Deletes a secret with all its versions; false when there was none.
    async fn delete(&self, name: &str) -> Result<bool>;
    /// The names of those that have a version, in byte order.
    async fn names(&self) -> Result<Vec<String>>;
    /// Whether it answers.
    async fn health(&self) -> Result<()>;
    /// The value of one version; `None` when there is none such.
    async fn get_version(&self, name: &str, which: &Selector) -> Result<Option<SecretString>>;
    /// A secret's versions, the oldest first; none when there is no such secret. Those in a stage
    /// are always there; of the others only the newest are kept, [`VERSIONS_MAX`] in all.
    async fn versions(&self, name: &str) -> Result<Vec<SecretVersion>>;
    /// Adds a version that is pending, instead of the one that was; that one again when it has
    /// this value.
    async fn put_version(&self, name: &str, value: &SecretString) -> Result<SecretVersion>;
    /// Makes a version current, as [`Secrets::promote`] says.
    async fn promote(&self, name: &str, id: &str) -> Result<()>;
    /// Gives a secret these versions, the oldest first, and no others. Their identifiers are kept
    /// where the store lets them be chosen. What is refused was checked before.
    async fn replace(&self, name: &str, versions: &[StoredVersion]) -> Result<()>;
}

/// What a version is for. At most one version of a secret is in each stage, and one version is in
/// none of them as soon as it has been replaced twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// In use.
    Current,
    /// In use before the current one: what a mistake goes back to.
    Previous,
    /// To be current once it has been tried.
    Pending,
}

/// One version of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// By its identifier.
    Version(String),
    /// By its stage.
    Stage(Stage),
}

impl From<Stage> for Selector {
    fn from(stage: Stage) -> Self {
        Self::Stage(stage)
    }
}

impl From<&str> for Selector {
    fn from(id: &str) -> Self {
        Self::Version(id.to_owned())
    }
}

/// A version without its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SecretVersion {
    /// Its identifier, unique in its secret.
    pub id: String,
    /// Its stages.
    pub stages: BTreeSet<Stage>,
    /// When it was made, as far as the store knows.
    pub created_at: Option<Timestamp>,
}

/// A version with its value, on its way from one store to another. `Debug` does not show it.
#[derive(Clone)]
pub struct StoredVersion {
    /// What is known of it.
    pub version: SecretVersion,
    /// The value.
    pub value: SecretString,
}

impl fmt::Debug for StoredVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredVersion").field("version", &self.version).finish_non_exhaustive()
    }
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
/// The most versions of a secret that are kept.
pub const VERSIONS_MAX: usize = 20;
/// The longest identifier of a version, in bytes: the longest of the clouds' stores.
const ID_MAX_BYTES: usize = 64;
/// How often a secret that changes while it is read is read again.
const READ_ATTEMPTS: usize = 3;
/// How long one call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

impl Secrets {
    /// A store of secrets on a driver.
    pub fn new(driver: Arc<dyn SecretsDriver>) -> Self {
        Self { driver }
    }

    /// The value of a secret's current version; `None` when there is none.
    pub async fn get(&self, name: &str) -> Result<Option<SecretString>> {
        check_name(name)?;
        within(CALL_TIMEOUT, "secrets.get", self.driver.get(name)).await
    }

    /// Makes a value current, of a secret that is new or not. The value that was current is the
    /// previous one from then on; nothing happens when it is the same.
    pub async fn set(&self, name: &str, value: &SecretString) -> Result<()> {
        check_name(name)?;
        check_value(name, value)?;
        within(CALL_TIMEOUT, "secrets.set", self.driver.set(name, value)).await
    }

    /// Deletes a secret with all its versions; false when there was none.
    pub async fn delete(&self, name: &str) -> Result<bool> {
        check_name(name)?;
        within(CALL_TIMEOUT, "secrets.delete", self.driver.delete(name)).await
    }

    /// The value of a version, by its identifier or its stage; `None` when there is none such.
    pub async fn get_version(
        &self,
        name: &str,
        which: impl Into<Selector>,
    ) -> Result<Option<SecretString>> {
        check_name(name)?;
        let which = which.into();
        if let Selector::Version(id) = &which {
            check_id(id)?;
        }
        within(CALL_TIMEOUT, "secrets.get_version", self.driver.get_version(name, &which)).await
    }

    /// A secret's versions, the oldest first; none when there is no such secret.
    pub async fn versions(&self, name: &str) -> Result<Vec<SecretVersion>> {
        check_name(name)?;
        within(CALL_TIMEOUT, "secrets.versions", self.driver.versions(name)).await
    }

    /// Adds a version that is pending, of a secret that is new or not, and that
    /// [`promote`](Self::promote) makes current. A version that was pending is so no longer.
    pub async fn put_version(&self, name: &str, value: &SecretString) -> Result<SecretVersion> {
        check_name(name)?;
        check_value(name, value)?;
        within(CALL_TIMEOUT, "secrets.put_version", self.driver.put_version(name, value)).await
    }

    /// Makes a version current and nothing else; the version that was current is the previous one
    /// from then on. Promoting the previous version undoes a promotion. Fails with code
    /// `secret_version_missing` when there is no such version.
    pub async fn promote(&self, name: &str, id: &str) -> Result<()> {
        check_name(name)?;
        check_id(id)?;
        within(CALL_TIMEOUT, "secrets.promote", self.driver.promote(name, id)).await
    }

    /// A secret's versions with their values, the oldest first; none when there is no such secret.
    /// For those who carry secrets; the values are in memory only.
    pub async fn export(&self, name: &str) -> Result<Vec<StoredVersion>> {
        for _ in 0..READ_ATTEMPTS {
            let versions = self.versions(name).await?;
            let mut stored = Vec::with_capacity(versions.len());
            for version in &versions {
                let Some(value) = self.get_version(name, version.id.as_str()).await? else { break };
                stored.push(StoredVersion { version: version.clone(), value });
            }
            // What changed meanwhile would be half of the old and half of the new.
            if stored.len() == versions.len() && self.versions(name).await? == versions {
                return Ok(stored);
            }
        }
        let why = format!("`{name}` is changed all the time");
        Err(Error::failed("secret_changing", why).retryable())
    }

    /// Gives a secret these versions, the oldest first, and no others. Idempotent.
    pub async fn replace(&self, name: &str, versions: &[StoredVersion]) -> Result<()> {
        check_name(name)?;
        check_versions(name, versions)?;
        within(CALL_TIMEOUT, "secrets.replace", self.driver.replace(name, versions)).await
    }

    /// The names in byte order, without those that belong to one environment.
    pub async fn names(&self) -> Result<Vec<String>> {
        let mut names = self.all_names().await?;
        names.retain(|name| !name.starts_with(RESERVED_PREFIX));
        Ok(names)
    }

    /// The names in byte order, with those that belong to one environment.
    pub async fn all_names(&self) -> Result<Vec<String>> {
        within(CALL_TIMEOUT, "secrets.names", self.driver.names()).await
    }

    /// Whether the store answers.
    pub async fn health(&self) -> Result<()> {
        within(CALL_TIMEOUT, "secrets.health", self.driver.health()).await
    }
}

/// The error of a version that is not there.
#[allow(dead_code, reason = "only drivers make it, and a build can have none")]
pub(crate) fn version_missing(name: &str, id: &str) -> Error {
    Error::missing("secret_version_missing", format!("`{name}` has no version `{id}`"))
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

fn check_value(name: &str, value: &SecretString) -> Result<()> {
    let size = value.expose_secret().len();
    if size <= VALUE_MAX_BYTES {
        return Ok(());
    }
    let why = format!("`{name}` has {size} bytes; at most {VALUE_MAX_BYTES} are allowed");
    Err(Error::usage("secret_value", why))
}

fn check_id(id: &str) -> Result<()> {
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if (1..=ID_MAX_BYTES).contains(&id.len()) && id.chars().all(legal) {
        return Ok(());
    }
    // Not repeated: it may be a value, given here by mistake.
    let why = "what was given is not the identifier of a secret's version";
    Err(Error::usage("secret_version", why)
        .hint(format!("letters, digits, `-`; at most {ID_MAX_BYTES}")))
}

fn check_versions(name: &str, versions: &[StoredVersion]) -> Result<()> {
    let refused = |why: &str| Err(Error::usage("secret_version", format!("`{name}` {why}")));
    if !(1..=VERSIONS_MAX).contains(&versions.len()) {
        let count = versions.len();
        return refused(&format!("has {count} versions; 1 to {VERSIONS_MAX} are allowed"));
    }
    let (mut ids, mut stages) = (BTreeSet::new(), BTreeSet::new());
    for StoredVersion { version, value } in versions {
        check_id(&version.id)?;
        check_value(name, value)?;
        if !ids.insert(&version.id) {
            return refused("has two versions with one identifier");
        }
        if !version.stages.iter().all(|stage| stages.insert(*stage)) {
            return refused("has two versions in one stage");
        }
    }
    Ok(())
}
