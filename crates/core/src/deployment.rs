//! What an environment is made of before a cloud has its say: the specification with what its
//! profile adds, and how the environment stands to the others.
//!
//! Everything that must mean the same on every cloud is decided here, once; a cloud only finds
//! its own words for it.

use crate::spec::{AppSpec, Cache, Profile, Scale};

/// The private addresses of an environment, by whether it stands by for another: those of a pair
/// must not overlap, and each must know the other's.
const ADDRESSES: [&str; 2] = ["10.10.0.0/16", "10.20.0.0/16"];
/// The numbers by which the routers of a pair know each other (BGP, private use: RFC 6996).
const ROUTERS: [u32; 2] = [64_610, 64_620];

/// Per cent of their processors at which more instances are started: room for what comes while
/// they start. It is also what clouds choose that let nobody else choose.
pub const TARGET_CPU_PERCENT: u32 = 60;
/// Per cent of their memory at which more instances are started.
pub const TARGET_MEMORY_PERCENT: u32 = 75;
/// How often in a row an instance must fail to answer before it is replaced.
pub const FAILED_CHECKS: u32 = 3;

/// How many days logs are kept at least, by profile.
const LOG_DAYS: [(Profile, u32); 3] =
    [(Profile::Small, 30), (Profile::Standard, 90), (Profile::Resilient, 365)];

/// One environment, as its files are to describe it.
#[derive(Debug, Clone, PartialEq)]
pub struct Deployment {
    /// The specification of this environment, with what the profile adds: what a cloud renders,
    /// and what is priced.
    pub spec: AppSpec,
    /// The name of its folder under `infra/`: the environment's, or the cloud's when the
    /// specification names none there.
    pub folder: String,
    /// The cloud's own name of the region.
    pub region: String,
    /// What stands around the application.
    pub extras: Extras,
    /// How many days logs are kept.
    pub log_days: u32,
    /// Whether the database must be able to stream its changes (logical replication): for a move
    /// or for a standby.
    pub streams_changes: bool,
    /// The private addresses that its network uses.
    pub addresses: &'static str,
    /// How it stands to the other environment of a pair.
    pub pair: Option<Pair>,
}

/// What stands around the application, by the profile or by a key of its own.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Extras {
    /// A cache in memory.
    pub cache: Option<Cache>,
    /// A content delivery network.
    pub cdn: bool,
    /// A firewall for web requests.
    pub firewall: bool,
    /// A budget in US dollars a month, and who is told.
    pub budget: Option<(u32, Option<String>)>,
    /// In how many zones instances run.
    pub zones: u32,
}

/// One of two environments of which the other takes over (`recovery`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// Whether this one serves while all is well.
    pub is_primary: bool,
    /// The folder of the other under `infra/`.
    pub other_folder: String,
    /// The cloud of the other.
    pub other_cloud: String,
    /// The other cloud's own name of its region.
    pub other_region: Option<String>,
    /// The private addresses of the other.
    pub other_addresses: &'static str,
    /// The number of this side's router (BGP).
    pub router: u32,
    /// The number of the other side's router.
    pub other_router: u32,
    /// Whether the databases reach each other through a VPN of their own.
    pub private_network: bool,
}

/// What an alarm watches. The units are the same on every cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric<'a> {
    /// `error_rate`: per cent of the requests that were answered with 500 or above.
    ErrorRate,
    /// `response_time`: how long answers took, in milliseconds.
    ResponseTime,
    /// `requests`: how many there were.
    Requests,
    /// `cpu`: per cent of the instances' processors in use.
    Cpu,
    /// `memory`: per cent of the instances' memory in use.
    Memory,
    /// `instances`: how many run.
    Instances,
    /// `restarts`: how many instances ended by themselves.
    Restarts,
    /// `database_cpu`: per cent of the database server's processors in use.
    DatabaseCpu,
    /// `database_disk`: per cent of the database server's disk in use.
    DatabaseDisk,
    /// `database_connections`: how many there are.
    DatabaseConnections,
    /// Any other: one that the application sends itself, under this name.
    Own(&'a str),
}

