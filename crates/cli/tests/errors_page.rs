//! Every code of an error or mistake is on the page that explains them.

use std::collections::BTreeSet;
use std::path::Path;

/// The folders whose codes are looked for.
const FOLDERS: [&str; 3] = ["crates/core/src/spec", "crates/core/src/spec/rules", "crates/cli/src"];

/// What stands before a code.
const BEFORE: [&str; 7] = [
    "Error::usage(",
    "Error::failed(",
    "Error::missing(",
    "Error::refused(",
    "Diagnostic::error(",
    "Diagnostic::warning(",
    "code: ",
];

fn codes(source: &str, found: &mut BTreeSet<String>) {
    let source = source.split("#[cfg(test)]").next().unwrap_or_default();
    for before in BEFORE {
        for rest in source.split(before).skip(1) {
            let literal = rest.trim_start().strip_prefix('"').and_then(|rest| rest.split_once('"'));
            found.extend(literal.map(|(code, _)| code.to_owned()));
        }
    }
}

#[test]
fn every_code_is_explained() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = std::fs::read_to_string(root.join("docs/errors.md")).unwrap();
    let mut found = BTreeSet::new();
    for folder in FOLDERS {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                codes(&std::fs::read_to_string(path).unwrap(), &mut found);
            }
        }
    }
    assert!(found.len() > 30, "only {} codes were found", found.len());
    let missing: Vec<_> =
        found.iter().filter(|code| !page.contains(&format!("| `{code}` |"))).collect();
    assert!(missing.is_empty(), "not in docs/errors.md: {missing:?}");
}
