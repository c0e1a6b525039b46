//! Starting and removing what an environment on this machine consists of.

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::{ADMIN_PASSWORD, Local, PASSWORD, SUPERUSER, database_url, gone};
use crate::change_record;
use crate::local::{create_stores, own_buckets};
use crate::operate::agent_protocol::{DatabaseStatus, Shutdown, StartDatabase};
use crate::operate::files;
use crate::operate::provision::{DatabaseAdmin, Provision, Provisioned};
use crate::{Error, Result};

/// How long making and starting the server may take: initdb, recovery and the agent's own limits.
const DATABASE_TIMEOUT: Duration = Duration::from_secs(240);
/// How long stopping everything may take: the agent gives instances 10 s and the server 70 s.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(120);
/// Names that PostgreSQL has taken (initdb makes them) or that are the superuser's.
const RESERVED_DATABASES: [&str; 4] = ["postgres", "template0", "template1", "trefoil"];

#[async_trait]
impl Provision for Local {
    async fn state(&self) -> Result<Provisioned> {
        if !self.layout.root().join("agent.lock").exists() {
            return Ok(Provisioned::Absent);
        }
        let Some(status) = self.agent_status().await? else { return Ok(Provisioned::Stopped) };
        let database = status.database.is_some_and(|database| database.pid.is_some());
        let database = database || self.spec.database.is_none();
        let mut buckets = own_buckets(&self.spec, &self.environment);
        let buckets = buckets.all(|name| self.layout.bucket(name).is_dir());
        let sessions = self.spec.sessions.is_none() || self.layout.sessions().is_file();
        let all = database && buckets && sessions;
        Ok(if all { Provisioned::Running } else { Provisioned::Stopped })
    }

    async fn provision(&self) -> Result<()> {
        // First: a name that is wrong is to be found before anything is made.
        for (name, bucket) in &self.existing {
            bucket.objects.health().await?;
            if self.spec.buckets.get(name).is_some_and(|bucket| bucket.change_record) {
                change_record::require(&bucket.objects).await?;
            }
        }
        let (spec, layout) = (self.spec.clone(), self.layout.clone());
        let environment = self.environment.clone();
        blocking(move || create_stores(&spec, &environment, &layout)).await?;
        self.ensure_agent().await?;
        match self.spec.database_name() {
            Some(database) => self.start_database(database).await,
            None => Ok(()),
        }
    }

    async fn stop(&self) -> Result<()> {
        self.shut_down(Shutdown { discard: false }).await
    }

    async fn destroy(&self) -> Result<()> {
        self.shut_down(Shutdown { discard: true }).await?;
        let database = self.database_record()?.map(|record| record.folder);
        let root = self.layout.root().to_owned();
        blocking(move || {
            // The server's folder first: its place is written down in the environment's.
            database.as_deref().map_or(Ok(()), remove_folder)?;
            remove_folder(&root)
        })
        .await
    }

    fn is_contained(&self) -> bool {
        true
    }

    async fn database_admin(&self) -> Result<Option<DatabaseAdmin>> {
        let Some(database) = self.spec.database_name() else { return Ok(None) };
        let absent = || {
            let message = format!("`{}` has no database server yet", self.environment);
            Error::missing("database_absent", message)
                .hint(format!("start it: trefoil up {}", self.environment))
        };
        let record = self.database_record()?.ok_or_else(absent)?;
        let password = self.secrets.get(ADMIN_PASSWORD).await?.ok_or_else(absent)?;
        Ok(Some(DatabaseAdmin {
            url: database_url(SUPERUSER, &password, record.port, &database)?,
            application_role: Some(Self::application_role(&database)),
            application_url: None,
            database,
            host: "127.0.0.1".to_owned(),
            port: record.port,
        }))
    }
}

impl Local {
    async fn shut_down(&self, request: Shutdown) -> Result<()> {
        if !self.agent.answers().await && !self.agent_died() {
            return Ok(());
        }
        self.ask_agent::<_, ()>("/shutdown", &request, SHUTDOWN_TIMEOUT).await?;
        gone(&self.layout.root().join("agent.lock")).await
    }

    async fn start_database(&self, database: String) -> Result<()> {
        if RESERVED_DATABASES.contains(&database.as_str()) {
            let message = format!("`{database}` cannot be the name of the application's database");
            return Err(Error::usage("database_name", message)
                .hint("give another one as database.name in the specification"));
        }
        let admin_password = self.password(ADMIN_PASSWORD).await?;
        let password = self.password(PASSWORD).await?;
        let request = StartDatabase {
            role: Self::application_role(&database),
            database,
            admin_password: admin_password.expose_secret().to_owned(),
            password: password.expose_secret().to_owned(),
            version: self.spec.database.as_ref().and_then(|one| one.version).map(u32::from),
        };
        self.ask_agent::<_, DatabaseStatus>("/database/start", &request, DATABASE_TIMEOUT)
            .await
            .map(drop)
    }

    /// A password that is made once: 32 letters and digits that hold 122 random bits of the
    /// operating system's generator.
    async fn password(&self, name: &str) -> Result<SecretString> {
        if let Some(password) = self.secrets.get(name).await? {
            return Ok(password);
        }
        let password = SecretString::from(Uuid::new_v4().simple().to_string());
        self.secrets.set(name, &password).await?;
        Ok(password)
    }
}

async fn blocking(work: impl FnOnce() -> Result<()> + Send + 'static) -> Result<()> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        Error::failed("provision_failed", "the work on folders ended early").because(error)
    })?
}

fn remove_folder(folder: &Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(files::file_error("remove the folder", folder, error))
        }
        _ => Ok(()),
    }
}
