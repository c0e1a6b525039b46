//! The committed pages in `docs/reference/` are what the types say. `TREFOIL_BLESS=1` writes them.

#![expect(clippy::disallowed_methods, reason = "a test compares with the files")]

use std::path::Path;

use trefoil_core::spec::{json_schema, reference};

fn is_committed(name: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference").join(name);
    if std::env::var_os("TREFOIL_BLESS").is_some() {
        std::fs::write(&path, made).expect("the page can be written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let bless = "TREFOIL_BLESS=1 cargo test -p trefoil-core --test reference";
    assert!(committed == made, "{name} is not what the types say; run {bless}");
}

#[test]
fn the_page_of_the_specification() {
    is_committed("specification.md", &reference());
}

#[test]
fn the_schema_of_the_specification() {
    is_committed("trefoil.schema.json", &format!("{:#}\n", json_schema()));
}

#[test]
fn every_key_is_documented_and_has_a_meaning() {
    let page = reference();
    for row in page.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = row.split(" | ").collect();
        assert!(cells.len() == 4 && cells[3].len() > 3, "{row}");
    }
    for section in [
        "application.health",
        "size",
        "scale",
        "chat",
        "jobs.NAME",
        "alarms.NAME",
        "workload",
        "recovery.triggers",
        "recovery.copies",
        "environments.NAME.database",
    ] {
        assert!(page.contains(&format!("\n## `{section}`\n")), "{section}");
    }
}
