//! Everything that the templates print: computed once, from what an environment is made of.

use serde::Serialize;
use trefoil_core::cost::Needs;
use trefoil_core::deployment::Deployment;

use super::super::resources::{log_days, resources, services};
use super::alarms::{Alarm, Topic, alarms, counts_restarts, emails, sends_metrics, topics};
use super::data::{Bucket, CacheNodes, Database, Sessions, buckets, cache, sessions};
use super::edges::{self, Cdn, Domain, Firewall, Peering, Replication, Vpn};
use super::environment::{self, Bedrock, Secret, Variable};
use super::image_suffix;
use super::jobs::{Job, jobs};
use super::names::prefix;
use super::service::Service;
use crate::operate::render::seconds;
use crate::{Error, Result};

/// What the templates know.
#[derive(Debug, Serialize)]
pub(super) struct Values {
    application: String,
    environment: String,
    name: String,
    region: String,
    addresses: &'static str,
    zones: Vec<Zone>,
    log_days: u32,
    steps: Steps,
    pub(super) service: Option<Service>,
    pub(super) image: Option<Image>,
    command: Vec<String>,
    pub(super) setup: Vec<String>,
    variables: Vec<Variable>,
    secret_variables: Vec<Variable>,
    pub(super) secrets: Vec<Secret>,
    pub(super) database: Option<Database>,
    pub(super) buckets: Vec<Bucket>,
    pub(super) sessions: Option<Sessions>,
    pub(super) cache: Option<CacheNodes>,
    chat: Option<Chat>,
    chat_bedrock: Option<Bedrock>,
    pub(super) jobs: Vec<Job>,
    pub(super) domain: Option<Domain>,
    pub(super) cdn: Option<Cdn>,
    /// Whether the other environment alone has one.
    cdn_elsewhere: bool,
    pub(super) firewall: Option<Firewall>,
    global_key: bool,
    pub(super) tracing: bool,
    alarms: Vec<Alarm>,
    topics: Vec<Topic>,
    emails: Vec<String>,
    sends_metrics: bool,
    counts_restarts: bool,
    pub(super) budget: Option<Budget>,
    pair: bool,
    same_cloud_pair: Option<String>,
    pub(super) vpn: Option<Vpn>,
    pub(super) peering: Option<Peering>,
    pub(super) replication: Option<Replication>,
}

/// A zone of the region.
#[derive(Debug, Serialize)]
struct Zone {
    key: char,
    index: u32,
}

/// The image of the specification, which is copied to the environment's own registry.
#[derive(Debug, Serialize)]
pub(super) struct Image {
    source: String,
    suffix: String,
    by_digest: bool,
}

/// What a load balancer has to know of the language model.
#[derive(Debug, Serialize)]
struct Chat {
    timeout_s: u64,
}

/// The numbers of what has to be done by hand before the service runs; the image is the first.
#[derive(Debug, Serialize)]
struct Steps {
    secrets: u32,
    collector: u32,
    setup: u32,
}

impl Steps {
    fn of(spec: &trefoil_core::spec::AppSpec, has_secrets: bool) -> Self {
        let secrets = 2;
        let collector = secrets + u32::from(has_secrets);
        let setup = collector + u32::from(spec.tracing);
        Self { secrets, collector, setup }
    }
}

/// What may be spent.
#[derive(Debug, Serialize)]
pub(super) struct Budget {
    monthly_usd: u32,
    notify: Option<String>,
}

impl Values {
    /// The values of an environment that fits.
    ///
    /// # Errors
    /// `render_misfit` for an environment that was not checked to fit.
    pub(super) fn new(deployment: &Deployment) -> Result<Self> {
        let spec = &deployment.spec;
        let name = prefix(&spec.name, &deployment.folder);
        let needs = Needs::of_rendered(spec);
        let priced = resources(&needs);
        let sends_metrics = sends_metrics(spec);
        let service = match (&spec.application, priced.service) {
            (Some(application), Some(size)) => {
                let endpoints = services(&needs);
                Some(Service::new(deployment, application, &size.map_err(misfit)?, endpoints))
            }
            _ => None,
        };
        let size = priced.database.transpose().map_err(misfit)?;
        let database = spec.database.as_ref().zip(size.as_ref());
        let database = database.map(|(asked, size)| Database::new(deployment, asked, size));
        let storage_gb = database.as_ref().map_or(0, Database::storage_gb);
        let application = spec.application.as_ref();
        let secrets = environment::secrets(spec);
        Ok(Self {
            application: spec.name.clone(),
            environment: deployment.folder.clone(),
            region: deployment.region.clone(),
            addresses: deployment.addresses,
            zones: zones(deployment.extras.zones),
            log_days: log_days(deployment.log_days),
            service,
            image: application.and_then(|one| image(one.image.as_deref()?)),
            command: application.map_or_else(Vec::new, |one| environment::command(&one.command)),
            setup: application.map_or_else(Vec::new, |one| one.setup.clone()),
            variables: application
                .map_or_else(Vec::new, |one| environment::variables(deployment, one)),
            secret_variables: application
                .map_or_else(Vec::new, |one| environment::secret_variables(deployment, one)),
            steps: Steps::of(spec, !secrets.is_empty()),
            secrets,
            database,
            buckets: buckets(spec, &name),
            sessions: sessions(deployment),
            cache: priced.cache.transpose().map_err(misfit)?.as_ref().map(cache),
            chat: spec.chat.as_ref().map(|chat| Chat { timeout_s: seconds(chat.timeout) }),
            chat_bedrock: environment::bedrock(spec),
            jobs: jobs(spec, &name),
            domain: edges::domain(deployment),
            cdn: edges::cdn(deployment),
            cdn_elsewhere: deployment.extras.cdn && edges::cdn(deployment).is_none(),
            firewall: edges::firewall(deployment),
            global_key: edges::global_key(deployment),
            tracing: spec.tracing && application.is_some(),
            alarms: alarms(deployment, &name, storage_gb),
            topics: topics(spec),
            emails: emails(spec),
            sends_metrics,
            counts_restarts: counts_restarts(spec),
            budget: deployment
                .extras
                .budget
                .clone()
                .map(|(monthly_usd, notify)| Budget { monthly_usd, notify }),
            pair: deployment.pair.is_some(),
            same_cloud_pair: edges::same_cloud(deployment).map(|pair| pair.other_folder.clone()),
            vpn: edges::vpn(deployment),
            peering: edges::peering(deployment),
            replication: edges::replication(deployment),
            name,
        })
    }
}

fn zones(number: u32) -> Vec<Zone> {
    ('a'..='z').zip(0..number).map(|(key, index)| Zone { key, index }).collect()
}

fn image(source: &str) -> Option<Image> {
    let suffix = image_suffix(source)?;
    let by_digest = suffix.starts_with('@');
    Some(Image { source: source.to_owned(), suffix, by_digest })
}

fn misfit(why: String) -> Error {
    Error::usage("render_misfit", why)
        .hint("what does not fit is refused before: a fault of this program")
}
