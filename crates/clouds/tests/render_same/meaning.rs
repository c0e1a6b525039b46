//! What a service means, in words that belong to no cloud.

use std::collections::BTreeMap;

use trefoil_core::deployment::{
    Deployment, FAILED_CHECKS, TARGET_CPU_PERCENT, TARGET_MEMORY_PERCENT,
};
use trefoil_core::units::Period;

/// What runs, how it is asked how it is, and how many of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Meaning {
    pub(crate) port: u64,
    /// In place of the image's CMD.
    pub(crate) arguments: Vec<String>,
    pub(crate) cpu_milli: u64,
    pub(crate) memory_mib: u64,
    pub(crate) least: u64,
    pub(crate) most: u64,
    /// Requests at the same time for each.
    pub(crate) concurrency: u64,
    pub(crate) target_cpu_percent: Option<u64>,
    pub(crate) target_memory_percent: Option<u64>,
    /// The path that says whether the process lives, and the one that says whether it can serve.
    pub(crate) lives: Option<String>,
    pub(crate) ready: Option<String>,
    pub(crate) interval_s: u64,
    pub(crate) timeout_s: u64,
    pub(crate) failures: u64,
    pub(crate) start_s: u64,
    pub(crate) drain_s: Option<u64>,
    /// The variables whose value is the same everywhere.
    pub(crate) variables: BTreeMap<String, String>,
    /// The secrets that the specification names, by the variable that each is in.
    pub(crate) secrets: BTreeMap<String, String>,
    pub(crate) setup: Vec<String>,
    pub(crate) jobs: BTreeMap<String, Job>,
}

/// What runs by the clock.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Job {
    pub(crate) arguments: Vec<String>,
    pub(crate) timeout_s: u64,
}

fn seconds(period: Period) -> u64 {
    period.as_millis() / 1_000
}

impl Meaning {
    /// What a specification asks for.
    pub(crate) fn asked(deployment: &Deployment) -> Self {
        let spec = &deployment.spec;
        let application = spec.application.as_ref().unwrap();
        let size = spec.size.clone().unwrap_or_default();
        let scale = spec.scale.clone().unwrap_or_default();
        let health = &application.health;
        let jobs = spec.jobs.iter().map(|(name, job)| {
            let job = Job { arguments: job.command.clone(), timeout_s: seconds(job.timeout) };
            (name.clone(), job)
        });
        Self {
            port: application.port.into(),
            arguments: application.command.clone(),
            cpu_milli: size.cpu.as_thousandths().into(),
            memory_mib: size.memory.as_u64() >> 20,
            least: scale.min.into(),
            most: scale.max.into(),
            concurrency: scale.concurrency.into(),
            target_cpu_percent: Some(TARGET_CPU_PERCENT.into()),
            target_memory_percent: Some(TARGET_MEMORY_PERCENT.into()),
            lives: Some(health.path.clone()),
            ready: Some(health.ready.clone()),
            interval_s: seconds(health.interval),
            timeout_s: seconds(health.timeout),
            failures: FAILED_CHECKS.into(),
            start_s: seconds(health.start_time),
            drain_s: Some(seconds(application.drain)),
            variables: variables(deployment),
            secrets: secrets(deployment),
            setup: application.setup.clone(),
            jobs: jobs.collect(),
        }
    }

    /// Changes what a cloud cannot be, and gives the words by which its README says so.
    pub(crate) fn bend(&mut self, cloud: &str, deployment: &Deployment) -> Vec<&'static str> {
        let mut said = Vec::new();
        match cloud {
            "aws" => {
                self.lives = None;
                said.push("a liveness check of its own");
                if self.least == 0 {
                    self.least = 1;
                    said.push("no task while nobody asks");
                }
            }
            "azure" => {
                if self.least == 0 {
                    (self.target_cpu_percent, self.target_memory_percent) = (None, None);
                    said.push("| scaling | `application.bicep`: 0 to");
                }
            }
            _ => {
                self.drain_s = None;
                self.ready = None;
                (self.target_cpu_percent, self.target_memory_percent) = (None, None);
                said.extend([
                    "whatever `application.drain` says",
                    "Cloud Run asks nobody about readiness",
                    "at 60 per cent of the processors, which cannot be changed; it looks at no memory",
                ]);
            }
        }
        if deployment.spec.database.is_none() {
            self.setup.clear();
        }
        said
    }

    /// Keeps of the variables those that mean the same everywhere.
    pub(crate) fn common(
        all: impl Iterator<Item = (String, String)>,
        deployment: &Deployment,
    ) -> BTreeMap<String, String> {
        let asked = variables(deployment);
        all.filter(|(name, _)| asked.contains_key(name)).collect()
    }

    /// Keeps of the secrets those that the specification names.
    pub(crate) fn named(
        all: impl Iterator<Item = (String, String)>,
        deployment: &Deployment,
    ) -> BTreeMap<String, String> {
        let asked = secrets(deployment);
        all.filter(|(name, _)| asked.contains_key(name)).collect()
    }
}

/// The variables of docs/container.md whose value is the same on every cloud.
fn variables(deployment: &Deployment) -> BTreeMap<String, String> {
    let spec = &deployment.spec;
    let application = spec.application.as_ref().unwrap();
    let mut all = application.variables.clone();
    let mut give = |name: &str, value: &str| all.insert(name.to_owned(), value.to_owned());
    give("LOG_LEVEL", application.log_level.as_str());
    if let Some(chat) = &spec.chat {
        give("CHAT_TIMEOUT_MS", &chat.timeout.as_millis().to_string());
        if let Some(endpoint) = &chat.endpoint {
            give("CHAT_BASE_URL", endpoint);
        }
        if let Some(version) = &chat.api_version {
            give("CHAT_API_VERSION", version);
        }
    }
    // Given by each cloud in its own words.
    all.remove("CHAT_MODEL");
    all
}

fn secrets(deployment: &Deployment) -> BTreeMap<String, String> {
    let spec = &deployment.spec;
    let mut all = spec.application.as_ref().unwrap().secrets.clone();
    if let Some(key) = spec.chat.as_ref().and_then(|chat| chat.key.clone()) {
        all.insert("CHAT_API_KEY".to_owned(), key);
    }
    all
}
