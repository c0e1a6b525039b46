//! What Azure cannot be: refused with the numbers and the nearest that fits, all at once.

use crate::support::{refused, with};

/// A specification with one thing that does not fit: its key, a number of the message, the nearest.
const ONE_EACH: [(&str, &str, &str, &str); 18] = [
    ("size: { cpu: 8, memory: 8Gi }", "size", "8 vCPU", "cpu: 4, memory: 8Gi"),
    ("size: { cpu: 1, memory: 9Gi }", "size", "9 GiB", "cpu: 4, memory: 8Gi"),
    ("size: { processor: arm }", "size.processor", "x86-64", "x86"),
    ("scale: { min: 1, max: 301 }", "scale.max", "301", "300"),
    (
        "application: { command: [serve] }",
        "application.image",
        "images",
        "an image with a fixed tag",
    ),
    ("application: { image: \"a.io/b:1\", drain: 601s }", "application.drain", "601 s", "600s"),
    (
        "application: { image: \"a.io/b:1\", health: { interval: 241s } }",
        "application.health.interval",
        "241 s",
        "240s",
    ),
    (
        "application: { image: \"a.io/b:1\", health: { start_time: 2401s } }",
        "application.health.start_time",
        "2401 s",
        "2400s",
    ),
    ("database: { backup_days: 3 }", "database.backup_days", "3 days", "7"),
    ("database: { storage: 40TB }", "database.storage", "40,000 GB", "32TiB"),
    ("chat: { model: { azure: gpt-4o }, timeout: 31m }", "chat.timeout", "1800 s", "1800s"),
    ("chat: { model: { aws: x } }", "chat.model.azure", "no model", "gpt-4o"),
    ("chat: { model: { azure: gpt-4o global } }", "chat.model.azure", "`gpt-4o global`", "gpt-4o"),
    ("cache: { memory: 2Ti }", "cache.memory", "960Gi", "960Gi"),
    (
        "alarms: { a: { metric: cpu, threshold: 1, period: 2d } }",
        "alarms.a.period",
        "86400 s",
        "86400s",
    ),
    (
        "alarms: { a: { metric: database_cpu, threshold: 1 } }",
        "alarms.a.metric",
        "database",
        "add `database:`, or leave the alarm out",
    ),
    ("sessions: { ttl: 30000d }", "sessions.ttl", "2592000000 s", "2147483647s"),
    (
        "jobs: { a: { schedule: 0 0 * * *, command: [a], timeout: 30000d } }",
        "jobs.a.timeout",
        "2147483647 s",
        "2147483647s",
    ),
];

#[test]
fn what_does_not_fit_is_refused_with_the_number_and_the_nearest() {
    for (more, path, number, nearest) in ONE_EACH {
        let found = refused(&with(more));
        assert_eq!(found.len(), 1, "{more}: {found:?}");
        assert_eq!((found[0].path.as_str(), found[0].nearest.as_str()), (path, nearest), "{more}");
        assert!(found[0].message.contains(number), "{more}: {}", found[0].message);
    }
}

#[test]
fn what_just_fits_is_not_refused() {
    let most = with(
        "size: { cpu: 4, memory: 8Gi }\nscale: { min: 300, max: 300 }\nsessions: { ttl: 24855d }\n\
         chat: { model: { azure: gpt-4o }, timeout: 30m }\ncache: { memory: 960Gi }\n\
         database: { size: large, backup_days: 7, storage: 32TB }\n\
         application: { image: \"a.io/b:1\", drain: 10m, health: { interval: 4m, timeout: 4m, start_time: 40m } }",
    );
    assert_eq!(refused(&most), []);
}

#[test]
fn everything_that_does_not_fit_is_said_at_once() {
    let found = refused(&with(
        "size: { processor: arm }\nscale: { min: 400, max: 500 }\ncache: { memory: 2Ti }",
    ));
    let paths: Vec<_> = found.iter().map(|one| one.path.as_str()).collect();
    assert_eq!(paths, ["size.processor", "scale.min", "scale.max", "cache.memory"]);
}

#[test]
fn a_region_with_one_zone_cannot_lose_one() {
    let one_zone = with("profile: standard").replace("eastus", "westus");
    let found = refused(&one_zone);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].path, "environments.azure.region");
    assert!(found[0].message.contains("1 zone") && found[0].message.contains('3'));
    assert_eq!(refused(&one_zone.replace("standard", "small")), []);
    let available = one_zone.replace("profile: standard", "database: { high_availability: true }");
    assert_eq!(refused(&available).len(), 1);
}

#[test]
fn a_region_has_azures_own_name() {
    let found = refused(&with("").replace("eastus", "East US"));
    assert_eq!((found.len(), found[0].nearest.as_str()), (1, "eastus"));
}

#[test]
fn long_names_of_secrets_and_hosts_are_refused() {
    let secret = "a".repeat(128);
    let secrets = format!("application: {{ image: \"a.io/b:1\", secrets: {{ A: {secret} }} }}");
    let found = refused(&with(&secrets));
    assert!(found.len() == 1 && found[0].message.contains("128"), "{found:?}");
    let host = format!("{}.{}.example.com", "a".repeat(40), "b".repeat(40));
    let found = refused(&with(&format!("domain: {host}")));
    assert_eq!((found.len(), found[0].path.as_str()), (1, "domain"));
}
