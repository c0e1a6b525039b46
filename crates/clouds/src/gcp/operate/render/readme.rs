//! What a reader should know before the first apply: what was done for production, and what not.

use serde::Serialize;
use trefoil_core::deployment::Deployment;

use super::values::Values;

/// What the page says besides the commands.
#[derive(Debug, Default, Serialize)]
pub(super) struct Readme {
    has_secrets: bool,
    settings: Vec<Setting>,
    limits: Vec<String>,
}

/// A production setting, and where it is here or why it is not.
#[derive(Debug, Serialize)]
struct Setting {
    setting: &'static str,
    here: String,
}

impl Readme {
    /// What there is to say about a deployment.
    pub(super) fn of(deployment: &Deployment, values: &Values, is_audited: bool) -> Self {
        let mut settings = network_settings(values);
        settings.extend(data_settings(values));
        settings.extend(access_settings(values, is_audited));
        settings.extend(running_settings(deployment, values));
        Self {
            has_secrets: !values.secrets.is_empty(),
            settings,
            limits: limits(deployment, values),
        }
    }
}

/// Says what is there, or why it is not.
fn either(setting: &'static str, is_there: bool, there: &str, not: &str) -> Setting {
    Setting { setting, here: if is_there { there } else { not }.to_owned() }
}

fn network_settings(values: &Values) -> Vec<Setting> {
    let has_network = values.network.is_some();
    let no_network = "no network: there is nothing private to reach";
    let no_edge = "no load balancer without a domain; Cloud Run's own address has TLS 1.2 and Google's certificate";
    vec![
        either(
            "private subnets",
            has_network,
            "network.tf: the application reaches private services straight from Cloud Run",
            no_network,
        ),
        either(
            "one port from one group",
            has_network,
            "network.tf: all other private addresses are closed to the application",
            no_network,
        ),
        either(
            "TLS, HTTP sent to HTTPS",
            values.edge,
            "edge.tf: TLS 1.2 at least, strong ciphers",
            no_edge,
        ),
        either(
            "certificate",
            values.edge,
            "edge.tf: issued and renewed by Google, proven by DNS",
            no_edge,
        ),
        either(
            "no NAT, private paths to services",
            has_network,
            "Private Google Access; what goes to the internet does not pass through the network",
            "nothing needs one",
        ),
    ]
}

fn data_settings(values: &Values) -> Vec<Setting> {
    let database = values.database.as_ref();
    let no_database = "no database";
    let has_backups = database.is_some_and(|one| one.backup_days > 0);
    let is_regional = database.is_some_and(|one| one.regional);
    vec![
        either(
            "deletion protection",
            values.service.is_some() || database.is_some(),
            "the service, the database and the sessions; buckets that hold anything are not deleted either",
            "nothing that could be lost",
        ),
        either(
            "a standby database in a second zone",
            is_regional,
            "database.tf: REGIONAL",
            match database {
                Some(_) => "not asked for: `database.high_availability`, or the profile `standard`",
                None => no_database,
            },
        ),
        either(
            "backups, back to any second",
            has_backups,
            "database.tf, and sessions.tf for the sessions",
            match database {
                Some(_) => "not asked for: `database.backup_days` is 0",
                None => no_database,
            },
        ),
        either(
            "TLS to the database",
            database.is_some(),
            "database.tf: nothing else is let in",
            no_database,
        ),
        either(
            "database log and insights",
            database.is_some(),
            "database.tf: connections, locks, changes of the schema; Query Insights for slow queries",
            no_database,
        ),
        either(
            "keys of your own",
            false,
            "",
            "no: Google encrypts everything at rest with keys that it changes itself. A key of your own that is lost takes the data and every copy with it; add `encryption_key_name` and its like when a rule demands them",
        ),
        either(
            "buckets closed, with versions and lifecycle",
            !values.buckets.is_empty(),
            "storage.tf: no public access, TLS alone (Google has nothing else), Autoclass",
            "no buckets",
        ),
    ]
}

fn access_settings(values: &Values, is_audited: bool) -> Vec<Setting> {
    let has_service = values.service.is_some();
    let none = "no application";
    vec![
        either(
            "secrets made and kept in the manager",
            values.database.is_some() || !values.secrets.is_empty(),
            "Secret Manager. The database's password is in no state and no plan",
            "no secrets",
        ),
        either(
            "least rights",
            has_service,
            "an identity of its own; each right is for a named resource where Google allows it",
            none,
        ),
        either(
            "no keys in CI",
            has_service,
            "delivery.tf: GitHub's token, one branch of one repository",
            none,
        ),
        either(
            "images by digest, tags that stay, scanned",
            has_service,
            "registry.tf; the workflow deploys the digest that it pushed",
            none,
        ),
        either(
            "not root, no writing to the image, no capabilities",
            false,
            "",
            "no such settings on Cloud Run: each instance is alone in a sandbox, its file system is memory of its own and gone with it. Let the image name a USER",
        ),
        either(
            "audit log",
            is_audited,
            "apis.tf: also who read data",
            "changes of settings are always recorded; there is no data to read",
        ),
    ]
}

