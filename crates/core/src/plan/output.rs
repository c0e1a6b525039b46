//! What steps put into the journal for later steps and for the report. Never a secret.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::AccessRecord;

/// Output of `copy_objects`, `copy_sessions` and `copy_secrets`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CopyOutput {
    /// The source's change record is carried up to here.
    pub source_position: u64,
    /// The target's change record stands here; what changes later was not written by this copy.
    pub target_position: u64,
    /// How many were written at the target.
    pub written: u64,
    /// How many were deleted at the target.
    pub deleted: u64,
    /// How many bytes were written.
    pub bytes: u64,
}

/// Output of `prepare_database`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PrepareOutput {
    /// Who could use the source.
    pub source_access: AccessRecord,
    /// Who may use the target once it is open.
    pub target_access: AccessRecord,
    /// Tables without a key, whose replica identity was changed: name and what it was before
    /// (`d` default, `n` nothing, `f` full, `i` index).
    pub identities: Vec<(String, String)>,
    /// The tables that are carried, schema-qualified.
    pub tables: Vec<String>,
    /// Where the source is: host, port and database.
    #[serde(default)]
    pub source_address: String,
    /// Where the target is.
    #[serde(default)]
    pub target_address: String,
    /// The roles that were made on the target with a new password.
    #[serde(default)]
    pub roles: Vec<RoleSecret>,
}

/// A role with a new password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RoleSecret {
    /// The role.
    pub role: String,
    /// The secret of the target environment that holds its password.
    pub secret: String,
}

/// Output of `verify_database`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VerifyOutput {
    /// Each table's comparison.
    pub tables: Vec<TableProof>,
    /// Key ranges that changed while they were compared; compared again during the switch.
    pub hot: Vec<KeyRange>,
    /// What the comparison cost the servers.
    #[serde(default)]
    pub cost: VerifyCost,
}

/// What a comparison cost.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VerifyCost {
    /// How long the source worked for it.
    pub source_busy_ms: u64,
    /// How long the target worked for it.
    pub target_busy_ms: u64,
    /// How long it paused so as not to load the servers more than it may.
    pub waited_ms: u64,
    /// From its beginning to its end.
    pub elapsed_ms: u64,
    /// How many queries it made.
    pub queries: u64,
    /// The share of one server process that it might take, in percent.
    pub max_load_percent: u32,
}

/// Output of `sync_database`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SyncOutput {
    /// How many sequences were set.
    pub sequences: u64,
    /// Each table's comparison, hot ranges included.
    pub tables: Vec<TableProof>,
}

/// The comparison of one table on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TableProof {
    /// The table, schema-qualified.
    pub name: String,
    /// Rows at the source.
    pub rows: u64,
    /// Digest over all rows at the source.
    pub digest_source: String,
    /// Digest over all rows at the target.
    pub digest_target: String,
    /// Whether they are the same.
    pub equal: bool,
}

/// Part of a table: keys from `from` up to and with `to`, in the order of the primary key, each as
/// a JSON array of the key columns' values as text; `None` is the end of the table. A table
/// without a primary key is one range.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeyRange {
    /// The table, schema-qualified.
    pub table: String,
    /// After this key.
    pub from: Option<Vec<String>>,
    /// Up to and with this key.
    pub to: Option<Vec<String>>,
}

/// Output of `start_application`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StartOutput {
    /// Where it listens.
    pub address: String,
}

/// What `start_application` notes before it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartFound {
    /// Whether the application ran already: then it goes on running after an abort.
    pub ran: bool,
}

/// Output of `drain_traffic`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DrainOutput {
    /// Requests that ended by themselves.
    pub drained: u64,
    /// Requests that were cut.
    pub cut: u64,
}

/// Output of `validate`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ValidateOutput {
    /// The objects of all buckets.
    pub objects: StoreProof,
    /// The sessions.
    pub sessions: StoreProof,
    /// The secrets.
    pub secrets: StoreProof,
}

/// The comparison of a store on both sides: what users changed after the switch is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StoreProof {
    /// How many the source holds.
    pub count: u64,
    /// How many bytes, where that is known.
    pub bytes: u64,
    /// Whether the target holds the same.
    pub equal: bool,
    /// The first that differ, by name.
    pub differences: Vec<String>,
}

/// How many differences a comparison names; all make it unequal.
const DIFFERENCES_MAX: usize = 20;

impl StoreProof {
    /// A comparison that has seen nothing yet.
    pub fn begin() -> Self {
        Self { equal: true, ..Self::default() }
    }

    /// Counts one thing that the source holds.
    pub fn count(&mut self, bytes: u64) {
        self.count += 1;
        self.bytes += bytes;
    }

    /// Notes a difference, in words: names, never contents.
    pub fn differ(&mut self, what: String) {
        self.equal = false;
        if self.differences.len() < DIFFERENCES_MAX {
            self.differences.push(what);
        }
    }

    /// The two comparisons as one.
    #[must_use]
    pub fn and(mut self, other: StoreProof) -> Self {
        self.count += other.count;
        self.bytes += other.bytes;
        self.equal &= other.equal;
        self.differences.extend(other.differences);
        self.differences.truncate(DIFFERENCES_MAX);
        self
    }
}
