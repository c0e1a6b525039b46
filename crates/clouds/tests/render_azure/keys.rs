//! One key of the specification changes what it should, and nothing else.

use std::collections::BTreeSet;

use crate::support::{rendered, with};

/// Two specifications that differ in one key, and the files that differ then.
const CHANGES: [(&str, &str, &[&str]); 11] = [
    (
        "scale: { min: 1, max: 5 }",
        "scale: { min: 1, max: 6 }",
        &["README.md", "container-app.yaml", "modules/alerts.bicep", "modules/application.bicep"],
    ),
    (
        "application: { image: \"a.io/b:1\" }",
        "application: { image: \"a.io/b:2\" }",
        &["container-app.yaml", "main.parameters.json"],
    ),
    (
        "application: { image: \"a.io/b:1\" }",
        "application: { image: \"a.io/b:1\", variables: { A: b } }",
        &["container-app.yaml", "main.bicep"],
    ),
    ("database: { version: 16 }", "database: { version: 17 }", &["modules/database.bicep"]),
    (
        "database: { backup_days: 7 }",
        "database: { backup_days: 8 }",
        &["README.md", "modules/database.bicep"],
    ),
    ("sessions: { ttl: 1h }", "sessions: { ttl: 2h }", &["modules/sessions.bicep"]),
    (
        "buckets: { one: }",
        "buckets: { one: , two: }",
        &["container-app.yaml", "main.bicep", "modules/storage.bicep"],
    ),
    ("cache: { memory: 1Gi }", "cache: { memory: 2Gi }", &["modules/cache.bicep"]),
    (
        "chat: { model: { azure: gpt-4o } }",
        "chat: { model: { azure: gpt-4o-mini } }",
        &["modules/chat.bicep"],
    ),
    (
        "jobs: { a: { schedule: 0 0 * * *, command: [a] } }",
        "jobs: { a: { schedule: 0 1 * * *, command: [a] } }",
        &["modules/jobs.bicep"],
    ),
    ("budget: { monthly_usd: 10 }", "budget: { monthly_usd: 11 }", &["modules/budget.bicep"]),
];

#[test]
fn one_key_changes_only_what_it_should() {
    for (before, after, wanted) in CHANGES {
        let (before_files, after_files) = (rendered(&with(before)), rendered(&with(after)));
        let all: BTreeSet<_> = before_files.keys().chain(after_files.keys()).collect();
        let changed: BTreeSet<_> = all
            .into_iter()
            .filter(|path| before_files.get(*path) != after_files.get(*path))
            .map(|path| path.trim_start_matches("infra/azure/"))
            .collect();
        assert_eq!(changed, wanted.iter().copied().collect(), "{before} -> {after}");
    }
}

/// What a part of the specification brings, beside what is always there.
const PARTS: [(&str, &[&str]); 9] = [
    ("database: {}", &["database", "private-endpoint", "secret", "vault"]),
    ("buckets: { one: }", &["private-endpoint", "storage"]),
    ("sessions: {}", &["private-endpoint", "sessions"]),
    ("chat: { model: { azure: gpt-4o } }", &["chat", "private-endpoint"]),
    ("cache: {}", &["cache", "private-endpoint", "secret", "vault"]),
    ("cdn: true", &["front-door"]),
    ("firewall: true", &["front-door"]),
    ("domain: shop.example.com", &["domain"]),
    ("budget: { monthly_usd: 10 }", &["budget"]),
];
const ALWAYS: [&str; 7] =
    ["alerts", "application", "environment", "monitoring", "network", "pipeline", "registry"];

#[test]
fn nothing_is_there_that_nobody_asked_for() {
    for (more, wanted) in PARTS.into_iter().chain([("", [].as_slice())]) {
        let files = rendered(&with(more));
        let module = |path: &String| {
            let name = path.strip_prefix("infra/azure/modules/")?.strip_suffix(".bicep")?;
            Some(name.to_owned())
        };
        let modules: BTreeSet<String> = files.keys().filter_map(module).collect();
        let wanted = ALWAYS.iter().chain(wanted).map(|name| (*name).to_owned()).collect();
        assert_eq!(modules, wanted, "{more}");
    }
}

#[test]
fn a_database_alone_needs_no_application() {
    let text =
        "name: shop\nenvironments: { azure: { cloud: azure, region: eastus } }\ndatabase: {}\n";
    let files = rendered(text);
    assert!(!files.contains_key("infra/azure/modules/application.bicep"));
    assert!(!files.contains_key("infra/azure/container-app.yaml"));
    assert_eq!(crate::types::faults(&files), Vec::<String>::new());
}
