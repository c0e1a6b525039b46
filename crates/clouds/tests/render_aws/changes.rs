//! The same specification gives the same bytes, and one key changes only what it should.

use std::collections::{BTreeMap, BTreeSet};

use trefoil_core::spec::{AppSpec, LogLevel, Profile};
use trefoil_core::units::Bytes;

use crate::support::{deployment, example, render};

fn files(spec: &AppSpec) -> BTreeMap<String, String> {
    let artefacts = render(&deployment(spec, "aws"));
    let name = |path: &str| path.rsplit('/').next().unwrap().to_owned();
    artefacts.into_iter().map(|one| (name(&one.path), one.contents)).collect()
}

fn changed(change: impl Fn(&mut AppSpec)) -> BTreeSet<String> {
    let before = files(&example("medassistant"));
    let mut spec = example("medassistant");
    change(&mut spec);
    let after = files(&spec);
    let names = before.keys().chain(after.keys());
    names.filter(|name| before.get(*name) != after.get(*name)).cloned().collect()
}

#[test]
fn the_same_bytes_each_time() {
    for name in ["tiny", "medassistant", "everything"] {
        assert_eq!(files(&example(name)), files(&example(name)));
    }
}

#[test]
fn one_key_changes_only_what_it_should() {
    type Change = fn(&mut AppSpec);
    let cases: &[(&str, Change, &[&str])] = &[
        ("nothing", |_| {}, &[]),
        (
            "log_level",
            |spec| spec.application.as_mut().unwrap().log_level = LogLevel::Debug,
            &["task-definition.json"],
        ),
        (
            "setup",
            |spec| spec.application.as_mut().unwrap().setup = vec!["migrate".into()],
            &["outputs.tf"],
        ),
        ("scale.max", |spec| spec.scale.as_mut().unwrap().max = 20, &["autoscaling.tf"]),
        (
            "database.storage",
            |spec| spec.database.as_mut().unwrap().storage = Bytes::new(200_000_000_000),
            &["alarms.tf", "database.tf"],
        ),
        (
            "database.backup_days",
            |spec| spec.database.as_mut().unwrap().backup_days = 30,
            &["database.tf"],
        ),
        ("jobs", |spec| spec.jobs.clear(), &["jobs.tf"]),
        (
            "firewall",
            |spec| spec.firewall = Some(true),
            &["README.md", "firewall.tf", "load_balancer.tf"],
        ),
        (
            "cache",
            |spec| spec.cache = Some(Default::default()),
            &["README.md", "cache.tf", "security_groups.tf", "service.tf", "task-definition.json"],
        ),
        (
            "tracing",
            |spec| spec.tracing = true,
            &[
                "README.md",
                "iam.tf",
                "network.tf",
                "registry.tf",
                "service.tf",
                "task-definition.json",
            ],
        ),
    ];
    for (key, change, expected) in cases {
        let expected: BTreeSet<String> = expected.iter().map(|one| (*one).to_owned()).collect();
        assert_eq!(changed(change), expected, "{key}");
    }
}

/// A container alone is not given what it does not use.
#[test]
fn nothing_is_rendered_that_is_not_needed() {
    let files = files(&example("tiny"));
    for name in ["database.tf", "buckets.tf", "sessions.tf", "cache.tf", "secrets.tf", "dns.tf"] {
        assert!(!files.contains_key(name), "{name}");
    }
    let all: String = files.values().map(String::as_str).collect();
    for one in [
        "aws_db_",
        "aws_dynamodb",
        "aws_elasticache",
        "aws_cloudfront",
        "aws_wafv2",
        "secretsmanager",
    ] {
        assert!(!all.contains(one), "{one}");
    }
}

#[test]
fn a_profile_adds_and_never_takes_away() {
    let with = |profile: Profile| {
        let mut spec = example("medassistant");
        spec.profile = profile;
        files(&spec)
    };
    let (small, resilient) = (with(Profile::Small), with(Profile::Resilient));
    for name in small.keys() {
        assert!(resilient.contains_key(name), "{name}");
    }
    assert!(small["database.tf"].contains("multi_az = false"));
    assert!(resilient["database.tf"].contains("multi_az = true"));
    for name in ["cache.tf", "cdn.tf", "firewall.tf"] {
        assert!(resilient.contains_key(name) && !small.contains_key(name), "{name}");
    }
}

/// CloudFront lets one distribution answer for a name, so that of two environments on AWS one has it;
/// and nobody gets to its load balancer around it.
#[test]
fn of_two_environments_one_has_the_content_delivery_network() {
    let mut spec = example("regions");
    (spec.cdn, spec.firewall) = (Some(true), Some(true));
    let of = |environment: &str, name: &str| {
        let files = render(&deployment(&spec, environment));
        let found = files.into_iter().find(|one| one.path.ends_with(&format!("/{name}")));
        found.map(|one| one.contents).unwrap_or_default()
    };
    assert!(of("primary", "cdn.tf").contains("aws_cloudfront_vpc_origin.this.id"));
    assert!(of("primary", "load_balancer.tf").contains("internal           = true"));
    assert!(of("primary", "firewall.tf").contains("\"CLOUDFRONT\""));
    let groups = of("primary", "security_groups.tf");
    let (_, rule) = groups.split_once("\"load_balancer_https\" {").unwrap();
    assert!(rule.split_once("\n}").unwrap().0.contains("prefix_list_id"), "{rule}");
    assert_eq!(of("secondary", "cdn.tf"), "");
    assert!(of("secondary", "load_balancer.tf").contains("internal           = false"));
    assert!(of("secondary", "firewall.tf").contains("\"REGIONAL\""));
    assert!(of("secondary", "README.md").contains("| a content delivery network |"));
}
