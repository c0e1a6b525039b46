//! The service of Terraform and that of `service.yaml` are one service.

use saphyr::{LoadableYamlNode, Yaml};

use super::support::{EXAMPLES, example, file, render};

/// The value of the n-th line of that name.
fn hcl<'a>(text: &'a str, name: &str, which: usize) -> &'a str {
    let lines = text.lines().map(str::trim).filter_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == name).then(|| value.trim().trim_matches('"'))
    });
    lines.into_iter().nth(which).unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn port_probes_limits_and_scaling_are_the_same() {
    for (name, environment) in EXAMPLES {
        let artefacts = render(&example(name, environment));
        let terraform = file(&artefacts, "service.tf");
        let yaml = Yaml::load_from_str(file(&artefacts, "service.yaml")).unwrap();
        let (service, template) = (&yaml[0], &yaml[0]["spec"]["template"]);
        let container = &template["spec"]["containers"][0];
        let number = |value: &Yaml<'_>| value.as_integer().unwrap().to_string();
        let text = |value: &Yaml<'_>| value.as_str().unwrap().to_owned();
        let annotations = &template["metadata"]["annotations"];
        let (startup, liveness) = (&container["startupProbe"], &container["livenessProbe"]);
        let pairs = [
            ("container_port", 0, number(&container["ports"][0]["containerPort"])),
            ("cpu", 0, text(&container["resources"]["limits"]["cpu"])),
            ("memory", 0, text(&container["resources"]["limits"]["memory"])),
            (
                "min_instance_count",
                0,
                text(&service["metadata"]["annotations"]["run.googleapis.com/minScale"]),
            ),
            ("max_instance_count", 0, text(&annotations["autoscaling.knative.dev/maxScale"])),
            ("cpu_idle", 0, text(&annotations["run.googleapis.com/cpu-throttling"])),
            (
                "max_instance_request_concurrency",
                0,
                number(&template["spec"]["containerConcurrency"]),
            ),
            ("timeout", 0, format!("{}s", number(&template["spec"]["timeoutSeconds"]))),
            ("period_seconds", 0, number(&startup["periodSeconds"])),
            ("timeout_seconds", 0, number(&startup["timeoutSeconds"])),
            ("failure_threshold", 0, number(&startup["failureThreshold"])),
            ("path", 0, text(&startup["httpGet"]["path"])),
            ("period_seconds", 1, number(&liveness["periodSeconds"])),
            ("timeout_seconds", 1, number(&liveness["timeoutSeconds"])),
            ("failure_threshold", 1, number(&liveness["failureThreshold"])),
            ("path", 1, text(&liveness["httpGet"]["path"])),
        ];
        for (key, which, yaml) in pairs {
            assert_eq!(hcl(terraform, key, which), yaml, "{name}: {key}");
        }
    }
}

#[test]
fn the_variables_are_the_same() {
    for (name, environment) in EXAMPLES {
        let artefacts = render(&example(name, environment));
        let yaml = Yaml::load_from_str(file(&artefacts, "service.yaml")).unwrap();
        let container = &yaml[0]["spec"]["template"]["spec"]["containers"][0];
        let variables = container["env"].as_vec().unwrap().iter();
        let mut of_yaml: Vec<_> = variables.map(|one| one["name"].as_str().unwrap()).collect();
        let locals = file(&artefacts, "locals.tf");
        let (_, environment) = locals.split_once("  environment = {").unwrap();
        let mut of_terraform: Vec<_> = environment
            .lines()
            .filter(|line| line.starts_with("    ") && !line.starts_with("     "))
            .filter_map(|line| Some(line.split_once('=')?.0.trim()))
            .collect();
        of_yaml.sort_unstable();
        of_terraform.sort_unstable();
        assert_eq!(of_yaml, of_terraform, "{name}");
    }
}