impl<'a> Metric<'a> {
    /// What an alarm's `metric` means.
    pub fn of(name: &'a str) -> Self {
        match name {
            "error_rate" => Metric::ErrorRate,
            "response_time" => Metric::ResponseTime,
            "requests" => Metric::Requests,
            "cpu" => Metric::Cpu,
            "memory" => Metric::Memory,
            "instances" => Metric::Instances,
            "restarts" => Metric::Restarts,
            "database_cpu" => Metric::DatabaseCpu,
            "database_disk" => Metric::DatabaseDisk,
            "database_connections" => Metric::DatabaseConnections,
            own => Metric::Own(own),
        }
    }
}

impl Deployment {
    /// What an environment is made of. `spec` has the environment's overrides already
    /// ([`AppSpec::for_environment`]); `streams_changes` says that a move is planned.
    pub fn new(spec: &AppSpec, folder: &str, region: &str, streams_changes: bool) -> Self {
        let spec = with_profile(spec);
        let extras = extras(&spec);
        let pair = pair(&spec, folder);
        Self {
            addresses: ADDRESSES[standing(pair.as_ref().is_none_or(|pair| pair.is_primary))],
            folder: folder.to_owned(),
            region: region.to_owned(),
            extras,
            log_days: log_days(spec.profile),
            streams_changes: streams_changes || pair.is_some(),
            pair,
            spec,
        }
    }
}

/// The specification with what its profile adds; nothing is ever taken away.
pub fn with_profile(spec: &AppSpec) -> AppSpec {
    let mut spec = spec.clone();
    let (instances, backup_days) = match spec.profile {
        Profile::Small => return spec,
        Profile::Standard => (2, 14),
        Profile::Resilient => (3, 35),
    };
    if spec.application.is_some() {
        let scale = spec.scale.get_or_insert_with(Scale::default);
        scale.min = scale.min.max(instances);
        scale.max = scale.max.max(scale.min);
    }
    if let Some(database) = &mut spec.database {
        database.high_availability = true;
        database.backup_days = database.backup_days.max(backup_days);
    }
    if spec.profile == Profile::Resilient {
        spec.cache.get_or_insert_with(Cache::default);
        spec.cdn.get_or_insert(true);
        spec.firewall.get_or_insert(true);
    }
    spec
}

/// How many days logs are kept at least.
pub fn log_days(profile: Profile) -> u32 {
    let of_profile = LOG_DAYS.iter().find(|(one, _)| *one == profile);
    of_profile.map_or(LOG_DAYS[0].1, |(_, days)| *days)
}

fn extras(spec: &AppSpec) -> Extras {
    Extras {
        cache: spec.cache.clone(),
        cdn: spec.cdn.unwrap_or(false),
        firewall: spec.firewall.unwrap_or(false),
        budget: spec.budget.as_ref().map(|one| (one.monthly_usd, one.notify.clone())),
        zones: if spec.profile == Profile::Resilient { 3 } else { 2 },
    }
}

fn pair(spec: &AppSpec, folder: &str) -> Option<Pair> {
    let recovery = spec.recovery.as_ref()?;
    let other = match folder {
        primary if primary == recovery.primary => &recovery.standby,
        standby if standby == recovery.standby => &recovery.primary,
        _ => return None,
    };
    let is_primary = folder == recovery.primary;
    let there = spec.environments.get(other)?;
    Some(Pair {
        is_primary,
        other_folder: other.clone(),
        other_cloud: there.cloud.clone(),
        other_region: there.region.clone(),
        other_addresses: ADDRESSES[standing(!is_primary)],
        router: ROUTERS[standing(is_primary)],
        other_router: ROUTERS[standing(!is_primary)],
        private_network: recovery.private_network,
    })
}

/// Which of two values belongs to an environment that serves, and which to one that stands by.
fn standing(serves: bool) -> usize {
    usize::from(!serves)
}
