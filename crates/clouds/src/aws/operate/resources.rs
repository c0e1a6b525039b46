//! What a specification needs on AWS: what would be deployed, and so what is priced.

use rust_decimal::{Decimal, dec};
use trefoil_core::cost::Needs;
use trefoil_core::cost::needs::{Application, Architecture, Commitment, Database, Network};

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
    pub endpoints: &'static [&'static str],
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

/// The smallest gp3 volume of RDS, in GB.
const LEAST_STORAGE_GB: Decimal = dec!(20);

/// The services that containers without any way out still reach.
const ENDPOINTS: &[&str] = &["ecr.api", "ecr.dkr", "logs", "secretsmanager", "bedrock-runtime"];

/// What the needs come to on AWS.
pub fn resources(needs: &Needs) -> Resources {
    let application = needs.application.as_ref();
    let runs = application.is_some();
    let database = needs.database.as_ref();
    // A database without an application has no processor to match: the older one is everywhere.
    let architecture = application.map(|one| one.architecture).unwrap_or_default();
    Resources {
        service: application.map(|one| service(one, needs)),
        database: database.map(|one| instance(one, architecture, needs.workload.database_gb)),
        nat_gateways: if runs && needs.network == Network::Nat { ZONES } else { 0 },
        endpoints: if runs && needs.network == Network::Endpoints { ENDPOINTS } else { &[] },
    }
}

fn service(one: &Application, needs: &Needs) -> Fit<FargateService> {
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
        public_address: needs.network == Network::Public,
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

fn instance(one: &Database, architecture: Architecture, data_gb: Decimal) -> Fit<RdsInstance> {
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
    let storage_gb = data_gb.ceil().max(LEAST_STORAGE_GB);
    Ok(RdsInstance { class, memory_gib: *memory_gib, storage_gb, multi_az: one.high_availability })
}
