//! Everything that the templates print, decided before any of them is rendered.

use serde::Serialize;
use trefoil_core::deployment::{Deployment, Pair};
use trefoil_core::spec::Profile;

use super::alarms::{Dashboard, Monitoring};
use super::delivery::Delivery;
use super::edge::{self, Dns, Firewall};
use super::names;
use super::network::{self, Network, Vpn};
use super::service::{self, Jobs, Service, Tracing};
use super::stores::{self, Bucket, Cache, Database, Sessions};
use crate::{Error, Result};

/// What Google keeps logs for by itself, in days.
const LOG_DAYS: u32 = 30;

/// What the templates print.
#[derive(Debug, Serialize)]
pub(super) struct Values {
    pub name: String,
    pub folder: String,
    pub region: String,
    pub profile: &'static str,
    pub base: String,
    pub label_application: String,
    pub label_environment: String,
    pub domain: Option<String>,
    pub accounts: Accounts,
    pub secret_ids: SecretIds,
    pub repository: String,
    pub upstream_repository: String,
    pub pool: String,
    pub chat_role: String,
    pub chat_is_own: bool,
    pub own_metrics: bool,
    pub service: Option<Service>,
    pub delivery: Option<Delivery>,
    pub jobs: Jobs,
    pub job_prefix: String,
    pub database: Option<Database>,
    pub buckets: Vec<Bucket>,
    pub sessions: Option<Sessions>,
    pub cache: Option<Cache>,
    pub secrets: Vec<Secret>,
    pub yaml_secrets: Vec<service::SecretVariable>,
    pub network: Option<Network>,
    pub vpn: Option<Vpn>,
    pub edge: bool,
    pub cdn: bool,
    pub firewall: Option<Firewall>,
    pub dns: Option<Dns>,
    pub monitoring: Monitoring,
    pub dashboard: Dashboard,
    pub tracing: Option<Tracing>,
    pub keeps_logs: bool,
    pub log_days: u32,
    pub budget: Option<Budget>,
    pub pair: Option<PairValues>,
    pub blanks: Blanks,
}

/// The service accounts.
#[derive(Debug, Serialize)]
pub(super) struct Accounts {
    application: String,
    scheduler: String,
    deployer: String,
}

/// The names of the secrets that Terraform fills itself.
#[derive(Debug, Serialize)]
pub(super) struct SecretIds {
    database_url: String,
    cache_url: String,
    cache_authority: String,
    collector: String,
}

/// A secret of the user's own.
#[derive(Debug, Serialize)]
pub(super) struct Secret {
    key: String,
    pub id: String,
}

/// What may be spent.
#[derive(Debug, Serialize)]
pub(super) struct Budget {
    monthly_usd: u32,
    notify: Option<String>,
}

/// The other environment.
#[derive(Debug, Serialize)]
pub(super) struct PairValues {
    is_primary: bool,
    other_folder: String,
}

/// What only whoever runs `gcloud` knows: the variables that stand for it in `service.yaml`.
#[derive(Debug, Serialize)]
pub(super) struct Blanks {
    project: String,
    project_name: String,
    image: String,
    image_name: String,
}

impl Values {
    /// What the templates print for a deployment that has no misfits.
    ///
    /// # Errors
    /// `render_misfit` for a deployment that has some.
    pub(super) fn of(deployment: &Deployment) -> Result<Self> {
        let spec = &deployment.spec;
        let sizes = service::fit(deployment);
        let edge = edge::is_needed(deployment);
        let service = match (&spec.application, sizes.service) {
            (Some(application), Some(size)) => {
                Some(Service::of(deployment, application, &size.map_err(misfit)?, edge))
            }
            _ => None,
        };
        let database = match (&spec.database, sizes.database) {
            (Some(wanted), Some(size)) => {
                Some(Database::of(deployment, wanted, &size.map_err(misfit)?))
            }
            _ => None,
        };
        let mut values = Self::without_sizes(deployment);
        values.service = service;
        values.database = database;
        values.own_metrics = values.monitoring.has_own_metrics();
        values.yaml_secrets = yaml_secrets(deployment, &values);
        Ok(values)
    }

