//! Running environments on this machine, through the environment's agent and the application's
//! edge.

mod compute;
mod inventory;
mod provision;
mod traffic;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use trefoil_core::spec::AppSpec;
use url::Url;

use super::{Layout, LocalSecrets};
use crate::operate::agent_protocol::{AgentStatus, DatabaseRecord};
use crate::operate::control::{AGENT_SOCKET, Control};
use crate::operate::existing::application_url;
use crate::operate::spawn::{self, Resident};
use crate::operate::{OpenSite, Site, files};
use crate::secrets::Secrets;
use crate::services::ExistingBuckets;
use crate::{Error, Result};

/// The cloud's name in the registry.
const CLOUD: &str = "local";
/// The superuser of every environment's server.
const SUPERUSER: &str = "trefoil";
/// The secrets that belong to the environment's server.
const ADMIN_PASSWORD: &str = "trefoil/database-admin-password";
const PASSWORD: &str = "trefoil/database-password";
/// How long a status may take.
const STATUS_TIMEOUT: Duration = Duration::from_secs(5);
/// How long to wait after a connection broke: a process that was killed is gone by then.
const DEATH_PAUSE: Duration = Duration::from_millis(200);
/// How long a process that was told to end may take to be gone.
const GONE_TIMEOUT: Duration = Duration::from_secs(15);

/// Opens an environment to be operated. Starts and makes nothing. `services.database` is there
/// once the environment has been provisioned; open the site again after that to have it.
pub(crate) fn open(open: &OpenSite<'_>, existing: ExistingBuckets) -> Result<Site> {
    let absolute = |path: &Path| {
        std::path::absolute(path).map_err(|error| files::file_error("find", path, error))
    };
    let folder = absolute(open.folder)?;
    let layout = Layout::new(&folder, open.environment);
    let local = Local {
        environment: open.environment.to_owned(),
        spec: open.spec.clone(),
        spec_folder: absolute(open.spec_folder)?,
        folder: folder.clone(),
        program: absolute(open.program)?,
        agent: Control::new(layout.root(), AGENT_SOCKET),
        secrets: Secrets::new(Arc::new(LocalSecrets::new(&layout.secrets()))),
        layout,
        existing,
    };
    let url = local.application_url_now()?;
    let services =
        super::open_services(open.spec, open.environment, &folder, url.as_ref(), &local.existing)?;
    let local = Arc::new(local);
    Ok(Site {
        name: open.environment.to_owned(),
        cloud: CLOUD.to_owned(),
        provision: local.clone(),
        inventory: local.clone(),
        compute: local.clone(),
        traffic: local,
        services,
    })
}

/// An environment on this machine.
struct Local {
    environment: String,
    spec: AppSpec,
    spec_folder: PathBuf,
    folder: PathBuf,
    program: PathBuf,
    layout: Layout,
    agent: Control,
    secrets: Secrets,
    existing: ExistingBuckets,
}

impl Local {
    /// How the agent is; `None` when it does not run.
    async fn agent_status(&self) -> Result<Option<AgentStatus>> {
        let mut answer = self.agent.get("/status", STATUS_TIMEOUT).await;
        if answer.as_ref().is_err_and(died_meanwhile) {
            tokio::time::sleep(DEATH_PAUSE).await;
            answer = self.agent.get("/status", STATUS_TIMEOUT).await;
        }
        running(answer)
    }

