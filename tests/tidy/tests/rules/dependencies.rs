//! Who may depend on whom, and that each dependency has a reason.

use std::collections::BTreeSet;

use toml::{Table, Value};

use crate::workspace::{Member, members, production_files, read, root_manifest};
use crate::{Finding, assert_none, source, words};

/// Each crate with those of ours that it may use: nothing else imports anything else.
const MAY_USE: [(&str, &[&str]); 9] = [
    ("trefoil-core", &[]),
    ("trefoil-clouds", &["trefoil-core"]),
    ("trefoil-ops", &["trefoil-core", "trefoil-clouds"]),
    ("trefoil", &["trefoil-core", "trefoil-clouds", "trefoil-ops"]),
    ("medassistant", &["trefoil-clouds"]),
    ("trefoil-witness", &[]),
    ("trefoil-bench-objects", &["trefoil-core", "trefoil-clouds", "trefoil-ops"]),
    ("terraform-stub", &["trefoil-core", "trefoil-clouds"]),
    ("tidy", &[]),
];
/// What decisions have no need of: waiting, networks, files, clocks, randomness.
const NOT_IN_CORE: [&str; 22] = [
    "async-std",
    "async-trait",
    "axum",
    "bytes",
    "deadpool-postgres",
    "fastrand",
    "futures",
    "getrandom",
    "http",
    "hyper",
    "hyper-util",
    "nix",
    "object_store",
    "rand",
    "reqwest",
    "rusqlite",
    "tempfile",
    "tokio",
    "tokio-postgres",
    "tokio-util",
    "tracing-subscriber",
    "uuid",
];
const PAGE: &str = "docs/dependencies.md";
const SECTIONS: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

/// The dependencies of a manifest in the sections given, those for some platforms included.
fn dependencies(manifest: &Table, sections: &[&str]) -> BTreeSet<String> {
    let targets = manifest.get("target").and_then(Value::as_table);
    let tables = targets.into_iter().flat_map(Table::values).filter_map(Value::as_table);
    let tables: Vec<&Table> = tables.chain([manifest]).collect();
    let names = tables.iter().flat_map(|table| {
        let found = sections.iter().filter_map(|section| table.get(*section)?.as_table());
        found.flat_map(|section| section.keys().cloned())
    });
    names.collect()
}

fn wrong_direction(member: &Member, ours: &BTreeSet<String>) -> Vec<Finding> {
    let file = format!("{}/Cargo.toml", member.folder);
    let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == member.name) else {
        let what = format!("no rule says what `{}` may use", member.name);
        return vec![Finding::new(&file, 1, what)];
    };
    let used = dependencies(&member.manifest, &SECTIONS);
    let wrong = used.iter().filter(|name| {
        ours.contains(*name) && **name != member.name && !allowed.contains(&name.as_str())
    });
    wrong.map(|name| Finding::new(&file, 1, format!("{} uses {name}", member.name))).collect()
}

/// Our crates that a source file names and its crate may not use.
fn wrong_imports(path: &str, text: &str, crate_name: &str) -> Vec<Finding> {
    let allowed =
        MAY_USE.iter().find(|(name, _)| *name == crate_name).map_or(&[][..], |rule| rule.1);
    let found = source::paths(&source::parse(path, text)).into_iter().filter_map(|used| {
        let first = used.segments.first()?.replace('_', "-");
        let ours = MAY_USE.iter().any(|(name, _)| *name == first) && first.starts_with("trefoil-");
        let wrong = ours && first != crate_name && !allowed.contains(&first.as_str());
        wrong.then(|| Finding::new(path, used.line, format!("{crate_name} uses {first}")))
    });
    found.collect()
}

/// What a page that explains dependencies lacks, or has too much.
fn unexplained(page: &str, used: &BTreeSet<String>) -> Vec<Finding> {
    let explained: Vec<(usize, &str)> = page
        .lines()
        .zip(1..)
        .filter_map(|(text, line)| Some((line, text.strip_prefix("| `")?.split_once('`')?.0)))
        .collect();
    let mut findings = Vec::new();
    let mut seen = BTreeSet::new();
    for (line, name) in &explained {
        if !used.contains(*name) {
            findings.push(Finding::new(PAGE, *line, format!("`{name}` is not used any more")));
        }
        if !seen.insert(*name) {
            findings.push(Finding::new(PAGE, *line, format!("`{name}` is explained twice")));
        }
    }
    let missing = used.iter().filter(|name| !seen.contains(name.as_str()));
    findings.extend(
        missing.map(|name| Finding::new(PAGE, 1, format!("there is no line for `{name}`"))),
    );
    findings
}

