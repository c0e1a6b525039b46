//! The application on Cloud Run, and its jobs.

use std::collections::BTreeMap;

use serde::Serialize;
use trefoil_core::cost::Needs;
use trefoil_core::cost::needs::Architecture;
use trefoil_core::deployment::{Deployment, FAILED_CHECKS};
use trefoil_core::spec::{Application, Health, Job};
use trefoil_core::units::Bytes;

use super::super::resources::{self, Billing, Resources, RunService};
use super::names;
use crate::operate::render::seconds;

/// How long a request may take, unless the language model may take longer.
const REQUEST_S: u64 = 300;
/// Google's build of the OpenTelemetry collector.
const COLLECTOR: &str = "us-docker.pkg.dev/cloud-ops-agents-artifacts/google-cloud-opentelemetry-collector/otelcol-google:0.160.0";

/// The service.
#[derive(Debug, Serialize)]
pub(super) struct Service {
    pub name: String,
    pub ingress: &'static str,
    pub port: u16,
    /// What takes the place of the image's CMD; nothing when empty.
    pub args: Vec<String>,
    pub cpu: String,
    pub cpu_milli: u64,
    pub memory: String,
    pub memory_mib: u64,
    pub cpu_idle: bool,
    pub min: u32,
    pub max: u32,
    pub concurrency: u32,
    pub timeout_s: u64,
    pub health_path: String,
    pub ready_path: String,
    pub startup: Probe,
    pub liveness: Probe,
    pub variables: Vec<Variable>,
    pub secrets: Vec<SecretVariable>,
    /// Addresses of what must exist before an instance can start.
    pub waits_for: Vec<&'static str>,
}

/// How an instance is asked.
#[derive(Debug, Serialize)]
pub(super) struct Probe {
    pub period_s: u64,
    pub timeout_s: u64,
    pub failures: u64,
    /// How long it has until it counts as failed.
    pub budget_s: u64,
}

/// A variable with its value.
#[derive(Debug, Serialize)]
pub(super) struct Variable {
    pub name: String,
    pub value: String,
}

/// A variable whose value is a secret.
#[derive(Debug, Serialize)]
pub(super) struct SecretVariable {
    pub name: String,
    pub secret: String,
}

/// The collector of traces beside each instance.
#[derive(Debug, Serialize)]
pub(super) struct Tracing {
    image: &'static str,
    cpu: &'static str,
    memory: &'static str,
}

/// What runs in the application's image besides it.
#[derive(Debug, Default, Serialize)]
pub(super) struct Jobs {
    /// On Cloud Run.
    pub run: Vec<RunJob>,
    /// On spot machines.
    pub batch: Vec<RunJob>,
    /// The name of the one that brings the database up to date.
    pub setup: Option<String>,
    pub has_schedules: bool,
}

/// One job.
#[derive(Debug, Serialize)]
pub(super) struct RunJob {
    pub key: String,
    pub label: String,
    pub name: String,
    pub schedule: Option<String>,
    pub args: Vec<String>,
    pub timeout_s: u64,
    pub retries: u32,
}

impl Service {
    /// The service of an application; `size` is what is paid for.
    pub(super) fn of(
        deployment: &Deployment,
        application: &Application,
        size: &RunService,
        is_behind_edge: bool,
    ) -> Self {
        let spec = &deployment.spec;
        let scale = spec.scale.clone().unwrap_or_default();
        let memory = spec.size.clone().unwrap_or_default().memory;
        let millis = |cpu: &RunService| (cpu.vcpu * rust_decimal::dec!(1000)).normalize();
        Self {
            name: names::base(deployment),
            ingress: if is_behind_edge { "internal-and-cloud-load-balancing" } else { "all" },
            port: application.port,
            args: application.command.clone(),
            cpu: size.vcpu.normalize().to_string(),
            cpu_milli: u64::try_from(millis(size)).unwrap_or(u64::MAX),
            memory: kubernetes(memory),
            memory_mib: memory.as_u64().div_ceil(1 << 20),
            cpu_idle: size.billing == Billing::Request,
            min: scale.min,
            max: scale.max,
            concurrency: scale.concurrency,
            timeout_s: request_s(deployment),
            health_path: application.health.path.clone(),
            ready_path: application.health.ready.clone(),
            startup: startup(&application.health),
            liveness: liveness(&application.health),
            variables: variables(deployment, application),
            secrets: secrets(deployment, application),
            waits_for: waits_for(deployment, application),
        }
    }
}

/// What is deployed, and so what is paid for. Instances that may be taken away are none that must:
/// Cloud Run has no spot, and gives ordinary ones. A processor that it has not is a misfit of its
/// own, beside that of the size.
pub(super) fn fit(deployment: &Deployment) -> Resources {
    let mut needs = Needs::of_rendered(&deployment.spec);
    if let Some(application) = &mut needs.application {
        application.spot = false;
        application.architecture = Architecture::X86;
    }
    resources::resources(&needs)
}

/// How long a request may take, in seconds.
pub(super) fn request_s(deployment: &Deployment) -> u64 {
    let chat = deployment.spec.chat.as_ref().map_or(0, |chat| seconds(chat.timeout));
    REQUEST_S.max(chat)
}

/// An amount of memory as Kubernetes writes it.
fn kubernetes(memory: Bytes) -> String {
    const GI: u64 = 1 << 30;
    match memory.as_u64() {
        bytes if bytes.is_multiple_of(GI) => format!("{}Gi", bytes / GI),
        bytes => format!("{}Mi", bytes.div_ceil(1 << 20)),
    }
}

