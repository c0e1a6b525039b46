//! What the files for Google Cloud mean.

use std::collections::BTreeMap;

use hcl::structure::Body;
use serde_json::{Value, json};

use crate::hcl::{block, encoded, expression, find, plain, read, texts, value, whole};
use crate::meaning::{Job, Meaning};
use crate::{Rendered, yaml};

pub(crate) fn meaning(rendered: &Rendered) -> Meaning {
    let service = yaml::read(rendered.file("service.yaml"));
    let template = &service["spec"]["template"];
    let container = &template["spec"]["containers"][0];
    let (startup, lives) = (&container["startupProbe"], &container["livenessProbe"]);
    let port = whole(&container["ports"][0]["containerPort"]);
    for probe in [startup, lives] {
        assert_eq!(whole(&probe["httpGet"]["port"]), port);
        assert_eq!(probe["timeoutSeconds"], lives["timeoutSeconds"]);
    }
    let limits = &container["resources"]["limits"];
    let (variables, secrets) = environment(rendered, container);
    let mut jobs = jobs(rendered);
    let setup = jobs.remove("setup").map(|job| job.arguments).unwrap_or_default();
    jobs.extend(on_spot_machines(rendered));
    Meaning {
        port,
        arguments: texts(&container["args"]),
        cpu_milli: whole(&limits["cpu"]) * 1_000,
        memory_mib: mebibytes(limits["memory"].as_str().unwrap()),
        least: whole(&service["metadata"]["annotations"]["run.googleapis.com/minScale"]),
        most: whole(&template["metadata"]["annotations"]["autoscaling.knative.dev/maxScale"]),
        concurrency: whole(&template["spec"]["containerConcurrency"]),
        target_cpu_percent: None,
        target_memory_percent: None,
        lives: Some(lives["httpGet"]["path"].as_str().unwrap().to_owned()),
        ready: None,
        interval_s: whole(&lives["periodSeconds"]),
        timeout_s: whole(&lives["timeoutSeconds"]),
        failures: whole(&lives["failureThreshold"]),
        start_s: whole(&startup["periodSeconds"]) * whole(&startup["failureThreshold"]),
        drain_s: None,
        variables: Meaning::common(variables.into_iter(), &rendered.deployment),
        secrets: Meaning::named(secrets.into_iter(), &rendered.deployment),
        setup,
        jobs,
    }
}

fn mebibytes(text: &str) -> u64 {
    let (number, unit) = text.split_at(text.len() - 2);
    number.parse::<u64>().unwrap() * if unit == "Gi" { 1_024 } else { 1 }
}

type Pairs = Vec<(String, String)>;

/// The variables with values, and those with secrets, by the part of their name that is the
/// specification's.
fn environment(rendered: &Rendered, container: &Value) -> (Pairs, Pairs) {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let before = format!("{}-{}-", rendered.deployment.spec.name, rendered.deployment.folder);
    let (mut variables, mut secrets) = (Vec::new(), Vec::new());
    for one in container["env"].as_array().unwrap() {
        match one.get("valueFrom") {
            None => variables.push((text(&one["name"]), text(&one["value"]))),
            Some(from) => {
                let secret = text(&from["secretKeyRef"]["name"]);
                secrets.push((text(&one["name"]), secret.trim_start_matches(&before).to_owned()));
            }
        }
    }
    (variables, secrets)
}

fn jobs(rendered: &Rendered) -> BTreeMap<String, Job> {
    let Some(text) = rendered.files.get("jobs.tf") else { return BTreeMap::new() };
    let body = read(text);
    let Some(job) = find(&body, "resource", &["google_cloud_run_v2_job", "application"]) else {
        return BTreeMap::new();
    };
    let inner = block(block(job, "template", &[]), "template", &[]);
    assert_eq!(value(inner, "timeout"), "each.value.timeout");
    let container = block(inner, "containers", &[]);
    assert_eq!(value(container, "args"), "each.value.args");
    assert!(container.attributes().all(|one| one.key() != "command"));
    let jobs = plain(expression(block(&body, "locals", &[]), "jobs"));
    let job = |(name, job): (&String, &Value)| {
        let job = Job { arguments: texts(&job["args"]), timeout_s: whole(&job["timeout"]) };
        (name.clone(), job)
    };
    jobs.as_object().unwrap().iter().map(job).collect()
}

