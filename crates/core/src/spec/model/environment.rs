//! The places to run the application, and what is there already.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Reference;

/// One place to run the application.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// The cloud's name, as `trefoil clouds` lists them.
    pub cloud: String,
    /// The region, on clouds that have regions.
    #[serde(default)]
    pub region: Option<String>,
    /// What differs here: keys of the other sections with the values that hold in this
    /// environment. Lists are replaced, not added to.
    #[serde(default)]
    pub overrides: Overrides,
    /// A database server that is there already: never started, stopped or deleted by Trefoil.
    #[serde(default)]
    pub database: Option<ExistingDatabase>,
    /// The application where it runs already: never started, stopped or deleted by Trefoil.
    #[serde(default)]
    pub application: Option<ExistingApplication>,
    /// Buckets that are there already, by their names in `buckets`: never made or deleted by
    /// Trefoil.
    #[serde(default)]
    pub buckets: BTreeMap<String, ExistingBucket>,
    /// A store of sessions that is there already: never started, stopped or deleted by Trefoil.
    #[serde(default)]
    pub sessions: Option<ExistingSessions>,
}

/// What differs in one environment, as it was written; [`super::AppSpec::for_environment`] merges
/// it into the sections.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Overrides(pub Map<String, Value>);

/// A database server that is there already.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExistingDatabase {
    /// How an administrator connects: `env:VARIABLE` or `secret:NAME`, which hold a
    /// `postgresql://` URL; or that URL itself, without a password.
    pub admin_url: Reference,
    /// How the application connects, as a role of its own, in the same three forms. Needed where
    /// Trefoil runs the application.
    #[serde(default)]
    pub url: Option<Reference>,
}

/// The application where it runs already.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExistingApplication {
    /// Where it answers, such as `https://app.example.com`.
    pub url: String,
}

/// A bucket that is there already.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExistingBucket {
    /// The address of a store that speaks S3, such as `https://minio.example.com:9000`, when it is
    /// not the cloud's own. Credentials are found as every S3 client finds them; give them to the
    /// application through `application.secrets`.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// The bucket's real name; its name in `buckets` when left out.
    #[serde(default)]
    pub name: Option<String>,
}

/// A store of sessions that is there already.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExistingSessions {
    /// How to connect: `env:VARIABLE` or `secret:NAME`, which hold a URL; or that URL itself,
    /// without a password.
    pub url: Reference,
}
