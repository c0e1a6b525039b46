//! What the project must allow: the services that are switched on, and who is recorded.

use super::values::Values;

/// The services that Terraform itself needs.
const ALWAYS: [&str; 4] = [
    "cloudresourcemanager.googleapis.com",
    "iam.googleapis.com",
    "logging.googleapis.com",
    "monitoring.googleapis.com",
];

/// The services that an environment uses, each once.
pub(super) fn apis(values: &Values) -> Vec<&'static str> {
    let has_service = values.service.is_some();
    let has_secrets = has_service
        && (!values.secrets.is_empty() || values.cache.is_some() || values.tracing.is_some());
    let has_schedules = values.jobs.has_schedules;
    let has_private = values.database.is_some() || values.cache.is_some();
    let optional = [
        (has_service, "artifactregistry.googleapis.com"),
        (has_service, "containerscanning.googleapis.com"),
        (has_service, "iamcredentials.googleapis.com"),
        (has_service, "run.googleapis.com"),
        (has_service, "sts.googleapis.com"),
        (has_secrets || values.database.is_some(), "secretmanager.googleapis.com"),
        (values.network.is_some() || values.edge, "compute.googleapis.com"),
        (has_private, "servicenetworking.googleapis.com"),
        (values.database.is_some(), "sqladmin.googleapis.com"),
        (!values.buckets.is_empty(), "storage.googleapis.com"),
        (values.sessions.is_some(), "firestore.googleapis.com"),
        (values.chat_is_own, "aiplatform.googleapis.com"),
        (has_schedules, "cloudscheduler.googleapis.com"),
        (values.has_batch(), "batch.googleapis.com"),
        (values.cache.is_some(), "redis.googleapis.com"),
        (values.edge, "certificatemanager.googleapis.com"),
        (values.dns.is_some(), "dns.googleapis.com"),
        (values.tracing.is_some(), "cloudtrace.googleapis.com"),
        (values.budget.is_some(), "billingbudgets.googleapis.com"),
    ];
    let chosen = optional.iter().filter(|(is_used, _)| *is_used).map(|(_, api)| *api);
    let mut apis: Vec<_> = ALWAYS.into_iter().chain(chosen).collect();
    apis.sort_unstable();
    apis
}

/// Those of them of which it is recorded who read and changed data.
pub(super) fn audited(apis: &[&'static str]) -> Vec<&'static str> {
    let audited = ["secretmanager.googleapis.com", "storage.googleapis.com"];
    apis.iter().copied().filter(|api| audited.contains(api)).collect()
}
