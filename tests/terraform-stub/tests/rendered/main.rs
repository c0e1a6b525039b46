//! What is rendered for Terraform, run through the real `terraform` with the true schemas: over
//! the examples, and over specifications that together hold every pair of options.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "helpers of tests stop a test where it went wrong, and say what was left out"
)]

mod combinations;
#[path = "../../../../crates/clouds/tests/render_aws/goes.rs"]
mod goes;
mod planned;
mod terraform;

use std::fs;
use std::path::{Path, PathBuf};

use trefoil_clouds::operate::render::Artefact;
use trefoil_clouds::registry;
use trefoil_core::cost::PriceBook;
use trefoil_core::deployment::Deployment;
use trefoil_core::spec::{AppSpec, parse};

use planned::Planned;
use terraform::Terraform;

/// How many of the combinations are run unless all are asked for; each takes some seconds.
const SAMPLE: usize = 3;

fn specification(name: &str, text: &str) -> AppSpec {
    match parse(name, text, &registry::known()) {
        Ok(parsed) => parsed.spec,
        Err(found) => panic!("{name}: {found:#?}\n{text}"),
    }
}

/// The files of each cloud that Terraform sets up and that can be it, by the folder below `infra/`.
fn rendered(spec: &AppSpec) -> Vec<(String, Vec<Artefact>)> {
    let named: Vec<_> =
        spec.environments.iter().filter(|(_, one)| by_terraform(&one.cloud)).collect();
    let mut folders = Vec::new();
    for (name, one) in &named {
        let view = spec.for_environment(name).unwrap();
        folders.extend(folder(&view, name, (&one.cloud, one.region.as_deref())));
    }
    if named.is_empty() {
        let clouds = registry::rendered().into_iter().filter(|cloud| by_terraform(cloud));
        folders.extend(clouds.filter_map(|cloud| folder(spec, cloud, (cloud, None))));
    }
    folders
}

/// Whether a cloud's files for a container alone have Terraform among them.
fn by_terraform(cloud: &str) -> bool {
    let spec = specification("tiny", "name: tiny\napplication: {image: \"ghcr.io/a/b:1.0.0\"}\n");
    registry::renderer(cloud).is_ok() && {
        let (_, files) = folder(&spec, cloud, (cloud, None)).unwrap();
        files.iter().any(|file| file.path.ends_with(".tf"))
    }
}

fn folder(
    spec: &AppSpec,
    folder: &str,
    (cloud, region): (&str, Option<&str>),
) -> Option<(String, Vec<Artefact>)> {
    let book = PriceBook::embedded().unwrap();
    let region = region.unwrap_or_else(|| book.region(cloud, None).unwrap());
    let deployment = Deployment::new(spec, folder, region, spec.environments.len() > 1);
    let renderer = registry::renderer(cloud).unwrap();
    let misfits = (renderer.misfits)(&deployment);
    // A combination may be one that this cloud refuses; each cloud's own tests say which and why.
    misfits.is_empty().then(|| (folder.to_owned(), (renderer.render)(&deployment).unwrap()))
}

/// Runs one specification through: formatted, valid, planned, applied, nothing left to do,
/// destroyed. What was planned is kept.
fn goes_through(terraform: &Terraform, name: &str, text: &str, planned: &mut Planned) {
    for (folder, files) in rendered(&specification(name, text)) {
        let place = tempfile::tempdir().unwrap();
        for file in &files {
            let path = place.path().join(&file.path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &file.contents).unwrap();
        }
        let what = format!("{name} in {folder}\n{text}");
        let plan = terraform.lives(&place.path().join("infra").join(&folder), &what);
        planned.add(&format!("{name} in {folder}"), &plan);
    }
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/rendered")
}

#[test]
fn the_examples_live_and_die() {
    let Some(terraform) = Terraform::find() else { return };
    let mut files: Vec<_> = fs::read_dir(examples())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "yaml"))
        .collect();
    files.sort();
    assert!(files.len() >= 4, "{files:?}");
    let mut planned = Planned::default();
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        goes_through(&terraform, &name, &fs::read_to_string(&file).unwrap(), &mut planned);
    }
    assert_eq!(planned.faults(), Vec::<String>::new());
    let (values, tasks) = planned.compared();
    assert!(values > 500 && tasks >= 6, "only {values} values and {tasks} tasks were compared");
}

#[test]
fn every_pair_of_options_lives_and_dies() {
    let Some(terraform) = Terraform::find() else { return };
    let all = combinations::pairwise();
    let chosen = combinations::sample(&all, SAMPLE);
    let mut planned = Planned::default();
    for (number, text) in chosen {
        goes_through(&terraform, &format!("combination {number}"), &text, &mut planned);
    }
    assert_eq!(planned.faults(), Vec::<String>::new());
}

#[test]
fn what_the_schemas_do_not_have_is_noticed() {
    let Some(terraform) = Terraform::find() else { return };
    let good = "resource \"aws_ecs_cluster\" \"this\" {\n  name = \"a\"\n}\n";
    assert_eq!(terraform.mistakes("aws", good), None);
    for (wrong, said) in [
        (good.replace("name", "nmae"), "Unsupported argument"),
        (good.replace("  name = \"a\"\n", ""), "Missing required argument"),
        (good.replace("aws_ecs_cluster", "aws_ecs_klaster"), "Invalid resource type"),
        (good.replace("name = \"a\"", "name = [1]"), "Incorrect attribute value type"),
        (
            format!("{good}output \"o\" {{ value = aws_ecs_cluster.this.ahrn }}\n"),
            "Unsupported attribute",
        ),
        (good.replace("name = \"a\"", "name = \"a\"\n  settings {}"), "Unsupported block type"),
    ] {
        let found = terraform.mistakes("aws", &wrong).unwrap_or_default();
        assert!(found.contains(said), "{wrong}\n{found}");
    }
}
