//! What is rendered for: which environments, on which clouds, in which folders.

use trefoil_clouds::operate::render::Renderer;
use trefoil_clouds::registry;
use trefoil_core::cost::PriceBook;
use trefoil_core::deployment::Deployment;
use trefoil_core::spec::AppSpec;

use crate::{Error, Result};

/// The word for everything.
const ALL: &str = "all";

/// One environment to render.
pub(super) struct Target {
    /// Its cloud.
    pub(super) cloud: String,
    /// The specification of the environment, without what its profile adds.
    pub(super) asked: AppSpec,
    /// What it is made of.
    pub(super) deployment: Deployment,
    /// How its cloud writes files.
    pub(super) renderer: Renderer,
}

/// The environments that are meant by `words`, each once, in the order of their folders.
pub(super) fn find(spec: &AppSpec, words: &[String]) -> Result<Vec<Target>> {
    if registry::rendered().is_empty() {
        let why = "this build of trefoil knows no cloud that is set up with files";
        return Err(Error::usage("render_nothing", why).hint("build it with its default features"));
    }
    let mut targets = Vec::new();
    for word in words {
        targets.extend(meant(spec, word)?);
    }
    targets.sort_by(|a: &Target, b| a.deployment.folder.cmp(&b.deployment.folder));
    targets.dedup_by(|a, b| a.deployment.folder == b.deployment.folder);
    Ok(targets)
}

fn meant(spec: &AppSpec, word: &str) -> Result<Vec<Target>> {
    let clouds = registry::rendered();
    let on = |cloud: &str| {
        let mine = spec.environments.iter().filter(move |(_, one)| one.cloud == cloud);
        mine.map(|(name, _)| name.as_str()).collect::<Vec<_>>()
    };
    if word == ALL {
        let named: Vec<_> = clouds.iter().flat_map(|cloud| on(cloud)).collect();
        return match named.is_empty() {
            true => clouds.iter().map(|cloud| bare(spec, cloud)).collect(),
            false => named.iter().map(|name| environment(spec, name)).collect(),
        };
    }
    if let Some(found) = spec.environments.get(word) {
        registry::renderer(&found.cloud)?;
        return Ok(vec![environment(spec, word)?]);
    }
    if !registry::known().contains(&word) {
        let message = format!("`{word}` is neither a cloud nor an environment");
        let environments: Vec<_> = spec.environments.keys().map(String::as_str).collect();
        return Err(Error::usage("render_target", message).hint(format!(
            "clouds: {}; environments: {}; or {ALL}",
            clouds.join(", "),
            environments.join(", ")
        )));
    }
    registry::renderer(word)?;
    match on(word).as_slice() {
        [] => Ok(vec![bare(spec, word)?]),
        names => names.iter().map(|name| environment(spec, name)).collect(),
    }
}

/// A cloud on which the specification names no environment.
fn bare(spec: &AppSpec, cloud: &str) -> Result<Target> {
    target(spec, cloud, cloud, None)
}

/// An environment. With more than one to render, each has a folder of its own name; this hangs on
/// the specification alone, so that files stay where they are whatever is asked for.
fn environment(spec: &AppSpec, name: &str) -> Result<Target> {
    let found = spec.environment(name)?;
    let folder = if renderable(spec) > 1 { name } else { &found.cloud };
    target(&spec.for_environment(name)?, &found.cloud, folder, found.region.as_deref())
}

fn renderable(spec: &AppSpec) -> usize {
    let clouds = registry::rendered();
    spec.environments.values().filter(|one| clouds.contains(&one.cloud.as_str())).count()
}

fn target(spec: &AppSpec, cloud: &str, folder: &str, region: Option<&str>) -> Result<Target> {
    let renderer = registry::renderer(cloud)?;
    let region = match region {
        Some(region) => region.to_owned(),
        None => PriceBook::embedded()?.region(cloud, None)?.to_owned(),
    };
    // Between two environments the application can be moved.
    let moves = spec.environments.len() > 1;
    let deployment = Deployment::new(spec, folder, &region, moves);
    Ok(Target { cloud: cloud.to_owned(), asked: spec.clone(), deployment, renderer })
}
