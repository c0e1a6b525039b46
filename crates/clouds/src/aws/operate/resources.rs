//! What a specification needs on AWS: what would be deployed, and so what is priced.

use rust_decimal::{Decimal, dec};
use trefoil_core::cost::Needs;
use trefoil_core::cost::needs::{Application, Architecture, Commitment, Database, Network};
use trefoil_core::cost::surroundings::{Job, Surroundings};
use trefoil_core::deployment::Metric;

use crate::operate::pricing::{Fit, words};

/// What a specification needs on AWS.
#[derive(Debug, Clone, PartialEq)]
pub struct Resources {
    /// The service on Fargate, with its load balancer in two zones.
    pub service: Option<Fit<FargateService>>,
    /// The PostgreSQL server.
    pub database: Option<Fit<RdsInstance>>,
    /// NAT gateways, one in each zone that containers run in.
    pub nat_gateways: u32,
    /// Interface endpoints, by the service that they lead to; one in each zone.
    pub endpoints: Vec<&'static str>,
    /// The cache.
    pub cache: Option<Fit<CacheNodes>>,
    /// What runs by the clock, in tasks of the service's size.
    pub jobs: Vec<Job>,
    /// What stands around all of it.
    pub around: Around,
    /// How many days logs are kept.
    pub log_days: u32,
    /// Zones of names.
    pub zones: u32,
}

/// What stands around an environment that Trefoil's files set up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Around {
    /// Keys for what is kept, and for what the zone signs.
    pub keys: u32,
    /// Keys for logs that have to lie in us-east-1; there the environment's own is used.
    pub keys_elsewhere: u32,
    /// Dashboards.
    pub dashboards: u32,
    /// Metrics that alarms watch: an alarm on a share watches two.
    pub alarm_metrics: u32,
    /// Secrets that AWS makes itself: the database's password.
    pub own_secrets: u32,
    /// Metrics that are billed as one's own: Container Insights', and the application's.
    pub custom_metrics: u32,
    /// Health checks of the environment itself, from which its standby takes over.
    pub health_checks: u32,
    /// Whether CloudFront answers for the application.
    pub cdn: bool,
    /// Rules of the firewall for web requests; none without it.
    pub firewall_rules: u32,
    /// VPN connections to another cloud.
    pub vpn_connections: u32,
    /// Whether traces are recorded.
    pub tracing: bool,
    /// Budgets.
    pub budgets: u32,
    /// Whether traffic, requests and platform are logged.
    pub logs: bool,
}

/// The nodes of a cache.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CacheNodes {
    /// The type of a node.
    pub node: &'static str,
    /// What it holds, in GiB.
    pub gib: Decimal,
    /// How many: two, of which one takes over.
    pub nodes: u32,
}

/// A service on Fargate.
#[derive(Debug, Clone, PartialEq)]
pub struct FargateService {
    /// vCPU of a task.
    pub vcpu: Decimal,
    /// Memory of a task, in GB.
    pub memory_gb: Decimal,
    /// How many tasks run.
    pub tasks: Decimal,
    /// The processor.
    pub architecture: Architecture,
    /// Whether it runs on Fargate Spot.
    pub spot: bool,
    /// The savings plan.
    pub commitment: Commitment,
    /// Whether each task has a public address.
    pub public_address: bool,
}

/// A PostgreSQL server of RDS.
#[derive(Debug, Clone, PartialEq)]
pub struct RdsInstance {
    /// The class, such as `db.t3.micro`.
    pub class: &'static str,
    /// Its memory, in GiB.
    pub memory_gib: u32,
    /// gp3 storage, in GB.
    pub storage_gb: Decimal,
    /// Whether a standby runs in a second zone.
    pub multi_az: bool,
    /// For how long it is reserved.
    pub commitment: Commitment,
}

/// How many zones the load balancer and what stands beside it are in.
pub const ZONES: u32 = 2;

/// vCPU, least memory, most memory and its step, in GB: the sizes of Fargate tasks.
const TASKS: &[(Decimal, Decimal, Decimal, Decimal)] = &[
    (dec!(0.25), dec!(0.5), dec!(2), dec!(0.5)),
    (dec!(0.5), dec!(1), dec!(4), dec!(1)),
    (dec!(1), dec!(2), dec!(8), dec!(1)),
    (dec!(2), dec!(4), dec!(16), dec!(1)),
    (dec!(4), dec!(8), dec!(30), dec!(1)),
    (dec!(8), dec!(16), dec!(60), dec!(4)),
    (dec!(16), dec!(32), dec!(120), dec!(8)),
];

