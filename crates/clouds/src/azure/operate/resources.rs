//! What a specification needs on Azure: what would be deployed, and so what is priced.

use rust_decimal::{Decimal, dec};
use trefoil_core::cost::Needs;
use trefoil_core::cost::needs::{Application, Architecture, Commitment, Database, Network};

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
    pub endpoints: &'static [&'static str],
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
/// The sizes that the catalogue does not price.
const UNPRICED: &[&str] = &["E4ds_v5"];

/// The sizes of storage that are sold, in GiB.
const STORAGE_GIB: &[u32] = &[32, 64, 128, 256, 512, 1_024, 2_048, 4_096, 8_192, 16_384, 32_768];

/// The services that an environment without any way out still reaches.
const ENDPOINTS: &[&str] = &["postgres", "blob", "vault", "cosmos", "openai"];

/// What the needs come to on Azure.
pub fn resources(needs: &Needs) -> Resources {
    let runs = needs.application.is_some();
    let data = needs.workload.database_gb;
    Resources {
        app: needs.application.as_ref().map(|one| app(one, needs)),
        database: needs.database.as_ref().map(|one| priced(server(one, data)?, one)),
        nat_gateway: runs && needs.network == Network::Nat,
        endpoints: if runs && needs.network == Network::Endpoints { ENDPOINTS } else { &[] },
    }
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

/// The server, if the catalogue has a price for it.
fn priced(server: FlexibleServer, one: &Database) -> Fit<FlexibleServer> {
    if !UNPRICED.contains(&server.size) {
        return Ok(server);
    }
    let (vcpu, memory) = (words(one.vcpu), words(one.memory_gib));
    Err(format!("the catalogue has no Flexible Server with {vcpu} vCPU and {memory} GiB"))
}

/// The server for a database that holds so much, whether or not it can be priced.
///
/// # Errors
/// Why there is none.
pub fn server(one: &Database, data_gb: Decimal) -> Fit<FlexibleServer> {
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
    Ok(FlexibleServer { size, storage_gib, servers })
}
