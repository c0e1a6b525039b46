//! What the files never say, and the faults of the chapter's own snippets, each as something that
//! ours do not have.

use serde_json::Value;
use trefoil_clouds::operate::render::Artefact;

use crate::golden::ALL;
use crate::support::{deployment, example, render};

/// Every file of every example.
fn all() -> Vec<Artefact> {
    ALL.iter()
        .flat_map(|(name, environment)| render(&deployment(&example(name), environment)))
        .collect()
}

fn of<'a>(artefacts: &'a [Artefact], name: &str) -> &'a str {
    &artefacts.iter().find(|one| one.path.ends_with(name)).unwrap().contents
}

fn medassistant() -> Vec<Artefact> {
    render(&deployment(&example("medassistant"), "aws"))
}

#[test]
fn no_latest_no_placeholder_no_secret() {
    for one in all() {
        for never in [
            ":latest",
            "YOUR_",
            "ACCOUNT:",
            "PLACEHOLDER",
            "CHANGEME",
            "CHANGE_ME",
            "TODO",
            "xxxx",
            "123456789012",
            "AKIA",
            "BEGIN PRIVATE KEY",
            "<account",
            "example.org",
        ] {
            assert!(!one.contents.contains(never), "{} says {never}", one.path);
        }
        let sets_password = |line: &str| {
            let line = line.trim();
            line.starts_with("password ")
                || line.starts_with("auth_token ")
                || line.contains("_preshared_key ")
        };
        assert!(!one.contents.lines().any(sets_password), "{}", one.path);
    }
}

#[test]
fn nothing_opens_the_database() {
    for one in all() {
        assert!(!one.contents.contains("publicly_accessible    = true"), "{}", one.path);
        for rule in one.contents.split("\nresource ").filter(|block| block.contains("0.0.0.0/0")) {
            assert!(!rule.contains("5432") && !rule.contains("6379"), "{}: {rule}", one.path);
            let is_out = rule.starts_with("\"aws_route\"") || rule.contains("_egress_rule\"");
            let port = |port: &str| rule.contains(&format!("to_port           = {port}"));
            assert!(is_out || port("443") || port("80"), "{}: {rule}", one.path);
        }
    }
}

/// Whether a file has policies of keys, in each of which `*` is the key itself.
fn of_keys(path: &str) -> bool {
    path.ends_with("kms.tf") || path.ends_with("dnssec.tf")
}

/// Nobody may do everything, nor anything to everything but for what AWS cannot bound.
#[test]
fn no_star_on_star() {
    let bounded = [
        "ecr:GetAuthorizationToken",
        "ecs:DescribeTaskDefinition",
        "ecs:ListTasks",
        "xray:",
        "cloudwatch:PutMetricData",
        "logs:CreateLogDelivery",
    ];
    for one in all().iter().filter(|one| one.path.ends_with(".tf")) {
        let lines: Vec<&str> = one.contents.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let words = line.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(!words.contains("Action = \"*\""), "{}: {line}", one.path);
            if !words.starts_with("Resource = \"*\"") || of_keys(&one.path) {
                continue;
            }
            let statement = lines[at.saturating_sub(4)..at].join("\n");
            assert!(
                bounded.iter().any(|action| statement.contains(action)),
                "{}: {statement}",
                one.path
            );
        }
    }
}

/// What the chapter's Terraform lacks: each name that is used is declared.
#[test]
fn everything_that_is_named_is_declared() {
    for (name, environment) in ALL {
        let files = render(&deployment(&example(name), environment));
        let text: String = files
            .iter()
            .filter(|one| one.path.ends_with(".tf"))
            .map(|one| one.contents.as_str())
            .collect();
        for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
            for word in line.split(|c: char| !(c.is_ascii_alphanumeric() || "._".contains(c))) {
                let parts: Vec<&str> = word.split('.').collect();
                let declared = match parts.as_slice() {
                    ["var", name, ..] => text.contains(&format!("variable \"{name}\" {{")),
                    ["data", kind, name, ..] => {
                        text.contains(&format!("data \"{kind}\" \"{name}\" {{"))
                    }
                    [kind, name, ..] if kind.starts_with("aws_") => {
                        text.contains(&format!("resource \"{kind}\" \"{name}\" {{"))
                            || word.contains("com")
                            || line.contains(&format!("data.{kind}"))
                    }
                    _ => true,
                };
                assert!(declared, "{name}: {word} in {line}");
            }
        }
    }
}