/// Class, vCPU, memory in GiB, whether burstable, by size. The catalogue has no price for the last
/// of each, which is said where it is priced.
const X86: &[(&str, u32, u32, bool)] = &[
    ("db.t3.micro", 2, 1, true),
    ("db.t3.small", 2, 2, true),
    ("db.t3.medium", 2, 4, true),
    ("db.t3.large", 2, 8, true),
    ("db.m6i.large", 2, 8, false),
    ("db.r6i.xlarge", 4, 32, false),
];
const ARM: &[(&str, u32, u32, bool)] = &[
    ("db.t4g.micro", 2, 1, true),
    ("db.t4g.small", 2, 2, true),
    ("db.t4g.medium", 2, 4, true),
    ("db.t4g.large", 2, 8, true),
    ("db.m7g.large", 2, 8, false),
    ("db.r6g.large", 2, 16, false),
    ("db.m7g.xlarge", 4, 16, false),
    ("db.r7g.xlarge", 4, 32, false),
];

/// The classes of which the catalogue has what a reservation costs; the others are paid as used.
const RESERVED: &[&str] = &["db.t4g.medium", "db.m7g.large", "db.m7g.xlarge"];

/// The smallest gp3 volume of RDS, in GB.
const LEAST_STORAGE_GB: Decimal = dec!(20);

/// Nodes of ElastiCache and what each holds, in GiB.
const NODES: [(&str, Decimal); 10] = [
    ("cache.t4g.micro", dec!(0.5)),
    ("cache.t4g.small", dec!(1.37)),
    ("cache.t4g.medium", dec!(3.09)),
    ("cache.r7g.large", dec!(13.07)),
    ("cache.r7g.xlarge", dec!(26.32)),
    ("cache.r7g.2xlarge", dec!(52.82)),
    ("cache.r7g.4xlarge", dec!(105.81)),
    ("cache.r7g.8xlarge", dec!(209.55)),
    ("cache.r7g.12xlarge", dec!(317.77)),
    ("cache.r7g.16xlarge", dec!(419.09)),
];

/// The sets of rules that AWS keeps and the firewall uses, each with its short name, and why.
pub const RULE_GROUPS: [(&str, &str, &str); 5] = [
    (
        "AWSManagedRulesAmazonIpReputationList",
        "reputation",
        "Addresses that are known for attacks.",
    ),
    (
        "AWSManagedRulesKnownBadInputsRuleSet",
        "inputs",
        "Inputs that exploit known holes, such as Log4j's.",
    ),
    ("AWSManagedRulesSQLiRuleSet", "sql", "SQL where there should be none."),
    ("AWSManagedRulesCommonRuleSet", "common", "What attacks websites most often."),
    (
        "AWSManagedRulesAnonymousIpList",
        "anonymous",
        "Addresses that hide their users. Many have reason to, so they are counted and let in.",
    ),
];

/// How many days AWS's files keep logs at least. What goes into a log costs most; to keep it for a
/// year is what AWS's own catalogue of controls asks for.
const LEAST_LOG_DAYS: u32 = 365;

/// Metrics of Container Insights for a cluster (11), its service (13) and its task definition (8).
const INSIGHTS_METRICS: u32 = 32;
/// Metrics that the alarms watch which are there without being asked for: the error rate's two, tasks
/// that are not ready, slow answers, processors; of a database processor, disk, connections.
const SERVICE_ALARMS: u32 = 5;
const DATABASE_ALARMS: u32 = 3;
/// Signing that fails, and a key that cannot sign.
const ZONE_ALARMS: u32 = 2;
/// Ends of a job that its alarm watches.
const JOB_ALARMS: u32 = 3;
/// Gateways of the other side, each with a connection of its own.
const VPN_CONNECTIONS: u32 = 2;

