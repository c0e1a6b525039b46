//! What a specification needs on Azure: what would be deployed, and so what is priced.

use rust_decimal::{Decimal, dec};
use trefoil_core::cost::Needs;
use trefoil_core::cost::needs::{Application, Architecture, Commitment, Database, Network};
use trefoil_core::cost::surroundings::{Job, Surroundings};
use trefoil_core::deployment::Metric;

use crate::operate::pricing::{Fit, words};

/// What a specification needs on Azure.
#[derive(Debug, Clone, PartialEq)]
pub struct Resources {
    /// The container app, behind the ingress that is built in.
    pub app: Option<Fit<ContainerApp>>,
    /// The PostgreSQL server.
    pub database: Option<Fit<FlexibleServer>>,
    /// Whether the environment has a NAT gateway.
    pub nat_gateway: bool,
    /// Private endpoints, by the service that they lead to.
    pub endpoints: Vec<&'static str>,
    /// The cache.
    pub cache: Option<Fit<Cache>>,
    /// What runs by the clock, in replicas of the app's size.
    pub jobs: Vec<Job>,
    /// What stands around all of it.
    pub around: Around,
}

/// What stands around an environment that Trefoil's files set up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Around {
    /// Alarms on metrics, each of one time series.
    pub metric_alerts: u32,
    /// Alarms that ask the logs.
    pub log_alerts: u32,
    /// Front Door: the content delivery network, and what the firewall needs.
    pub front_door: Option<FrontDoor>,
    /// Private zones of names: one for each private endpoint, one for the database.
    pub private_zones: u32,
    /// Whether the registry is of the tier that has private endpoints.
    pub premium_registry: bool,
    /// Whether objects are kept in three zones.
    pub zone_redundant_objects: bool,
    /// Whether backups of the database are copied to another region.
    pub geo_backups: bool,
    /// VPN gateways, each with two public addresses.
    pub vpn_gateways: u32,
    /// Whether traces are recorded.
    pub tracing: bool,
    /// Budgets.
    pub budgets: u32,
    /// Whether requests and platform are logged.
    pub logs: bool,
}

/// The tiers of Front Door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrontDoor {
    /// The content delivery network.
    Standard,
    /// With the firewall's rules that Microsoft keeps.
    Premium,
}

/// Azure Managed Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cache {
    /// The size, such as `Balanced_B1`.
    pub sku: &'static str,
    /// Nodes: two with high availability.
    pub nodes: u32,
}

/// An app on the Consumption plan.
#[derive(Debug, Clone, PartialEq)]
pub struct ContainerApp {
    /// vCPU of a replica.
    pub vcpu: Decimal,
    /// Memory of a replica, in GiB: twice the vCPU.
    pub memory_gib: Decimal,
    /// How many replicas work.
    pub replicas: Decimal,
    /// How many of them stay when there is nothing to do.
    pub least_replicas: Decimal,
    /// The savings plan.
    pub commitment: Commitment,
}

/// A PostgreSQL Flexible Server.
#[derive(Debug, Clone, PartialEq)]
pub struct FlexibleServer {
    /// The size, such as `B1ms`.
    pub size: &'static str,
    /// Storage, in GiB: one of the steps that are sold.
    pub storage_gib: Decimal,
    /// Servers: two with high availability in another zone.
    pub servers: Decimal,
    /// For how long it is reserved.
    pub commitment: Commitment,
}

/// vCPU come in quarters, and memory is twice as many GiB.
const STEP_VCPU: Decimal = dec!(0.25);
const MEMORY_FOR_VCPU: Decimal = dec!(2);
/// The largest replica of the Consumption plan.
const MOST_VCPU: Decimal = dec!(4);

/// Size, vCPU, memory in GiB, whether burstable.
const SIZES: &[(&str, u32, u32, bool)] = &[
    ("B1ms", 1, 2, true),
    ("B2s", 2, 4, true),
    ("D2ds_v5", 2, 8, false),
    ("D4ds_v5", 4, 16, false),
    ("E4ds_v5", 4, 32, false),
];
/// The sizes of which the catalogue has what a reservation costs; the others are paid as used.
const RESERVED: &[&str] = &["D2ds_v5", "D4ds_v5"];

