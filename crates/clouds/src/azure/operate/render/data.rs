//! Where the application keeps its data: database, buckets, sessions, cache.

use rust_decimal::prelude::ToPrimitive;
use serde::Serialize;
use trefoil_core::cost::Needs;
use trefoil_core::deployment::Deployment;
use trefoil_core::spec::Profile;

use super::application::{OwnSecrets, has_model};
use super::names;
use crate::azure::operate::resources::{self, FlexibleServer};
use crate::operate::pricing::Fit;
use crate::operate::render::seconds;

/// The newest version of PostgreSQL that Azure offers.
const NEWEST_POSTGRES: u8 = 18;
/// The PostgreSQL server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Database {
    /// The name of the database on it.
    pub(super) name: String,
    /// The secret that holds its address.
    pub(super) secret: String,
    /// The size, such as `Standard_D2ds_v5`.
    pub(super) sku: String,
    /// The tier of that size.
    pub(super) tier: &'static str,
    /// The major version.
    pub(super) version: u8,
    /// The disk.
    pub(super) storage_gib: u64,
    /// Days that can be had back.
    pub(super) backup_days: u8,
    /// Whether backups are copied to the paired region.
    pub(super) geo_backups: bool,
    /// Whether a second server stands in another zone.
    pub(super) high_availability: bool,
    /// Whether its changes can be streamed.
    pub(super) streams_changes: bool,
    /// How much of its changes is kept for a reader that has gone away: a quarter of the disk.
    pub(super) slot_keep_mb: u64,
}

/// The storage account of the buckets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Storage {
    /// How many copies there are, and where.
    pub(super) sku: &'static str,
    /// Whether they are in three zones.
    pub(super) zones: bool,
    /// Days for which what was deleted can be had back.
    pub(super) kept_days: u32,
    /// Whether changes are written down in order.
    pub(super) change_feed: bool,
    /// The buckets.
    pub(super) containers: Vec<Container>,
}

/// A bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Container {
    /// Its name in the template.
    pub(super) symbol: String,
    /// Its name on Azure.
    pub(super) name: String,
}

/// The store of sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Sessions {
    /// How long one lives.
    pub(super) ttl_s: u64,
    /// Whether it is in three zones.
    pub(super) zones: bool,
    /// The tier of its backups.
    pub(super) backups: &'static str,
}

/// The language model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Chat {
    /// The model's name.
    pub(super) model: String,
}

/// The cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Cache {
    /// The size.
    pub(super) sku: &'static str,
    /// Whether a copy stands in another zone.
    pub(super) high_availability: bool,
    /// The secret that holds its address.
    pub(super) secret: String,
}

/// The server that the database needs, as it is priced.
pub(super) fn server(deployment: &Deployment) -> Option<Fit<FlexibleServer>> {
    resources::resources(&Needs::of_rendered(&deployment.spec)).database
}

/// The database of a deployment that fits.
pub(super) fn database(deployment: &Deployment, own: &OwnSecrets) -> Option<Database> {
    let one = deployment.spec.database.as_ref()?;
    let server = server(deployment)?.ok()?;
    let storage_gib = server.storage_gib.to_u64()?;
    Some(Database {
        name: deployment.spec.database_name()?,
        secret: own.database.clone()?,
        sku: format!("Standard_{}", server.size),
        tier: tier(server.size),
        version: one.version.unwrap_or(NEWEST_POSTGRES),
        storage_gib,
        backup_days: one.backup_days,
        geo_backups: deployment.spec.profile == Profile::Resilient,
        high_availability: one.high_availability,
        streams_changes: deployment.streams_changes,
        slot_keep_mb: storage_gib * 1_024 / 4,
    })
}

fn tier(size: &str) -> &'static str {
    match size.chars().next() {
        Some('B') => "Burstable",
        Some('E') => "MemoryOptimized",
        _ => "GeneralPurpose",
    }
}

/// The storage account, if there are buckets.
pub(super) fn storage(deployment: &Deployment) -> Option<Storage> {
    let zones = survives_a_zone(deployment);
    let containers: Vec<_> = deployment
        .spec
        .buckets
        .keys()
        .map(|name| Container {
            symbol: names::symbol("bucket", name),
            name: names::container(name),
        })
        .collect();
    (!containers.is_empty()).then(|| Storage {
        sku: if zones { "Standard_ZRS" } else { "Standard_LRS" },
        zones,
        kept_days: if zones { 30 } else { 14 },
        change_feed: deployment.pair.is_some(),
        containers,
    })
}

/// The store of sessions, if there is one.
pub(super) fn sessions(deployment: &Deployment) -> Option<Sessions> {
    let one = deployment.spec.sessions.as_ref()?;
    let resilient = deployment.spec.profile == Profile::Resilient;
    Some(Sessions {
        ttl_s: seconds(one.ttl).max(1),
        zones: survives_a_zone(deployment),
        backups: if resilient { "Continuous30Days" } else { "Continuous7Days" },
    })
}

/// The language model, if it is Azure's own.
pub(super) fn chat(deployment: &Deployment) -> Option<Chat> {
    let chat = deployment.spec.chat.as_ref().filter(|_| has_model(&deployment.spec))?;
    Some(Chat { model: chat.model.get("azure")?.clone() })
}

/// The cache, if there is one.
pub(super) fn cache(deployment: &Deployment, own: &OwnSecrets) -> Option<Cache> {
    let found = resources::resources(&Needs::of_rendered(&deployment.spec)).cache?.ok()?;
    Some(Cache { sku: found.sku, high_availability: found.nodes > 1, secret: own.cache.clone()? })
}

/// Whether everything goes on when a zone of the region is lost.
pub(super) fn survives_a_zone(deployment: &Deployment) -> bool {
    deployment.spec.profile > Profile::Small
}
