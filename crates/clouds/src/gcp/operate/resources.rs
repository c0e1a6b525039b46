//! What a specification needs on Google Cloud: what would be deployed, and so what is priced.

use rust_decimal::{Decimal, dec};
use trefoil_core::cost::Needs;
use trefoil_core::cost::needs::{Application, Architecture, Commitment, Database, Network};
use trefoil_core::cost::surroundings::{Job, Surroundings};

use crate::operate::pricing::{Fit, words};

/// What a specification needs on Google Cloud.
#[derive(Debug, Clone, PartialEq)]
pub struct Resources {
    /// The service on Cloud Run, reached at its own address.
    pub service: Option<Fit<RunService>>,
    /// The PostgreSQL server.
    pub database: Option<Fit<SqlInstance>>,
    /// Whether containers leave through Cloud NAT.
    pub nat: bool,
    /// The cache.
    pub cache: Option<Cache>,
    /// What runs by the clock, in instances of the service's size.
    pub jobs: Vec<Job>,
    /// What stands around all of it.
    pub around: Around,
}

/// What stands around an environment that Trefoil's files set up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Around {
    /// Forwarding rules of the load balancer that users come through: none without a domain.
    pub forwarding_rules: u32,
    /// Whether Cloud CDN answers for the application.
    pub cdn: bool,
    /// Rules of Cloud Armor, the one that lets everybody else in counted; none without it.
    pub firewall_rules: u32,
    /// VPN tunnels to another cloud.
    pub vpn_tunnels: u32,
    /// Secrets that Terraform fills itself: addresses, certificates, settings.
    pub own_secrets: u32,
    /// Uptime checks of the environment itself.
    pub uptime_checks: u32,
    /// Metrics that the application sends itself.
    pub own_metrics: u32,
    /// Whether traces are recorded, by a collector beside each instance.
    pub tracing: bool,
    /// Budgets.
    pub budgets: u32,
    /// Whether traffic, requests and accesses are logged.
    pub logs: bool,
}

/// Memorystore for Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cache {
    /// What it holds, in GB.
    pub memory_gb: u32,
    /// Whether a second server in another zone takes over.
    pub replicated: bool,
}

/// A service on Cloud Run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunService {
    /// vCPU of an instance.
    pub vcpu: Decimal,
    /// Memory of an instance, in GiB.
    pub memory_gib: Decimal,
    /// How many instances work.
    pub instances: Decimal,
    /// How it is billed.
    pub billing: Billing,
    /// For how long it is committed to.
    pub commitment: Commitment,
}

/// How Cloud Run bills a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Billing {
    /// While an instance lives; nothing for requests. For services that never sleep.
    Instance,
    /// While requests are answered, and for each request. For services that sleep.
    Request,
}

/// A PostgreSQL server of Cloud SQL.
#[derive(Debug, Clone, PartialEq)]
pub struct SqlInstance {
    /// The size.
    pub size: SqlSize,
    /// SSD storage, in GB.
    pub storage_gb: Decimal,
    /// Whether a standby runs in a second zone.
    pub regional: bool,
    /// For how long it is committed to.
    pub commitment: Commitment,
}

