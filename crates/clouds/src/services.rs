//! The live handles of one environment, and what all services share.

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::SecretString;

use crate::database::Database;
use crate::objects::Objects;
use crate::secrets::Secrets;
use crate::sessions::Sessions;
use crate::{Error, Result};

/// The most that one call lists.
pub const PAGE_MAX: usize = 10_000;

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

/// Bounds a call of a driver in time.
pub(crate) async fn within<T>(
    limit: Duration,
    service: &str,
    call: impl Future<Output = Result<T>>,
) -> Result<T> {
    let late = |_| {
        let why = format!("{service} did not answer within {} s", limit.as_secs());
        Error::missing("service_timeout", why).retryable()
    };
    tokio::time::timeout(limit, call).await.map_err(late)?
}

/// Refuses a number of entries that one call does not list. Fewer are never returned instead:
/// whoever reads changes takes a short page for the end.
pub(crate) fn check_limit(limit: usize) -> Result<()> {
    if (1..=PAGE_MAX).contains(&limit) {
        return Ok(());
    }
    let why = format!("{limit} entries were asked for; 1 to {PAGE_MAX} are allowed");
    Err(Error::usage("limit_range", why))
}