/// The jobs that run on spot machines: a schedule asks Cloud Batch for each.
fn on_spot_machines(rendered: &Rendered) -> BTreeMap<String, Job> {
    let Some(text) = rendered.files.get("batch.tf") else { return BTreeMap::new() };
    let body = read(text);
    let spec = &rendered.deployment.spec;
    let job = |name: &String| {
        let label = format!("job_{}", name.replace('-', "_"));
        let schedule = find(&body, "resource", &["google_cloud_scheduler_job", &label])?;
        let hcl::Expression::FuncCall(base64) =
            expression(block(schedule, "http_target", &[]), "body")
        else {
            panic!("no call")
        };
        let task = &encoded(&base64.args[0])["taskGroups"][0]["taskSpec"];
        let container = &task["runnables"][0]["container"];
        assert_eq!(container.get("entrypoint"), None);
        let arguments = texts(&container["commands"]);
        Some((name.clone(), Job { arguments, timeout_s: whole(&task["maxRunDuration"]) }))
    };
    spec.jobs.keys().filter_map(job).collect()
}

/// What both forms of the service say.
pub(crate) fn of_terraform(rendered: &Rendered) -> Value {
    let body = read(rendered.file("service.tf"));
    let service = block(&body, "resource", &["google_cloud_run_v2_service", "application"]);
    let template = block(service, "template", &[]);
    let container = block(template, "containers", &[]);
    let probe = |kind: &str| {
        let probe = block(container, kind, &[]);
        let asked = block(probe, "http_get", &[]);
        let number = |name: &str| value(probe, name);
        json!([
            number("period_seconds"),
            number("timeout_seconds"),
            number("failure_threshold"),
            value(asked, "path"),
            value(asked, "port")
        ])
    };
    let resources = block(container, "resources", &[]);
    json!({
        "port": value(block(container, "ports", &[]), "container_port"),
        "args": optional(container, "args"),
        "limits": plain(expression(resources, "limits")),
        "always": !value(resources, "cpu_idle").as_bool().unwrap(),
        "least": value(block(service, "scaling", &[]), "min_instance_count"),
        "most": value(block(template, "scaling", &[]), "max_instance_count"),
        "concurrency": value(template, "max_instance_request_concurrency"),
        "timeout": whole(&value(template, "timeout")),
        "startup": probe("startup_probe"),
        "liveness": probe("liveness_probe"),
    })
}

fn optional(body: &Body, name: &str) -> Value {
    let found = body.attributes().find(|one| one.key() == name);
    found.map_or_else(|| json!([]), |one| plain(one.expr()))
}

/// The same of the YAML.
pub(crate) fn of_yaml(rendered: &Rendered) -> Value {
    let service = yaml::read(rendered.file("service.yaml"));
    let template = &service["spec"]["template"];
    let container = &template["spec"]["containers"][0];
    let probe = |kind: &str| {
        let (probe, asked) = (&container[kind], &container[kind]["httpGet"]);
        json!([
            probe["periodSeconds"],
            probe["timeoutSeconds"],
            probe["failureThreshold"],
            asked["path"],
            asked["port"]
        ])
    };
    let annotations = &template["metadata"]["annotations"];
    json!({
        "port": container["ports"][0]["containerPort"],
        "args": container.get("args").cloned().unwrap_or_else(|| json!([])),
        "limits": container["resources"]["limits"],
        "always": annotations["run.googleapis.com/cpu-throttling"] == "false",
        "least": whole(&service["metadata"]["annotations"]["run.googleapis.com/minScale"]),
        "most": whole(&annotations["autoscaling.knative.dev/maxScale"]),
        "concurrency": template["spec"]["containerConcurrency"],
        "timeout": template["spec"]["timeoutSeconds"],
        "startup": probe("startupProbe"),
        "liveness": probe("livenessProbe"),
    })
}
