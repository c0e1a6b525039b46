//! What must never stand in a rendered file, and the faults of the chapter's own snippets.

use crate::bicep::{Expr, parse};
use crate::support::{EXAMPLES, Files, example, rendered, with};

fn each(look: impl Fn(&str, &str)) {
    for (name, environment) in EXAMPLES {
        for (path, text) in example(name, environment) {
            look(&format!("{name}/{path}"), &text);
        }
    }
}

fn module<'a>(files: &'a Files, name: &str) -> &'a str {
    &files[&format!("infra/azure/modules/{name}.bicep")]
}

#[test]
fn nothing_floats_and_nothing_is_left_to_fill_in() {
    each(|path, text| {
        for never in
            [":latest", "PLACEHOLDER", "SUBSCRIPTION_ID}", "YOUR_", "TODO", "xxx", "changeme"]
        {
            assert!(!text.contains(never), "{path} says {never}");
        }
    });
}

#[test]
fn nobody_may_come_from_everywhere_or_do_everything() {
    each(|path, text| {
        assert!(!text.contains("0.0.0.0"), "{path}");
        // Contributor and User Access Administrator; Owner only gets mail.
        for role in ["b24988ac-6180-42a0-ab88-20f7382dd24c", "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9"]
        {
            assert!(!text.contains(role), "{path} gives {role}");
        }
        assert!(!text.contains("publicNetworkAccess: 'Enabled'"), "{path}");
        assert!(!text.contains("tlsVersion: 'TLS1_0'") && !text.contains("TLS1_1"), "{path}");
    });
}

/// A port is open to the internet for web requests alone, and an allowed source is never `*`.
#[test]
fn the_network_lets_in_one_port_from_one_group() {
    for (name, environment) in EXAMPLES {
        let files = example(name, environment);
        let file = parse(&files[&format!("infra/{environment}/modules/network.bicep")]).unwrap();
        for resource in &file.resources {
            resource.body.each(&mut |one: &Expr| {
                if one.get("access").and_then(Expr::literal).as_deref() != Some("Allow") {
                    return;
                }
                let source = one.get("sourceAddressPrefix").and_then(Expr::literal);
                assert_ne!(source.as_deref(), Some("*"), "{name}");
                let port = one.get("destinationPortRange").and_then(Expr::literal);
                assert_ne!(port.as_deref(), Some("*"), "{name}");
                if source.as_deref() == Some("Internet") {
                    let what = one.get("description").and_then(Expr::literal);
                    assert_eq!(what.as_deref(), Some("Requests of users"), "{name}");
                }
            });
        }
    }
}

/// No parameter that holds a secret has one written down, and none goes where it could be read.
#[test]
fn no_secret_is_written_down() {
    let secret = ["password", "secret", "secrets", "sharedKey", "vpnSharedKey", "databasePassword"];
    for (name, environment) in EXAMPLES {
        let bicep =
            example(name, environment).into_iter().filter(|(path, _)| path.ends_with(".bicep"));
        for (path, text) in bicep {
            let file = parse(&text).unwrap();
            for (param, one) in &file.params {
                let is_secure = one.decorators.iter().any(|word| word == "secure");
                // The addresses in the vault are no secrets.
                let is_address = one.kind == "array";
                assert!(
                    is_secure || is_address || !secret.contains(&param.as_str()),
                    "{path}: {param}"
                );
                let default = one.default.as_ref().and_then(Expr::literal).unwrap_or_default();
                assert!(!is_secure || default.is_empty(), "{path}: {param}");
            }
            for (output, value) in &file.outputs {
                value.each(&mut |one| {
                    let Expr::Name(name) = one else { return };
                    let secure = file
                        .params
                        .get(name)
                        .is_some_and(|one| one.decorators.iter().any(|word| word == "secure"));
                    assert!(!secure, "{path}: output {output} shows {name}");
                });
            }
        }
    }
}

#[test]
fn every_parameter_and_output_says_what_it_is() {
    each(|path, text| {
        if !path.ends_with(".bicep") {
            return;
        }
        let lines: Vec<_> = text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            if line.starts_with("output ") {
                assert!(lines[index - 1].starts_with("@description("), "{path}: {line}");
            }
        }
        for (name, param) in &parse(text).unwrap().params {
            assert!(param.decorators.iter().any(|one| one == "description"), "{path}: {name}");
        }
    });
}

