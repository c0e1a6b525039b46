//! Names within Google's limits: for the shortest and the longest that a specification may have.

use std::collections::BTreeSet;

use trefoil_core::deployment::Deployment;

use super::support::{file, render, spec};

/// Every value of an attribute, in every file of Terraform.
fn values(artefacts: &[trefoil_clouds::operate::render::Artefact], key: &str) -> Vec<String> {
    let files = artefacts.iter().filter(|one| one.path.ends_with(".tf"));
    let lines = files.flat_map(|one| one.contents.lines().map(str::trim));
    lines
        .filter_map(|line| {
            let (name, value) = line.split_once('=')?;
            let value = value.trim().strip_prefix('"')?.split('"').next()?;
            (name.trim() == key && !value.contains("${")).then(|| value.to_owned())
        })
        .collect()
}

fn everything(name: &str, folder: &str, region: &str) -> Deployment {
    let text = format!(
        "name: {name}\nprofile: resilient\ndomain: app.example.com\n\
         application: {{image: \"ghcr.io/a/b:1\", setup: [m], secrets: {{KEY: the-key}}}}\n\
         database:\nsessions:\ncache:\nbudget: {{monthly_usd: 5}}\ntracing: true\n\
         chat: {{model: {{gcp: m}}}}\nbuckets: {{{long}: }}\n\
         jobs: {{{job}: {{schedule: 0 1 * * *, command: [a]}}}}\n",
        long = "b".repeat(63),
        job = "j".repeat(40),
    );
    Deployment::new(&spec(&text), folder, region, true)
}

#[test]
fn the_shortest_and_the_longest_names_fit() {
    let longest = "n".repeat(40);
    let folder = "f".repeat(31);
    for (name, folder) in [("ab", "x"), (longest.as_str(), folder.as_str())] {
        let artefacts = render(&everything(name, folder, "us-central1"));
        let each = |key: &str, lengths: std::ops::RangeInclusive<usize>| {
            let found = values(&artefacts, key);
            assert!(!found.is_empty(), "{key}");
            for value in found {
                assert!(lengths.contains(&value.len()), "{key} = {value}: {}", value.len());
                let good = |one: char| {
                    one.is_ascii_lowercase() || one.is_ascii_digit() || "-_".contains(one)
                };
                assert!(value.chars().all(good), "{key} = {value}");
                assert!(!value.ends_with('-') && !value.starts_with('-'), "{key} = {value}");
            }
        };
        each("account_id", 6..=30);
        each("secret_id", 1..=255);
        each("repository_id", 1..=63);
        each("workload_identity_pool_id", 4..=32);
        each("role_id", 3..=64);
        let buckets = file(&artefacts, "storage.tf");
        let bucket = buckets.split("${var.project_id}").nth(1).unwrap().split('"').next().unwrap();
        assert!(30 + bucket.len() <= 63, "{bucket}");
        let service = file(&artefacts, "service.yaml");
        let service = service.split("  name: \"").nth(1).unwrap().split('"').next().unwrap();
        assert!(service.len() <= 49, "{service}");
        for job in file(&artefacts, "jobs.tf").split("      name    = \"").skip(1) {
            let job = job.split('"').next().unwrap();
            assert!(job.len() <= 49, "{job}");
        }
    }
}

#[test]
fn names_stay_when_other_things_change_and_two_stay_two() {
    let long = |last: char| format!("{}{last}", "n".repeat(39));
    let name_of = |deployment: &Deployment| {
        let artefacts = render(deployment);
        let yaml = file(&artefacts, "service.yaml");
        yaml.split("  name: \"").nth(1).unwrap().split('"').next().unwrap().to_owned()
    };
    let folder = "f".repeat(31);
    let first = name_of(&everything(&long('a'), &folder, "us-central1"));
    assert_eq!(first, name_of(&everything(&long('a'), &folder, "europe-west1")));
    let all: BTreeSet<_> = [
        first,
        name_of(&everything(&long('b'), &folder, "us-central1")),
        name_of(&everything(&long('a'), &"f".repeat(30), "us-central1")),
    ]
    .into();
    assert_eq!(all.len(), 3, "{all:?}");
}
