//! The examples, byte for byte. `TREFOIL_BLESS=1` writes them anew, to be read in the difference.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::support::{deployment, example, examples, render};

/// The examples and their environments on AWS.
pub(crate) const ALL: [(&str, &str); 6] = [
    ("tiny", "aws"),
    ("medassistant", "aws"),
    ("everything", "aws"),
    ("pair", "primary"),
    ("regions", "primary"),
    ("regions", "secondary"),
];

#[test]
fn the_examples_are_what_is_rendered() {
    for (name, environment) in ALL {
        let artefacts = render(&deployment(&example(name), environment));
        let folder = examples().join(name);
        if std::env::var_os("TREFOIL_BLESS").is_some() {
            let _ = fs::remove_dir_all(folder.join("infra").join(environment));
            for one in &artefacts {
                let path = folder.join(&one.path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, &one.contents).unwrap();
            }
        }
        for one in &artefacts {
            let kept = fs::read_to_string(folder.join(&one.path)).unwrap_or_default();
            assert_eq!(kept, one.contents, "{name}: {}: see TREFOIL_BLESS", one.path);
        }
        let infra = format!("infra/{environment}/");
        let rendered: BTreeSet<_> = artefacts
            .iter()
            .filter_map(|one| one.path.strip_prefix(&infra))
            .map(str::to_owned)
            .collect();
        assert_eq!(names(&folder.join(&infra)), rendered, "{name}");
    }
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}
