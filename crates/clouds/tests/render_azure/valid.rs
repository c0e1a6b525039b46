//! The Bicep, YAML and JSON of the examples, against Azure's own types; and that a mistake is
//! found.

use std::process::Command;

use serde_json::Value;

use crate::support::{EXAMPLES, Files, example};
use crate::types::{check_value, faults};
use crate::yaml;

#[test]
fn the_bicep_fits_azures_types() {
    for (name, environment) in EXAMPLES {
        let faults = faults(&example(name, environment));
        assert!(faults.is_empty(), "{name}:\n{}", faults.join("\n"));
    }
}

#[test]
fn the_container_app_fits_azures_types() {
    for (name, environment) in EXAMPLES {
        let files = example(name, environment);
        let mut app = yaml::read(&files[&format!("infra/{environment}/container-app.yaml")]);
        assert_eq!(app["type"], "Microsoft.App/containerApps");
        // The type is read-only in a template, and the name is given at the command line.
        app.as_object_mut().unwrap().remove("type");
        app["name"] = Value::from("name");
        let mut found = Vec::new();
        check_value("Microsoft.App/containerApps@2025-07-01", &app, &mut found);
        assert!(found.is_empty(), "{name}: {found:?}");
    }
}

#[test]
fn parameters_are_those_of_the_template() {
    for (name, environment) in EXAMPLES {
        let files = example(name, environment);
        let text = &files[&format!("infra/{environment}/main.parameters.json")];
        let parameters: Value = serde_json::from_str(text).unwrap();
        let main = crate::bicep::parse(&files[&format!("infra/{environment}/main.bicep")]).unwrap();
        let given = parameters["parameters"].as_object().unwrap();
        for (param, one) in &main.params {
            assert!(one.default.is_some() || given.contains_key(param), "{name}: {param}");
        }
        assert!(given.keys().all(|param| main.params.contains_key(param)), "{name}");
    }
}

#[test]
fn the_workflow_signs_in_without_a_key() {
    for (name, environment) in EXAMPLES {
        let files = example(name, environment);
        let workflow = yaml::read(&files[&format!(".github/workflows/deploy-{environment}.yml")]);
        assert_eq!(workflow["permissions"]["id-token"], "write", "{name}");
        let job = &workflow["jobs"]["deploy"];
        assert_eq!(job["environment"], environment);
        for step in job["steps"].as_array().unwrap() {
            if let Some(uses) = step["uses"].as_str() {
                let (_, version) = uses.split_once('@').unwrap();
                assert_eq!(version.len(), 40, "{uses} is not pinned");
            }
            let script = step["run"].as_str().unwrap_or("set -euo pipefail");
            assert!(script.starts_with("set -euo pipefail"), "{name}");
            assert!(!script.contains("${{"), "an expression of GitHub in a script is code");
        }
    }
}

/// The shell itself reads the scripts of workflow and README.
#[test]
fn scripts_are_shell() {
    for (name, environment) in EXAMPLES {
        let files = example(name, environment);
        let workflow = yaml::read(&files[&format!(".github/workflows/deploy-{environment}.yml")]);
        let steps = workflow["jobs"]["deploy"]["steps"].as_array().unwrap();
        let mut scripts: Vec<String> =
            steps.iter().filter_map(|step| step["run"].as_str()).map(str::to_owned).collect();
        let readme = &files[&format!("infra/{environment}/README.md")];
        scripts.extend(
            readme
                .split("```sh\n")
                .skip(1)
                .map(|block| block.split("```").next().unwrap_or_default().to_owned()),
        );
        for script in scripts {
            let status = Command::new("bash").args(["-n", "-c", &script]).status().unwrap();
            assert!(status.success(), "{name}:\n{script}");
        }
    }
}

/// What is changed, what it becomes, and what must be said about it.
const MISTAKES: [(&str, &str, &str, &str); 9] = [
    ("modules/vault.bicep", "enableRbacAuthorization:", "enableRbacAuthorisation:", "no property"),
    ("modules/vault.bicep", "    tenantId: subscription().tenantId\n", "", "tenantId is missing"),
    ("modules/vault.bicep", "vaults@2024-11-01' = ", "vaults@2024-11-02' = ", "not a type"),
    ("modules/registry.bicep", "name: 'Premium'", "name: 'Premier'", "none of"),
    ("modules/registry.bicep", "adminUserEnabled: false", "adminUserEnabled: 'no'", "is not"),
    ("modules/database.bicep", "empty(password) ? null : password", "'secret'", "written down"),
    ("main.bicep", "    principalId: identity.properties.principalId\n", "", "is not given"),
    ("main.bicep", "outputs.workspaceId", "outputs.workspace", "no output"),
    ("main.bicep", "${token}", "${tokens}", "is not declared"),
];

#[test]
fn a_mistake_is_found() {
    let right = example("everything", "azure");
    for (path, before, after, said) in MISTAKES {
        let mut files: Files = right.clone();
        let text = files.get_mut(&format!("infra/azure/{path}")).unwrap();
        assert!(text.contains(before), "{path} has no {before}");
        *text = text.replacen(before, after, 1);
        let found = faults(&files);
        assert!(found.iter().any(|fault| fault.contains(said)), "{before}: {found:?}");
    }
}
