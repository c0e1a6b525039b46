//! Where images come from, and how the workflow deploys them.

use serde::Serialize;
use trefoil_core::deployment::Deployment;
use trefoil_core::spec::Application;

/// How images come here.
#[derive(Debug, Serialize)]
pub(super) struct Delivery {
    /// The specification's image as it is pulled, when it has a fixed version.
    pub image_default: Option<String>,
    /// The registry from which it is fetched; Cloud Run itself pulls from Google's alone.
    pub upstream: Option<String>,
    pub upstream_is_docker_hub: bool,
    /// The name under which the workflow pushes.
    pub package: String,
    /// The path of readiness as GitHub reads it.
    pub ready_path: String,
}

/// Docker Hub, under the name that nobody writes.
const DOCKER_HUB: &str = "docker.io";

impl Delivery {
    /// How the images of an application come here.
    pub(super) fn of(deployment: &Deployment, application: &Application) -> Self {
        let image = application.image.as_deref().filter(|image| is_pinned(image));
        let (registry, path) = image.map_or((None, None), |image| {
            let (registry, path) = split(image);
            (Some(registry), Some(path))
        });
        let is_google = registry.is_some_and(is_google);
        let upstream = registry.filter(|_| !is_google);
        let image_default = match is_google {
            true => image.map(str::to_owned),
            false => path,
        };
        Self {
            image_default,
            upstream: upstream.map(str::to_owned),
            upstream_is_docker_hub: upstream == Some(DOCKER_HUB),
            package: deployment.spec.name.clone(),
            ready_path: github_literal(&application.health.ready),
        }
    }
}

/// Whether it names one version for ever.
fn is_pinned(image: &str) -> bool {
    let last = image.rsplit('/').next().unwrap_or(image);
    let tag = last.split_once(':').map(|(_, tag)| tag);
    image.contains("@sha256:") || tag.is_some_and(|tag| !tag.is_empty() && tag != "latest")
}

/// The registry of an image, and its name there.
fn split(image: &str) -> (&str, String) {
    let is_host = |part: &str| part.contains(['.', ':']) || part == "localhost";
    match image.split_once('/') {
        Some((host, path)) if is_host(host) && host != DOCKER_HUB => (host, path.to_owned()),
        Some((DOCKER_HUB, path)) => (DOCKER_HUB, of_library(path)),
        _ => (DOCKER_HUB, of_library(image)),
    }
}

/// Docker Hub's own images have a folder that nobody writes.
fn of_library(path: &str) -> String {
    if path.contains('/') { path.to_owned() } else { format!("library/{path}") }
}

/// Whether a registry is Artifact Registry.
fn is_google(host: &str) -> bool {
    host.ends_with("-docker.pkg.dev") || host == "gcr.io" || host.ends_with(".gcr.io")
}

/// A text in which GitHub finds no expression: `${{` becomes an expression that says `${{`.
fn github_literal(text: &str) -> String {
    text.replace("${{", "${{ '${{' }}")
}
