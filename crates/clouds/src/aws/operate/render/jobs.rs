//! What runs by the clock.

use serde::Serialize;
use trefoil_core::spec::AppSpec;

use super::names::fit;
use super::schedule::expressions;
use crate::operate::render::seconds;

/// A job.
#[derive(Debug, Serialize)]
pub(super) struct Job {
    key: String,
    name: String,
    command: Vec<String>,
    timeout_s: u64,
    provider: &'static str,
    schedules: Vec<String>,
}

/// The jobs of the specification.
pub(super) fn jobs(spec: &AppSpec, name: &str) -> Vec<Job> {
    let job = |(key, asked): (&String, &trefoil_core::spec::Job)| Job {
        key: key.clone(),
        // A schedule's name has 64 characters, and its number comes after this one.
        name: fit(&format!("{name}-job-{key}"), 60),
        command: asked.command.clone(),
        timeout_s: seconds(asked.timeout).max(1),
        provider: if asked.interruptible { "FARGATE_SPOT" } else { "FARGATE" },
        schedules: expressions(&asked.schedule).unwrap_or_default(),
    };
    spec.jobs.iter().map(job).collect()
}
