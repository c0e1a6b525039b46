//! What users reach: a load balancer with its domain, firewall and cache.

use serde::Serialize;
use trefoil_core::deployment::Deployment;

use super::super::resources::RULE_SETS;

/// How often one address may ask in a minute.
const REQUESTS_PER_MINUTE: u32 = 600;

/// The firewall for web requests.
#[derive(Debug, Serialize)]
pub(super) struct Firewall {
    requests_per_minute: u32,
    rules: Vec<Rule>,
}

/// One rule of it.
#[derive(Debug, Serialize)]
struct Rule {
    priority: usize,
    description: &'static str,
    expression: String,
}

/// New and grave weaknesses, Log4Shell the first; it has no levels of sensitivity.
const CANARY: (&str, &str) = ("evaluatePreconfiguredWaf('cve-canary')", "new and grave weaknesses");
/// The priority of the first rule.
const FIRST: usize = 1000;

/// The zone of the domain.
#[derive(Debug, Serialize)]
pub(super) struct Dns {
    /// Who may issue certificates for it; empty where the other environment's cloud issues some too.
    pub authorities: &'static [&'static str],
}

/// Who issues the certificates of a load balancer.
const AUTHORITIES: [&str; 2] = ["pki.goog", "letsencrypt.org"];

/// Whether users come through a load balancer: a domain needs one for its certificate, a firewall
/// and a cache to stand at.
pub(super) fn is_needed(deployment: &Deployment) -> bool {
    let spec = &deployment.spec;
    spec.application.is_some() && spec.domain.is_some()
}

/// The firewall, when there is one.
pub(super) fn firewall(deployment: &Deployment) -> Option<Firewall> {
    let sets = RULE_SETS.iter().map(|(set, what)| {
        (format!("evaluatePreconfiguredWaf('{set}', {{'sensitivity': 1}})"), *what)
    });
    let rules = sets.chain([(CANARY.0.to_owned(), CANARY.1)]).enumerate();
    let rules = rules.map(|(index, (expression, description))| Rule {
        priority: FIRST + index,
        description,
        expression,
    });
    let firewall = Firewall { requests_per_minute: REQUESTS_PER_MINUTE, rules: rules.collect() };
    (deployment.extras.firewall && is_needed(deployment)).then_some(firewall)
}

/// The zone, which of two environments only the primary has.
pub(super) fn dns(deployment: &Deployment) -> Option<Dns> {
    let is_second = deployment.pair.as_ref().is_some_and(|pair| !pair.is_primary);
    let authorities: &[&str] = if deployment.pair.is_some() { &[] } else { &AUTHORITIES };
    (is_needed(deployment) && !is_second).then_some(Dns { authorities })
}
