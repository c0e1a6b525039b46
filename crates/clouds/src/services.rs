//! The live handles of one environment.

use std::collections::BTreeMap;

use secrecy::SecretString;

use crate::Result;
use crate::database::Database;
use crate::objects::Objects;
use crate::secrets::Secrets;
use crate::sessions::Sessions;

pub use crate::bounds::PAGE_MAX;

/// The services of one environment: those that the specification names.
#[derive(Clone)]
pub struct Services {
    /// The buckets by name.
    pub objects: BTreeMap<String, Objects>,
    /// The database as the application sees it, if there is one.
    pub database: Option<Database>,
    /// The store of sessions, if there is one.
    pub sessions: Option<Sessions>,
    /// The store of secrets.
    pub secrets: Secrets,
}

/// Where the services of one environment are, for an application that embeds them.
#[derive(Clone)]
pub struct ServiceUrls {
    /// The buckets by name.
    pub objects: BTreeMap<String, String>,
    /// The database, if there is one. Holds a password.
    pub database: Option<SecretString>,
    /// The store of sessions, if there is one.
    pub sessions: Option<String>,
    /// The store of secrets.
    pub secrets: String,
}

impl Services {
    /// Opens every service by its URL. The database is not connected yet.
    pub fn open(urls: &ServiceUrls) -> Result<Self> {
        let open = |(name, url): (&String, &String)| Ok((name.clone(), Objects::open(url)?));
        Ok(Self {
            objects: urls.objects.iter().map(open).collect::<Result<_>>()?,
            database: urls.database.as_ref().map(Database::open).transpose()?,
            sessions: urls.sessions.as_deref().map(Sessions::open).transpose()?,
            secrets: Secrets::open(&urls.secrets)?,
        })
    }
}
