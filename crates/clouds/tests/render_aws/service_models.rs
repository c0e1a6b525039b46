//! What is rendered against AWS's own models of its services: words, ranges, patterns, and the
//! whole task definition.

use hcl::Body;
use serde_json::{Value, json};
use trefoil_clouds::operate::render::Artefact;

use crate::goes::{GOES, faults};
use crate::golden::ALL;
use crate::lower::Folder;
use crate::support::{deployment, example, render};

/// The values of an attribute that are known before anything runs, in all blocks of that way.
fn values(folder: &Folder, body: &Body, way: &str) -> Vec<Value> {
    match way.split_once('/') {
        Some((block, rest)) => {
            let blocks = body.blocks().filter(|one| one.identifier() == block);
            blocks.flat_map(|one| values(folder, one.body(), rest)).collect()
        }
        None => {
            let found = body.attributes().filter(|one| one.key() == way);
            found.map(|one| folder.lower(one.expr())).filter(is_known).collect()
        }
    }
}

fn is_known(value: &Value) -> bool {
    !value.is_null() && !value.to_string().contains("unknown")
}

/// What the files of an environment say, each beside what it becomes.
fn checks(files: &[Artefact]) -> Vec<Value> {
    let folder = Folder::read(files);
    let mut all = vec![task(files)];
    for (kind, name, body) in folder.resources() {
        for (_, way, service, shape) in GOES.iter().filter(|goes| goes.0 == kind) {
            for value in values(&folder, body, way) {
                let place = format!("{kind}.{name} {way}");
                all.push(
                    json!({ "service": service, "shape": shape, "value": value, "where": place }),
                );
            }
        }
    }
    all
}

/// The task definition is what ECS's own API takes.
fn task(files: &[Artefact]) -> Value {
    let file = files.iter().find(|one| one.path.ends_with("task-definition.json")).unwrap();
    let task: Value = serde_json::from_str(&file.contents).unwrap();
    json!({
        "service": "ecs", "shape": "RegisterTaskDefinitionRequest",
        "value": task, "where": "task-definition.json",
    })
}

#[test]
fn every_word_and_number_is_one_that_aws_takes() {
    let mut all = Vec::new();
    for (name, environment) in ALL {
        all.extend(checks(&render(&deployment(&example(name), environment))));
    }
    for (kind, way, ..) in GOES {
        let place = |one: &Value| one["where"].as_str().unwrap().to_owned();
        let met = all
            .iter()
            .map(place)
            .any(|one| one.starts_with(&format!("{kind}.")) && one.ends_with(&format!(" {way}")));
        assert!(met, "no example has {kind} {way}");
    }
    assert_eq!(faults(&all), Vec::<String>::new());
}

#[test]
fn what_aws_does_not_take_is_found() {
    let check = |service: &str, shape: &str, value: Value| {
        let checks =
            [json!({ "service": service, "shape": shape, "value": value, "where": "here" })];
        assert_ne!(faults(&checks), Vec::<String>::new(), "{shape} {value}");
    };
    check("logs", "Days", json!(42));
    check("elbv2", "HealthCheckIntervalSeconds", json!(3));
    check("ecs", "PropagateTags", json!("TASKS"));
    check("wafv2", "Scope", json!("GLOBAL"));
    let files = render(&deployment(&example("medassistant"), "aws"));
    for (from, to) in
        [("\"awsvpc\"", "\"bridged\""), ("containerPort", "port"), ("\"family\"", "\"name\"")]
    {
        let mut task = task(&files);
        let wrong = task["value"].to_string().replace(from, to);
        task["value"] = serde_json::from_str(&wrong).unwrap();
        assert_ne!(faults(&[task]), Vec::<String>::new(), "{to}");
    }
}
