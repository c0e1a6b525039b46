//! Names within Google Cloud's limits: stable, and no two alike.

use trefoil_core::deployment::Deployment;

use crate::operate::render::names::shortened;

/// The longest name of most resources is 63; what is added to the environment's name is at most 23.
const BASE: usize = 40;
/// The longest name of a service or job of Cloud Run.
const RUN: usize = 49;
/// The longest name of a service account is 30; what is added is at most 5.
const ACCOUNT: usize = 24;
/// A bucket's name has 63 characters, of which the project's ID and a hyphen take 31.
const BUCKET: usize = 32;
/// The longest name of a pool of workload identities is 32, `ci-` included.
const POOL: usize = 29;
/// The longest name of a secret is 255.
const SECRET: usize = 255;

/// The name of an environment of an application: what most of its resources are called.
pub(super) fn base(deployment: &Deployment) -> String {
    shortened(&whole(deployment), BASE)
}

/// The same before it is shortened, so that what is made of it is shortened once.
fn whole(deployment: &Deployment) -> String {
    format!("{}-{}", deployment.spec.name, deployment.folder)
}

/// The name of a service account.
pub(super) fn account(deployment: &Deployment, role: &str) -> String {
    format!("{}-{role}", shortened(&whole(deployment), ACCOUNT))
}

/// The name of a job of Cloud Run.
pub(super) fn job(deployment: &Deployment, key: &str) -> String {
    shortened(&format!("{}-{key}", whole(deployment)), RUN)
}

/// The part of a bucket's name that follows the project's ID.
pub(super) fn bucket(deployment: &Deployment, key: &str) -> String {
    shortened(&format!("{}-{key}", whole(deployment)), BUCKET)
}

/// The name of a secret.
pub(super) fn secret(deployment: &Deployment, key: &str) -> String {
    shortened(&format!("{}-{key}", base(deployment)), SECRET)
}

/// The name of the pool of the workflow's identities; `gcp-` at the front would be Google's own.
pub(super) fn pool(deployment: &Deployment) -> String {
    format!("ci-{}", shortened(&whole(deployment), POOL))
}

/// The name of a role of one's own: no hyphens.
pub(super) fn role(deployment: &Deployment, what: &str) -> String {
    format!("{}_{what}", base(deployment).replace('-', "_"))
}

/// A label in Terraform: names of jobs and alarms have no underscores, so that two stay two.
pub(super) fn label(prefix: &str, key: &str) -> String {
    format!("{prefix}_{}", key.replace('-', "_"))
}
