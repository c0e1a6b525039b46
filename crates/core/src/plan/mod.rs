//! A plan: a complete, immutable list of steps. The executor makes no choices.

mod action;
mod item;
mod output;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use action::*;
pub use item::*;
pub use output::*;

use crate::digest;
use crate::inventory::{Inventory, ResourceKind};
use crate::spec::AppSpec;

/// How traffic is switched when only a database is moved: not by us.
pub const CLIENTS: &str = "clients";

/// What a plan is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlanKind {
    /// Bring an environment up.
    Up,
    /// Take an environment down.
    Down,
    /// Move the application from one environment to another.
    Migrate,
    /// Move it back, keeping what was written since.
    Rollback,
}

impl PlanKind {
    /// Whether plans of this kind move the application from one environment to another.
    pub fn is_move(self) -> bool {
        matches!(self, PlanKind::Migrate | PlanKind::Rollback)
    }
}

/// Everything that will be done, in order, with what it was decided on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// Unique, and sorted by time: the plan's and its run's identifier.
    pub plan_id: String,
    /// What the plan is for.
    pub kind: PlanKind,
    /// When it was made.
    pub made_at: Timestamp,
    /// The application's name.
    pub application: String,
    /// The environment that serves before the switch.
    pub from: String,
    /// The environment that serves afterwards.
    pub to: String,
    /// The epoch that the switch opens: one more than the newest in the log.
    pub epoch: u64,
    /// The run that this plan takes back, for a rollback.
    pub parent: Option<String>,
    /// Digests of what the plan was decided on; `run` refuses when they have changed.
    pub inputs: Inputs,
    /// The steps, numbered from 1.
    pub steps: Vec<Step>,
    /// Each source resource with its target.
    pub mapping: Vec<Mapping>,
    /// Why the plan may not run. A plan with a blocker is shown, and refused by `run`.
    pub blockers: Vec<Blocker>,
    /// What will be copied.
    pub bytes: Bytes,
    /// How long users may wait at the switch.
    pub downtime_ms: Interval,
    /// How traffic is switched: `edge`, `dns`, or `clients`, who find the new place themselves.
    pub traffic: String,
    /// How long the switch may take before the source serves again, in milliseconds.
    pub window_deadline_ms: u64,
    /// How long the way back stays open before `status` warns, in milliseconds.
    pub soak_ms: u64,
    /// How many people must approve the run before its first step.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub required_approvals: u32,
    /// How fast it may copy, outside the window.
    #[serde(default, skip_serializing_if = "Limits::is_none")]
    pub limits: Limits,
    /// When the estimates were measured on copies; `None` when they are computed from amounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rehearsed_at: Option<Timestamp>,
    /// The checklist of a move as it stood when the plan was made; empty for other kinds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checklist: Vec<Item>,
}

/// So that a plan without this keeps the digest that it has in older logs.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// How fast a run may copy objects while nobody waits for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Limits {
    /// At most so many megabits a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_mbps: Option<u64>,
    /// At most so many requests a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_requests: Option<u64>,
}

impl Limits {
    /// Whether nothing is limited.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// Digests of what a plan was decided on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Inputs {
    /// The specification's digest.
    pub specification: String,
    /// The shape of the source environment's inventory.
    pub source: String,
    /// The shape of the target environment's inventory.
    pub target: String,
    /// The digest of each section of the specification and of each resource, so that a refusal can
    /// say which of them has changed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parts: BTreeMap<String, String>,
}

impl Inputs {
    /// What a plan between two environments is decided on.
    pub fn of(spec: &AppSpec, source: &Inventory, target: &Inventory) -> Inputs {
        let mut parts = BTreeMap::new();
        let value = serde_json::to_value(spec).unwrap_or_default();
        for (key, section) in value.as_object().into_iter().flatten() {
            parts.insert(format!("`{key}` of the specification"), short(section));
        }
        for inventory in [source, target] {
            for one in &inventory.resources {
                let what = (&one.id, &one.version);
                let name = format!("{} {} of {}", one.native_type, one.name, inventory.environment);
                parts.insert(name, short(&what));
            }
        }
        Inputs {
            specification: digest::of_value(spec),
            source: source.shape_digest(),
            target: target.shape_digest(),
            parts,
        }
    }

