//! What runs.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::Period;

/// What runs: a container image, or a command on clouds that run processes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Application {
    /// The container image, with a tag or digest.
    #[serde(default)]
    pub image: Option<String>,
    /// The program and its arguments. In a container they take the place of the image's CMD; its
    /// ENTRYPOINT stays, as with `command` of Docker Compose.
    #[serde(default)]
    pub command: Vec<String>,
    /// A program and its arguments that `trefoil up` runs once on a new database, before the
    /// application starts: the place for schema migrations.
    #[serde(default)]
    pub setup: Vec<String>,
    /// The port that users reach; the application itself listens on the PORT that it is given.
    #[serde(default = "default_port")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: u16,
    /// Where it says how it is.
    #[serde(default)]
    pub health: Health,
    /// Environment variables with their values.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    /// Environment variables whose values are secrets: variable name to secret name.
    #[serde(default)]
    pub secrets: BTreeMap<String, String>,
    /// How much it logs; given to it as LOG_LEVEL.
    #[serde(default)]
    pub log_level: LogLevel,
    /// Whether it exits when it cannot reach its database at start. Such an application cannot
    /// stand by during a move, so its start time is added to the downtime.
    #[serde(default)]
    pub needs_database_to_start: bool,
    /// How long requests in flight may take to end when it is stopped.
    #[serde(default = "default_drain")]
    pub drain: Period,
    /// Whether a Dapr sidecar runs beside each instance, on clouds that offer one.
    #[serde(default)]
    pub dapr: bool,
}

/// Where the application says how it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Health {
    /// Answers 200 while the process lives.
    pub path: String,
    /// Answers 200 when it can serve: database, objects and sessions answer too.
    pub ready: String,
    /// How often it is asked.
    pub interval: Period,
    /// How long one answer may take.
    pub timeout: Period,
    /// How long it may take to become ready after a start.
    pub start_time: Period,
}

/// How much the application logs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Everything.
    Debug,
    /// What happened.
    #[default]
    Info,
    /// What may go wrong.
    Warning,
    /// What went wrong.
    Error,
}

impl LogLevel {
    /// The value of LOG_LEVEL.
    pub fn as_str(self) -> &'static str {
        match self {
            LogLevel::Debug => "debug",
            LogLevel::Info => "info",
            LogLevel::Warning => "warning",
            LogLevel::Error => "error",
        }
    }
}

impl Default for Health {
    fn default() -> Self {
        Self {
            path: "/health".into(),
            ready: "/ready".into(),
            interval: Period::from_millis(10_000),
            timeout: Period::from_millis(5_000),
            start_time: Period::from_millis(60_000),
        }
    }
}

fn default_port() -> u16 {
    8000
}

fn default_drain() -> Period {
    Period::from_millis(10_000)
}