#[test]
fn dependencies_go_one_way() {
    let members = members();
    let ours = members.iter().map(|member| member.name.clone()).collect();
    let mut findings: Vec<_> =
        members.iter().flat_map(|member| wrong_direction(member, &ours)).collect();
    for path in production_files() {
        let owner = members.iter().find(|member| path.starts_with(&format!("{}/", member.folder)));
        findings.extend(wrong_imports(&path, &read(&path), &owner.unwrap().name));
    }
    assert_none("cli -> ops -> clouds -> core, and nothing else imports anything else", findings);
}

#[test]
fn core_only_decides() {
    let members = members();
    let core = members.iter().find(|member| member.name == "trefoil-core").unwrap();
    let used = dependencies(&core.manifest, &["dependencies", "build-dependencies"]);
    let wrong = used.iter().filter(|name| NOT_IN_CORE.contains(&name.as_str()));
    let finding = |name: &String| {
        Finding::new("crates/core/Cargo.toml", 1, format!("`{name}` has no place in decisions"))
    };
    assert_none("core neither waits nor looks at the world", wrong.map(finding).collect());
}

#[test]
fn every_dependency_is_explained() {
    let members = members();
    let ours: BTreeSet<_> = members.iter().map(|member| member.name.clone()).collect();
    let mut used = BTreeSet::new();
    for member in &members {
        used.extend(dependencies(&member.manifest, &SECTIONS));
    }
    used.retain(|name| !ours.contains(name));
    let mut findings = unexplained(&read(PAGE), &used);
    let root = root_manifest();
    let shared = root["workspace"]["dependencies"].as_table().unwrap();
    let unused = shared.keys().filter(|name| !used.contains(*name) && !ours.contains(*name));
    findings
        .extend(unused.map(|name| Finding::new("Cargo.toml", 1, format!("nothing uses `{name}`"))));
    assert_none("each dependency has a reason", findings);
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    let without = members().into_iter().filter(|member| {
        let lints = member.manifest.get("lints").and_then(|lints| lints.get("workspace"));
        lints.and_then(Value::as_bool) != Some(true)
    });
    let finding = |member: Member| {
        Finding::new(
            &format!("{}/Cargo.toml", member.folder),
            1,
            "there is no `[lints] workspace = true`",
        )
    };
    assert_none("public items are documented, by lint", without.map(finding).collect());
    let lints = &root_manifest()["workspace"]["lints"];
    for (tool, lint) in
        [("rust", "missing_docs"), ("rust", "unsafe_code"), ("clippy", "unwrap_used")]
    {
        assert!(lints[tool].get(lint).is_some(), "the workspace has lost the lint {lint}");
    }
}

#[test]
fn a_dependency_upwards_is_found() {
    let manifest = |text: &str| text.parse::<Table>().unwrap();
    let member = |name: &str, text: &str| Member {
        folder: "x".into(),
        name: name.into(),
        manifest: manifest(text),
    };
    let ours: BTreeSet<String> = MAY_USE.iter().map(|(name, _)| (*name).to_owned()).collect();
    let upwards = "[dependencies]\nserde = \"1\"\ntrefoil-core = \"1\"\n[target.'cfg(unix)'.dev-dependencies]\ntrefoil-ops = \"1\"";
    let found = wrong_direction(&member("trefoil-clouds", upwards), &ours);
    assert_eq!(words(&found), ["1: trefoil-clouds uses trefoil-ops"]);
    let found = wrong_direction(&member("new", ""), &ours);
    assert_eq!(words(&found), ["1: no rule says what `new` may use"]);
    let text = "use trefoil_core::Error;\nfn f() { trefoil_ops::engine::run() }";
    let found = wrong_imports("a.rs", text, "trefoil-clouds");
    assert_eq!(words(&found), ["2: trefoil-clouds uses trefoil-ops"]);
}

#[test]
fn a_dependency_without_a_line_is_found() {
    let used = BTreeSet::from(["serde".to_owned(), "tokio".to_owned()]);
    let page = "# Dependencies\n| `serde` | why | 1 |\n| `serde` | why | 1 |\n| `gone` | why | 1 |";
    let expected = [
        "3: `serde` is explained twice",
        "4: `gone` is not used any more",
        "1: there is no line for `tokio`",
    ];
    assert_eq!(words(&unexplained(page, &used)), expected);
}
