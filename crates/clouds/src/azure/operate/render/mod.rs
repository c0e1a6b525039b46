//! Azure's own artefacts: Bicep with modules, the container app as YAML, the pipeline, a README.
//!
//! `templates/` holds one file for each that is written, and each looks like its result. What they
//! print is computed here and in the files beside, from the deployment: sizes and classes are those
//! that are priced ([`super::resources`]).

mod alarms;
mod application;
mod data;
mod edge;
mod limits;
mod names;

use serde::Serialize;
use trefoil_core::deployment::Deployment;
use trefoil_core::spec::Profile;

use self::alarms::{Alerts, Receivers};
use self::application::{Application, Job, OwnSecrets};
use self::names::Names;
use crate::Result;
use crate::operate::render::{Artefact, Renderer, Templates};

/// How Azure's artefacts are written.
pub const RENDERER: Renderer = Renderer { misfits: limits::misfits, render };

macro_rules! templates {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("templates/", $name)))),*]
    };
}

const TEMPLATES: &[(&str, &str)] = templates![
    "README.md",
    "container-app.yaml",
    "deploy.yml",
    "main.bicep",
    "main.parameters.json",
    "modules/alerts.bicep",
    "modules/application.bicep",
    "modules/budget.bicep",
    "modules/cache.bicep",
    "modules/chat.bicep",
    "modules/database.bicep",
    "modules/domain.bicep",
    "modules/environment.bicep",
    "modules/front-door.bicep",
    "modules/jobs.bicep",
    "modules/monitoring.bicep",
    "modules/network.bicep",
    "modules/pipeline.bicep",
    "modules/private-endpoint.bicep",
    "modules/registry.bicep",
    "modules/secret.bicep",
    "modules/sessions.bicep",
    "modules/storage.bicep",
    "modules/vault.bicep",
    "modules/vpn.bicep",
];

/// Everything that the templates print.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Stack {
    name: String,
    folder: String,
    region: String,
    profile: &'static str,
    addresses: &'static str,
    subnets: edge::Subnets,
    log_days: u32,
    names: Names,
    /// Whether replicas are spread over the zones.
    zones: bool,
    /// Whether Application Insights is there.
    insights: bool,
    /// Whether the application has an identity: it runs, or something is there for it.
    identity: bool,
    /// Whether any service is reached through a private endpoint.
    endpoints: bool,
    /// Whether the registry has a private endpoint.
    premium_registry: bool,
    /// Whether anything holds data.
    locks: bool,
    /// Whether something may be interrupted.
    interruptible: bool,
    cdn: bool,
    firewall: bool,
    front_door: bool,
    vault: bool,
    /// The secrets that somebody must give.
    asked: Vec<String>,
    receivers: Receivers,
    alerts: Alerts,
    application: Option<Application>,
    jobs: Vec<Job>,
    setup_job: Option<String>,
    clock_jobs: Vec<String>,
    database: Option<data::Database>,
    storage: Option<data::Storage>,
    sessions: Option<data::Sessions>,
    chat: Option<data::Chat>,
    cache: Option<data::Cache>,
    domain: Option<edge::Domain>,
    pair: Option<edge::Standing>,
    vpn: Option<edge::Vpn>,
    budget: Option<edge::Budget>,
}

