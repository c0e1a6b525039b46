//! What is there already is in no file: everything that is rendered is made new.

use trefoil_core::deployment::Deployment;

use super::Misfit;

/// The parts of an environment that are there already.
pub(crate) fn misfits(deployment: &Deployment) -> Vec<Misfit> {
    let folder = &deployment.folder;
    let Some(environment) = deployment.spec.environments.get(folder) else { return Vec::new() };
    let parts = [
        ("database", environment.database.is_some()),
        ("application", environment.application.is_some()),
        ("buckets", !environment.buckets.is_empty()),
        ("sessions", environment.sessions.is_some()),
    ];
    let existing = parts.into_iter().filter(|(_, is_there)| *is_there);
    existing
        .map(|(part, _)| {
            let path = format!("environments.{folder}.{part}");
            let message = "it exists already, and what is rendered makes every part new";
            Misfit::new(path, message, "leave it out, or render another environment")
        })
        .collect()
}