fn running_settings(deployment: &Deployment, values: &Values) -> Vec<Setting> {
    let has_service = values.service.is_some();
    let none = "no application";
    let zones = "two at least, in as many zones as Cloud Run chooses";
    let fewer = "fewer than two are asked for: `scale.min`, or the profile `standard`";
    let min = values.service.as_ref().map_or(0, |service| service.min);
    vec![
        either(
            "probes",
            has_service,
            "service.tf: at start and while it runs. Cloud Run asks nobody about readiness: the workflow and the uptime check do",
            none,
        ),
        either(
            "a deployment that fails is taken back",
            has_service,
            "the workflow: a tenth of the requests first",
            none,
        ),
        either(
            "instances that always run",
            min >= 2,
            zones,
            if has_service { fewer } else { none },
        ),
        either(
            "logs kept",
            values.keeps_logs,
            &format!("logging.tf: {} days", deployment.log_days),
            "30 days, which is what Google keeps by itself",
        ),
        either(
            "alarms and a dashboard",
            true,
            "monitoring.tf, dashboard.tf; `alarm_emails` names further people",
            "",
        ),
        either(
            "a firewall for web requests",
            values.firewall.is_some(),
            "firewall.tf: Cloud Armor",
            "not asked for: `firewall: true`, or the profile `resilient`",
        ),
        either(
            "a budget, labels on everything",
            values.budget.is_some(),
            "budget.tf; labels in providers.tf",
            "labels in providers.tf; a budget is not asked for",
        ),
        either(
            "state that is locked, versions that are pinned",
            true,
            "versions.tf; keep .terraform.lock.hcl, which `terraform init` writes",
            "",
        ),
    ]
}

fn limits(deployment: &Deployment, values: &Values) -> Vec<String> {
    let spec = &deployment.spec;
    let shared = values.database.as_ref().is_some_and(|one| one.has_shared_core);
    let dapr = spec.application.as_ref().is_some_and(|one| one.dapr);
    let interruptible = spec.scale.as_ref().is_some_and(|scale| scale.interruptible);
    let said = [
        (
            values.service.is_some(),
            "When an instance is stopped, Cloud Run lets requests in flight end (as long as their timeout) and then gives it 10 seconds, whatever `application.drain` says.",
        ),
        (
            values.service.is_some(),
            "The quota of a new project is fewer instances than `scale.max` may ask for: look under Cloud Run, Quotas.",
        ),
        (
            values.service.is_some(),
            "The commands of the specification take the place of the image's CMD, as on every cloud: the image has no ENTRYPOINT, or one that runs its arguments.",
        ),
        (
            values.service.is_some(),
            "Cloud Run starts instances by requests, and at 60 per cent of the processors, which cannot be changed; it looks at no memory.",
        ),
        (
            interruptible,
            "Cloud Run has no spot instances: `scale.interruptible` changes nothing here, nor the price.",
        ),
        (dapr, "Cloud Run has no Dapr sidecar: `application.dapr` changes nothing here."),
        (
            shared,
            "The database has a shared core, which Google's service level agreement leaves out: `database.size: medium`, or a standby, gives it one of its own.",
        ),
        (
            values.database.is_some(),
            "The application's role in the database is made by Google's API and belongs to cloudsqlsuperuser, so it may make further roles and databases. Take that away with REVOKE once its schema stands.",
        ),
        (
            values.database.is_some(),
            "When an apply stops between the database's role and its secret, raise `database_password_version` and apply again: both are written anew.",
        ),
        (
            values.has_batch(),
            "Jobs that may be interrupted run the image of the last `terraform apply`: the workflow does not reach them.",
        ),
        (
            values.cache.is_some(),
            "Google makes the cache's password and the provider reads it: it is in the state. Keep the state's bucket closed.",
        ),
        (
            values.cache.is_some(),
            "The cache speaks TLS with a certificate of its own authority: trust what CACHE_CA_CERTIFICATE holds.",
        ),
        (
            values.own_metrics,
            "Metrics of your own are looked for as custom.googleapis.com/NAME on generic\u{2011}task resources: send them so.",
        ),
        (true, "Nobody has applied these files to a real project yet: read the plan."),
    ];
    said.iter().filter(|(holds, _)| *holds).map(|(_, text)| (*text).to_owned()).collect()
}
