//! The private network, and the private path to another environment.

use serde::Serialize;
use trefoil_core::deployment::{Deployment, Pair};

use super::names;

/// The port of PostgreSQL.
const POSTGRES: u16 = 5432;
/// The port of Memorystore with TLS.
const REDIS: u16 = 6378;
/// Link addresses of tunnels between two environments of Google Cloud: 169.254.this.x.
const LINK_OCTET: u8 = 110;

/// The network.
#[derive(Debug, Serialize)]
pub(super) struct Network {
    pub name: String,
    pub cidr: &'static str,
    /// What the application's interfaces carry.
    pub tag: String,
    /// What Google puts into it, in words.
    pub services: String,
    /// The ports of that.
    pub ports: Vec<u16>,
}

/// The network, when something needs one.
pub(super) fn network(deployment: &Deployment, has_batch: bool) -> Option<Network> {
    let has_database = deployment.spec.database.is_some();
    let has_cache = deployment.extras.cache.is_some();
    if !has_database && !has_cache && !has_batch {
        return None;
    }
    let services = [(has_database, "the database", POSTGRES), (has_cache, "the cache", REDIS)];
    let there: Vec<_> = services.iter().filter(|(is_there, _, _)| *is_there).collect();
    let words: Vec<_> = there.iter().map(|(_, word, _)| *word).collect();
    Some(Network {
        name: names::base(deployment),
        cidr: deployment.addresses,
        tag: names::base(deployment),
        services: words.join(" and "),
        ports: there.iter().map(|(_, _, port)| *port).collect(),
    })
}

/// This side of the VPN between two environments.
#[derive(Debug, Serialize)]
pub(super) struct Vpn {
    pub asn: u32,
    pub peer_asn: u32,
    pub peer_is_google: bool,
    pub link_octet: u8,
    pub own_host: u8,
    pub other_host: u8,
}

/// This side of the VPN, when the databases reach each other through one.
pub(super) fn vpn(deployment: &Deployment) -> Option<Vpn> {
    deployment.spec.database.as_ref()?;
    let pair = deployment.pair.as_ref().filter(|pair| pair.private_network)?;
    let (own_host, other_host) = if pair.is_primary { (1, 2) } else { (2, 1) };
    Some(Vpn {
        asn: pair.router,
        peer_asn: pair.other_router,
        peer_is_google: is_google(pair),
        link_octet: LINK_OCTET,
        own_host,
        other_host,
    })
}

fn is_google(pair: &Pair) -> bool {
    pair.other_cloud == "gcp"
}
