//! What AWS cannot be: refused with the number and the nearest that fits, all at once.

use crate::support::{deployment, misfits, spec};

/// The misfits of a specification with these keys: path, what is said, the nearest.
fn found(more: &str) -> Vec<(String, String, String)> {
    let text =
        format!("name: shop\n{more}\nenvironments: {{aws: {{cloud: aws, region: us-east-1}}}}\n");
    let all = misfits(&deployment(&spec(&text), "aws"));
    all.into_iter().map(|one| (one.path, one.message, one.nearest)).collect()
}

/// One misfit of an application with these keys.
#[track_caller]
fn one(more: &str, path: &str, said: &str, nearest: &str) {
    let image =
        if more.contains("application") { "" } else { "application: {image: \"a/b:1.0\"}\n" };
    let found = found(&format!("{image}{more}"));
    let [(at, message, fits)] = found.as_slice() else { panic!("{more}: {found:?}") };
    assert_eq!((at.as_str(), fits.as_str()), (path, nearest), "{message}");
    assert!(message.contains(said), "{message}");
}

#[test]
fn sizes_of_tasks() {
    assert_eq!(found("application: {image: \"a/b:1.0\"}\nsize: {cpu: 1, memory: 2Gi}"), []);
    assert_eq!(found("application: {image: \"a/b:1.0\"}\nsize: {cpu: 0.25, memory: 512Mi}"), []);
    one(
        "size: {cpu: 1, memory: 1Gi}",
        "size",
        "1 vCPU and 1 GiB",
        "size: { cpu: 1, memory: 2048Mi }",
    );
    one("size: {cpu: 0.3, memory: 1Gi}", "size", "0.3 vCPU", "size: { cpu: 0.5, memory: 1024Mi }");
    one("size: {cpu: 1, memory: 12Gi}", "size", "12 GiB", "size: { cpu: 2, memory: 12288Mi }");
    one("size: {cpu: 32, memory: 64Gi}", "size", "32 vCPU", "size: { cpu: 16, memory: 122880Mi }");
}

#[test]
fn questions_of_the_load_balancer() {
    let health = |keys: &str| format!("application: {{image: \"a/b:1.0\", health: {{{keys}}}}}");
    one(&health("interval: 10s, timeout: 1900ms"), "application.health.timeout", "2 to 120", "2s");
    let found = found(&health("interval: 2s, timeout: 2s"));
    assert_eq!(found[0].0, "application.health.interval");
    assert_eq!(found[0].2, "5s");
    one(&health("interval: 400s"), "application.health.interval", "5 to 300", "300s");
    one(
        &health("interval: 10s, timeout: 10s"),
        "application.health.timeout",
        "less than the 10s",
        "9s",
    );
    one("application: {image: \"a/b:1.0\", drain: 3m}", "application.drain", "120 seconds", "2m");
}

#[test]
fn images_have_a_fixed_version() {
    one("application: {image: \"a/b\"}", "application.image", "no fixed version", "name:1.0.0");
    one(
        "application: {image: \"a/b:latest\"}",
        "application.image",
        "no fixed version",
        "name:1.0.0",
    );
    one("application: {command: [serve]}", "application.image", "none is named", "name:tag");
    let digest = "0".repeat(64);
    assert_eq!(
        found(&format!("application: {{image: \"r.example:5000/a/b@sha256:{digest}\"}}")),
        []
    );
}

#[test]
fn regions_and_their_zones() {
    let text = |region: &str, profile: &str| {
        format!(
            "name: shop\nprofile: {profile}\napplication: {{image: \"a/b:1.0\"}}\n\
             environments: {{aws: {{cloud: aws, region: {region}}}}}\n"
        )
    };
    let found = |text: &str| misfits(&deployment(&spec(text), "aws"));
    let two = found(&text("us-west-1", "resilient"));
    assert_eq!(
        (two[0].path.as_str(), two[0].nearest.as_str()),
        ("environments.aws.region", "us-west-2")
    );
    assert!(two[0].message.contains("3 zones") && two[0].message.contains("has 2"), "{two:?}");
    assert_eq!(found(&text("us-west-1", "standard")), []);
    assert_eq!(found(&text("eastus", "small"))[0].nearest, "us-east-1");
}

#[test]
fn alarms_and_schedules() {
    let alarm = |keys: &str| format!("alarms: {{a: {{metric: cpu, threshold: 1, {keys}}}}}");
    one(&alarm("period: 90s"), "alarms.a.period", "whole minutes", "120s");
    one(
        &alarm("period: 30m, evaluation_periods: 100"),
        "alarms.a.evaluation_periods",
        "86400",
        "48",
    );
    one(
        "alarms: {a: {metric: database_cpu, threshold: 1}}",
        "alarms.a.metric",
        "a database",
        "leave the alarm out",
    );
}

#[test]
fn the_rest() {
    one(
        "chat: {model: {gcp: g}}",
        "chat.model.aws",
        "no model",
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    );
    one(
        "chat: {model: {aws: \"*\"}}",
        "chat.model.aws",
        "`*`",
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    );
    one("chat: {model: {aws: m}, timeout: 2h}", "chat.timeout", "4000", "3995s");
    one("database: {storage: 10GB}", "database.storage", "20 to 65536", "20GB");
    one("cache: {memory: 1Ti}", "cache.memory", "419.09 GiB", "419Gi");
}

#[test]
fn everything_is_said_at_once() {
    let found = found(
        "application: {image: \"a/b\", drain: 5m}\nsize: {cpu: 64, memory: 1Gi}\n\
         database: {storage: 10GB}\ncache: {memory: 1Ti}",
    );
    let paths: Vec<_> = found.iter().map(|one| one.0.as_str()).collect();
    let all =
        ["application.image", "application.drain", "size", "database.storage", "cache.memory"];
    assert_eq!(paths, all);
}