    /// What is different now, in words; empty when nothing is, or when it was never written down.
    pub fn differences(&self, now: &Inputs) -> Vec<String> {
        if self.parts.is_empty() {
            return Vec::new();
        }
        let names: BTreeSet<_> = self.parts.keys().chain(now.parts.keys()).collect();
        let differs = names.into_iter().filter_map(|name| {
            match (self.parts.get(name), now.parts.get(name)) {
                (Some(was), Some(is)) if was == is => None,
                (Some(_), Some(_)) => Some(format!("{name} is another")),
                (Some(_), None) => Some(format!("{name} is gone")),
                (None, _) => Some(format!("{name} is new")),
            }
        });
        differs.collect()
    }
}

/// Enough of a digest to see that two are different.
fn short<T: Serialize>(value: &T) -> String {
    digest::of_value(value)[..12].to_owned()
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// Its number, from 1.
    pub n: usize,
    /// What is done, with all parameters.
    #[serde(flatten)]
    pub action: Action,
    /// What undoing it does, in words; `None` where there is nothing to undo.
    pub undo: Option<String>,
    /// How long it is expected to take.
    pub estimate_ms: Interval,
    /// Whether users wait while it runs: the steps from the hold to the switch.
    #[serde(default)]
    pub window: bool,
    /// The step that opens the other side. Before it the run can be aborted; from it on the way
    /// back is a rollback.
    #[serde(default)]
    pub switch: bool,
    /// The point of no return: this step and those after it run only on `migrate finish`.
    #[serde(default)]
    pub finish: bool,
}

/// A lower and an upper estimate, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Interval {
    /// Not less than this is expected.
    pub low: u64,
    /// Not more than this is expected.
    pub high: u64,
}

impl Interval {
    /// An interval from `low` to `high` milliseconds.
    pub const fn new(low: u64, high: u64) -> Self {
        Self { low, high }
    }

    /// The two intervals one after the other.
    #[must_use]
    pub fn then(self, next: Interval) -> Interval {
        Interval::new(self.low + next.low, self.high + next.high)
    }
}

/// A source resource and what takes its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Mapping {
    /// The portable kind of both.
    pub kind: ResourceKind,
    /// What it is at the source: native type and name.
    pub source: String,
    /// What it becomes at the target.
    pub target: String,
    /// How hard it is to carry.
    pub complexity: Complexity,
    /// What is different afterwards.
    pub changes: Vec<String>,
    /// What does not arrive.
    pub lost: Vec<String>,
}

/// How hard a resource is to carry.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Complexity {
    /// The same kind of thing on both sides.
    Low,
    /// Copied and proven while it changes.
    Medium,
    /// Something is lost or changed on the way.
    High,
}

/// A reason why a plan may not run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Blocker {
    /// A stable code, listed in `docs/errors.md`.
    pub code: String,
    /// What is in the way.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

/// What a plan copies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Bytes {
    /// The database's size on disk.
    pub database_bytes: u64,
    /// All objects together.
    pub objects_bytes: u64,
    /// How many objects.
    pub objects: u64,
    /// How many sessions.
    pub sessions: u64,
    /// How many secrets.
    pub secrets: u64,
}

impl Plan {
    /// The digest that the log holds; a file whose digest the log does not hold is refused.
    pub fn digest(&self) -> String {
        digest::of_value(self)
    }

    /// Where the estimates come from, in words.
    pub fn estimate_source(&self) -> String {
        match self.rehearsed_at {
            Some(at) => format!("rehearsed at {at:.0}"),
            None => "computed from amounts".to_owned(),
        }
    }

    /// The step that opens the other side.
    pub fn switch_step(&self) -> Option<&Step> {
        self.steps.iter().find(|step| step.switch)
    }

    /// The first step during which users wait.
    pub fn window_start(&self) -> Option<&Step> {
        self.steps.iter().find(|step| step.window)
    }

    /// A step by its number.
    pub fn step(&self, n: usize) -> Option<&Step> {
        self.steps.iter().find(|step| step.n == n)
    }

    /// The number of the step that performs the first action that `wanted` accepts.
    pub fn find(&self, wanted: impl Fn(&Action) -> bool) -> Option<usize> {
        self.steps.iter().find(|step| wanted(&step.action)).map(|step| step.n)
    }
}
