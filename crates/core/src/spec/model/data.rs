//! Where the application keeps its data.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::{Bytes, Period};

/// A PostgreSQL database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// The database's name; the application's name when left out, with `_` for `-`.
    #[serde(default)]
    #[schemars(regex(pattern = r"^[a-z][a-z0-9_]{0,62}$"))]
    pub name: Option<String>,
    /// The major version of PostgreSQL; the newest that the environment offers when left out.
    #[serde(default)]
    #[schemars(range(min = 14, max = 18))]
    pub version: Option<u8>,
    /// How strong its server is.
    #[serde(default)]
    pub size: DatabaseSize,
    /// How much its disk holds.
    #[serde(default = "default_storage")]
    pub storage: Bytes,
    /// Whether a second server in another zone of the same region takes over when the first dies.
    #[serde(default)]
    pub high_availability: bool,
    /// How long the cloud's own backups are kept, in days.
    #[serde(default = "default_backup_days")]
    #[schemars(range(min = 0, max = 35))]
    pub backup_days: u8,
}

/// How strong a database server is; each cloud has its nearest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DatabaseSize {
    /// A shared processor and about 1 GB of memory.
    #[default]
    Small,
    /// Two processors and about 8 GB of memory.
    Medium,
    /// Four processors and about 32 GB of memory.
    Large,
}

/// A bucket of objects.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    /// Whether a store that keeps no record of changes gets one, so that a move need not list the
    /// bucket while users wait: notes in the bucket itself, under keys that begin with `.trefoil/`.
    /// Only where all who write to it go through Trefoil's portable handle, which reads this from
    /// the URL that the application is given.
    #[serde(default)]
    pub change_record: bool,
}

/// The store of sessions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionStore {
    /// How long a session lives when the application does not say.
    #[serde(default = "default_ttl")]
    pub ttl: Period,
}

fn default_storage() -> Bytes {
    Bytes::new(20_000_000_000)
}

fn default_backup_days() -> u8 {
    7
}

fn default_ttl() -> Period {
    Period::from_millis(30 * 60 * 1_000)
}
