//! A cloud's name is in its own folder and in the registry, and clouds do not know each other.

use std::collections::BTreeSet;

use syn::{Item, UseTree};

use crate::source::{self, Word};
use crate::workspace::{files, production_files, read};
use crate::{Finding, assert_none, words};

/// Where the clouds are.
const CLOUDS: &str = "crates/clouds/src/";
/// The file that lists them.
const REGISTRY: &str = "crates/clouds/src/registry.rs";
/// The file that declares their modules.
const ROOT: &str = "crates/clouds/src/lib.rs";
/// What stands in for a cloud in tests, named as its clients expect.
const STAND_INS: &str = "crates/clouds/src/conformance/stand_ins/";
/// Folders beside the clouds that are none.
const NO_CLOUDS: [&str; 4] = ["change_record", "conformance", "database", "operate"];
/// Names that are clouds' wherever they stand.
const NAMES: [&str; 4] = ["aws", "azure", "gcp", "google"];

/// The clouds by their folders.
fn clouds() -> BTreeSet<String> {
    let folders = files(CLOUDS.trim_end_matches('/')).into_iter().filter_map(|path| {
        let (folder, _) = path.strip_prefix(CLOUDS)?.split_once('/')?;
        (!NO_CLOUDS.contains(&folder)).then(|| folder.to_owned())
    });
    folders.collect()
}

fn is_allowed(path: &str, clouds: &BTreeSet<String>) -> bool {
    let folder = path.strip_prefix(CLOUDS).and_then(|path| path.split_once('/'));
    path == REGISTRY
        || path.starts_with(STAND_INS)
        || folder.is_some_and(|(folder, _)| clouds.contains(folder))
}

/// Names of clouds in a file that must have none.
fn names(path: &str, text: &str) -> Vec<Finding> {
    let mut file = source::parse(path, text);
    if path == ROOT {
        file.items.retain(|item| !matches!(item, Item::Mod(_)));
    }
    file.items.retain(|item| !is_of_library(item));
    let found = source::words(&file).into_iter().filter_map(|(line, word)| {
        let what = match word {
            Word::Identifier(name) => parts(&name)
                .iter()
                .any(|part| NAMES.contains(&part.as_str()))
                .then(|| format!("the identifier `{name}` names a cloud")),
            Word::Text(text) => (text == "local"
                || parts(&text).iter().any(|part| NAMES.contains(&part.as_str())))
            .then(|| format!("the string {text:?} names a cloud")),
            Word::Segment(name) => {
                (name == "local").then(|| format!("the path `::{name}` names a cloud"))
            }
        };
        Some(Finding::new(path, line, what?))
    });
    found.collect()
}

/// Libraries have names of their own that have nothing to do with our clouds: a module `local` of
/// `object_store`, and `aws_lc_rs`, whose cryptography `rustls` uses.
fn is_of_library(item: &Item) -> bool {
    let Item::Use(used) = item else { return false };
    matches!(&used.tree, UseTree::Path(path) if path.ident == "object_store" || path.ident == "rustls")
}

/// The parts of a name, in lower case: `AwsClient` and `aws_client` have `aws` and `client`.
fn parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut lower = false;
    for c in name.chars() {
        let begins = !c.is_alphanumeric() || (c.is_uppercase() && lower);
        if begins {
            parts.push(String::new());
        }
        lower = c.is_lowercase();
        if c.is_alphanumeric()
            && let Some(part) = parts.last_mut()
        {
            part.extend(c.to_lowercase());
        }
    }
    parts
}

/// Names of other clouds in the folder of one.
fn siblings(path: &str, text: &str, clouds: &BTreeSet<String>) -> Vec<Finding> {
    let Some((own, _)) = path.strip_prefix(CLOUDS).and_then(|path| path.split_once('/')) else {
        return Vec::new();
    };
    let found = source::paths(&source::parse(path, text)).into_iter().filter_map(|used| {
        let other = used.segments.iter().find(|name| *name != own && clouds.contains(*name))?;
        let what = format!("the cloud `{own}` uses the cloud `{other}`");
        Some(Finding::new(path, used.line, what))
    });
    if clouds.contains(own) { found.collect() } else { Vec::new() }
}

#[test]
fn clouds_are_named_only_in_their_folders_and_the_registry() {
    let clouds = clouds();
    let files = production_files();
    let others = files.iter().filter(|path| !is_allowed(path, &clouds));
    let findings = others.flat_map(|path| names(path, &read(path))).collect();
    assert_none("what knows a cloud by name cannot treat all alike", findings);
}

#[test]
fn clouds_do_not_use_each_other() {
    let clouds = clouds();
    assert!(clouds.contains("local"), "{clouds:?}");
    let files = production_files();
    let findings = files.iter().flat_map(|path| siblings(path, &read(path), &clouds)).collect();
    assert_none("what clouds share is beside them, not in one of them", findings);
}

#[test]
fn names_of_clouds_are_found_and_similar_words_are_not() {
    let text = r#"
        use trefoil_clouds::local::layout;
        use trefoil_clouds::{local, objects};
        fn open() { if cloud == "local" { AwsClient::new("on Azure") } else { crate::local::x!() } }
        fn laws_of(local: LocalSet) -> &str { "a local path" }
    "#;
    let expected = [
        "2: the path `::local` names a cloud",
        "3: the path `::local` names a cloud",
        "4: the string \"local\" names a cloud",
        "4: the identifier `AwsClient` names a cloud",
        "4: the string \"on Azure\" names a cloud",
        "4: the path `::local` names a cloud",
    ];
    let mut found = words(&names("crates/ops/src/a.rs", text));
    let mut expected = expected.map(str::to_owned).to_vec();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn the_modules_of_the_root_are_allowed() {
    let text = "#[cfg(feature = \"local\")]\npub mod local;\nfn f() { crate::local::g() }";
    let expected = ["3: the path `::local` names a cloud"];
    assert_eq!(words(&names(ROOT, text)), expected);
}

#[test]
fn a_cloud_that_uses_another_is_found() {
    let clouds = BTreeSet::from(["one".to_owned(), "two".to_owned()]);
    let text = "use crate::objects::Objects;\nuse crate::two::client;\nuse crate::one::other;";
    let found = siblings("crates/clouds/src/one/a.rs", text, &clouds);
    assert_eq!(words(&found), ["2: the cloud `one` uses the cloud `two`"]);
    assert_eq!(siblings("crates/clouds/src/operate/a.rs", text, &clouds), []);
}
