//! The files that set up an environment on AWS: Terraform, the task definition, CodeBuild's
//! specification and GitHub's workflow.
//!
//! This is the table of contents: which file is written when. What they print is computed in
//! [`values`].

mod alarms;
mod data;
mod edges;
mod environment;
mod jobs;
mod limits;
mod names;
mod schedule;
mod service;
mod values;

use trefoil_core::deployment::Deployment;

use crate::Result;
use crate::operate::render::{Artefact, Renderer, Templates};
use edges::Domain;
use environment::CLOUD;
use values::Values;

/// How AWS's files are written.
pub const RENDERER: Renderer = Renderer { misfits: limits::misfits, render };

/// A file of an environment's folder: its name, its template, and when it is written.
struct File {
    name: &'static str,
    template: &'static str,
    when: fn(&Values) -> bool,
}

macro_rules! file {
    ($name:literal, $when:expr) => {
        File { name: $name, template: include_str!(concat!("templates/", $name)), when: $when }
    };
}

const FILES: &[File] = &[
    file!("README.md", |_| true),
    file!("versions.tf", |_| true),
    file!("providers.tf", |_| true),
    file!("variables.tf", |_| true),
    file!("locals.tf", |_| true),
    file!("outputs.tf", |_| true),
    file!("kms.tf", |_| true),
    file!("network.tf", |_| true),
    file!("security_groups.tf", |values| values.service.is_some() || values.database.is_some()),
    file!("registry.tf", |values| values.service.is_some()),
    file!("load_balancer.tf", |values| values.service.is_some()),
    file!("logs_bucket.tf", |values| values.service.is_some() || !values.buckets.is_empty()),
    file!("service.tf", |values| values.service.is_some()),
    file!("autoscaling.tf", |values| values.service.is_some()),
    file!("iam.tf", |values| values.service.is_some()),
    file!("ci.tf", |values| values.service.is_some()),
    file!("pipeline.tf", |values| values.service.is_some()),
    file!("task-definition.json", |values| values.service.is_some()),
    file!("buildspec.yml", |values| values.service.is_some()),
    file!("secrets.tf", |values| !values.secrets.is_empty()),
    file!("database.tf", |values| values.database.is_some()),
    file!("buckets.tf", |values| !values.buckets.is_empty()),
    file!("sessions.tf", |values| values.sessions.is_some()),
    file!("cache.tf", |values| values.cache.is_some()),
    file!("dns.tf", |values| values.domain.is_some()),
    file!("dnssec.tf", |values| values.domain.as_ref().is_some_and(Domain::is_own)),
    file!("cdn.tf", |values| values.cdn.is_some()),
    file!("firewall.tf", |values| values.firewall.is_some()),
    file!("jobs.tf", |values| !values.jobs.is_empty()),
    file!("alarms.tf", |_| true),
    file!("dashboard.tf", |_| true),
    file!("budget.tf", |values| values.budget.is_some()),
    file!("vpn.tf", |values| values.vpn.is_some()),
    file!("peering.tf", |values| values.peering.is_some()),
    file!("replication.tf", |values| {
        values.replication.is_some() && !values.buckets.is_empty()
    }),
];

/// GitHub reads its workflows from one folder alone.
const WORKFLOW: File = file!("deploy.yml", |values| values.service.is_some());

fn render(deployment: &Deployment) -> Result<Vec<Artefact>> {
    let values = Values::new(deployment)?;
    let sources: Vec<_> =
        FILES.iter().chain([&WORKFLOW]).map(|file| (file.name, file.template)).collect();
    let templates = Templates::new(&sources)?;
    let folder = &deployment.folder;
    let written = FILES.iter().filter(|file| (file.when)(&values));
    let infra = written.map(|file| (format!("infra/{folder}/{}", file.name), file.name));
    let workflow = Some(&WORKFLOW)
        .filter(|file| (file.when)(&values))
        .map(|file| (format!(".github/workflows/deploy-{folder}.yml"), file.name));
    infra.chain(workflow).map(|(path, name)| templates.file(&path, name, &values)).collect()
}

/// What names the version of an image: `:tag` or `@sha256:...`; `None` for an image without a
/// fixed one, and for what is no image.
fn image_suffix(image: &str) -> Option<String> {
    let plain = |text: &str, more: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
    };
    let (name, digest) = match image.split_once("@sha256:") {
        Some((name, digest)) => (name, Some(digest)),
        None => (image, None),
    };
    let (path, last) = name.rsplit_once('/').unwrap_or(("", name));
    let (last, tag) = match last.split_once(':') {
        Some((last, tag)) => (last, Some(tag)),
        None => (last, None),
    };
    if !plain(last, "._-") || !(path.is_empty() || plain(path, "._-/:")) {
        return None;
    }
    if let Some(digest) = digest {
        let is_digest = digest.len() == 64 && digest.chars().all(|c| c.is_ascii_hexdigit());
        return is_digest.then(|| format!("@sha256:{digest}"));
    }
    let tag = tag.filter(|tag| plain(tag, "._-") && tag.len() <= 128 && *tag != "latest")?;
    Some(format!(":{tag}"))
}