    /// What depends on no size.
    fn without_sizes(deployment: &Deployment) -> Self {
        let spec = &deployment.spec;
        let application = spec.application.as_ref();
        let base = names::base(deployment);
        let jobs = application.map(|one| service::jobs(deployment, one)).unwrap_or_default();
        let has_batch = !jobs.batch.is_empty();
        Self {
            name: spec.name.clone(),
            folder: deployment.folder.clone(),
            region: deployment.region.clone(),
            profile: profile(spec.profile),
            label_application: spec.name.clone(),
            label_environment: deployment.folder.clone(),
            domain: spec.domain.clone(),
            accounts: accounts(deployment),
            secret_ids: secret_ids(deployment),
            repository: base.clone(),
            upstream_repository: format!("{base}-upstream"),
            pool: names::pool(deployment),
            chat_role: names::role(deployment, "chat"),
            chat_is_own: application.is_some()
                && spec.chat.as_ref().is_some_and(|chat| chat.endpoint.is_none()),
            own_metrics: false,
            service: None,
            delivery: application.map(|one| Delivery::of(deployment, one)),
            network: network::network(deployment, has_batch),
            jobs,
            job_prefix: base.clone(),
            database: None,
            buckets: stores::buckets(deployment),
            sessions: stores::sessions(deployment),
            cache: stores::cache(deployment),
            secrets: secrets(deployment),
            yaml_secrets: Vec::new(),
            vpn: network::vpn(deployment),
            edge: edge::is_needed(deployment),
            cdn: deployment.extras.cdn,
            firewall: edge::firewall(deployment),
            dns: edge::dns(deployment),
            monitoring: Monitoring::of(deployment),
            dashboard: Dashboard::of(deployment),
            tracing: service::tracing(deployment),
            keeps_logs: deployment.log_days > LOG_DAYS,
            log_days: deployment.log_days,
            budget: budget(deployment),
            pair: deployment.pair.as_ref().map(pair),
            blanks: blanks(deployment),
            base,
        }
    }

    /// Whether jobs run on spot machines.
    pub(super) fn has_batch(&self) -> bool {
        !self.jobs.batch.is_empty()
    }
}

fn misfit(why: String) -> Error {
    Error::usage("render_misfit", why)
}

fn profile(profile: Profile) -> &'static str {
    match profile {
        Profile::Small => "small",
        Profile::Standard => "standard",
        Profile::Resilient => "resilient",
    }
}

fn accounts(deployment: &Deployment) -> Accounts {
    Accounts {
        application: names::account(deployment, "app"),
        scheduler: names::account(deployment, "cron"),
        deployer: names::account(deployment, "ci"),
    }
}

fn secret_ids(deployment: &Deployment) -> SecretIds {
    // With underscores, which the specification's secrets have not: no two have the same name.
    let id = |what: &str| names::secret(deployment, what);
    SecretIds {
        database_url: id("database_url"),
        cache_url: id("cache_url"),
        cache_authority: id("cache_authority"),
        collector: id("collector_config"),
    }
}

fn secrets(deployment: &Deployment) -> Vec<Secret> {
    let Some(application) = &deployment.spec.application else { return Vec::new() };
    let variables = service::secrets(deployment, application);
    let keys: std::collections::BTreeSet<_> =
        variables.into_iter().map(|variable| variable.secret).collect();
    let secret = |key: String| Secret { id: names::secret(deployment, &key), key };
    keys.into_iter().map(secret).collect()
}

/// The variables of `service.yaml` whose values are secrets, by the names of these.
fn yaml_secrets(deployment: &Deployment, values: &Values) -> Vec<service::SecretVariable> {
    let variable = |name: &str, secret: &str| service::SecretVariable {
        name: name.to_owned(),
        secret: secret.to_owned(),
    };
    let application = deployment.spec.application.as_ref();
    let declared = application.map(|one| service::secrets(deployment, one)).unwrap_or_default();
    let mut variables: Vec<_> = declared
        .into_iter()
        .map(|one| variable(&one.name, &names::secret(deployment, &one.secret)))
        .collect();
    if values.database.is_some() {
        variables.push(variable("DATABASE_URL", &values.secret_ids.database_url));
    }
    if values.cache.is_some() {
        variables.push(variable("CACHE_URL", &values.secret_ids.cache_url));
        variables.push(variable("CACHE_CA_CERTIFICATE", &values.secret_ids.cache_authority));
    }
    variables
}

fn budget(deployment: &Deployment) -> Option<Budget> {
    let (monthly_usd, notify) = deployment.extras.budget.clone()?;
    Some(Budget { monthly_usd, notify })
}

fn pair(pair: &Pair) -> PairValues {
    PairValues { is_primary: pair.is_primary, other_folder: pair.other_folder.clone() }
}

/// Names that stand in no text of the specification, so that nothing else is filled in.
fn blanks(deployment: &Deployment) -> Blanks {
    let text = serde_json::to_string(&deployment.spec).unwrap_or_default();
    let unused = |name: &str| {
        let mut name = name.to_owned();
        while text.contains(&format!("${{{name}}}")) || text.contains(&format!("${name}")) {
            name.push('X');
        }
        name
    };
    let (project_name, image_name) = (unused("PROJECT"), unused("IMAGE"));
    let blank = |name: &str| format!("${{{name}}}");
    Blanks { project: blank(&project_name), image: blank(&image_name), project_name, image_name }
}