#[test]
fn faults_of_the_chapters_terraform() {
    let files = medassistant();
    let tf: String = files
        .iter()
        .filter(|one| one.path.ends_with(".tf"))
        .map(|one| one.contents.as_str())
        .collect();
    assert!(!tf.contains("\nmodule "), "modules without a version");
    for file in ["versions.tf", "variables.tf", "outputs.tf"] {
        assert!(!of(&files, file).is_empty(), "{file}");
    }
    assert!(tf.contains("required_version = "));
    for resource in [
        "aws_ecs_service",
        "aws_ecs_task_definition",
        "aws_lb_target_group",
        "aws_lb_listener",
        "aws_iam_role",
        "aws_cloudwatch_log_group",
        "aws_appautoscaling_policy",
        "aws_cloudwatch_metric_alarm",
        "aws_ecr_repository",
        "aws_secretsmanager_secret",
        "aws_s3_bucket",
        "aws_security_group",
        "aws_db_subnet_group",
    ] {
        assert!(tf.contains(&format!("\nresource \"{resource}\" ")), "{resource}");
    }
    let database = of(&files, "database.tf");
    for line in [
        "skip_final_snapshot       = false",
        "multi_az = true",
        "deletion_protection       = true",
        "manage_master_user_password   = true",
        "storage_encrypted     = true",
        "rds.force_ssl",
    ] {
        assert!(database.contains(line), "{line}\n{database}");
    }
    assert!(of(&files, "load_balancer.tf").contains("enable_deletion_protection = true"));
    assert!(!tf.contains("aws_vpn_gateway"), "a gateway that nothing uses");
    assert!(of(&files, "variables.tf").contains("default     = false"), "NAT unless it is needed");
}

#[test]
fn faults_of_the_chapters_task_definition() {
    let files = medassistant();
    let task: Value = serde_json::from_str(of(&files, "task-definition.json")).unwrap();
    assert_eq!(task["runtimePlatform"]["cpuArchitecture"], "X86_64");
    let container = &task["containerDefinitions"][0];
    assert_eq!(container["readonlyRootFilesystem"], true);
    assert_ne!(container["user"], Value::Null);
    assert_ne!(container["user"], "root");
    assert_eq!(container["healthCheck"], Value::Null, "curl need not be in the image");
    assert_eq!(container["linuxParameters"]["initProcessEnabled"], true);
    assert_eq!(container["linuxParameters"]["capabilities"]["drop"][0], "ALL");
    assert_eq!(container["stopTimeout"], 30);
    for place in [&task["executionRoleArn"], &task["taskRoleArn"], &container["image"]] {
        assert!(place.as_str().unwrap().starts_with("${"), "Terraform knows it: {place}");
    }
    assert!(of(&files, "service.tf").contains("resource \"aws_cloudwatch_log_group\" \"service\""));
}

#[test]
fn faults_of_the_chapters_buildspec() {
    let files = medassistant();
    let text = of(&files, "buildspec.yml");
    assert!(text.contains("artifacts:\n  files:\n    - imagedefinitions.json"), "a list");
    assert!(
        text.contains("test \"$CODEBUILD_BUILD_SUCCEEDING\" = 1"),
        "nothing is pushed after a failed build"
    );
    let pipeline = of(&files, "pipeline.tf");
    for variable in ["REPOSITORY_URL", "IMAGE_PARAMETER"] {
        assert!(text.contains(&format!("${variable}")) || text.contains(&format!("${{{variable}")));
        assert!(pipeline.contains(&format!("name  = \"{variable}\"")), "{variable} is set nowhere");
    }
}

/// What every place where data lies has.
#[test]
fn data_is_encrypted_kept_and_not_public() {
    let files = render(&deployment(&example("everything"), "aws"));
    let buckets = of(&files, "buckets.tf");
    for one in [
        "aws_s3_bucket_public_access_block",
        "aws_s3_bucket_versioning",
        "aws:kms",
        "aws:SecureTransport",
        "INTELLIGENT_TIERING",
    ] {
        assert!(buckets.contains(one), "{one}");
    }
    let sessions = of(&files, "sessions.tf");
    for one in [
        "point_in_time_recovery",
        "deletion_protection_enabled = true",
        "expires_at",
        "kms_key_arn",
    ] {
        assert!(sessions.contains(one), "{one}");
    }
    assert!(of(&files, "versions.tf").contains("use_lockfile = true"));
    assert!(of(&files, "registry.tf").contains("IMMUTABLE"));
}
