//! When somebody is to be told.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::Period;

/// A metric that must not pass a threshold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Alarm {
    /// The metric's name, such as `error_rate`.
    #[schemars(regex(pattern = r"^[A-Za-z][A-Za-z0-9_.-]{0,127}$"))]
    pub metric: String,
    /// The value that it is compared with.
    #[schemars(range(min = -1.0e15, max = 1.0e15))]
    pub threshold: f64,
    /// How it is compared: the alarm goes off when this is true.
    #[serde(default)]
    pub comparison: Comparison,
    /// How the values of one period become one.
    #[serde(default)]
    pub statistic: Statistic,
    /// How long a period is.
    #[serde(default = "default_period")]
    pub period: Period,
    /// How many periods in a row must pass the threshold.
    #[serde(default = "default_evaluation_periods")]
    #[schemars(range(min = 1, max = 100))]
    pub evaluation_periods: u32,
    /// Who is told: an e-mail address, or the `https:` URL of a webhook.
    #[serde(default)]
    pub notify: Option<String>,
}

/// How an alarm compares its metric with its threshold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// Above the threshold.
    #[default]
    GreaterThan,
    /// At the threshold or above.
    GreaterOrEqual,
    /// Below the threshold.
    LessThan,
    /// At the threshold or below.
    LessOrEqual,
}

/// How an alarm makes one value of those of a period.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Statistic {
    /// Their mean.
    #[default]
    Average,
    /// Their sum.
    Sum,
    /// The smallest.
    Minimum,
    /// The largest.
    Maximum,
}

fn default_period() -> Period {
    Period::from_millis(300_000)
}

fn default_evaluation_periods() -> u32 {
    2
}
