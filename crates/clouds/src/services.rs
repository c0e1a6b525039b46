//! The live handles of one environment.

use std::collections::BTreeMap;

use secrecy::SecretString;

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

/// A bucket that is there already, elsewhere.
#[allow(dead_code, reason = "nobody asks in a build without clouds that open environments")]
pub(crate) struct ExistingBucket {
    /// Where it is.
    pub(crate) url: String,
    /// Its handle.
    pub(crate) objects: Objects,
}

/// The buckets of an environment that are there already, by their names in the specification.
pub(crate) type ExistingBuckets = BTreeMap<String, ExistingBucket>;
