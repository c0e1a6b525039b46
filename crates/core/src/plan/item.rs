//! The lines of a move's checklist; `checklist` fills them in.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One line of the checklist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Stable, for `trefoil runs approve RUN --item ID`.
    pub id: String,
    /// When it is due.
    pub phase: Phase,
    /// Its name, for people.
    pub title: String,
    /// Where it stands.
    pub status: ItemStatus,
    /// What a person must confirm; `None` for what the machine proves alone.
    pub confirm: Option<String>,
    /// What is known about it so far.
    pub evidence: Vec<Evidence>,
}

/// When an item is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Before the first step.
    Pre,
    /// While the steps are performed.
    Execution,
    /// After the switch.
    Post,
    /// About the way back.
    Rollback,
}

/// Where an item stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemStatus {
    /// Its time has not come: the steps that prove it, or the switch, are still to come.
    Pending,
    /// Proven; the evidence says by what.
    MachineChecked,
    /// A person must confirm it.
    NeedsPerson,
    /// A person has confirmed it; the evidence says who and when.
    Confirmed,
    /// A step that proves it failed, or two sides were not equal.
    Failed,
}

/// What is known about an item. Never a secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// In words.
    pub what: String,
    /// The step of the plan that it comes from.
    pub step: Option<usize>,
    /// The SHA-256 of what was looked at, as hexadecimal digits, or the digest of two tables.
    pub digest: Option<String>,
    /// How many things were looked at; `what` says which.
    pub count: Option<u64>,
    /// Who said so, by the name that they gave: it is not authenticated.
    pub by: Option<String>,
    /// When.
    pub at: Option<Timestamp>,
}
