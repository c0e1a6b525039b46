//! How the application survives the loss of a place.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::{Cron, Percent, Period};

/// How the application survives the loss of a place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Recovery {
    /// The environment that serves.
    pub primary: String,
    /// The environment that takes over.
    pub standby: String,
    /// Where it is written down who serves: the URL of an object store at neither of the two
    /// places. Without it nothing fails over by itself.
    #[serde(default)]
    pub witness: Option<String>,
    /// When the primary counts as lost.
    #[serde(default)]
    pub triggers: Triggers,
    /// How long it may take until the standby serves (recovery time objective).
    #[serde(default = "default_rto")]
    pub rto: Period,
    /// How much of the newest data may be lost (recovery point objective).
    #[serde(default = "default_rpo")]
    pub rpo: Period,
    /// When backups are made.
    #[serde(default)]
    pub schedules: Schedules,
    /// Where backups are kept.
    #[serde(default)]
    pub copies: Copies,
    /// Whether the two databases reach each other through a network of their own (a pair of
    /// site-to-site VPNs) instead of through the internet.
    #[serde(default)]
    pub private_network: bool,
}

/// When the primary counts as lost: any of these.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Triggers {
    /// So many health checks in a row without an answer.
    #[schemars(range(min = 1, max = 100))]
    pub failures: u32,
    /// Answers that take longer than this.
    pub response_time: Period,
    /// More failed requests than this.
    pub error_rate: Percent,
}

/// When backups are made, in UTC, as in crontab.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Schedules {
    /// Of the database.
    pub database: Cron,
    /// Of the buckets and sessions.
    pub storage: Cron,
    /// Of specification, secrets and settings.
    pub config: Cron,
}

/// Where backups are kept: a backup counts once enough of the places have it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Copies {
    /// How many of the places must have it.
    #[schemars(range(min = 1, max = 20))]
    pub at_least: u32,
    /// The places: names of environments, or URLs of object stores; primary and standby when
    /// left out.
    pub of: Vec<String>,
}

impl Default for Triggers {
    fn default() -> Self {
        Self {
            failures: 3,
            response_time: Period::from_millis(5_000),
            error_rate: Percent::whole(5),
        }
    }
}

impl Default for Schedules {
    fn default() -> Self {
        Self {
            database: Cron::constant("0 2 * * *"),
            storage: Cron::constant("0 4 * * *"),
            config: Cron::constant("0 6 * * 0"),
        }
    }
}

impl Default for Copies {
    fn default() -> Self {
        Self { at_least: 1, of: Vec::new() }
    }
}

fn default_rto() -> Period {
    Period::from_millis(15 * 60 * 1_000)
}

fn default_rpo() -> Period {
    Period::from_millis(5 * 60 * 1_000)
}