/// What the needs come to on AWS.
pub fn resources(needs: &Needs) -> Resources {
    let application = needs.application.as_ref();
    let runs = application.is_some();
    let database = needs.database.as_ref();
    // A database without an application has no processor to match: the older one is everywhere.
    let architecture = application.map(|one| one.architecture).unwrap_or_default();
    let around = needs.surroundings.as_ref().filter(|_| runs || database.is_some());
    let network = way(needs);
    let cache_gib = around.filter(|_| runs).and_then(|around| around.cache_gib);
    Resources {
        service: application.map(|one| service(one, needs, network)),
        database: database.map(|one| instance(one, architecture, needs)),
        nat_gateways: if runs && network == Network::Nat { ZONES } else { 0 },
        endpoints: if runs && network == Network::Endpoints { services(needs) } else { Vec::new() },
        cache: cache_gib.map(|gib| cache(gib, needs.around().survives_zone)),
        jobs: around.filter(|_| runs).map(|around| around.jobs.clone()).unwrap_or_default(),
        around: around.map(|around| standing_around(needs, around)).unwrap_or_default(),
        log_days: around.map_or(needs.log_kept_days, |_| log_days(needs.log_kept_days)),
        zones: around.map_or(needs.dns_zones, |around| zones(needs, around)),
    }
}

/// The zones that an environment makes: a standby answers for no name itself.
fn zones(needs: &Needs, around: &Surroundings) -> u32 {
    let answers = around.domain && around.pair.as_ref().is_none_or(|pair| pair.serves);
    if answers { needs.dns_zones } else { 0 }
}

/// How many days logs are kept in files where so many are asked for.
pub fn log_days(asked: u32) -> u32 {
    asked.max(LEAST_LOG_DAYS)
}

/// How containers reach what is outside: by private endpoints, unless the application asks a service
/// beyond AWS.
fn way(needs: &Needs) -> Network {
    match needs.network {
        Network::Private if needs.around().reaches_outside => Network::Nat,
        Network::Private => Network::Endpoints,
        chosen => chosen,
    }
}

/// The services of AWS that tasks reach by a private address: only those that they use.
pub fn services(needs: &Needs) -> Vec<&'static str> {
    let around = needs.around();
    let has_model = needs.chat.as_ref().is_some_and(|models| models.contains_key("aws"));
    let wanted = [
        ("ecr.api", true),
        ("ecr.dkr", true),
        ("logs", true),
        ("secretsmanager", needs.secrets > 0 || needs.database.is_some()),
        ("bedrock-runtime", has_model),
        ("xray", around.tracing),
        ("monitoring", around.own_metrics() > 0),
    ];
    wanted.iter().filter(|(_, is_wanted)| *is_wanted).map(|(name, _)| *name).collect()
}

fn standing_around(needs: &Needs, around: &Surroundings) -> Around {
    let runs = needs.application.is_some();
    let some = |is_there: bool, number: u32| if is_there { number } else { 0 };
    let has_database = needs.database.is_some();
    let pair = around.pair.as_ref();
    let other = pair.map(|pair| pair.other_cloud.as_str());
    let is_private = pair.is_some_and(|pair| pair.private_network);
    let vpn_connections =
        some(is_private && other.is_some_and(|one| one != "aws"), VPN_CONNECTIONS);
    let jobs = u32::try_from(around.jobs.len()).unwrap_or(u32::MAX);
    let signs = zones(needs, around) > 0;
    // One distribution alone answers for a name: the primary's, when both are on AWS.
    let takes_over = pair.is_some_and(|pair| !pair.serves) && other == Some("aws");
    let answers_by_cdn = runs && around.cdn && !takes_over;
    let followed = some(has_database && (other.is_some() || around.movable), 1);
    let basic = some(runs, SERVICE_ALARMS) + some(has_database, DATABASE_ALARMS) + followed;
    let basic = basic + some(signs, ZONE_ALARMS);
    Around {
        keys: 1 + some(signs, 1),
        keys_elsewhere: some(signs || answers_by_cdn && around.firewall, 1),
        dashboards: 1,
        alarm_metrics: needs
            .alarms
            .saturating_add(around.watching(|one| one == Metric::ErrorRate))
            .saturating_add(some(runs, jobs.saturating_mul(JOB_ALARMS)))
            .saturating_add(basic + vpn_connections),
        own_secrets: some(has_database, 1),
        custom_metrics: some(runs, INSIGHTS_METRICS).saturating_add(around.own_metrics()),
        health_checks: some(around.domain && pair.is_some_and(|one| one.serves), 1),
        cdn: answers_by_cdn,
        firewall_rules: some(runs && around.firewall, 1 + RULE_GROUPS.len() as u32),
        vpn_connections,
        tracing: runs && around.tracing,
        budgets: u32::from(around.budget),
        logs: true,
    }
}

