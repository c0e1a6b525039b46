//! The files that are kept as examples, byte for byte.

use std::path::Path;

use crate::support::{EXAMPLES, Files, example, examples};

/// `TREFOIL_BLESS=1` writes them anew.
#[test]
fn the_examples_are_what_is_rendered() {
    let bless = std::env::var_os("TREFOIL_BLESS").is_some();
    for (name, environment) in EXAMPLES {
        let folder = examples().join(name);
        let files = example(name, environment);
        if bless {
            write(&folder, environment, &files);
        }
        for (path, contents) in &files {
            let kept = std::fs::read_to_string(folder.join(path)).unwrap_or_default();
            assert!(kept == *contents, "{name}/{path} is not what is rendered: TREFOIL_BLESS=1");
        }
        let kept = kept(&folder.join("infra").join(environment));
        let workflows = files.keys().filter(|path| path.starts_with(".github")).count();
        assert_eq!(kept, files.len() - workflows, "{name} keeps a file that is not rendered");
    }
}

#[test]
fn the_same_specification_becomes_the_same_bytes() {
    for (name, environment) in EXAMPLES {
        assert_eq!(example(name, environment), example(name, environment));
    }
}

fn write(folder: &Path, environment: &str, files: &Files) {
    let infra = folder.join("infra").join(environment);
    if infra.exists() {
        std::fs::remove_dir_all(&infra).unwrap();
    }
    for (path, contents) in files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, contents).unwrap();
    }
}

fn kept(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    let count = |entry: std::fs::DirEntry| match entry.file_type().unwrap().is_dir() {
        true => kept(&entry.path()),
        false => 1,
    };
    entries.map(count).sum()
}
