//! What runs by the clock.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::{Cron, Period};

/// A command that runs by the clock, with the variables and secrets of the application.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// When, in UTC, as in crontab: minute, hour, day of the month, month, day of the week.
    pub schedule: Cron,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// How long one run may take before it is stopped.
    #[serde(default = "default_timeout")]
    pub timeout: Period,
    /// Whether it may run where the cloud can stop it at any time (spot), which is cheaper.
    #[serde(default)]
    pub interruptible: bool,
}

fn default_timeout() -> Period {
    Period::from_millis(15 * 60 * 1_000)
}
