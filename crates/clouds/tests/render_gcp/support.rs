//! Specifications, what they become, and the rendered examples.

use std::fs;
use std::path::{Path, PathBuf};

use trefoil_clouds::operate::render::{Artefact, Misfit};
use trefoil_clouds::registry;
use trefoil_core::deployment::Deployment;
use trefoil_core::spec::{AppSpec, parse};

/// What tests call an environment's folder and cloud.
pub(crate) const CLOUD: &str = "gcp";

/// The specification in a text.
pub(crate) fn spec(text: &str) -> AppSpec {
    match parse("trefoil.yaml", text, &registry::known()) {
        Ok(parsed) => parsed.spec,
        Err(found) => panic!("{found:#?}\n{text}"),
    }
}

/// The deployment of an environment of a specification.
pub(crate) fn deployment(spec: &AppSpec, environment: &str) -> Deployment {
    let there = spec.environment(environment).unwrap();
    let region = there.region.clone().unwrap_or_else(|| "us-central1".to_owned());
    let moves = spec.environments.len() > 1;
    Deployment::new(&spec.for_environment(environment).unwrap(), environment, &region, moves)
}

/// The deployment of a text, whose environment on Google Cloud is `gcp`.
pub(crate) fn of_text(text: &str) -> Deployment {
    deployment(&spec(&with_environment(text)), CLOUD)
}

/// The text with an environment on Google Cloud.
pub(crate) fn with_environment(text: &str) -> String {
    format!("{text}\nenvironments: {{ gcp: {{ cloud: gcp, region: us-central1 }} }}\n")
}

/// What does not fit.
pub(crate) fn misfits(deployment: &Deployment) -> Vec<Misfit> {
    (registry::renderer(CLOUD).unwrap().misfits)(deployment)
}

/// The files of a deployment, which must fit.
pub(crate) fn render(deployment: &Deployment) -> Vec<Artefact> {
    let found = misfits(deployment);
    assert!(found.is_empty(), "{found:#?}");
    (registry::renderer(CLOUD).unwrap().render)(deployment).unwrap()
}

/// What the file of that name says; fails when there is none.
pub(crate) fn file<'a>(artefacts: &'a [Artefact], name: &str) -> &'a str {
    let found = artefacts.iter().find(|one| one.path.ends_with(&format!("/{name}")));
    &found.unwrap_or_else(|| panic!("no {name}")).contents
}

/// The names of the files, without their folder.
pub(crate) fn names(artefacts: &[Artefact]) -> Vec<&str> {
    artefacts.iter().filter_map(|one| Some(one.path.rsplit_once('/')?.1)).collect()
}

/// The folder of the examples.
pub(crate) fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/rendered")
}

/// The examples: the name of a specification, and its environments on Google Cloud.
pub(crate) const EXAMPLES: [(&str, &str); 5] = [
    ("tiny", "gcp"),
    ("medassistant", "gcp"),
    ("everything", "gcp"),
    ("pair", "secondary"),
    ("pair-azure", "primary"),
];

/// The deployment of an example.
pub(crate) fn example(name: &str, environment: &str) -> Deployment {
    let text = fs::read_to_string(examples().join(format!("{name}.yaml"))).unwrap();
    deployment(&spec(&text), environment)
}
