//! What stands between the users, the other environment and the application: the name, the network
//! of caches, the firewall, and the way to the other environment.

use serde::Serialize;
use trefoil_core::deployment::{Deployment, Pair};

use super::super::resources;
use super::CLOUD;
use crate::operate::render::seconds;

/// CloudFront waits no longer than this between two pieces of an answer.
const MOST_SILENCE_S: u64 = 60;
/// What is global on AWS lives in this region: certificates of CloudFront, logs of names.
const GLOBAL: &str = "us-east-1";
/// The environment answers for its name itself.
const OWN: &str = "own";
/// How often one address may ask in five minutes.
const REQUESTS: u32 = 2_000;
/// The set with a rule on the size of bodies, which documents break.
const COUNTS_BODIES: &str = "common";
/// The set that turns nobody away.
const ONLY_COUNTS: &str = "anonymous";

/// The name under which users find the application.
#[derive(Debug, Serialize)]
pub(super) struct Domain {
    name: String,
    /// Who answers for the name: `own`, `existing` (made by the other environment, here) or
    /// `elsewhere`.
    zone: &'static str,
    zone_of: Option<String>,
    certificate_names: Vec<String>,
    /// Whether AWS alone issues certificates for it: another cloud brings its own.
    certified_here: bool,
    failover: Option<Failover>,
}

/// Where users are sent when this environment is lost.
#[derive(Debug, Serialize)]
struct Failover {
    other: String,
    failures: u32,
    same_cloud: bool,
}

/// The content delivery network.
#[derive(Debug, Serialize)]
pub(super) struct Cdn {
    certificate_elsewhere: bool,
    read_timeout_s: u64,
}

/// The firewall for web requests.
#[derive(Debug, Serialize)]
pub(super) struct Firewall {
    requests: u32,
    groups: Vec<RuleGroup>,
}

/// Rules that AWS keeps.
#[derive(Debug, Serialize)]
struct RuleGroup {
    name: &'static str,
    short: &'static str,
    why: &'static str,
    counts_bodies: bool,
    only_counts: bool,
}

/// A half of a pair of VPNs, to another cloud.
#[derive(Debug, Serialize)]
pub(super) struct Vpn {
    other: String,
    other_cloud: String,
    other_addresses: &'static str,
    asn: u32,
    other_asn: u32,
}

/// A connection between two networks of AWS.
#[derive(Debug, Serialize)]
pub(super) struct Peering {
    requests: bool,
    other: String,
    other_region: Option<String>,
    other_addresses: &'static str,
}

/// The environment that buckets are copied to.
#[derive(Debug, Serialize)]
pub(super) struct Replication {
    other: String,
}

/// The name, if there is one and an application that answers under it.
pub(super) fn domain(deployment: &Deployment) -> Option<Domain> {
    deployment.spec.application.as_ref()?;
    let name = deployment.spec.domain.clone()?;
    let standby_for = deployment.pair.as_ref().filter(|pair| !pair.is_primary);
    let mut certificate_names = vec![name.clone()];
    if cdn(deployment).is_some() {
        certificate_names.push(format!("origin.{name}"));
    }
    Some(Domain {
        name,
        zone: match standby_for {
            None => OWN,
            Some(pair) if pair.other_cloud == CLOUD => "existing",
            Some(_) => "elsewhere",
        },
        zone_of: standby_for.map(|pair| pair.other_folder.clone()),
        certificate_names,
        certified_here: deployment.pair.as_ref().is_none_or(|pair| pair.other_cloud == CLOUD),
        failover: failover(deployment),
    })
}

impl Domain {
    /// Whether the environment answers for the name itself.
    pub(super) fn is_own(&self) -> bool {
        self.zone == OWN
    }
}

/// Whether logs lie in a region to which the environment's key does not reach.
pub(super) fn global_key(deployment: &Deployment) -> bool {
    let is_named = domain(deployment).is_some_and(|one| one.is_own());
    let is_filtered = cdn(deployment).is_some() && firewall(deployment).is_some();
    deployment.region != GLOBAL && (is_named || is_filtered)
}

fn failover(deployment: &Deployment) -> Option<Failover> {
    let pair = deployment.pair.as_ref().filter(|pair| pair.is_primary)?;
    let triggers = &deployment.spec.recovery.as_ref()?.triggers;
    Some(Failover {
        other: pair.other_folder.clone(),
        // Route 53 counts to ten.
        failures: triggers.failures.min(10),
        same_cloud: pair.other_cloud == CLOUD,
    })
}

/// The content delivery network. A standby has none beside a primary on AWS: CloudFront lets one
/// distribution alone answer for a name, and the primary's does.
pub(super) fn cdn(deployment: &Deployment) -> Option<Cdn> {
    let takes_over = same_cloud(deployment).is_some_and(|pair| !pair.is_primary);
    let is_asked = deployment.extras.cdn && !takes_over;
    deployment.spec.application.as_ref().filter(|_| is_asked)?;
    let chat_s = deployment.spec.chat.as_ref().map_or(30, |chat| seconds(chat.timeout));
    Some(Cdn {
        certificate_elsewhere: deployment.region != GLOBAL,
        read_timeout_s: chat_s.clamp(30, MOST_SILENCE_S),
    })
}

/// The firewall.
pub(super) fn firewall(deployment: &Deployment) -> Option<Firewall> {
    deployment.spec.application.as_ref().filter(|_| deployment.extras.firewall)?;
    let group = |(name, short, why): (&'static str, &'static str, &'static str)| RuleGroup {
        name,
        short,
        why,
        counts_bodies: short == COUNTS_BODIES,
        only_counts: short == ONLY_COUNTS,
    };
    let groups = resources::RULE_GROUPS.into_iter().map(group).collect();
    Some(Firewall { requests: REQUESTS, groups })
}

/// The pair, if both databases are to reach each other by a way of their own.
fn private(deployment: &Deployment) -> Option<&Pair> {
    deployment.spec.database.as_ref()?;
    deployment.pair.as_ref().filter(|pair| pair.private_network)
}

/// The half of the VPN that is here.
pub(super) fn vpn(deployment: &Deployment) -> Option<Vpn> {
    let pair = private(deployment).filter(|pair| pair.other_cloud != CLOUD)?;
    Some(Vpn {
        other: pair.other_folder.clone(),
        other_cloud: pair.other_cloud.clone(),
        other_addresses: pair.other_addresses,
        asn: pair.router,
        other_asn: pair.other_router,
    })
}

/// The connection to a network of AWS.
pub(super) fn peering(deployment: &Deployment) -> Option<Peering> {
    let pair = private(deployment).filter(|pair| pair.other_cloud == CLOUD)?;
    Some(Peering {
        requests: pair.is_primary,
        other: pair.other_folder.clone(),
        other_region: pair.other_region.clone(),
        other_addresses: pair.other_addresses,
    })
}

/// Where buckets are copied to: AWS copies between its own alone.
pub(super) fn replication(deployment: &Deployment) -> Option<Replication> {
    let pair = same_cloud(deployment).filter(|pair| pair.is_primary)?;
    let has_copies = !deployment.spec.buckets.is_empty() || deployment.spec.sessions.is_some();
    has_copies.then(|| Replication { other: pair.other_folder.clone() })
}

/// The pair, if both are on AWS.
pub(super) fn same_cloud(deployment: &Deployment) -> Option<&Pair> {
    deployment.pair.as_ref().filter(|pair| pair.other_cloud == CLOUD)
}
