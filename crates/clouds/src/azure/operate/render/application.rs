//! The application and its jobs, in the words of Container Apps.

use std::collections::BTreeSet;

use rust_decimal::Decimal;
use serde::Serialize;
use trefoil_core::cost::Needs;
use trefoil_core::deployment::{
    Deployment, FAILED_CHECKS, TARGET_CPU_PERCENT, TARGET_MEMORY_PERCENT,
};
use trefoil_core::spec;

use super::names::{self, Names};
use crate::azure::operate::resources::{ContainerApp, resources};
use crate::operate::pricing::{Fit, words};
use crate::operate::render::seconds;

/// How often a probe may fail at most before it counts.
const MOST_FAILURES: u64 = 10;

/// The application.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Application {
    /// The image that is deployed until the pipeline gives another.
    pub(super) image: String,
    /// What takes the place of the image's CMD; nothing when empty.
    pub(super) command: Vec<String>,
    /// Where it listens.
    pub(super) port: u16,
    /// vCPU of a replica.
    pub(super) cpu: String,
    /// Memory of a replica.
    pub(super) memory: String,
    /// Replicas at least.
    pub(super) min: u32,
    /// Replicas at most.
    pub(super) max: u32,
    /// Requests at the same time before another replica starts.
    pub(super) concurrency: u32,
    /// Per cent of the processors, and of the memory, at which another replica starts.
    pub(super) cpu_percent: u32,
    pub(super) memory_percent: u32,
    /// Seconds that requests in flight may take to end.
    pub(super) drain_s: u64,
    /// How it is asked how it is.
    pub(super) health: Health,
    /// Whether Dapr runs beside it.
    pub(super) dapr: bool,
    /// Its environment variables.
    pub(super) variables: Vec<Variable>,
    /// The secrets that it is given.
    pub(super) secrets: Vec<String>,
    /// Whether it is told which identity it has.
    pub(super) identifies: bool,
    /// The modules that must be done before it starts.
    pub(super) waits_for: Vec<&'static str>,
}

/// How the application is asked how it is; times in seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Health {
    /// Answers 200 while the process lives.
    pub(super) path: String,
    /// Answers 200 when it can serve.
    pub(super) ready: String,
    /// How often it is asked.
    pub(super) interval_s: u64,
    /// How long one answer may take.
    pub(super) timeout_s: u64,
    /// How often it is asked while it starts.
    pub(super) startup_period_s: u64,
    /// How often that may fail.
    pub(super) startup_failures: u64,
    /// How often in a row the others may fail.
    pub(super) failures: u32,
}

/// An environment variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Variable {
    /// Its name.
    pub(super) name: String,
    /// Where its value comes from.
    pub(super) given: Given,
    /// Its value, or what follows what is given.
    pub(super) value: String,
}

/// Where the value of a variable comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Given {
    /// The specification.
    Written,
    /// The storage account.
    Bucket,
    /// The account of sessions.
    Sessions,
    /// The account of the language model.
    Chat,
    /// The name of the language model there.
    Model,
    /// The identity of the application.
    Identity,
    /// Application Insights.
    Insights,
    /// A secret of the vault.
    Secret,
}

/// What runs by the clock or by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Job {
    /// Its name in the template.
    pub(super) symbol: String,
    /// Its name on Azure.
    pub(super) name: String,
    /// When it runs, in UTC; by hand when there is none.
    pub(super) schedule: Option<String>,
    /// The program and its arguments.
    pub(super) command: Vec<String>,
    /// How long a run may take, in seconds.
    pub(super) timeout_s: u64,
    /// How often a run that failed is begun again.
    pub(super) retries: u32,
}

/// The names under which the vault holds what the application is given besides its own secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OwnSecrets {
    /// The address of the database.
    pub(super) database: Option<String>,
    /// The address of the cache.
    pub(super) cache: Option<String>,
}

