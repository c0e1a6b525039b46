//! What a look at two servers found before a move.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::Blocker;

/// One obstacle, or something to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// A stable code, listed in `docs/errors.md`.
    pub code: String,
    /// Whether it stops the move.
    pub severity: Severity,
    /// What was found, and where.
    pub message: String,
    /// The command that mends it.
    pub command: Option<String>,
    /// Whether that command needs a restart of the server.
    pub needs_restart: bool,
}

/// Whether a finding stops the move.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The move is refused while it stands.
    Blocker,
    /// The move goes on; read it.
    Warning,
    /// Good to know.
    Info,
}

impl Finding {
    /// The same as a plan's blocker, if it stops the move.
    pub fn blocker(&self) -> Option<Blocker> {
        (self.severity == Severity::Blocker).then(|| Blocker {
            code: self.code.clone(),
            message: self.message.clone(),
            hint: self.command.clone().unwrap_or_else(|| "see docs/errors.md".into()),
        })
    }
}
