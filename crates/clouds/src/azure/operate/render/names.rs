//! Names within Azure's limits: stable, and made from the specification alone. What must be unique
//! in all of Azure gets a token of its resource group besides, when it is deployed.

use std::collections::BTreeMap;

use serde::Serialize;
use trefoil_core::deployment::Deployment;

use crate::operate::render::names::{marked, shortened as fit, single_hyphens};

/// The names of one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Names {
    /// What most names begin with.
    pub(super) base: String,
    /// The resource group: 90 characters.
    pub(super) group: String,
    /// The virtual network: 64.
    pub(super) network: String,
    /// The identity of the application: 128.
    pub(super) identity: String,
    /// The identity of the pipeline: 128.
    pub(super) pipeline: String,
    /// The registry, before its token: 50 letters and digits in all.
    pub(super) registry: String,
    /// The vault, before `-` and its token: 24 in all.
    pub(super) vault: String,
    /// The storage account, before its token: 24 lower-case letters and digits in all.
    pub(super) storage: String,
    /// The account of sessions, before its token: 44 in all.
    pub(super) sessions: String,
    /// The account of the language model, before its token: 64 in all.
    pub(super) chat: String,
    /// The cache, before its token: 60 in all.
    pub(super) cache: String,
    /// The Container Apps environment: 32.
    pub(super) environment: String,
    /// The container app: 32.
    pub(super) application: String,
    /// Front Door, before its token: 46 in all.
    pub(super) front_door: String,
    /// The firewall policy: letters and digits.
    pub(super) policy: String,
    /// The certificate of the domain.
    pub(super) certificate: String,
    /// What Dapr calls the application.
    pub(super) dapr: String,
    /// What messages of alerts call the application: 12.
    pub(super) short: String,
}

impl Names {
    /// The names of an environment.
    pub(super) fn new(deployment: &Deployment) -> Self {
        let name = single_hyphens(&deployment.spec.name);
        let host = deployment.spec.domain.clone().unwrap_or_default();
        Self {
            group: fit(&format!("{name}-{}", deployment.folder), 90),
            network: fit(&name, 64),
            identity: fit(&name, 100),
            pipeline: format!("{}-pipeline", fit(&name, 100)),
            registry: letters(&name, 37),
            vault: letters(&name, 10),
            storage: letters(&name, 11),
            sessions: fit(&name, 30),
            chat: fit(&name, 40),
            cache: fit(&name, 40),
            environment: fit(&name, 32),
            application: fit(&name, 32),
            front_door: fit(&name, 32),
            policy: format!("{}firewall", letters(&name, 40)),
            certificate: fit(&single_hyphens(&host.replace('.', "-")), 60),
            dapr: fit(&name, 32),
            short: fit(&name, 12),
            base: name,
        }
    }

    /// The name of a job: 32.
    pub(super) fn job(&self, job: &str) -> String {
        fit(&single_hyphens(&format!("{}-{job}", self.application)), 32)
    }
}

/// The name of a container of objects: single hyphens, 63.
pub(super) fn container(bucket: &str) -> String {
    let single = single_hyphens(bucket);
    if single == bucket { single } else { marked(&single, bucket, 63) }
}

/// A symbol of Bicep for a name of the specification, which has no underscores.
pub(super) fn symbol(kind: &str, name: &str) -> String {
    format!("{kind}_{}", name.replace('-', "_"))
}

/// `wanted`, or with a number where the specification has that name already.
pub(super) fn free<'a>(wanted: &str, taken: impl Iterator<Item = &'a String> + Clone) -> String {
    let is_free = |name: &String| !taken.clone().any(|one| one == name);
    std::iter::once(wanted.to_owned())
        .chain((2..).map(|number| format!("{wanted}-{number}")))
        .find(is_free)
        .unwrap_or_default()
}

/// People and webhooks, each with a name of its own.
pub(super) fn numbered(kind: &str, receivers: &BTreeMap<String, ()>) -> Vec<(String, String)> {
    let number = |(index, to): (usize, &String)| (format!("{kind}-{}", index + 1), to.clone());
    receivers.keys().enumerate().map(number).collect()
}

/// At most `most` letters and digits; a token follows that keeps them apart.
fn letters(name: &str, most: usize) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).take(most).collect()
}
