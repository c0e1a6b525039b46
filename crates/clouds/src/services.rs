//! The live handles of one environment.

use std::collections::BTreeMap;

use crate::database::Database;
use crate::objects::Objects;
use crate::secrets::Secrets;
use crate::sessions::Sessions;

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