fn startup(health: &Health) -> Probe {
    let period_s = seconds(health.interval).max(1);
    probe(health, seconds(health.start_time).div_ceil(period_s).max(1))
}

fn liveness(health: &Health) -> Probe {
    probe(health, u64::from(FAILED_CHECKS))
}

fn probe(health: &Health, failures: u64) -> Probe {
    let period_s = seconds(health.interval).max(1);
    let timeout_s = seconds(health.timeout).max(1);
    Probe { period_s, timeout_s, failures, budget_s: failures * period_s }
}

/// What the application is told and what is no secret, except for what only the cloud knows.
fn variables(deployment: &Deployment, application: &Application) -> Vec<Variable> {
    let spec = &deployment.spec;
    let mut variables = vec![("LOG_LEVEL", application.log_level.as_str().to_owned())];
    if let Some(chat) = &spec.chat {
        variables.extend(chat.endpoint.clone().map(|url| ("CHAT_BASE_URL", url)));
        variables.extend(chat.api_version.clone().map(|version| ("CHAT_API_VERSION", version)));
        variables.push(("CHAT_TIMEOUT_MS", chat.timeout.as_millis().to_string()));
        let model = chat.model.get("gcp").map(|model| match chat.endpoint {
            // Vertex AI's endpoint wants to know whose the model is.
            None if !model.contains('/') => format!("google/{model}"),
            _ => model.clone(),
        });
        variables.extend(model.map(|model| ("CHAT_MODEL", model)));
    }
    if spec.tracing {
        variables.push(("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318".to_owned()));
        variables.push(("OTEL_SERVICE_NAME", spec.name.clone()));
    }
    let given = variables.into_iter().map(|(name, value)| (name.to_owned(), value));
    let declared = application.variables.iter().map(|(name, value)| (name.clone(), value.clone()));
    // What the environment gives wins over what is declared.
    let all: BTreeMap<_, _> = declared.chain(given).collect();
    all.into_iter().map(|(name, value)| Variable { name, value }).collect()
}

/// The variables whose values are secrets of the user's own.
pub(super) fn secrets(deployment: &Deployment, application: &Application) -> Vec<SecretVariable> {
    let declared = application.secrets.iter().map(|(name, secret)| (name.clone(), secret.clone()));
    let key = deployment.spec.chat.as_ref().and_then(|chat| chat.key.clone());
    let key = key.map(|secret| ("CHAT_API_KEY".to_owned(), secret));
    let mut all: BTreeMap<_, _> = declared.chain(key).collect();
    for given in variables(deployment, application) {
        all.remove(&given.name);
    }
    all.into_iter().map(|(name, secret)| SecretVariable { name, secret }).collect()
}

fn waits_for(deployment: &Deployment, application: &Application) -> Vec<&'static str> {
    let spec = &deployment.spec;
    let has_secrets = !secrets(deployment, application).is_empty();
    let optional = [
        (has_secrets, "google_secret_manager_secret_iam_member.application"),
        (spec.database.is_some(), "google_secret_manager_secret_iam_member.database_url"),
        (deployment.extras.cache.is_some(), "google_secret_manager_secret_iam_member.cache"),
        (spec.tracing, "google_secret_manager_secret_iam_member.collector"),
    ];
    let needed = optional.iter().filter(|(is_needed, _)| *is_needed).map(|(_, address)| *address);
    ["google_project_service.required"].into_iter().chain(needed).collect()
}

/// The collector, when traces are asked for.
pub(super) fn tracing(deployment: &Deployment) -> Option<Tracing> {
    let tracing = Tracing { image: COLLECTOR, cpu: "1", memory: "512Mi" };
    (deployment.spec.tracing && deployment.spec.application.is_some()).then_some(tracing)
}

/// The jobs, and the one that brings the database up to date.
pub(super) fn jobs(deployment: &Deployment, application: &Application) -> Jobs {
    let spec = &deployment.spec;
    let of_spec = |is_batch: bool| {
        let jobs = spec.jobs.iter().filter(move |(_, job)| job.interruptible == is_batch);
        jobs.map(|(key, job)| run_job(deployment, key, job)).collect::<Vec<_>>()
    };
    let (mut run, batch) = (of_spec(false), of_spec(true));
    let setup = setup(deployment, application);
    let name = setup.as_ref().map(|job| job.name.clone());
    let has_schedules = !run.is_empty() || !batch.is_empty();
    run.extend(setup);
    Jobs { run, batch, setup: name, has_schedules }
}

fn run_job(deployment: &Deployment, key: &str, job: &Job) -> RunJob {
    RunJob {
        key: key.to_owned(),
        label: names::label("job", key),
        name: names::job(deployment, key),
        schedule: Some(job.schedule.as_str().to_owned()),
        args: job.command.clone(),
        timeout_s: seconds(job.timeout),
        // A run that failed waits for its next time, as it does under cron.
        retries: 0,
    }
}

/// How long the database may take to be brought up to date, in seconds.
const SETUP_S: u64 = 1_800;

fn setup(deployment: &Deployment, application: &Application) -> Option<RunJob> {
    deployment.spec.database.as_ref()?;
    if application.setup.is_empty() {
        return None;
    }
    let mut key = "setup".to_owned();
    while deployment.spec.jobs.contains_key(&key) {
        key.insert_str(0, "database-");
    }
    Some(RunJob {
        label: names::label("job", &key),
        name: names::job(deployment, &key),
        key,
        schedule: None,
        args: application.setup.clone(),
        timeout_s: SETUP_S,
        retries: 0,
    })
}