impl OwnSecrets {
    /// Names that none of the specification's secrets has.
    pub(super) fn new(deployment: &Deployment) -> Self {
        let asked = asked(&deployment.spec);
        let free = |wanted: &str| names::free(wanted, asked.iter());
        Self {
            database: deployment.spec.database.as_ref().map(|_| free("database")),
            cache: deployment.extras.cache.as_ref().map(|_| free("cache")),
        }
    }
}

/// The secrets that the specification names, each once.
pub(super) fn asked(spec: &spec::AppSpec) -> BTreeSet<String> {
    let application = spec.application.iter().flat_map(|one| one.secrets.values());
    let key = spec.chat.as_ref().and_then(|chat| chat.key.as_ref());
    application.chain(key.filter(|_| spec.application.is_some())).cloned().collect()
}

/// The size of a replica, as it is priced. Container Apps have no interruptible capacity: what may
/// be interrupted runs on ordinary capacity.
pub(super) fn replica(spec: &spec::AppSpec) -> Option<Fit<ContainerApp>> {
    let mut needs = Needs::of_rendered(spec);
    if let Some(application) = &mut needs.application {
        application.spot = false;
    }
    resources(&needs).app
}

/// The application of a deployment that fits.
pub(super) fn application(
    deployment: &Deployment,
    own: &OwnSecrets,
    insights: bool,
) -> Option<Application> {
    let spec = &deployment.spec;
    let one = spec.application.as_ref()?;
    let replica = replica(spec)?.ok()?;
    let scale = spec.scale.clone().unwrap_or_default();
    let variables = variables(deployment, one, own, insights);
    Some(Application {
        image: one.image.clone()?,
        command: one.command.clone(),
        port: one.port,
        cpu: number(replica.vcpu),
        memory: format!("{}Gi", number(replica.memory_gib)),
        min: scale.min,
        max: scale.max,
        concurrency: scale.concurrency,
        cpu_percent: TARGET_CPU_PERCENT,
        memory_percent: TARGET_MEMORY_PERCENT,
        drain_s: seconds(one.drain),
        health: health(&one.health),
        dapr: one.dapr,
        secrets: secrets(&variables),
        identifies: variables.iter().any(|one| one.given == Given::Identity),
        waits_for: waits_for(own),
        variables,
    })
}

/// The addresses that these modules write into the vault must be there when a replica starts.
fn waits_for(own: &OwnSecrets) -> Vec<&'static str> {
    let database = own.database.as_ref().map(|_| "database");
    database.into_iter().chain(own.cache.as_ref().map(|_| "cache")).collect()
}

fn health(health: &spec::Health) -> Health {
    let interval_s = seconds(health.interval).max(1);
    let start_s = seconds(health.start_time).max(1);
    let startup_period_s = interval_s.max(start_s.div_ceil(MOST_FAILURES));
    Health {
        path: health.path.clone(),
        ready: health.ready.clone(),
        interval_s,
        timeout_s: seconds(health.timeout).max(1),
        startup_period_s,
        startup_failures: start_s.div_ceil(startup_period_s),
        failures: FAILED_CHECKS,
    }
}

/// What the environment gives wins over what is declared.
fn variables(
    deployment: &Deployment,
    one: &spec::Application,
    own: &OwnSecrets,
    insights: bool,
) -> Vec<Variable> {
    let given = given(deployment, one, own, insights);
    let is_free = |name: &String| !given.iter().any(|one| one.name == *name);
    let declared = one.variables.iter().map(|(name, value)| written(name, value));
    let secrets = one.secrets.iter().map(|(name, secret)| variable(name, Given::Secret, secret));
    let mut all: Vec<_> = declared.chain(secrets).filter(|one| is_free(&one.name)).collect();
    all.extend(given);
    all
}

