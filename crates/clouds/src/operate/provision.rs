//! Starting and removing what an environment consists of.

use async_trait::async_trait;
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::Result;

/// What exists of an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Provisioned {
    /// Nothing.
    Absent,
    /// Its data is there, but it does not run.
    Stopped,
    /// All that the specification needs runs.
    Running,
}

/// How to reach an environment's database server with the rights to move it.
#[derive(Clone)]
pub struct DatabaseAdmin {
    /// The administrator's URL of the application's database. Holds a password.
    pub url: SecretString,
    /// The application's role, where Trefoil made it.
    pub application_role: Option<String>,
    /// How the application that Trefoil runs connects to a server that was there before. Holds a
    /// password.
    pub application_url: Option<SecretString>,
    /// The database's name.
    pub database: String,
    /// Host and port as the other environment's server reaches it.
    pub host: String,
    /// The port that belongs to it.
    pub port: u16,
}

/// Starts and removes what an environment consists of. All calls are idempotent.
#[async_trait]
pub trait Provision: Send + Sync {
    /// What exists now.
    async fn state(&self) -> Result<Provisioned>;
    /// Makes and starts whatever the specification needs and is not there.
    async fn provision(&self) -> Result<()>;
    /// Stops everything; data stays.
    async fn stop(&self) -> Result<()>;
    /// Stops everything and deletes its data.
    async fn destroy(&self) -> Result<()>;
    /// Whether all that the environment has lies below the folder of state and belongs to it, so
    /// that a second one can be made in another folder without touching the first.
    fn is_contained(&self) -> bool {
        false
    }
    /// How to reach the database server; `None` when the specification has no database.
    async fn database_admin(&self) -> Result<Option<DatabaseAdmin>>;
}