    /// Has the agent do something, starting it if it does not run. Once more when it dies
    /// meanwhile: the next one takes over, and all that an agent does is idempotent.
    async fn ask_agent<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        path: &str,
        request: &B,
        timeout: Duration,
    ) -> Result<T> {
        self.ensure_agent().await?;
        let answer = self.agent.post(path, request, timeout).await;
        if !answer.as_ref().is_err_and(died_meanwhile) {
            return answer;
        }
        tokio::time::sleep(DEATH_PAUSE).await;
        self.ensure_agent().await?;
        self.agent.post(path, request, timeout).await
    }

    /// Starts the agent if it does not run. One that has died is followed by one that takes over
    /// what it looked after.
    async fn ensure_agent(&self) -> Result<()> {
        if self.agent.answers().await {
            return Ok(());
        }
        files::private_folder(self.layout.root())?;
        let resident = Resident {
            name: "agent",
            program: &self.program,
            arguments: vec![
                "agent".into(),
                "--folder".into(),
                self.layout.root().into(),
                "--environment".into(),
                self.environment.clone().into(),
            ],
            working_dir: &self.folder,
            log: &self.layout.root().join("agent.log"),
        };
        spawn::spawn(&resident, &self.agent).await
    }

    /// Whether an agent died here without being told to end: what it looked after may still run.
    fn agent_died(&self) -> bool {
        self.layout.root().join("agent.pid").exists()
    }

    /// What the agent has written down of the server; `None` when there is none.
    fn database_record(&self) -> Result<Option<DatabaseRecord>> {
        files::read_json(&self.layout.root().join(DatabaseRecord::FILE))
    }

    /// The application's role: it owns the database, and is not the superuser. A name of
    /// PostgreSQL holds 63 bytes.
    fn application_role(database: &str) -> String {
        let stem = &database[..database.len().min(59)];
        format!("{stem}_app")
    }

    /// The application's URL of its database; `None` before the environment is provisioned, and
    /// when the specification has no database. Of a server that is there already it is what the
    /// specification says.
    async fn application_url(&self) -> Result<Option<SecretString>> {
        let place = self.spec.environments.get(&self.environment);
        let there = place.and_then(|place| place.database.as_ref()?.url.as_ref());
        if let Some(url) = there {
            return application_url(url, &self.environment, &self.secrets).await.map(Some);
        }
        let password = self.secrets.get(PASSWORD).await?;
        self.url_with(password)
    }

    fn application_url_now(&self) -> Result<Option<SecretString>> {
        let secrets = LocalSecrets::new(&self.layout.secrets());
        if self.database_record()?.is_none() {
            return Ok(None);
        }
        self.url_with(secrets.get_blocking(PASSWORD)?)
    }

    fn url_with(&self, password: Option<SecretString>) -> Result<Option<SecretString>> {
        let record = self.database_record()?;
        let (Some(database), Some(record), Some(password)) =
            (self.spec.database_name(), record, password)
        else {
            return Ok(None);
        };
        let role = Self::application_role(&database);
        database_url(&role, &password, record.port, &database).map(Some)
    }
}

/// The URL of a database on this machine.
fn database_url(
    role: &str,
    password: &SecretString,
    port: u16,
    database: &str,
) -> Result<SecretString> {
    let unusable = || Error::failed("database_url", "the database's URL cannot be made");
    let mut url =
        Url::parse("postgresql://127.0.0.1").map_err(|error| unusable().because(error))?;
    url.set_port(Some(port)).map_err(|()| unusable())?;
    url.set_username(role).map_err(|()| unusable())?;
    url.set_password(Some(password.expose_secret())).map_err(|()| unusable())?;
    url.set_path(database);
    Ok(SecretString::from(String::from(url)))
}

/// `None` instead of the error that no process answers.
fn running<T>(answer: Result<T>) -> Result<Option<T>> {
    match answer {
        Err(error) if error.code() == "control_unreachable" => Ok(None),
        answer => answer.map(Some),
    }
}

/// Whether a call failed because its connection broke, as when the other side was killed.
fn died_meanwhile(error: &Error) -> bool {
    error.is_retryable() && error.code() == "control_failed"
}

/// Waits until the process that holds a lock has ended.
async fn gone(lock: &Path) -> Result<()> {
    let deadline = Instant::now() + GONE_TIMEOUT;
    while lock.exists() && files::lock(lock)?.is_none() {
        if Instant::now() > deadline {
            let message = format!("the process that holds {} does not end", lock.display());
            return Err(Error::failed("resident_failed", message).retryable());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}
