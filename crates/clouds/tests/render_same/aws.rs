//! What the files for AWS mean.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::Rendered;
use crate::hcl::{block, encoded, expression, find, plain, read, texts, value, whole};
use crate::meaning::{Job, Meaning};

pub(crate) fn meaning(rendered: &Rendered) -> Meaning {
    let task: Value = serde_json::from_str(rendered.file("task-definition.json")).unwrap();
    let container = &task["containerDefinitions"][0];
    let balancer = read(rendered.file("load_balancer.tf"));
    let group = block(&balancer, "resource", &["aws_lb_target_group", "this"]);
    let check = block(group, "health_check", &[]);
    let service = read(rendered.file("service.tf"));
    let service = block(&service, "resource", &["aws_ecs_service", "this"]);
    let scaling = read(rendered.file("autoscaling.tf"));
    let target = block(&scaling, "resource", &["aws_appautoscaling_target", "this"]);
    let aims_at = |policy: &str| {
        let policy = block(&scaling, "resource", &["aws_appautoscaling_policy", policy]);
        let aim = block(policy, "target_tracking_scaling_policy_configuration", &[]);
        whole(&value(aim, "target_value"))
    };
    // Who is asked is the port that users are sent to.
    let port = whole(&container["portMappings"][0]["containerPort"]);
    assert_eq!(whole(&value(group, "port")), port);
    assert_eq!(whole(&value(block(service, "load_balancer", &[]), "container_port")), port);
    let drain_s = whole(&container["stopTimeout"]);
    assert_eq!(whole(&value(group, "deregistration_delay")), drain_s);
    assert_eq!(value(service, "desired_count"), value(target, "min_capacity"));
    let workload = rendered.deployment.spec.workload.clone().unwrap_or_default();
    let pairs = |key: &str, of: &str| -> Vec<(String, String)> {
        let all = container[key].as_array().unwrap().iter();
        all.map(|one| (text(&one["name"]), unfilled(&text(&one[of])))).collect()
    };
    let secret = |(name, place): (String, String)| (name, place.replace('_', "-"));
    Meaning {
        port,
        arguments: texts(&container["command"]).iter().map(|one| unfilled(one)).collect(),
        cpu_milli: whole(&task["cpu"]) * 1_000 / 1_024,
        memory_mib: whole(&task["memory"]),
        least: whole(&value(target, "min_capacity")),
        most: whole(&value(target, "max_capacity")),
        // So many requests a minute are so many at once, when each takes as long as it is said to.
        concurrency: aims_at("requests") * workload.request_time.as_millis() / 60_000,
        target_cpu_percent: Some(aims_at("cpu")),
        target_memory_percent: Some(aims_at("memory")),
        lives: None,
        ready: Some(text(&value(check, "path"))),
        interval_s: whole(&value(check, "interval")),
        timeout_s: whole(&value(check, "timeout")),
        failures: whole(&value(check, "unhealthy_threshold")),
        start_s: whole(&value(service, "health_check_grace_period_seconds")),
        drain_s: Some(drain_s),
        variables: Meaning::common(pairs("environment", "value").into_iter(), &rendered.deployment),
        secrets: Meaning::named(
            pairs("secrets", "valueFrom").into_iter().map(|(name, place)| {
                let place = place.trim_start_matches("${secret_").trim_end_matches('}').to_owned();
                secret((name, place))
            }),
            &rendered.deployment,
        ),
        setup: setup(rendered),
        jobs: jobs(rendered),
    }
}

/// The command of the task that `setup` starts.
fn setup(rendered: &Rendered) -> Vec<String> {
    let outputs = read(rendered.file("outputs.tf"));
    let Some(setup) = find(&outputs, "output", &["setup"]) else { return Vec::new() };
    let task = encoded(expression(setup, "value"));
    texts(&task["overrides"]["containerOverrides"][0]["command"])
}

fn jobs(rendered: &Rendered) -> BTreeMap<String, Job> {
    let Some(text) = rendered.files.get("jobs.tf") else { return BTreeMap::new() };
    let body = read(text);
    let machine = block(&body, "resource", &["aws_sfn_state_machine", "job"]);
    let run = &encoded(expression(machine, "definition"))["States"]["Run"];
    assert_eq!(run["TimeoutSeconds"], "each.value.timeout_s");
    let overrides = &run["Parameters"]["Overrides"]["ContainerOverrides"][0];
    assert_eq!(overrides["Command"], "each.value.command");
    let jobs = plain(expression(block(&body, "locals", &[]), "jobs"));
    let job = |(name, job): (&String, &Value)| {
        let job = Job { arguments: texts(&job["command"]), timeout_s: whole(&job["timeout_s"]) };
        (name.clone(), job)
    };
    jobs.as_object().unwrap().iter().map(job).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value}")).to_owned()
}

/// What Terraform's template makes of a text in which it fills nothing in.
fn unfilled(text: &str) -> String {
    text.replace("$${", "${").replace("%%{", "%{")
}