/// The sizes of storage that are sold, in GiB.
const STORAGE_GIB: &[u32] = &[32, 64, 128, 256, 512, 1_024, 2_048, 4_096, 8_192, 16_384, 32_768];

/// Sizes of Azure Managed Redis: GiB that they hold, in tenths.
const CACHES: &[(&str, u32)] = &[
    ("Balanced_B0", 5),
    ("Balanced_B1", 10),
    ("Balanced_B3", 30),
    ("Balanced_B5", 60),
    ("Balanced_B10", 120),
    ("Balanced_B20", 240),
    ("Balanced_B50", 600),
    ("Balanced_B100", 1_200),
    ("Balanced_B150", 1_800),
    ("Balanced_B250", 2_400),
    ("Balanced_B350", 3_600),
    ("Balanced_B500", 4_800),
    ("Balanced_B700", 7_200),
    ("Balanced_B1000", 9_600),
];
/// What the largest of them holds, in GiB.
pub const MOST_CACHE_GIB: u64 = 960;

/// What every application is watched for, unless the specification watches it itself; and requests
/// that fail, always.
const WATCHED_OF_APPLICATION: [Metric<'static>; 4] =
    [Metric::Cpu, Metric::Memory, Metric::Restarts, Metric::Instances];
const ALWAYS_OF_APPLICATION: u32 = 1;
/// What every database is watched for likewise; and memory and refused connections, always.
const WATCHED_OF_DATABASE: [Metric<'static>; 2] = [Metric::DatabaseCpu, Metric::DatabaseDisk];
const ALWAYS_OF_DATABASE: u32 = 2;

/// What the needs come to on Azure.
pub fn resources(needs: &Needs) -> Resources {
    let runs = needs.application.is_some();
    let around = needs.surroundings.as_ref();
    let cache_gib = around.and_then(|around| around.cache_gib);
    let is_private = matches!(needs.network, Network::Private | Network::Endpoints);
    let endpoints = if is_private { services(needs) } else { Vec::new() };
    let mut standing = around.map(|around| standing_around(needs, around)).unwrap_or_default();
    let zones = endpoints.len() + usize::from(is_private && needs.database.is_some());
    standing.private_zones = u32::try_from(zones).unwrap_or(u32::MAX);
    Resources {
        app: needs.application.as_ref().map(|one| app(one, needs)),
        database: needs.database.as_ref().map(|one| server(one, needs)),
        nat_gateway: runs && needs.network == Network::Nat,
        endpoints,
        cache: cache_gib.map(|gib| cache(gib, needs.around().survives_zone)),
        jobs: around.filter(|_| runs).map(|around| around.jobs.clone()).unwrap_or_default(),
        around: standing,
    }
}

/// The services that are reached by a private address; the database is inside of the network.
fn services(needs: &Needs) -> Vec<&'static str> {
    let around = needs.around();
    let runs = needs.application.is_some();
    let has_cache = around.cache_gib.is_some();
    let has_model = needs.chat.as_ref().is_some_and(|models| models.contains_key("azure"));
    let wanted = [
        ("blob", needs.objects.is_some()),
        ("cosmos", needs.sessions),
        ("openai", has_model),
        ("vault", needs.secrets > 0 || needs.database.is_some() || has_cache),
        ("redis", has_cache),
        ("registry", runs && around.resilient),
    ];
    wanted.iter().filter(|(_, is_wanted)| *is_wanted).map(|(name, _)| *name).collect()
}

fn standing_around(needs: &Needs, around: &Surroundings) -> Around {
    let runs = needs.application.is_some();
    let has_database = needs.database.is_some();
    let pair = around.pair.as_ref();
    let front_door = match (around.cdn, around.firewall) {
        (_, true) => Some(FrontDoor::Premium),
        (true, false) => Some(FrontDoor::Standard),
        (false, false) => None,
    };
    let log_alerts = around.watching(|metric| match metric {
        Metric::ErrorRate => front_door.is_none(),
        metric => matches!(metric, Metric::Own(_)),
    });
    let basic = |of: &[Metric<'static>], always: u32, is_there: bool| {
        let usual = of.iter().filter(|metric| !around.watches(**metric)).count();
        if is_there { always + u32::try_from(usual).unwrap_or(u32::MAX) } else { 0 }
    };
    let followed = u32::from(has_database && (pair.is_some() || around.movable));
    Around {
        metric_alerts: needs.alarms.saturating_sub(log_alerts)
            + basic(&WATCHED_OF_APPLICATION, ALWAYS_OF_APPLICATION, runs)
            + basic(&WATCHED_OF_DATABASE, ALWAYS_OF_DATABASE, has_database)
            + followed,
        log_alerts,
        front_door: front_door.filter(|_| runs),
        private_zones: 0,
        premium_registry: runs && around.resilient,
        zone_redundant_objects: around.survives_zone,
        geo_backups: around.resilient,
        vpn_gateways: u32::from(pair.is_some_and(|pair| pair.private_network)),
        tracing: runs && around.tracing,
        budgets: u32::from(around.budget),
        logs: true,
    }
}

/// The cache that holds so much; a second node where the loss of a zone is to be survived.
///
/// # Errors
/// Why there is none.
pub fn cache(gib: Decimal, survives_zone: bool) -> Fit<Cache> {
    let nodes = if survives_zone { 2 } else { 1 };
    let holds = |(_, tenths): &&(&str, u32)| Decimal::from(*tenths) / dec!(10) >= gib;
    let found = CACHES.iter().find(holds);
    found.map(|(sku, _)| Cache { sku, nodes }).ok_or_else(|| {
        format!("no Managed Redis holds {} GiB; the largest holds {MOST_CACHE_GIB}", words(gib))
    })
}

fn app(one: &Application, needs: &Needs) -> Fit<ContainerApp> {
    if one.architecture == Architecture::Arm {
        return Err("Container Apps offer no ARM processors".to_owned());
    }
    if one.spot {
        return Err("Container Apps offer no spot instances".to_owned());
    }
    let wanted = one.vcpu.max(one.memory_gib / MEMORY_FOR_VCPU);
    let vcpu = ((wanted / STEP_VCPU).ceil() * STEP_VCPU).max(STEP_VCPU);
    if vcpu > MOST_VCPU {
        let (vcpu, memory) = (words(one.vcpu), words(one.memory_gib));
        return Err(format!(
            "no replica has {vcpu} vCPU and {memory} GiB; the largest has 4 and 8"
        ));
    }
    Ok(ContainerApp {
        vcpu,
        memory_gib: vcpu * MEMORY_FOR_VCPU,
        replicas: one.instances(needs.workload.requests_per_s),
        least_replicas: Decimal::from(one.min_instances),
        commitment: needs.commitment,
    })
}

/// The server for a database.
///
/// # Errors
/// Why there is none.
pub fn server(one: &Database, needs: &Needs) -> Fit<FlexibleServer> {
    let data_gb = needs.workload.database_gb;
    let fits = |(_, vcpu, memory, burstable): &&(&str, u32, u32, bool)| {
        Decimal::from(*vcpu) >= one.vcpu
            && Decimal::from(*memory) >= one.memory_gib
            && ((one.burstable && !one.high_availability) || !burstable)
    };
    let (vcpu, memory) = (words(one.vcpu), words(one.memory_gib));
    let (size, ..) = SIZES.iter().find(fits).ok_or_else(|| {
        format!("no Flexible Server has {vcpu} vCPU and {memory} GiB; the largest has 4 and 32")
    })?;
    let storage = STORAGE_GIB.iter().map(|gib| Decimal::from(*gib)).find(|gib| *gib >= data_gb);
    let storage_gib = storage.ok_or_else(|| {
        format!("no Flexible Server holds {} GB; the largest holds 32 TiB", words(data_gb))
    })?;
    let servers = if one.high_availability { dec!(2) } else { Decimal::ONE };
    let commitment = match RESERVED.contains(size) {
        true => needs.database_commitment,
        false => Commitment::None,
    };
    Ok(FlexibleServer { size, storage_gib, servers, commitment })
}
