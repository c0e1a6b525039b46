//! What was observed in an environment, when, and what could not be seen.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What one environment holds at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Inventory {
    /// The environment's name in the specification.
    pub environment: String,
    /// The cloud that it is on.
    pub cloud: String,
    /// When it was observed.
    pub observed_at: Timestamp,
    /// Everything that was seen, sorted by kind and name.
    pub resources: Vec<Resource>,
    /// What could not be seen, and how to make it visible.
    pub unseen: Vec<Unseen>,
}

/// The portable kinds, in the words of every cloud.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ResourceKind {
    /// The running application.
    Application,
    /// A PostgreSQL database.
    Database,
    /// A bucket of objects.
    Bucket,
    /// The store of sessions.
    Sessions,
    /// The store of secrets.
    Secrets,
    /// What sends users' requests to the application.
    Traffic,
}

/// One thing that exists in an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Resource {
    /// The portable kind.
    pub kind: ResourceKind,
    /// What this cloud calls it, such as `postgresql` or `directory`.
    pub native_type: String,
    /// The name in the specification.
    pub name: String,
    /// The cloud's identifier: a path, an address, an ARN.
    pub id: String,
    /// The region, where the cloud has regions.
    pub region: Option<String>,
    /// Measured sizes by unit: `bytes`, `rows`, `objects`, `sessions`, `tables`, `secrets`.
    pub size: BTreeMap<String, u64>,
    /// The version of what runs there, such as `15.18`.
    pub version: Option<String>,
    /// Names of the resources that this one needs.
    pub depends_on: Vec<String>,
    /// Labels.
    pub tags: BTreeMap<String, String>,
}

/// Something that the inventory could not see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unseen {
    /// What could not be seen.
    pub what: String,
    /// Why.
    pub why: String,
    /// What to do about it.
    pub fix: String,
}

impl Inventory {
    /// The resources of one kind.
    pub fn of_kind(&self, kind: ResourceKind) -> impl Iterator<Item = &Resource> {
        self.resources.iter().filter(move |resource| resource.kind == kind)
    }

    /// The digest of what exists, without sizes and times, which change while the application
    /// runs: a plan is refused when this has changed since it was made.
    pub fn shape_digest(&self) -> String {
        let shape: Vec<_> = self
            .resources
            .iter()
            .map(|r| (&r.kind, &r.native_type, &r.name, &r.id, &r.version))
            .collect();
        crate::digest::of_value(&shape)
    }
}