/// The nodes of a cache that holds so much; two where the loss of a zone is to be survived.
///
/// # Errors
/// Why there are none.
pub fn cache(gib: Decimal, survives_zone: bool) -> Fit<CacheNodes> {
    let nodes = if survives_zone { 2 } else { 1 };
    let fits = NODES.iter().find(|(_, holds)| *holds >= gib);
    fits.map(|(node, gib)| CacheNodes { node, gib: *gib, nodes }).ok_or_else(|| {
        format!(
            "no node of ElastiCache holds {} GiB; the largest holds {}",
            words(gib),
            words(most_cache_gib())
        )
    })
}

/// What the largest node of a cache holds, in GiB.
pub fn most_cache_gib() -> Decimal {
    NODES.last().map_or(Decimal::ZERO, |(_, gib)| *gib)
}

fn service(one: &Application, needs: &Needs, network: Network) -> Fit<FargateService> {
    let (vcpu, memory_gb) = task(one.vcpu, one.memory_gib).ok_or_else(|| {
        let (vcpu, memory) = (words(one.vcpu), words(one.memory_gib));
        format!("no Fargate task has {vcpu} vCPU and {memory} GB; the largest has 16 and 120")
    })?;
    Ok(FargateService {
        vcpu,
        memory_gb,
        // Fargate does not sleep: one task at least.
        tasks: one.instances(needs.workload.requests_per_s).max(Decimal::ONE),
        architecture: one.architecture,
        spot: one.spot,
        commitment: needs.commitment,
        public_address: network == Network::Public,
    })
}

/// The smallest task that has as much processor and memory, in GiB.
fn task(vcpu: Decimal, memory_gib: Decimal) -> Option<(Decimal, Decimal)> {
    let fits = |(most_vcpu, _, most, _): &&(Decimal, Decimal, Decimal, Decimal)| {
        *most_vcpu >= vcpu && *most >= memory_gib
    };
    let (vcpu, least, _, step) = TASKS.iter().find(fits)?;
    Some((*vcpu, ((memory_gib / step).ceil() * step).max(*least)))
}

/// The smallest task that has as much processor and memory, in GiB; the largest when none has.
pub fn nearest_task(vcpu: Decimal, memory_gib: Decimal) -> (Decimal, Decimal) {
    task(vcpu, memory_gib).unwrap_or((dec!(16), dec!(120)))
}

fn instance(one: &Database, architecture: Architecture, needs: &Needs) -> Fit<RdsInstance> {
    let classes = match architecture {
        Architecture::X86 => X86,
        Architecture::Arm => ARM,
    };
    let fits = |(_, vcpu, memory, burstable): &&(&str, u32, u32, bool)| {
        Decimal::from(*vcpu) >= one.vcpu
            && Decimal::from(*memory) >= one.memory_gib
            && (one.burstable || !burstable)
    };
    let (class, _, memory_gib, _) = classes.iter().find(fits).ok_or_else(|| {
        let (vcpu, memory) = (words(one.vcpu), words(one.memory_gib));
        format!("the catalogue has no class of RDS with {vcpu} vCPU and {memory} GiB")
    })?;
    let storage_gb = needs.workload.database_gb.ceil().max(LEAST_STORAGE_GB);
    Ok(RdsInstance {
        class,
        memory_gib: *memory_gib,
        storage_gb,
        multi_az: one.high_availability,
        commitment: match RESERVED.contains(class) {
            true => needs.database_commitment,
            false => Commitment::None,
        },
    })
}

/// The beginnings of inference profiles: a region's part of the world, or all of it.
const PROFILES: [&str; 7] = ["us.", "us-gov.", "eu.", "apac.", "jp.", "au.", "global."];

/// The model behind an inference profile of Bedrock; a model that is named itself is its own.
pub fn foundation_model(model: &str) -> &str {
    let of_profile = PROFILES.iter().find_map(|beginning| model.strip_prefix(beginning));
    of_profile.unwrap_or(model)
}
