//! What becomes of each source resource.

use super::BucketFacts;
use crate::inventory::{Inventory, Resource, ResourceKind};
use crate::plan::{Bytes, Complexity, Mapping};

/// Each resource of the source with what takes its place on the target's cloud.
pub(super) fn map(source: &Inventory, target: &Inventory, buckets: &BucketFacts) -> Vec<Mapping> {
    source.resources.iter().map(|resource| map_one(resource, target, buckets)).collect()
}

/// What a bucket without a record of changes costs.
const LISTED: &str = "listed once or twice while users wait: its source keeps no record of changes \
                      (`change_record: true` makes one)";

fn map_one(resource: &Resource, target: &Inventory, buckets: &BucketFacts) -> Mapping {
    let existing = target
        .of_kind(resource.kind)
        .find(|candidate| candidate.name == resource.name)
        .map(|found| found.native_type.clone());
    let native = existing.unwrap_or_else(|| resource.native_type.clone());
    Mapping {
        kind: resource.kind,
        source: format!("{} {}", resource.native_type, resource.name),
        target: format!("{native} {} on {}", resource.name, target.environment),
        complexity: complexity(resource.kind),
        changes: changes(resource, buckets),
        lost: lost(resource.kind),
    }
}

fn complexity(kind: ResourceKind) -> Complexity {
    match kind {
        ResourceKind::Database | ResourceKind::Bucket | ResourceKind::Sessions => {
            Complexity::Medium
        }
        ResourceKind::Application | ResourceKind::Secrets | ResourceKind::Traffic => {
            Complexity::Low
        }
    }
}

fn changes(resource: &Resource, buckets: &BucketFacts) -> Vec<String> {
    let words: &[&str] = match resource.kind {
        ResourceKind::Bucket if buckets.listed.contains(&resource.name) => &[LISTED],
        ResourceKind::Application => &["a new address behind the edge"],
        ResourceKind::Database => &["a new address; new passwords where none could be carried"],
        _ => &[],
    };
    words.iter().map(ToString::to_string).collect()
}

fn lost(kind: ResourceKind) -> Vec<String> {
    let words: &[&str] = match kind {
        ResourceKind::Application => &["what its processes hold in memory"],
        ResourceKind::Database => &["statistics, prepared statements and advisory locks"],
        _ => &[],
    };
    words.iter().map(ToString::to_string).collect()
}

/// What there is to copy.
pub(super) fn bytes(source: &Inventory) -> Bytes {
    let sum = |kind, unit: &str| -> u64 {
        source.of_kind(kind).filter_map(|resource| resource.size.get(unit)).sum()
    };
    Bytes {
        database_bytes: sum(ResourceKind::Database, "bytes"),
        objects_bytes: sum(ResourceKind::Bucket, "bytes"),
        objects: sum(ResourceKind::Bucket, "objects"),
        sessions: sum(ResourceKind::Sessions, "sessions"),
        secrets: sum(ResourceKind::Secrets, "secrets"),
    }
}
