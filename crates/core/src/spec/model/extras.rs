//! What stands around the application when more is asked of it than to run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::Bytes;

/// How much is done against failures, beyond what the other keys ask for.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// What the specification asks for, in one zone where a second costs more.
    #[default]
    Small,
    /// The loss of a zone is survived: two instances at least, a second database server, backups
    /// of 14 days at least.
    Standard,
    /// Much traffic and attacks are survived too: three instances at least, backups of 35 days, a
    /// cache, a content delivery network, a firewall for web requests and a budget.
    Resilient,
}

/// A cache in memory (Redis or Valkey), next to the application.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Cache {
    /// How much it holds.
    pub memory: Bytes,
}

/// What may be spent in a month before somebody is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// US dollars in a month.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub monthly_usd: u32,
    /// Who is told: an e-mail address.
    #[serde(default)]
    pub notify: Option<String>,
}

impl Default for Cache {
    fn default() -> Self {
        Self { memory: Bytes::new(1 << 30) }
    }
}
