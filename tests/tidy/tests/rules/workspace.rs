//! The files of the repository.

use std::path::{Path, PathBuf};

use toml::Table;

/// Folders that hold nothing of ours.
const SKIPPED: [&str; 3] = ["target", ".git", ".trefoil"];

/// A crate of the workspace.
pub(crate) struct Member {
    /// Its folder from the root, such as `crates/core`.
    pub(crate) folder: String,
    /// Its name.
    pub(crate) name: String,
    /// Its `Cargo.toml`.
    pub(crate) manifest: Table,
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// All files below a folder, as paths from the root.
pub(crate) fn files(folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    collect(&root().join(folder), &mut found);
    found.sort();
    found
}

fn collect(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let kind = entry.file_type().unwrap();
        let skipped = SKIPPED.iter().any(|skipped| entry.file_name() == *skipped);
        if kind.is_dir() && !skipped {
            collect(&entry.path(), found);
        } else if kind.is_file() && !skipped {
            let path = entry.path();
            found.push(path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned());
        }
    }
}

/// The Rust files of production code: neither tests nor benchmarks.
pub(crate) fn production_files() -> Vec<String> {
    let all = members().into_iter().flat_map(|member| files(&format!("{}/src", member.folder)));
    all.filter(|path| is_production(path)).collect()
}

fn is_production(path: &str) -> bool {
    let is_test = path.ends_with("/tests.rs") || path.contains("/src/") && path.contains("/tests/");
    path.ends_with(".rs") && !is_test
}

pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The root's `Cargo.toml`.
pub(crate) fn root_manifest() -> Table {
    read("Cargo.toml").parse().unwrap()
}

/// All crates of the workspace.
pub(crate) fn members() -> Vec<Member> {
    let folders = root_manifest()["workspace"]["members"].as_array().unwrap().clone();
    let member = |folder: &toml::Value| {
        let folder = folder.as_str().unwrap().to_owned();
        let manifest: Table = read(&format!("{folder}/Cargo.toml")).parse().unwrap();
        let name = manifest["package"]["name"].as_str().unwrap().to_owned();
        Member { folder, name, manifest }
    };
    folders.iter().map(member).collect()
}

#[test]
fn the_files_are_found() {
    let found = production_files();
    assert!(found.contains(&"crates/core/src/lib.rs".to_owned()), "{found:?}");
    assert!(found.len() > 50, "{found:?}");
    assert!(!is_production("crates/core/src/planner/tests.rs"));
    assert!(!is_production("crates/core/src/planner/tests/one.rs"));
    assert!(is_production("tests/tidy/src/lib.rs"));
}
