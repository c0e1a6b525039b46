//! The rendered examples are what is rendered, byte for byte; `TREFOIL_BLESS=1` writes them anew.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::support::{EXAMPLES, example, examples, render};

#[test]
fn the_examples_are_what_is_rendered() {
    for (name, environment) in EXAMPLES {
        let folder = examples().join(name);
        let artefacts = render(&example(name, environment));
        if std::env::var_os("TREFOIL_BLESS").is_some() {
            let _ = fs::remove_dir_all(folder.join("infra").join(environment));
            for artefact in &artefacts {
                let path = folder.join(&artefact.path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, &artefact.contents).unwrap();
            }
        }
        for artefact in &artefacts {
            let path = folder.join(&artefact.path);
            let kept = fs::read_to_string(&path).unwrap_or_else(|error| {
                panic!("{}: {error}; write it with TREFOIL_BLESS=1", path.display())
            });
            assert!(
                kept == artefact.contents,
                "{} is no longer what is rendered; look at it with TREFOIL_BLESS=1 and git diff",
                path.display()
            );
        }
        let rendered: BTreeSet<_> =
            artefacts.iter().map(|artefact| folder.join(&artefact.path)).collect();
        let kept = files(&folder.join("infra").join(environment));
        let stale: Vec<_> = kept.iter().filter(|path| !rendered.contains(*path)).collect();
        assert!(stale.is_empty(), "nothing renders these any more: {stale:?}");
    }
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect()
}

#[test]
fn the_same_deployment_is_rendered_the_same_twice() {
    for (name, environment) in EXAMPLES {
        assert_eq!(render(&example(name, environment)), render(&example(name, environment)));
    }
}