impl Stack {
    fn new(deployment: &Deployment) -> Self {
        let spec = &deployment.spec;
        let names = Names::new(deployment);
        let own = OwnSecrets::new(deployment);
        let front_door = edge::front_door(deployment);
        let insights = spec.tracing || alarms::asks_insights(deployment, front_door);
        let premium_registry = spec.application.is_some() && spec.profile == Profile::Resilient;
        let setup = application::setup_job(deployment, &names);
        let clock = application::jobs(deployment, &names);
        let asked: Vec<_> = application::asked(spec).into_iter().collect();
        let (database, storage) = (data::database(deployment, &own), data::storage(deployment));
        let (sessions, chat) = (data::sessions(deployment), data::chat(deployment));
        let cache = data::cache(deployment, &own);
        let vault = !asked.is_empty() || database.is_some() || cache.is_some();
        let services = storage.is_some() || sessions.is_some() || chat.is_some() || vault;
        Self {
            name: spec.name.clone(),
            folder: deployment.folder.clone(),
            region: deployment.region.clone(),
            profile: profile(spec.profile),
            addresses: deployment.addresses,
            subnets: edge::Subnets::of(deployment.addresses),
            log_days: deployment.log_days,
            zones: data::survives_a_zone(deployment),
            insights,
            identity: spec.application.is_some() || services,
            endpoints: services || premium_registry,
            premium_registry,
            locks: database.is_some() || storage.is_some() || sessions.is_some(),
            interruptible: interruptible(deployment),
            cdn: deployment.extras.cdn,
            firewall: deployment.extras.firewall,
            front_door,
            vault,
            asked,
            receivers: alarms::receivers(deployment),
            alerts: alarms::alerts(deployment, front_door),
            application: application::application(deployment, &own, insights),
            setup_job: setup.as_ref().map(|job| job.name.clone()),
            clock_jobs: clock.iter().map(|job| job.name.clone()).collect(),
            jobs: setup.into_iter().chain(clock).collect(),
            database,
            storage,
            sessions,
            chat,
            cache,
            domain: edge::domain(deployment),
            pair: deployment.pair.as_ref().map(edge::standing),
            vpn: edge::vpn(deployment),
            budget: edge::budget(deployment),
            names,
        }
    }

    /// The modules that there are, by the names of their templates.
    fn modules(&self) -> Vec<&'static str> {
        let runs = self.application.is_some();
        let alerts = !self.alerts.metrics.is_empty() || !self.alerts.queries.is_empty();
        let all = [
            ("modules/alerts.bicep", alerts),
            ("modules/application.bicep", runs),
            ("modules/budget.bicep", self.budget.is_some()),
            ("modules/cache.bicep", self.cache.is_some()),
            ("modules/chat.bicep", self.chat.is_some()),
            ("modules/database.bicep", self.database.is_some()),
            ("modules/domain.bicep", self.domain.is_some()),
            ("modules/environment.bicep", runs),
            ("modules/front-door.bicep", self.front_door),
            ("modules/jobs.bicep", !self.jobs.is_empty()),
            ("modules/monitoring.bicep", true),
            ("modules/network.bicep", true),
            ("modules/pipeline.bicep", runs),
            ("modules/private-endpoint.bicep", self.endpoints),
            ("modules/registry.bicep", runs),
            ("modules/secret.bicep", self.vault),
            ("modules/sessions.bicep", self.sessions.is_some()),
            ("modules/storage.bicep", self.storage.is_some()),
            ("modules/vault.bicep", self.vault),
            ("modules/vpn.bicep", self.vpn.is_some()),
        ];
        all.into_iter().filter(|(_, is_there)| *is_there).map(|(name, _)| name).collect()
    }
}

fn interruptible(deployment: &Deployment) -> bool {
    let spec = &deployment.spec;
    let replicas = spec.scale.as_ref().is_some_and(|scale| scale.interruptible);
    replicas || spec.jobs.values().any(|job| job.interruptible)
}

fn profile(profile: Profile) -> &'static str {
    match profile {
        Profile::Small => "small",
        Profile::Standard => "standard",
        Profile::Resilient => "resilient",
    }
}

/// The files of a deployment that fits.
///
/// # Errors
/// `template_wrong`: a fault of this program.
fn render(deployment: &Deployment) -> Result<Vec<Artefact>> {
    let stack = Stack::new(deployment);
    let templates = Templates::new(TEMPLATES)?;
    let folder = format!("infra/{}", stack.folder);
    let mut named: Vec<(String, &str)> = ["README.md", "main.bicep", "main.parameters.json"]
        .into_iter()
        .chain(stack.modules())
        .map(|name| (format!("{folder}/{name}"), name))
        .collect();
    if stack.application.is_some() {
        named.push((format!("{folder}/container-app.yaml"), "container-app.yaml"));
        let workflow = format!(".github/workflows/deploy-{}.yml", stack.folder);
        named.push((workflow, "deploy.yml"));
    }
    named.sort();
    named.iter().map(|(path, name)| templates.file(path, name, &stack)).collect()
}
