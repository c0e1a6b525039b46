//! Starting and stopping the application as processes of this machine.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::ExposeSecret;
use tokio::time::Instant;
use trefoil_core::spec::Application;
use url::Url;

use super::{CLOUD, Local};
use crate::operate::agent_protocol::{InstanceRecord, InstanceStatus, StartInstance, StopInstance};
use crate::operate::compute::{Compute, Running};
use crate::operate::files;
use crate::operate::probe;
use crate::{Error, Result};

/// The instances' names.
pub(super) const APPLICATION: &str = "application";
const SETUP: &str = "setup";
/// How long the setup command may run.
const SETUP_TIMEOUT: Duration = Duration::from_secs(15 * 60);
/// How much longer than its work an answer of the agent may take.
const ANSWER_MARGIN: Duration = Duration::from_secs(15);
/// How often an application that is starting is asked.
const ASK_INTERVAL: Duration = Duration::from_millis(50);
/// How long an application that did not start may take to end.
const GIVE_UP_DRAIN: Duration = Duration::from_secs(2);
/// The PATH when ours is not set, as Debian's login gives it.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

#[async_trait]
impl Compute for Local {
    async fn set_up(&self) -> Result<()> {
        let Some(application) = &self.spec.application else { return Ok(()) };
        if application.setup.is_empty() {
            return Ok(());
        }
        let request = StartInstance {
            name: SETUP.to_owned(),
            command: self.found_here(&application.setup),
            working_dir: self.spec_folder.display().to_string(),
            environment: self.environment_of(application).await?,
            once: true,
            timeout_ms: millis(SETUP_TIMEOUT),
        };
        let timeout = SETUP_TIMEOUT + ANSWER_MARGIN;
        self.agent.post::<_, InstanceStatus>("/instances/start", &request, timeout).await.map(drop)
    }

    async fn start(&self) -> Result<Running> {
        let application = self.spec.application.as_ref().ok_or_else(|| {
            Error::usage("application_absent", "the specification has no application")
        })?;
        let request = StartInstance {
            name: APPLICATION.to_owned(),
            command: self.command_of(application)?,
            working_dir: self.spec_folder.display().to_string(),
            environment: self.environment_of(application).await?,
            once: false,
            timeout_ms: 0,
        };
        let started: InstanceStatus =
            self.ask_agent("/instances/start", &request, ANSWER_MARGIN).await?;
        match self.until_healthy(application, &started).await {
            Ok(()) => self.running().await?.ok_or_else(|| ended(&started)),
            Err(error) => {
                // Left alone it would be started again and again.
                if let Err(left) = self.stop(GIVE_UP_DRAIN).await {
                    tracing::warn!(error = left.chain(), "an application that failed is left");
                }
                Err(error)
            }
        }
    }

    async fn stop(&self, drain: Duration) -> Result<()> {
        if !self.agent.answers().await && self.process_without_agent()?.is_none() {
            return Ok(());
        }
        let request = StopInstance { name: APPLICATION.to_owned(), drain_ms: millis(drain) };
        // Only an agent can stop it for good: one is started for that if there is none.
        self.ask_agent("/instances/stop", &request, drain + ANSWER_MARGIN).await
    }

    async fn running(&self) -> Result<Option<Running>> {
        match self.agent_status().await? {
            Some(status) => {
                let instance = status.instances.iter().find(|one| one.name == APPLICATION);
                Ok(instance.and_then(|one| Some(running_at(one.port, one.pid?))))
            }
            None => self.process_without_agent(),
        }
    }

    async fn ready(&self) -> Result<std::result::Result<(), String>> {
        let Some(application) = &self.spec.application else { return Ok(Ok(())) };
        let Some(running) = self.running().await? else {
            return Ok(Err("it does not run".to_owned()));
        };
        let health = &application.health;
        let asked = probe::get(&running.address, &health.ready, health.timeout.as_duration());
        Ok(match asked.await {
            Ok(answer) if answer.status == 200 => Ok(()),
            Ok(answer) => Err(format!("{} {}", answer.status, answer.words).trim().to_owned()),
            Err(error) => Err(error.chain()),
        })
    }
}

impl Local {
    /// The application as the agent has written it down, when it runs although no agent does.
    fn process_without_agent(&self) -> Result<Option<Running>> {
        // Without links, as the agent has named it to the instance.
        let Ok(root) = self.layout.root().canonicalize() else { return Ok(None) };
        let file = root.join("instances").join(format!("{APPLICATION}.json"));
        let record: Option<InstanceRecord> = files::read_json(&file)?;
        Ok(record.and_then(|record| Some(running_at(record.port, record.running(&file)?.pid))))
    }

    fn command_of(&self, application: &Application) -> Result<Vec<String>> {
        if !application.command.is_empty() {
            return Ok(self.found_here(&application.command));
        }
        let message = match &application.image {
            Some(image) => format!("`{image}` cannot be started on `{}`", self.environment),
            None => "the application has no command".to_owned(),
        };
        Err(Error::refused("image_not_on_this_cloud", message)
            .hint("no container engine is used here; give application.command"))
    }

    /// The command with a program that is named by a path found from the specification's folder.
    fn found_here(&self, command: &[String]) -> Vec<String> {
        let mut command = command.to_vec();
        if let Some(program) = command.first_mut().filter(|program| program.contains('/')) {
            *program = self.spec_folder.join(&program).display().to_string();
        }
        command
    }

