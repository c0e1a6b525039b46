//! Specifications of tests, and what becomes of them.

use std::path::PathBuf;

use trefoil_clouds::operate::render::{Artefact, Misfit};
use trefoil_clouds::registry::renderer;
use trefoil_core::deployment::Deployment;
use trefoil_core::spec::{AppSpec, parse};

/// The folder of the examples.
pub(crate) fn examples() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/rendered")
}

/// A specification that has no mistakes.
pub(crate) fn spec(text: &str) -> AppSpec {
    let parsed = parse("trefoil.yaml", text, &["aws", "azure", "gcp"]);
    parsed.unwrap_or_else(|found| panic!("{found:?}")).spec
}

/// One of the examples.
pub(crate) fn example(name: &str) -> AppSpec {
    spec(&std::fs::read_to_string(examples().join(format!("{name}.yaml"))).unwrap())
}

/// An environment of a specification.
pub(crate) fn deployment(spec: &AppSpec, environment: &str) -> Deployment {
    let region = spec.environments[environment].region.clone().unwrap();
    let moves = spec.environments.len() > 1;
    Deployment::new(&spec.for_environment(environment).unwrap(), environment, &region, moves)
}

/// Its files.
pub(crate) fn render(deployment: &Deployment) -> Vec<Artefact> {
    assert_eq!(misfits(deployment), []);
    (renderer("aws").unwrap().render)(deployment).unwrap()
}

/// What does not fit.
pub(crate) fn misfits(deployment: &Deployment) -> Vec<Misfit> {
    (renderer("aws").unwrap().misfits)(deployment)
}
