//! The language model.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::Period;

/// The language model that the application asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Chat {
    /// The model on each cloud, by the cloud's name: what one cloud offers, another may not.
    #[serde(default)]
    pub model: BTreeMap<String, String>,
    /// The endpoint to ask, when it is not the cloud's own: the base URL of any service that
    /// speaks OpenAI's protocol.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// The version of the endpoint's protocol, where it wants one, such as `2024-02-15-preview`.
    #[serde(default)]
    pub api_version: Option<String>,
    /// The name of the secret that holds the endpoint's key.
    #[serde(default)]
    pub key: Option<String>,
    /// How long an answer may take.
    #[serde(default = "default_timeout")]
    pub timeout: Period,
}

fn default_timeout() -> Period {
    Period::from_millis(60_000)
}
