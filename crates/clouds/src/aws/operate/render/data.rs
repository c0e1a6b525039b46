//! Where data lies: the database, the buckets, the sessions and the cache.

use rust_decimal::prelude::ToPrimitive;
use serde::Serialize;
use trefoil_core::deployment::Deployment;
use trefoil_core::spec::{AppSpec, Database as Asked};

use super::super::resources::{self, RdsInstance};
use super::environment::DATABASE_USER;
use super::names::{fit, identifier, prefix};
use crate::operate::render::seconds;

/// The newest major version of PostgreSQL that is taken when the specification names none.
const VERSION: u8 = 17;
/// How far the disk may grow by itself, and the largest of RDS, in GiB.
const GROWTH: u64 = 5;
const LARGEST_GB: u64 = 65_536;
/// What one connection takes of the memory: RDS allows the server's memory divided by this.
const BYTES_PER_CONNECTION: u64 = 9_531_392;
/// And never more than this.
const MOST_CONNECTIONS: u64 = 5_000;

/// The database.
#[derive(Debug, Serialize)]
pub(super) struct Database {
    version: u8,
    class: &'static str,
    storage_gb: u64,
    max_storage_gb: u64,
    db_name: String,
    user: &'static str,
    multi_az: bool,
    backup_days: u8,
    streams_changes: bool,
    slot_keep_mb: u64,
    alarms: Vec<Watch>,
}

/// An alarm on the database that is there without being asked for.
#[derive(Debug, Serialize)]
struct Watch {
    ident: &'static str,
    suffix: &'static str,
    why: &'static str,
    metric: &'static str,
    statistic: &'static str,
    comparison: &'static str,
    threshold: u64,
    missing: &'static str,
}

/// A bucket.
#[derive(Debug, Serialize)]
pub(super) struct Bucket {
    key: String,
    ident: String,
    name: String,
}

/// The store of sessions.
#[derive(Debug, Serialize)]
pub(super) struct Sessions {
    ttl_s: u64,
    /// The table that this one is a copy of, when another environment makes it.
    replica_of: Option<String>,
    /// Where else the table is.
    replica_region: Option<String>,
    /// The other environment.
    other: Option<String>,
}

/// The cache.
#[derive(Debug, Serialize)]
pub(super) struct CacheNodes {
    node: &'static str,
    node_gb: f64,
    nodes: u32,
    replicas: bool,
}

impl Database {
    /// The database, of the size that is priced.
    pub(super) fn new(deployment: &Deployment, asked: &Asked, size: &RdsInstance) -> Self {
        let storage_gb = size.storage_gb.to_u64().unwrap_or(LARGEST_GB).min(LARGEST_GB);
        let slot_keep_mb = storage_gb * 1_000 / 5;
        Self {
            version: asked.version.unwrap_or(VERSION),
            class: size.class,
            storage_gb,
            max_storage_gb: (storage_gb * GROWTH).min(LARGEST_GB),
            db_name: deployment.spec.database_name().unwrap_or_default(),
            user: DATABASE_USER,
            multi_az: size.multi_az,
            backup_days: asked.backup_days,
            streams_changes: deployment.streams_changes,
            slot_keep_mb,
            alarms: watches(size, storage_gb, deployment.streams_changes.then_some(slot_keep_mb)),
        }
    }

    /// The size of the disk, in GB.
    pub(super) fn storage_gb(&self) -> u64 {
        self.storage_gb
    }
}

fn watches(size: &RdsInstance, storage_gb: u64, slot_keep_mb: Option<u64>) -> Vec<Watch> {
    let connections = (u64::from(size.memory_gib) << 30) / BYTES_PER_CONNECTION;
    let above = "GreaterThanThreshold";
    let watch = |ident, suffix, why, metric, threshold| Watch {
        ident,
        suffix,
        why,
        metric,
        statistic: "Average",
        comparison: above,
        threshold,
        missing: "notBreaching",
    };
    let mut all = vec![
        watch(
            "database_cpu",
            "database-cpu",
            "The database works to capacity.",
            "CPUUtilization",
            90,
        ),
        Watch {
            statistic: "Minimum",
            comparison: "LessThanThreshold",
            ..watch(
                "database_storage",
                "database-storage",
                "Less than a tenth of the database's disk is free.",
                "FreeStorageSpace",
                storage_gb * 100_000_000,
            )
        },
        watch(
            "database_connections",
            "database-connections",
            "Four fifths of the connections that the database allows are taken.",
            "DatabaseConnections",
            connections.min(MOST_CONNECTIONS) * 4 / 5,
        ),
    ];
    all.extend(slot_keep_mb.map(|keep_mb| {
        watch(
            "database_lag",
            "database-lag",
            "What follows the database has fallen behind by half of what is kept for it.",
            "OldestReplicationSlotLag",
            keep_mb * 500_000,
        )
    }));
    all
}

/// The buckets; an account's number comes after each name.
pub(super) fn buckets(spec: &AppSpec, name: &str) -> Vec<Bucket> {
    let bucket = |key: &String| Bucket {
        key: key.clone(),
        ident: identifier("bucket", key),
        name: fit(&format!("{name}-{key}"), 50),
    };
    spec.buckets.keys().map(bucket).collect()
}

/// The store of sessions.
pub(super) fn sessions(deployment: &Deployment) -> Option<Sessions> {
    let asked = deployment.spec.sessions.as_ref()?;
    let pair = deployment.pair.as_ref().filter(|pair| pair.other_cloud == super::CLOUD);
    let made_there = pair.filter(|pair| !pair.is_primary);
    let made_here = pair.filter(|pair| pair.is_primary);
    Some(Sessions {
        ttl_s: seconds(asked.ttl),
        replica_of: made_there
            .map(|pair| format!("{}-sessions", prefix(&deployment.spec.name, &pair.other_folder))),
        replica_region: made_here.and_then(|pair| pair.other_region.clone()),
        other: pair.map(|pair| pair.other_folder.clone()),
    })
}

/// The cache, of the nodes that are priced.
pub(super) fn cache(nodes: &resources::CacheNodes) -> CacheNodes {
    CacheNodes {
        node: nodes.node,
        node_gb: nodes.gib.to_f64().unwrap_or_default(),
        nodes: nodes.nodes,
        replicas: nodes.nodes > 1,
    }
}
