//! The files that set an environment up on Google Cloud: Terraform, the Cloud Run service as YAML,
//! a workflow that deploys, and what to read first.

mod alarms;
mod delivery;
mod edge;
mod limits;
mod names;
mod network;
mod project;
mod readme;
mod service;
mod stores;
mod values;

use serde::Serialize;
use trefoil_core::deployment::Deployment;

use crate::Result;
use crate::operate::render::{Artefact, Renderer, Templates};
use readme::Readme;
use values::Values;

/// How the files are written.
pub const RENDERER: Renderer = Renderer { misfits: limits::misfits, render };

/// One file below `infra/<folder>/`: its name, its template, and when there is one.
type File = (&'static str, &'static str, fn(&Values) -> bool);

macro_rules! file {
    ($name:literal, $when:expr) => {
        ($name, include_str!(concat!("templates/", $name)), $when)
    };
}

/// The files, in the order in which one would read them.
const FILES: &[File] = &[
    file!("README.md", |_| true),
    file!("versions.tf", |_| true),
    file!("providers.tf", |_| true),
    file!("variables.tf", |_| true),
    file!("locals.tf", |_| true),
    file!("apis.tf", |_| true),
    file!("network.tf", |values| values.network.is_some()),
    file!("identity.tf", |values| values.service.is_some()),
    file!("registry.tf", |values| values.service.is_some()),
    file!("service.tf", |values| values.service.is_some()),
    file!("service.yaml", |values| values.service.is_some()),
    file!("jobs.tf", |values| !values.jobs.run.is_empty() || values.has_batch()),
    file!("batch.tf", |values| values.has_batch()),
    file!("database.tf", |values| values.database.is_some()),
    file!("storage.tf", |values| !values.buckets.is_empty()),
    file!("sessions.tf", |values| values.sessions.is_some()),
    file!("cache.tf", |values| values.cache.is_some()),
    file!("secrets.tf", |values| !values.secrets.is_empty()),
    file!("edge.tf", |values| values.edge),
    file!("firewall.tf", |values| values.firewall.is_some()),
    file!("dns.tf", |values| values.dns.is_some()),
    file!("monitoring.tf", |_| true),
    file!("dashboard.tf", |values| !values.dashboard.charts.is_empty()),
    file!("tracing.tf", |values| values.tracing.is_some()),
    file!("collector.yaml", |values| values.tracing.is_some()),
    file!("logging.tf", |values| values.keeps_logs),
    file!("budget.tf", |values| values.budget.is_some()),
    file!("vpn.tf", |values| values.vpn.is_some()),
    file!("delivery.tf", |values| values.service.is_some()),
    file!("outputs.tf", |_| true),
];

/// The workflow has a place of its own, where GitHub looks for it.
const WORKFLOW: (&str, &str) = ("workflow.yml", include_str!("templates/workflow.yml"));

/// What the templates print: the values, and what follows from all of them.
#[derive(Debug, Serialize)]
struct Printed<'a> {
    #[serde(flatten)]
    values: &'a Values,
    apis: Vec<&'static str>,
    audited: Vec<&'static str>,
    readme: Readme,
}

impl<'a> Printed<'a> {
    fn of(deployment: &Deployment, values: &'a Values) -> Self {
        let apis = project::apis(values);
        let audited = project::audited(&apis);
        let readme = Readme::of(deployment, values, !audited.is_empty());
        Self { values, apis, audited, readme }
    }
}

fn render(deployment: &Deployment) -> Result<Vec<Artefact>> {
    let values = Values::of(deployment)?;
    let printed = Printed::of(deployment, &values);
    let mut sources: Vec<_> = FILES.iter().map(|(name, source, _)| (*name, *source)).collect();
    sources.push(WORKFLOW);
    let templates = Templates::new(&sources)?;
    let folder = &deployment.folder;
    let mut artefacts = Vec::new();
    for (name, _, _) in FILES.iter().filter(|(_, _, is_there)| is_there(&values)) {
        artefacts.push(templates.file(&format!("infra/{folder}/{name}"), name, &printed)?);
    }
    if values.service.is_some() {
        let path = format!(".github/workflows/deploy-{folder}.yml");
        artefacts.push(templates.file(&path, WORKFLOW.0, &printed)?);
    }
    Ok(artefacts)
}