    /// Everything but PORT. What the environment gives wins over what is declared, because an
    /// application that moved must not hold on to the place that it came from.
    async fn environment_of(&self, application: &Application) -> Result<BTreeMap<String, String>> {
        let mut all = BTreeMap::new();
        let mut put = |name: &str, value: String| drop(all.insert(name.to_owned(), value));
        put("PATH", std::env::var("PATH").unwrap_or_else(|_| DEFAULT_PATH.to_owned()));
        put("HOME", std::env::var("HOME").unwrap_or_else(|_| "/".to_owned()));
        for (name, value) in &application.variables {
            put(name, value.clone());
        }
        for (variable, secret) in &application.secrets {
            let value = self.secrets.get(secret).await?;
            let value = value.ok_or_else(|| self.secret_missing(variable, secret))?;
            put(variable, value.expose_secret().to_owned());
        }
        for (variable, value) in self.chat_variables().await? {
            put(variable, value);
        }
        put("LOG_LEVEL", application.log_level.as_str().to_owned());
        for name in self.spec.buckets.keys() {
            let variable = name.to_ascii_uppercase().replace('-', "_");
            let url = match self.existing.get(name) {
                Some(bucket) => bucket.url.clone(),
                None => file_url(&self.layout.bucket(name))?,
            };
            put(&format!("BUCKET_{variable}_URL"), url);
        }
        if self.spec.sessions.is_some() {
            put("SESSIONS_URL", file_url(&self.layout.sessions())?);
        }
        if let Some(url) = self.application_url().await? {
            put("DATABASE_URL", url.expose_secret().to_owned());
        }
        Ok(all)
    }

    /// What the application needs to ask a language model: nothing unless the specification names
    /// an endpoint, for this cloud has none of its own.
    async fn chat_variables(&self) -> Result<Vec<(&'static str, String)>> {
        let Some(chat) = &self.spec.chat else { return Ok(Vec::new()) };
        let Some(endpoint) = &chat.endpoint else { return Ok(Vec::new()) };
        let mut all = vec![
            ("CHAT_BASE_URL", endpoint.clone()),
            ("CHAT_TIMEOUT_MS", millis(chat.timeout.as_duration()).to_string()),
        ];
        all.extend(chat.model.get(CLOUD).map(|model| ("CHAT_MODEL", model.clone())));
        all.extend(chat.api_version.as_ref().map(|version| ("CHAT_API_VERSION", version.clone())));
        if let Some(secret) = &chat.key {
            let variable = "CHAT_API_KEY";
            let value = self.secrets.get(secret).await?;
            let value = value.ok_or_else(|| self.secret_missing(variable, secret))?;
            all.push((variable, value.expose_secret().to_owned()));
        }
        Ok(all)
    }

    fn secret_missing(&self, variable: &str, secret: &str) -> Error {
        let place = &self.environment;
        let message =
            format!("`{variable}` needs the secret `{secret}`, which `{place}` does not have");
        Error::missing("secret_missing", message)
            .hint(format!("give it: trefoil secrets set {place} {secret}"))
    }

    async fn until_healthy(
        &self,
        application: &Application,
        started: &InstanceStatus,
    ) -> Result<()> {
        let health = &application.health;
        let address = address_at(started.port);
        let deadline = Instant::now() + health.start_time.as_duration();
        let mut last = "it was not asked".to_owned();
        while Instant::now() < deadline {
            let instance = self.application_status().await?;
            let ended_once = instance.restarts > started.restarts || instance.pid.is_none();
            if ended_once {
                return Err(self.hint_of(application, ended(&instance)));
            }
            match probe::get(&address, &health.path, health.timeout.as_duration()).await {
                Ok(answer) if answer.status == 200 => return Ok(()),
                Ok(answer) => last = format!("{} {}", answer.status, answer.words),
                Err(error) => last = error.chain(),
            }
            tokio::time::sleep(ASK_INTERVAL).await;
        }
        let message =
            format!("the application is not well after {}: {}", health.start_time, health.path);
        Err(Error::failed("application_unwell", message).because(last))
    }

    async fn application_status(&self) -> Result<InstanceStatus> {
        let status = self.agent_status().await?;
        let instances = status.map(|status| status.instances).unwrap_or_default();
        instances.into_iter().find(|one| one.name == APPLICATION).ok_or_else(|| {
            Error::failed("application_ended", "the agent lost the application while it started")
        })
    }

    fn hint_of(&self, application: &Application, error: Error) -> Error {
        if self.spec.database.is_none() || application.needs_database_to_start {
            return error;
        }
        error.hint(
            "if it ends because its database is not open to it yet, say so: \
             application.needs_database_to_start: true",
        )
    }
}

fn ended(instance: &InstanceStatus) -> Error {
    let how = instance.last_exit.as_deref().unwrap_or("it was started again");
    let error = Error::failed("application_ended", format!("the application ended: {how}"));
    match instance.last_words.is_empty() {
        true => error,
        false => error.because(instance.last_words.join("\n")),
    }
}

fn address_at(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

fn running_at(port: u16, pid: u32) -> Running {
    Running { address: address_at(port), instances: vec![pid.to_string()] }
}

fn file_url(path: &Path) -> Result<String> {
    let url = Url::from_file_path(path).map_err(|()| {
        Error::failed("service_url", format!("{} is not a whole path", path.display()))
    })?;
    Ok(url.into())
}

fn millis(period: Duration) -> u64 {
    u64::try_from(period.as_millis()).unwrap_or(u64::MAX)
}
