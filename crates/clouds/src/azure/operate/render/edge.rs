//! What stands between users and the application, and between two environments.

use serde::Serialize;
use trefoil_core::deployment::{Deployment, Pair};

/// How long resolvers may keep an address: of a pair, short, so that users follow soon.
const TTL_S: [u32; 2] = [3_600, 60];

/// The parts of the private addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Subnets {
    /// What runs: 512 addresses.
    applications: String,
    /// The database: 32.
    database: String,
    /// Private endpoints: 64.
    endpoints: String,
    /// The VPN gateway: 32.
    gateway: String,
}

impl Subnets {
    /// The parts of `a.b.0.0/16`.
    pub(super) fn of(addresses: &str) -> Self {
        let start = addresses.split_once(".0.0/").map_or(addresses, |(start, _)| start);
        Self {
            applications: format!("{start}.0.0/23"),
            database: format!("{start}.2.0/27"),
            endpoints: format!("{start}.2.64/26"),
            gateway: format!("{start}.2.128/27"),
        }
    }
}

/// The host name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Domain {
    /// The host name.
    pub(super) host: String,
    /// Whether its zone is here: a standby uses that of the environment which serves.
    pub(super) zone: bool,
    /// How long resolvers may keep its address.
    pub(super) ttl_s: u32,
}

/// This half of the private path between two databases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Vpn {
    /// The folder of the other half.
    pub(super) other_folder: String,
    /// Its cloud.
    pub(super) other_cloud: String,
    /// The addresses of the other half.
    pub(super) other_addresses: &'static str,
    /// The number of the router here (BGP).
    pub(super) router: u32,
    /// The number of the router there.
    pub(super) other_router: u32,
}

/// How the environment stands to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Standing {
    /// Whether it serves while all is well.
    pub(super) is_primary: bool,
    /// The folder of the other.
    pub(super) other_folder: String,
}

/// What may be spent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Budget {
    /// In a month.
    pub(super) amount: u32,
    /// Who is told, besides the owners of the subscription.
    pub(super) notify: Option<String>,
}

/// The host name, if there is one.
pub(super) fn domain(deployment: &Deployment) -> Option<Domain> {
    let host = deployment.spec.domain.clone().filter(|_| deployment.spec.application.is_some())?;
    let pair = deployment.pair.as_ref();
    Some(Domain {
        host,
        zone: pair.is_none_or(|pair| pair.is_primary),
        ttl_s: TTL_S[usize::from(pair.is_some())],
    })
}

/// Whether Front Door stands before the application: it is the content delivery network and
/// carries the firewall.
pub(super) fn front_door(deployment: &Deployment) -> bool {
    let wanted = deployment.extras.cdn || deployment.extras.firewall;
    wanted && deployment.spec.application.is_some()
}

/// This half of the VPN, if there is one.
pub(super) fn vpn(deployment: &Deployment) -> Option<Vpn> {
    let has_database = deployment.spec.database.is_some();
    let pair = deployment.pair.as_ref().filter(|pair| pair.private_network && has_database)?;
    Some(Vpn {
        other_folder: pair.other_folder.clone(),
        other_cloud: pair.other_cloud.clone(),
        other_addresses: pair.other_addresses,
        router: pair.router,
        other_router: pair.other_router,
    })
}

/// How the environment stands to another, if there is one.
pub(super) fn standing(pair: &Pair) -> Standing {
    Standing { is_primary: pair.is_primary, other_folder: pair.other_folder.clone() }
}

/// The budget, if there is one.
pub(super) fn budget(deployment: &Deployment) -> Option<Budget> {
    let (amount, notify) = deployment.extras.budget.clone()?;
    Some(Budget { amount, notify })
}