fn given(
    deployment: &Deployment,
    one: &spec::Application,
    own: &OwnSecrets,
    insights: bool,
) -> Vec<Variable> {
    let spec = &deployment.spec;
    let mut all =
        vec![written("PORT", &one.port.to_string()), written("LOG_LEVEL", one.log_level.as_str())];
    let secret = |name: &'static str| move |secret: &String| variable(name, Given::Secret, secret);
    all.extend(own.database.as_ref().map(secret("DATABASE_URL")));
    all.extend(spec.buckets.keys().map(|bucket| {
        let name = format!("BUCKET_{}_URL", bucket.to_ascii_uppercase().replace('-', "_"));
        variable(&name, Given::Bucket, &names::container(bucket))
    }));
    if spec.sessions.is_some() {
        all.push(variable("SESSIONS_URL", Given::Sessions, ""));
    }
    all.extend(own.cache.as_ref().map(secret("CACHE_URL")));
    all.extend(spec.chat.iter().flat_map(chat));
    if !spec.buckets.is_empty() || spec.sessions.is_some() || has_model(spec) {
        all.push(variable("AZURE_CLIENT_ID", Given::Identity, ""));
    }
    if insights {
        all.push(variable("APPLICATIONINSIGHTS_CONNECTION_STRING", Given::Insights, ""));
    }
    all
}

/// Whether the language model is Azure's own.
pub(super) fn has_model(spec: &spec::AppSpec) -> bool {
    spec.chat.as_ref().is_some_and(|chat| chat.endpoint.is_none())
}

fn chat(chat: &spec::Chat) -> Vec<Variable> {
    let mut all = match &chat.endpoint {
        Some(endpoint) => vec![written("CHAT_BASE_URL", endpoint)],
        None => vec![
            variable("CHAT_BASE_URL", Given::Chat, ""),
            variable("CHAT_MODEL", Given::Model, ""),
        ],
    };
    if chat.endpoint.is_some() {
        all.extend(chat.model.get("azure").map(|model| written("CHAT_MODEL", model)));
    }
    all.extend(chat.key.as_ref().map(|key| variable("CHAT_API_KEY", Given::Secret, key)));
    all.extend(chat.api_version.as_ref().map(|version| written("CHAT_API_VERSION", version)));
    all.push(written("CHAT_TIMEOUT_MS", &chat.timeout.as_millis().to_string()));
    all
}

fn written(name: &str, value: &str) -> Variable {
    variable(name, Given::Written, value)
}

fn variable(name: &str, given: Given, value: &str) -> Variable {
    Variable { name: name.to_owned(), given, value: value.to_owned() }
}

fn secrets(variables: &[Variable]) -> Vec<String> {
    let secrets = variables.iter().filter(|one| one.given == Given::Secret);
    let each_once: BTreeSet<_> = secrets.map(|one| one.value.clone()).collect();
    each_once.into_iter().collect()
}

/// The job that prepares the database, if there is one.
pub(super) fn setup_job(deployment: &Deployment, names: &Names) -> Option<Job> {
    let one = deployment.spec.application.as_ref().filter(|one| !one.setup.is_empty())?;
    let job = names::free("setup", deployment.spec.jobs.keys());
    Some(Job {
        symbol: "setup".to_owned(),
        name: names.job(&job),
        schedule: None,
        command: one.setup.clone(),
        timeout_s: 30 * 60,
        retries: 0,
    })
}

/// What runs by the clock.
pub(super) fn jobs(deployment: &Deployment, names: &Names) -> Vec<Job> {
    let jobs = deployment.spec.jobs.iter().map(|(name, job)| Job {
        symbol: names::symbol("job", name),
        name: names.job(name),
        schedule: Some(job.schedule.as_str().to_owned()),
        command: job.command.clone(),
        timeout_s: seconds(job.timeout).max(1),
        // A run that failed waits for its next time, as it does under cron.
        retries: 0,
    });
    jobs.collect()
}

fn number(decimal: Decimal) -> String {
    words(decimal)
}