// The chapter's container-app.yml: apiVersion, kind and metadata are no keys of
// `az containerapp create --yaml`, nor is properties.resourceGroup; secrets stand in it; the image
// is in a registry that it cannot sign in to; one of two secrets is used; health is asked at one
// path for both questions.
#[test]
fn the_container_app_has_none_of_the_chapters_faults() {
    for (name, environment) in EXAMPLES {
        let files = example(name, environment);
        let app = crate::yaml::read(&files[&format!("infra/{environment}/container-app.yaml")]);
        for key in ["apiVersion", "kind", "metadata"] {
            assert!(app.get(key).is_none(), "{name}: {key}");
        }
        let configuration = &app["properties"]["configuration"];
        assert!(app["properties"].get("resourceGroup").is_none());
        assert!(app["identity"]["type"] == "UserAssigned");
        assert!(configuration["registries"][0].get("passwordSecretRef").is_none());
        assert!(configuration["registries"][0]["identity"].is_string());
        let no_secrets = Vec::new();
        let secrets = configuration["secrets"].as_array().unwrap_or(&no_secrets);
        let container = &app["properties"]["template"]["containers"][0];
        let env = container["env"].as_array().unwrap();
        for secret in secrets {
            assert!(secret.get("value").is_none() && secret["keyVaultUrl"].is_string());
            let uses = env.iter().filter(|one| one["secretRef"] == secret["name"]).count();
            assert!(uses > 0, "{name}: {secret} is not used");
        }
        let probes = container["probes"].as_array().unwrap();
        let path = |index: usize| probes[index]["httpGet"]["path"].as_str().unwrap();
        assert!(probes.len() == 3 && path(1) != path(2), "{name}");
    }
}

// The chapter's main.bicep: an unused parameter and a hard-coded location (checked for all files in
// `types`), a password in it, an admin user of the registry, no purge protection, names that are
// not unique, a server without database or network, an account without model, sessions that never
// end, no container app at all, no roles.
#[test]
fn the_bicep_has_none_of_the_chapters_faults() {
    let files = example("medassistant", "azure");
    let main = &files["infra/azure/main.bicep"];
    assert!(main.contains("uniqueString(resourceGroup().id)"));
    assert!(module(&files, "registry").contains("adminUserEnabled: false"));
    assert!(module(&files, "vault").contains("enablePurgeProtection: true"));
    let database = module(&files, "database");
    assert!(
        database.contains("flexibleServers/databases@")
            && database.contains("delegatedSubnetResourceId")
    );
    assert!(module(&files, "chat").contains("accounts/deployments@"));
    assert!(module(&files, "sessions").contains("defaultTtl: 1800"));
    assert!(files.contains_key("infra/azure/modules/application.bicep"));
    for name in ["registry", "vault", "storage", "chat"] {
        assert!(module(&files, name).contains("roleAssignments@"), "{name}");
    }
}

#[test]
fn locations_are_never_written_down() {
    each(|path, text| {
        if !path.ends_with(".bicep") {
            return;
        }
        for resource in &parse(text).unwrap().resources {
            resource.body.each(&mut |one: &Expr| {
                let location = one.get("location").and_then(Expr::literal);
                assert!(location.is_none_or(|location| location == "global"), "{path}");
            });
        }
    });
}

#[test]
fn preview_versions_are_used_only_where_there_is_no_other() {
    each(|path, text| {
        if !path.ends_with(".bicep") {
            return;
        }
        for resource in &parse(text).unwrap().resources {
            let is_diagnostic = resource.kind.starts_with("Microsoft.Insights/diagnosticSettings@");
            assert!(is_diagnostic || !resource.kind.ends_with("-preview"), "{path}");
        }
    });
}

#[test]
fn interruptible_capacity_that_there_is_not_is_said() {
    let files = rendered(&with("scale: { interruptible: true }"));
    assert!(files["infra/azure/README.md"].contains("interruptible capacity"));
}
