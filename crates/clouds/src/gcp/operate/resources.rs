//! What a specification needs on Google Cloud: what would be deployed, and so what is priced.

use rust_decimal::{Decimal, dec};
use trefoil_core::cost::Needs;
use trefoil_core::cost::needs::{Application, Architecture, Commitment, Database, Network};

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

/// What the needs come to on Google Cloud.
pub fn resources(needs: &Needs) -> Resources {
    let data = needs.workload.database_gb;
    Resources {
        service: needs.application.as_ref().map(|one| service(one, needs)),
        database: needs.database.as_ref().map(|one| Ok(instance(one, data))),
        nat: needs.application.is_some() && needs.network == Network::Nat,
    }
}

fn service(one: &Application, needs: &Needs) -> Fit<RunService> {
    if one.architecture == Architecture::Arm {
        return Err("Cloud Run offers no ARM processors".to_owned());
    }
    if one.spot {
        return Err("Cloud Run offers no spot instances".to_owned());
    }
    if needs.commitment != Commitment::None {
        return Err("the catalogue has no committed use discounts of Cloud Run".to_owned());
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
    })
}

fn instance(one: &Database, data_gb: Decimal) -> SqlInstance {
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
    let storage_gb = data_gb.ceil().max(LEAST_STORAGE_GB);
    SqlInstance { size, storage_gb, regional: one.high_availability }
}

/// One, or an even number: what Cloud SQL sells.
fn even(vcpu: Decimal) -> Decimal {
    match vcpu > Decimal::ONE && !(vcpu % dec!(2)).is_zero() {
        true => vcpu + Decimal::ONE,
        false => vcpu,
    }
}
