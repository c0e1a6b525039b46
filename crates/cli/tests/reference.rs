//! `docs/reference/`: one JSON Schema for each command's `data`, made from the types, and a page
//! that lists them. Regenerate the files: `TREFOIL_BLESS=1 cargo test -p trefoil --test reference`.

#![allow(clippy::unwrap_used, reason = "helpers of tests, outside of test functions")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use trefoil_cli::reference::{ENVELOPE, schemas};

/// Commands without an answer of their own: `schema` prints the schema of the specification
/// itself, the others run until they are told to end.
const WITHOUT: [&str; 5] = ["agent", "backflow", "edge", "schema", "supervise"];

/// What is asked for by a flag and has an answer of its own.
const BY_FLAG: [(&str, &str); 1] = [("cost-diff", "cost --diff")];

/// The schema of the specification, which is made elsewhere.
const SPECIFICATION: &str = "trefoil.schema.json";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference")
}

fn file_of(name: &str) -> String {
    format!("{name}.schema.json")
}

#[test]
fn the_files_are_those_that_the_types_make() {
    let bless = std::env::var_os("TREFOIL_BLESS").is_some();
    let mut stale = Vec::new();
    for (name, schema) in schemas() {
        let (path, text) = (folder().join(file_of(name)), format!("{schema:#}\n"));
        if bless {
            std::fs::write(&path, text).unwrap();
        } else if std::fs::read_to_string(&path).unwrap_or_default() != text {
            stale.push(name);
        }
    }
    assert!(stale.is_empty(), "TREFOIL_BLESS=1 cargo test -p trefoil --test reference: {stale:?}");
}

#[test]
fn no_file_is_left_over() {
    let known: BTreeSet<_> = schemas().iter().map(|(name, _)| file_of(name)).collect();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".schema.json") && name != SPECIFICATION {
            assert!(known.contains(&name), "{name} belongs to no command");
        }
    }
}

/// Every command that can be typed, as its `schema` names it.
fn commands() -> BTreeSet<String> {
    let cli = trefoil_cli::args::Cli::command();
    let mut names = BTreeSet::new();
    for command in cli.get_subcommands() {
        let name = command.get_name();
        let parts = command.get_subcommands().map(|part| format!("{name}-{}", part.get_name()));
        names.extend(parts);
        if !command.is_subcommand_required_set() {
            names.insert(name.to_owned());
        }
    }
    names
}

#[test]
fn every_command_has_a_schema_and_a_row_on_the_page() {
    let with: BTreeSet<_> = schemas().into_iter().map(|(name, _)| name.to_owned()).collect();
    let page = std::fs::read_to_string(folder().join("README.md")).unwrap();
    let mut wanted = commands();
    assert!(wanted.contains("runs") && wanted.contains("migrate-plan"), "{wanted:?}");
    wanted.retain(|name| !WITHOUT.contains(&name.as_str()));
    wanted.extend(BY_FLAG.iter().map(|(name, _)| (*name).to_owned()));
    for name in &wanted {
        assert!(with.contains(name), "crates/cli/src/reference.rs lacks {name}");
        let by_flag = BY_FLAG.iter().find(|(flag, _)| flag == name);
        let command = by_flag.map_or_else(|| name.replace('-', " "), |(_, it)| (*it).to_owned());
        let file = file_of(name);
        let row = page.lines().find(|line| line.starts_with(&format!("| `{command}")));
        let row = row.unwrap_or_else(|| panic!("docs/reference/README.md lacks {command}"));
        assert!(row.contains(&format!("[{file}]({file})")), "{row}");
    }
    assert!(page.contains(&file_of(ENVELOPE)));
    let odd: Vec<_> =
        with.iter().filter(|name| *name != ENVELOPE && !wanted.contains(*name)).collect();
    assert!(odd.is_empty(), "schemas of no command: {odd:?}");
}

#[test]
fn every_property_is_explained() {
    for (name, schema) in schemas() {
        let mut bare = Vec::new();
        look_for_bare(&schema, "", &mut bare);
        assert!(bare.is_empty(), "{name}: no description of {bare:?}");
    }
}

/// A variant of an enum explains itself as a whole, so what stands in it need not.
fn look_for_bare(schema: &serde_json::Value, path: &str, bare: &mut Vec<String>) {
    let explained = schema.get("description").is_some() && path.ends_with(']');
    if let (false, Some(properties)) = (explained, schema["properties"].as_object()) {
        let told = |property: &serde_json::Value| {
            property.get("description").is_some() || property.get("const").is_some()
        };
        let names = properties.iter().filter(|(_, property)| !told(property));
        bare.extend(names.map(|(key, _)| format!("{path}/{key}")));
    }
    match schema {
        serde_json::Value::Object(entries) => {
            for (key, part) in entries {
                look_for_bare(part, &format!("{path}/{key}"), bare);
            }
        }
        serde_json::Value::Array(parts) => {
            for (at, part) in parts.iter().enumerate() {
                look_for_bare(part, &format!("{path}[{at}]"), bare);
            }
        }
        _ => {}
    }
}
