//! An environment whose database server is there already: looked at, moved from and to, and never
//! started, stopped or deleted. Its stores are the cloud's.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::SecretString;
use trefoil_core::inventory::{Inventory, Resource, ResourceKind, Unseen};
use trefoil_core::spec::{AppSpec, ExistingDatabase, Reference};

use super::inventory::{DATABASE_SIZE, Observe};
use super::provision::{DatabaseAdmin, Provision, Provisioned};
use super::{OpenSite, Site, reference};
use crate::database::{Address, Database};
use crate::secrets::Secrets;
use crate::{Error, Result};

/// Opens such an environment; `cloud` opens what else there is of it.
pub(crate) fn open(
    open: &OpenSite<'_>,
    database: &ExistingDatabase,
    cloud: impl FnOnce(&OpenSite<'_>) -> Result<Site>,
) -> Result<Site> {
    if open.spec.application.is_some() && database.url.is_none() {
        return Err(without_url(open.environment));
    }
    let rest = AppSpec { database: None, ..open.spec.clone() };
    let site = cloud(&OpenSite { spec: &rest, ..*open })?;
    let existing = Arc::new(Existing {
        name: open.spec.database_name().unwrap_or_else(|| open.spec.name.clone()),
        has_rest: rest.application.is_some() || !rest.buckets.is_empty() || rest.sessions.is_some(),
        admin_url: database.admin_url.clone(),
        application_url: database.url.clone().filter(|_| open.spec.application.is_some()),
        rest: site.clone(),
    });
    Ok(Site { provision: existing.clone(), inventory: existing, ..site })
}

/// How the application of an environment connects to a database that is there already.
pub(crate) async fn application_url(
    url: &Reference,
    environment: &str,
    secrets: &Secrets,
) -> Result<SecretString> {
    let url = reference::follow(url, environment, secrets).await?;
    url.or(|what| Error::missing("application_url_missing", what))
}

fn without_url(environment: &str) -> Error {
    let message = format!(
        "`environments.{environment}.database` has no `url`: the application does not know how to \
         connect"
    );
    Error::usage("application_url_missing", message).hint(
        "add `url: env:VARIABLE` or `url: secret:NAME`, which hold a postgresql:// URL with a role \
         of the application's own",
    )
}

struct Existing {
    /// The database's name in the specification.
    name: String,
    /// Whether there is anything else that the cloud has to make.
    has_rest: bool,
    admin_url: Reference,
    /// How the application connects, where Trefoil runs it.
    application_url: Option<Reference>,
    /// Everything but the database.
    rest: Site,
}

#[async_trait]
impl Provision for Existing {
    /// Never absent: undoing deletes what was absent before.
    async fn state(&self) -> Result<Provisioned> {
        self.application().await?;
        self.database().await?.1.query_opt("SELECT 1", &[]).await?;
        let rest = match self.has_rest {
            true => self.rest.provision.state().await?,
            false => Provisioned::Running,
        };
        Ok(if rest == Provisioned::Running { rest } else { Provisioned::Stopped })
    }

    async fn provision(&self) -> Result<()> {
        self.application().await?;
        self.database().await?.1.query_opt("SELECT 1", &[]).await?;
        if self.has_rest { self.rest.provision.provision().await } else { Ok(()) }
    }

    async fn stop(&self) -> Result<()> {
        if self.has_rest { self.rest.provision.stop().await } else { Ok(()) }
    }

    async fn destroy(&self) -> Result<()> {
        let name = &self.rest.name;
        let message =
            format!("the database of `{name}` was there before Trefoil: it is not deleted");
        Err(Error::refused("existing_part", message)
            .hint(format!("`trefoil down {name}` stops what Trefoil runs there")))
    }

    async fn database_admin(&self) -> Result<Option<DatabaseAdmin>> {
        let url = self.url().await?;
        let address = Address::of(&url)?;
        let database = address.database().unwrap_or(&self.name).to_owned();
        let (host, port) = (address.host(), address.port());
        let (application_role, application_url) = (None, self.application().await?);
        Ok(Some(DatabaseAdmin { url, application_role, application_url, database, host, port }))
    }
}

#[async_trait]
impl Observe for Existing {
    async fn observe(&self) -> Result<Inventory> {
        let mut inventory =
            if self.has_rest { self.rest.inventory.observe().await? } else { self.nothing() };
        match self.see().await {
            Ok(database) => inventory.resources.push(database),
            Err(error) => inventory.unseen.push(Unseen {
                what: format!("the database of `{}`", self.rest.name),
                why: error.chain(),
                fix: format!("see what `{}` names, and whether that server runs", self.admin_url),
            }),
        }
        inventory.resources.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
        Ok(inventory)
    }
}

impl Existing {
    /// The administrator's URL, from where the specification says that it is.
    async fn url(&self) -> Result<SecretString> {
        let secrets = &self.rest.services.secrets;
        let url = reference::follow(&self.admin_url, &self.rest.name, secrets).await?;
        url.or(|what| Error::missing("admin_url_missing", what))
    }

    /// How the application connects, where Trefoil runs it.
    async fn application(&self) -> Result<Option<SecretString>> {
        let Some(url) = &self.application_url else { return Ok(None) };
        application_url(url, &self.rest.name, &self.rest.services.secrets).await.map(Some)
    }

    /// A resource of the server alone.
    async fn see(&self) -> Result<Resource> {
        let (url, database) = self.database().await?;
        let address = Address::of(&url)?;
        let size = database.query_opt(DATABASE_SIZE, &[]).await?;
        let units = ["bytes", "tables", "rows"];
        let size = |(column, unit): (usize, &str)| {
            let amount: i64 = size.as_ref().map_or(0, |row| row.get(column));
            (unit.to_owned(), amount.unsigned_abs())
        };
        let version = database
            .query_opt("SELECT split_part(current_setting('server_version'), ' ', 1)", &[])
            .await?;
        let (host, port) = (address.host(), address.port());
        Ok(Resource {
            kind: ResourceKind::Database,
            native_type: "postgresql".to_owned(),
            name: self.name.clone(),
            id: format!("{host}:{port}/{}", address.database().unwrap_or(&self.name)),
            region: None,
            size: units.into_iter().enumerate().map(size).collect(),
            version: version.map(|row| row.get(0)),
            depends_on: Vec::new(),
            tags: BTreeMap::from([("made_by".to_owned(), "others".to_owned())]),
        })
    }

    async fn database(&self) -> Result<(SecretString, Database)> {
        let url = self.url().await?;
        let database = Database::open(&url)?;
        Ok((url, database))
    }

    fn nothing(&self) -> Inventory {
        Inventory {
            environment: self.rest.name.clone(),
            cloud: self.rest.cloud.clone(),
            observed_at: Timestamp::now(),
            resources: Vec::new(),
            unseen: Vec::new(),
        }
    }
}