/// The size of a server of Cloud SQL.
#[derive(Debug, Clone, PartialEq)]
pub enum SqlSize {
    /// A shared core, such as `db-f1-micro`.
    Shared(&'static str),
    /// vCPU and memory in GB, each billed for itself.
    Dedicated {
        /// vCPU.
        vcpu: Decimal,
        /// Memory, in GB.
        memory_gb: Decimal,
    },
}

/// vCPU, least and most memory in GiB: the sizes of Cloud Run.
const RUN: &[(Decimal, Decimal, Decimal)] = &[
    (dec!(1), dec!(0.5), dec!(4)),
    (dec!(2), dec!(0.5), dec!(8)),
    (dec!(4), dec!(2), dec!(16)),
    (dec!(6), dec!(4), dec!(24)),
    (dec!(8), dec!(4), dec!(32)),
];

/// Name and memory in GB of the shared cores.
const SHARED: &[(&str, Decimal)] = &[("db-f1-micro", dec!(0.6)), ("db-g1-small", dec!(1.7))];

/// The smallest volume of Cloud SQL, in GB.
const LEAST_STORAGE_GB: Decimal = dec!(10);
/// The least memory of a dedicated server, in GB.
const LEAST_MEMORY_GB: Decimal = dec!(3.75);

/// The sets of rules that Google keeps and the firewall uses, and what each refuses.
pub const RULE_SETS: [(&str, &str); 8] = [
    ("sqli-v33-stable", "SQL in requests"),
    ("xss-v33-stable", "scripts in requests"),
    ("lfi-v33-stable", "paths to files of the server"),
    ("rfi-v33-stable", "addresses of foreign files"),
    ("rce-v33-stable", "commands in requests"),
    ("scannerdetection-v33-stable", "scanners"),
    ("protocolattack-v33-stable", "requests that two servers read differently"),
    ("sessionfixation-v33-stable", "sessions that somebody else began"),
];
/// And new and grave weaknesses, too many requests, everybody else.
const FURTHER_RULES: u32 = 3;
/// HTTPS, and the way to it.
const FORWARDING_RULES: u32 = 2;

/// What the needs come to on Google Cloud.
pub fn resources(needs: &Needs) -> Resources {
    let runs = needs.application.is_some();
    let around = needs.surroundings.as_ref();
    Resources {
        service: needs.application.as_ref().map(|one| service(one, needs)),
        database: needs.database.as_ref().map(|one| Ok(instance(one, needs))),
        nat: runs && needs.network == Network::Nat,
        cache: around.and_then(|around| cache(around.cache_gib?, around.survives_zone)),
        jobs: around.filter(|_| runs).map(|around| around.jobs.clone()).unwrap_or_default(),
        around: around.map(|around| standing_around(needs, around)).unwrap_or_default(),
    }
}

fn standing_around(needs: &Needs, around: &Surroundings) -> Around {
    let runs = needs.application.is_some();
    let is_behind_edge = runs && around.domain;
    let some = |is_there: bool, number: u32| if is_there { number } else { 0 };
    let pair = around.pair.as_ref().filter(|pair| pair.private_network);
    let other = pair.map(|pair| pair.other_cloud.as_str());
    let sets = u32::try_from(RULE_SETS.len()).unwrap_or(u32::MAX);
    Around {
        forwarding_rules: some(is_behind_edge, FORWARDING_RULES),
        cdn: is_behind_edge && around.cdn,
        firewall_rules: some(is_behind_edge && around.firewall, sets + FURTHER_RULES),
        vpn_tunnels: match other {
            None => 0,
            // A gateway of AWS has four addresses, others have two.
            Some("aws") => 4,
            Some(_) => 2,
        },
        own_secrets: some(needs.database.is_some(), 1)
            + some(around.cache_gib.is_some(), 2)
            + some(runs && around.tracing, 1),
        uptime_checks: some(runs, 1),
        own_metrics: around.own_metrics(),
        tracing: runs && around.tracing,
        budgets: u32::from(around.budget),
        logs: true,
    }
}

/// The cache that holds so much: whole gigabytes.
fn cache(gib: Decimal, replicated: bool) -> Option<Cache> {
    let memory_gb = u32::try_from(gib.ceil().max(Decimal::ONE)).ok()?;
    Some(Cache { memory_gb, replicated })
}

fn service(one: &Application, needs: &Needs) -> Fit<RunService> {
    if one.architecture == Architecture::Arm {
        return Err("Cloud Run offers no ARM processors".to_owned());
    }
    if one.spot {
        return Err("Cloud Run offers no spot instances".to_owned());
    }
    let fits = |(vcpu, _, most): &&(Decimal, Decimal, Decimal)| {
        *vcpu >= one.vcpu && *most >= one.memory_gib
    };
    let (vcpu, least, _) = RUN.iter().find(fits).ok_or_else(|| {
        let (vcpu, memory) = (words(one.vcpu), words(one.memory_gib));
        format!("no instance has {vcpu} vCPU and {memory} GiB; the largest has 8 and 32")
    })?;
    let billing = if one.min_instances > 0 { Billing::Instance } else { Billing::Request };
    Ok(RunService {
        vcpu: *vcpu,
        memory_gib: one.memory_gib.max(*least),
        instances: one.instances(needs.workload.requests_per_s),
        billing,
        commitment: needs.commitment,
    })
}

fn instance(one: &Database, needs: &Needs) -> SqlInstance {
    // Google's service level agreement leaves shared cores out: a standby would guard nothing.
    let may_share = one.burstable && !one.high_availability && one.vcpu <= Decimal::ONE;
    let shared = SHARED.iter().find(|(_, memory)| may_share && *memory >= one.memory_gib);
    let size = match shared {
        Some((name, _)) => SqlSize::Shared(name),
        None => SqlSize::Dedicated {
            vcpu: even(one.vcpu.ceil().max(Decimal::ONE)),
            memory_gb: ((one.memory_gib * dec!(4)).ceil() / dec!(4)).max(LEAST_MEMORY_GB),
        },
    };
    let storage_gb = needs.workload.database_gb.ceil().max(LEAST_STORAGE_GB);
    SqlInstance {
        size,
        storage_gb,
        regional: one.high_availability,
        commitment: needs.database_commitment,
    }
}

/// One, or an even number: what Cloud SQL sells.
fn even(vcpu: Decimal) -> Decimal {
    match vcpu > Decimal::ONE && !(vcpu % dec!(2)).is_zero() {
        true => vcpu + Decimal::ONE,
        false => vcpu,
    }
}
