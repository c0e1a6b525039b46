//! Where the application keeps its data: Cloud SQL, Cloud Storage, Firestore, Memorystore.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::Serialize;
use trefoil_core::cost::Needs;
use trefoil_core::deployment::Deployment;
use trefoil_core::spec::Database as Wanted;

use super::super::resources::{SqlInstance, SqlSize, resources};
use super::names;

/// The newest major version of PostgreSQL that Cloud SQL offers.
pub(super) const NEWEST_POSTGRES: u8 = 18;
/// For how many days Cloud SQL keeps what restores any second, at most.
const LOG_DAYS: u8 = 7;
/// When the daily backup begins, UTC.
const BACKUP_TIME: &str = "03:00";
/// How many times its first size the disk may grow to by itself.
const GROWTH: u64 = 2;

/// The database server.
#[derive(Debug, Serialize)]
pub(super) struct Database {
    pub instance: String,
    pub name: String,
    pub user: String,
    pub version: u8,
    pub old_version: bool,
    pub tier: String,
    pub has_shared_core: bool,
    pub regional: bool,
    pub storage_gb: u64,
    pub storage_limit_gb: u64,
    pub backup_days: u8,
    pub log_days: u8,
    pub backup_time: &'static str,
    pub flags: Vec<Flag>,
}

/// A setting of PostgreSQL.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Flag {
    name: &'static str,
    value: &'static str,
    why: &'static str,
}

const fn flag(name: &'static str, value: &'static str, why: &'static str) -> Flag {
    Flag { name, value, why }
}

/// What every server logs: enough to see who came and what waited, without what users wrote.
const LOGGING: [Flag; 11] = [
    flag("log_connections", "on", "Who came and went."),
    flag("log_disconnections", "on", ""),
    flag("log_hostname", "on", ""),
    flag("log_checkpoints", "on", "What the disk was busy with."),
    flag("log_lock_waits", "on", "What waited for a lock, and what was sorted on disk."),
    flag("log_temp_files", "0", ""),
    flag("log_min_messages", "warning", "What went wrong."),
    flag("log_min_error_statement", "error", ""),
    flag(
        "log_statement",
        "ddl",
        "What changed the schema; other statements hold what users wrote.",
    ),
    flag("log_min_duration_statement", "-1", "Slow queries are in Query Insights, without values."),
    flag("cloudsql.enable_pgaudit", "on", "For audits that need more: CREATE EXTENSION pgaudit."),
];

/// What a database needs whose changes are streamed to another.
const STREAMING: [Flag; 4] = [
    flag("cloudsql.logical_decoding", "on", "Its changes can be streamed to another database."),
    flag("max_replication_slots", "20", ""),
    flag("max_wal_senders", "20", ""),
    flag("max_worker_processes", "16", ""),
];

impl Database {
    /// The server of a specification; `size` is what is paid for.
    pub(super) fn of(deployment: &Deployment, wanted: &Wanted, size: &SqlInstance) -> Self {
        let version = wanted.version.unwrap_or(NEWEST_POSTGRES);
        let storage_gb = whole(size.storage_gb);
        let name = deployment.spec.database_name().unwrap_or_default();
        let streaming = STREAMING.iter().filter(|_| deployment.streams_changes);
        Self {
            instance: names::base(deployment),
            user: name.clone(),
            name,
            version,
            old_version: version != NEWEST_POSTGRES,
            tier: tier(&size.size),
            has_shared_core: matches!(size.size, SqlSize::Shared(_)),
            regional: size.regional,
            storage_gb,
            storage_limit_gb: storage_gb * GROWTH,
            backup_days: wanted.backup_days,
            log_days: wanted.backup_days.min(LOG_DAYS),
            backup_time: BACKUP_TIME,
            flags: LOGGING.iter().chain(streaming).copied().collect(),
        }
    }
}

/// The size as Cloud SQL names it; memory is in steps of 256 MB.
fn tier(size: &SqlSize) -> String {
    match size {
        SqlSize::Shared(name) => (*name).to_owned(),
        SqlSize::Dedicated { vcpu, memory_gb } => {
            format!("db-custom-{}-{}", whole(*vcpu), whole(*memory_gb * Decimal::from(1024)))
        }
    }
}

fn whole(number: Decimal) -> u64 {
    number.ceil().to_u64().unwrap_or(u64::MAX)
}

/// A bucket.
#[derive(Debug, Serialize)]
pub(super) struct Bucket {
    pub key: String,
    /// What follows the project's ID in its name.
    pub name: String,
    pub variable: String,
}

/// The buckets.
pub(super) fn buckets(deployment: &Deployment) -> Vec<Bucket> {
    let keys = deployment.spec.buckets.keys();
    keys.map(|key| Bucket {
        key: key.clone(),
        name: names::bucket(deployment, key),
        variable: format!("BUCKET_{}_URL", key.to_uppercase().replace('-', "_")),
    })
    .collect()
}

/// The store of sessions.
#[derive(Debug, Serialize)]
pub(super) struct Sessions {
    pub database: String,
    pub collection: &'static str,
}

/// The store of sessions, when there is one.
pub(super) fn sessions(deployment: &Deployment) -> Option<Sessions> {
    let database = names::base(deployment);
    deployment.spec.sessions.as_ref().map(|_| Sessions { database, collection: "sessions" })
}

/// The cache.
#[derive(Debug, Serialize)]
pub(super) struct Cache {
    pub name: String,
    pub memory_gb: u64,
    pub is_replicated: bool,
}

/// The cache, when there is one.
pub(super) fn cache(deployment: &Deployment) -> Option<Cache> {
    resources(&Needs::of_rendered(&deployment.spec)).cache.map(|cache| Cache {
        name: names::base(deployment),
        memory_gb: cache.memory_gb.into(),
        is_replicated: cache.replicated,
    })
}
