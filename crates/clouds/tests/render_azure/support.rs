//! What these tests share: specifications, and what they become.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use trefoil_clouds::operate::render::{Misfit, Renderer};
use trefoil_clouds::registry;
use trefoil_core::deployment::Deployment;
use trefoil_core::spec::{self, AppSpec};

/// The examples of rendered files, with the environment of each that is on Azure.
pub(crate) const EXAMPLES: [(&str, &str); 4] = [
    ("tiny", "azure"),
    ("medassistant", "azure"),
    ("everything", "azure"),
    ("pair-azure", "secondary"),
];

/// Files by path.
pub(crate) type Files = BTreeMap<String, String>;

pub(crate) fn renderer() -> Renderer {
    registry::renderer("azure").unwrap()
}

pub(crate) fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/rendered")
}

pub(crate) fn parse(text: &str) -> AppSpec {
    let parsed = spec::parse("trefoil.yaml", text, &["aws", "azure", "gcp", "local"]);
    parsed.unwrap_or_else(|found| panic!("{found:?}")).spec
}

/// The deployment of an environment of a specification.
pub(crate) fn deployment(spec: &AppSpec, environment: &str) -> Deployment {
    let merged = spec.for_environment(environment).unwrap();
    let region = merged.environments[environment].region.clone().unwrap();
    Deployment::new(&merged, environment, &region, spec.environments.len() > 1)
}

pub(crate) fn files(deployment: &Deployment) -> Files {
    let misfits = misfits(deployment);
    assert!(misfits.is_empty(), "{misfits:?}");
    let artefacts = (renderer().render)(deployment).unwrap();
    artefacts.into_iter().map(|one| (one.path, one.contents)).collect()
}

pub(crate) fn misfits(deployment: &Deployment) -> Vec<Misfit> {
    (renderer().misfits)(deployment)
}

/// What the environment `azure` of this specification becomes.
pub(crate) fn rendered(text: &str) -> Files {
    files(&deployment(&parse(text), "azure"))
}

/// What is wrong with it.
pub(crate) fn refused(text: &str) -> Vec<Misfit> {
    misfits(&deployment(&parse(text), "azure"))
}

pub(crate) fn example(name: &str, environment: &str) -> Files {
    let path = examples().join(format!("{name}.yaml"));
    let text = std::fs::read_to_string(&path).unwrap();
    files(&deployment(&parse(&text), environment))
}

/// A specification with an application and an environment `azure`, and what else is given.
pub(crate) fn with(more: &str) -> String {
    let head = "name: shop\nenvironments: { azure: { cloud: azure, region: eastus } }\n";
    let has_application = more.contains("application:");
    let application =
        if has_application { "" } else { "application: { image: \"a.io/shop:1\" }\n" };
    format!("{head}{application}{more}")
}
