//! The faults of the chapter's own snippets, each as a test that these files do not have it, and
//! what no file may hold.

use trefoil_clouds::operate::render::Artefact;

use super::support::{EXAMPLES, example, file, render};

fn every() -> Vec<(&'static str, Vec<Artefact>)> {
    EXAMPLES.iter().map(|(name, folder)| (*name, render(&example(name, folder)))).collect()
}

/// Fails where a word stands in any file, outside of comments.
fn nowhere(word: &str) {
    for (name, artefacts) in every() {
        for artefact in artefacts.iter().filter(|one| !one.path.ends_with(".md")) {
            for line in artefact.contents.lines() {
                let code = line.split_once("# ").map_or(line, |(code, _)| code);
                assert!(!code.contains(word), "{name}: {}: {line}", artefact.path);
            }
        }
    }
}

#[test]
fn no_file_holds_what_none_may() {
    // Of an open database, of images that change, of passwords, of rights to everything.
    for word in [
        "0.0.0.0/0",
        ":latest\"",
        "PLACEHOLDER",
        "YOUR_",
        "PROJECT_ID}",
        "REPLACE",
        "authorized_networks",
        "allUsers",
        "allAuthenticatedUsers",
        "roles/owner",
        "roles/editor",
        "credentials_json",
    ] {
        nowhere(word);
    }
    for (name, artefacts) in every() {
        for artefact in &artefacts {
            let literal = artefact.contents.lines().map(str::trim).find(|line| {
                let is_secret = line.starts_with("password ") || line.starts_with("secret_data ");
                is_secret && line.contains("= \"") && !line.contains("${")
            });
            assert_eq!(literal, None, "{name}: {}", artefact.path);
        }
    }
}

#[test]
fn variables_that_are_used_are_declared() {
    for (name, artefacts) in every() {
        let variables = file(&artefacts, "variables.tf");
        for artefact in artefacts.iter().filter(|one| one.path.ends_with(".tf")) {
            for used in artefact.contents.split("var.").skip(1) {
                let end = used.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
                let used = &used[..end.unwrap_or(used.len())];
                let declared = format!("variable \"{used}\" {{");
                assert!(variables.contains(&declared), "{name}: {}: {used}", artefact.path);
            }
        }
        for declared in variables.split("variable \"").skip(1) {
            let declared = declared.split('"').next().unwrap();
            let used = format!("var.{declared}");
            let is_used = artefacts.iter().any(|one| {
                let beside = one.path.ends_with(".tf") && !one.path.ends_with("variables.tf");
                beside && one.contents.contains(&used)
            });
            assert!(is_used, "{name}: {declared} is declared and used nowhere");
        }
    }
}

#[test]
fn the_provider_and_its_arguments_are_of_today() {
    nowhere("automatic = true");
    nowhere("resource \"google_cloud_run_service\"");
    for (_, artefacts) in every() {
        assert!(file(&artefacts, "versions.tf").contains("version = \"~> 6.50\""));
        assert!(file(&artefacts, "versions.tf").contains("backend \"gcs\""));
    }
}

#[test]
fn the_database_is_private_protected_and_reached_by_its_address() {
    for (name, artefacts) in every() {
        if !artefacts.iter().any(|one| one.path.ends_with("database.tf")) {
            continue;
        }
        let database = file(&artefacts, "database.tf");
        // The chapter has a connection name where a host belongs.
        assert!(!database.contains("connection_name"), "{name}");
        assert!(database.contains("google_sql_database_instance.main.private_ip_address"));
        assert!(database.contains("ipv4_enabled") && !database.contains("ipv4_enabled = true"));
        for line in database.lines().filter(|line| line.contains("ipv4_enabled")) {
            assert!(line.contains("= false"), "{line}");
        }
        let setting = |key: &str, value: &str| {
            let found = database.lines().map(str::trim).any(|line| {
                let parts = line.split_once('=').map(|(key, value)| (key.trim(), value.trim()));
                parts.is_some_and(|(name, rest)| name == key && rest.starts_with(value))
            });
            assert!(found, "{name}: {key} = {value}\n{database}");
        };
        setting("deletion_protection", "true");
        setting("deletion_protection_enabled", "true");
        setting("ssl_mode", "\"ENCRYPTED_ONLY\"");
        setting("point_in_time_recovery_enabled", "true");
        setting("availability_type", "\"REGIONAL\"");
        setting("password_wo", "ephemeral.random_password.database.result");
        // The chapter's shared core has no service level agreement.
        assert!(!database.contains("db-f1-micro"), "{name}");
    }
}

#[test]
fn the_service_has_probes_an_identity_and_waits_for_its_rights() {
    for (name, artefacts) in every() {
        let service = file(&artefacts, "service.tf");
        for word in [
            "startup_probe {",
            "liveness_probe {",
            "google_service_account.application.email",
            "EXECUTION_ENVIRONMENT_GEN2",
            "depends_on = [",
        ] {
            assert!(service.contains(word), "{name}: {word}");
        }
        // Roles on the whole project only where Google has no narrower place.
        let wide = ["secretmanager.secretAccessor", "cloudsql.client", "storage.objectAdmin"];
        for artefact in &artefacts {
            for member in artefact.contents.split("resource \"google_project_iam_member\"").skip(1)
            {
                let member = member.split("\n}").next().unwrap();
                assert!(!wide.iter().any(|role| member.contains(role)), "{name}: {member}");
            }
        }
    }
}

#[test]
fn the_yaml_has_no_annotations_that_do_not_exist() {
    for (name, artefacts) in every() {
        let yaml = file(&artefacts, "service.yaml");
        for word in
            ["run.googleapis.com/memory", "run.googleapis.com/cpu\"", "run.googleapis.com/cpu:"]
        {
            assert!(!yaml.contains(word), "{name}: {word}");
        }
        assert!(yaml.contains("startupProbe:") && yaml.contains("livenessProbe:"));
        // The second generation is chosen for the revision, where the chapter chose it for the service.
        let (service, template) = yaml.split_once("  template:").unwrap();
        assert!(!service.contains("execution-environment"));
        assert!(template.contains("run.googleapis.com/execution-environment: gen2"));
    }
}

#[test]
fn sessions_expire_and_actions_are_pinned() {
    for (name, artefacts) in every() {
        if let Some(sessions) = artefacts.iter().find(|one| one.path.ends_with("sessions.tf")) {
            assert!(sessions.contents.contains("ttl_config {}"), "{name}");
        }
        let workflow = artefacts.iter().find(|one| one.path.starts_with(".github/")).unwrap();
        for line in workflow.contents.lines().filter(|line| line.contains("uses: ")) {
            let (_, version) = line.split_once('@').unwrap();
            let commit = version.split(' ').next().unwrap();
            assert!(commit.len() == 40 && commit.chars().all(|c| c.is_ascii_hexdigit()), "{line}");
        }
        assert!(workflow.contents.contains("id-token: write"));
        assert!(workflow.contents.contains("@$digest"));
    }
}
