//! The types of `trefoil.yaml`. Their doc comments are the documentation of each key.

mod alarms;
mod application;
mod chat;
mod data;
mod environment;
mod extras;
mod jobs;
mod recovery;
mod reference;
mod size;
mod workload;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use alarms::{Alarm, Comparison, Statistic};
pub use application::{Application, Health, LogLevel};
pub use chat::Chat;
pub use data::{Bucket, Database, DatabaseSize, SessionStore};
pub use environment::{
    Environment, ExistingApplication, ExistingBucket, ExistingDatabase, ExistingSessions, Overrides,
};
pub use extras::{Budget, Cache, Profile};
pub use jobs::Job;
pub use recovery::{Copies, Recovery, Schedules, Triggers};
pub use reference::Reference;
pub(super) use reference::{NotReference, is_secret, without_password};
pub use size::{Processor, Scale, Size};
pub use workload::Workload;

/// One containerised web application and the places to run it. Only the name is required.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AppSpec {
    /// The application's name: lower-case letters, digits and hyphens, 2 to 40 characters.
    #[schemars(regex(pattern = r"^[a-z][a-z0-9-]{0,38}[a-z0-9]$"))]
    pub name: String,
    /// What runs.
    #[serde(default)]
    pub application: Option<Application>,
    /// How much processor and memory each instance gets.
    #[serde(default)]
    pub size: Option<Size>,
    /// How many instances run.
    #[serde(default)]
    pub scale: Option<Scale>,
    /// Its PostgreSQL database.
    #[serde(default)]
    pub database: Option<Database>,
    /// Its buckets of objects, by name.
    #[serde(default)]
    pub buckets: BTreeMap<String, Bucket>,
    /// Its store of sessions that expire.
    #[serde(default)]
    pub sessions: Option<SessionStore>,
    /// The language model that it asks.
    #[serde(default)]
    pub chat: Option<Chat>,
    /// What runs by the clock, by name.
    #[serde(default)]
    pub jobs: BTreeMap<String, Job>,
    /// The host name under which users reach it.
    #[serde(default)]
    #[schemars(regex(pattern = r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$"))]
    pub domain: Option<String>,
    /// When somebody is to be told, by name.
    #[serde(default)]
    pub alarms: BTreeMap<String, Alarm>,
    /// How much it is used: what an estimate of its cost starts from.
    #[serde(default)]
    pub workload: Option<Workload>,
    /// How it survives the loss of a place.
    #[serde(default)]
    pub recovery: Option<Recovery>,
    /// How much is done against failures, where an environment's files are written.
    #[serde(default)]
    pub profile: Profile,
    /// A cache in memory beside the application, which finds it in CACHE_URL.
    #[serde(default)]
    pub cache: Option<Cache>,
    /// Whether a content delivery network answers for the application; the profile decides when
    /// left out.
    #[serde(default)]
    pub cdn: Option<bool>,
    /// Whether a firewall looks at web requests; the profile decides when left out.
    #[serde(default)]
    pub firewall: Option<bool>,
    /// Whether the paths of requests through the application are recorded (traces).
    #[serde(default)]
    pub tracing: bool,
    /// What may be spent in a month before somebody is told.
    #[serde(default)]
    pub budget: Option<Budget>,
    /// The places to run it, by name.
    #[serde(default)]
    pub environments: BTreeMap<String, Environment>,
}

impl AppSpec {
    /// The name of the database on the server.
    pub fn database_name(&self) -> Option<String> {
        let database = self.database.as_ref()?;
        Some(database.name.clone().unwrap_or_else(|| self.name.replace('-', "_")))
    }
}
