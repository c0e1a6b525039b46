//! What the files for Azure mean.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::bicep::{self, Expr};
use crate::hcl::{texts, whole};
use crate::meaning::{Job, Meaning};
use crate::{Rendered, yaml};

pub(crate) fn meaning(rendered: &Rendered) -> Meaning {
    let properties = &yaml::read(rendered.file("container-app.yaml"))["properties"];
    let (ingress, template) = (&properties["configuration"]["ingress"], &properties["template"]);
    let (container, scale) = (&template["containers"][0], &template["scale"]);
    let rule = |name: &str, kind: &str, key: &str| {
        let rules = scale["rules"].as_array().unwrap().iter();
        let found = rules.filter(|one| one["name"] == name).map(|one| &one[kind]["metadata"][key]);
        found.map(whole).next()
    };
    let probe = |kind: &str| {
        let mut probes = container["probes"].as_array().unwrap().iter();
        probes.find(|one| one["type"] == kind).unwrap_or_else(|| panic!("no {kind}"))
    };
    let (startup, lives, ready) = (probe("Startup"), probe("Liveness"), probe("Readiness"));
    let port = whole(&ingress["targetPort"]);
    for probe in [startup, lives, ready] {
        assert_eq!(whole(&probe["httpGet"]["port"]), port);
        assert_eq!(probe["timeoutSeconds"], lives["timeoutSeconds"]);
    }
    for key in ["periodSeconds", "failureThreshold"] {
        assert_eq!(ready[key], lives[key]);
    }
    let path = |probe: &Value| Some(probe["httpGet"]["path"].as_str().unwrap().to_owned());
    let memory = container["resources"]["memory"].as_str().unwrap().trim_end_matches("Gi");
    let (variables, secrets) = environment(rendered, container);
    Meaning {
        port,
        arguments: texts(&container["args"]),
        cpu_milli: (container["resources"]["cpu"].as_f64().unwrap() * 1_000.0).round() as u64,
        memory_mib: (memory.parse::<f64>().unwrap() * 1_024.0).round() as u64,
        least: whole(&scale["minReplicas"]),
        most: whole(&scale["maxReplicas"]),
        concurrency: rule("requests", "http", "concurrentRequests").unwrap(),
        target_cpu_percent: rule("cpu", "custom", "value"),
        target_memory_percent: rule("memory", "custom", "value"),
        lives: path(lives),
        ready: path(ready),
        interval_s: whole(&lives["periodSeconds"]),
        timeout_s: whole(&lives["timeoutSeconds"]),
        failures: whole(&lives["failureThreshold"]),
        start_s: whole(&startup["periodSeconds"]) * whole(&startup["failureThreshold"]),
        drain_s: Some(whole(&template["terminationGracePeriodSeconds"])),
        variables: Meaning::common(variables.into_iter(), &rendered.deployment),
        secrets: Meaning::named(secrets.into_iter(), &rendered.deployment),
        setup: job(rendered, "setup").map(|job| job.arguments).unwrap_or_default(),
        jobs: jobs(rendered),
    }
}

type Pairs = Vec<(String, String)>;

/// The variables with values, and those with secrets, each of which must be an address in the vault.
fn environment(rendered: &Rendered, container: &Value) -> (Pairs, Pairs) {
    let app = yaml::read(rendered.file("container-app.yaml"));
    let addresses = app["properties"]["configuration"]["secrets"].as_array().cloned();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (mut variables, mut secrets) = (Vec::new(), Vec::new());
    for one in container["env"].as_array().unwrap() {
        match one.get("secretRef") {
            None => variables.push((text(&one["name"]), text(&one["value"]))),
            Some(secret) => {
                let all = addresses.iter().flatten();
                let address =
                    all.filter(|one| one["name"] == *secret).map(|one| &one["keyVaultUrl"]);
                let address = address.map(text).next().unwrap_or_default();
                let secret = address.trim_start_matches("${VAULT_URI}secrets/").to_owned();
                secrets.push((text(&one["name"]), secret));
            }
        }
    }
    (variables, secrets)
}

/// A job of the Bicep, by its symbol there.
fn job(rendered: &Rendered, symbol: &str) -> Option<Job> {
    let file = bicep::parse(rendered.files.get("modules/jobs.bicep")?).unwrap();
    let body = &file.resources.iter().find(|one| one.symbol == symbol)?.body;
    let container =
        of_array(body.get("properties")?.get("template")?.get("containers")?).first()?;
    let timeout = body.get("properties")?.get("configuration")?.get("replicaTimeout")?;
    Some(Job { arguments: texts(&json(container.get("args")?)), timeout_s: whole(&json(timeout)) })
}

fn jobs(rendered: &Rendered) -> BTreeMap<String, Job> {
    let names = rendered.deployment.spec.jobs.keys();
    let found = names.filter_map(|name| {
        Some((name.clone(), job(rendered, &format!("job_{}", name.replace('-', "_")))?))
    });
    found.collect()
}

fn of_array(expr: &Expr) -> &[Expr] {
    match expr {
        Expr::Array(all) => all,
        other => panic!("{other:?} is no array"),
    }
}

/// The template of the application in the Bicep, without what the other lacks: the image, and the
/// variables, which `main.bicep` gives.
pub(crate) fn of_bicep(rendered: &Rendered) -> Value {
    let file = bicep::parse(rendered.file("modules/application.bicep")).unwrap();
    let body = &file.resources.iter().find(|one| one.symbol == "application").unwrap().body;
    let template = body.get("properties").unwrap().get("template").unwrap();
    strip(json(template))
}

/// The same of the YAML.
pub(crate) fn of_yaml(rendered: &Rendered) -> Value {
    strip(yaml::read(rendered.file("container-app.yaml"))["properties"]["template"].clone())
}

fn strip(mut template: Value) -> Value {
    let container = template["containers"][0].as_object_mut().unwrap();
    container.remove("image");
    container.remove("env");
    template
}

/// A value without code in it, but for `json('0.5')`, by which Bicep says a fraction.
fn json(expr: &Expr) -> Value {
    match expr {
        Expr::Text(_) => Value::from(expr.literal().unwrap_or_else(|| "code".to_owned())),
        Expr::Number(one) => Value::from(*one),
        Expr::Bool(one) => Value::from(*one),
        Expr::Null => Value::Null,
        Expr::Array(all) => all.iter().map(json).collect(),
        Expr::Object(all) => {
            let entry =
                |(key, value): &(bicep::Key, Expr)| (bicep::literal(key).unwrap(), json(value));
            Value::Object(all.iter().map(entry).collect())
        }
        Expr::Call(_, arguments) => serde_json::from_str(&arguments[0].literal().unwrap()).unwrap(),
        _ => Value::from("code"),
    }
}
