//! The settings that an environment for users needs, and where each is on each cloud, or where its
//! README says why it is not there.

use crate::Rendered;

/// A file, and what it says with its white space taken together.
type Evidence = &'static [(&'static str, &'static str)];

/// A setting, and where it is on AWS, Azure and Google Cloud.
struct Setting {
    what: &'static str,
    on: [Evidence; 3],
}

/// The last row is what only one cloud or another has.
const SETTINGS: [Setting; 26] = [
    Setting {
        what: "private subnets for tasks and database",
        on: [
            &[
                ("service.tf", "assign_public_ip = false"),
                ("database.tf", "publicly_accessible = false"),
            ],
            &[
                ("modules/database.bicep", "delegatedSubnetResourceId"),
                ("modules/environment.bicep", "infrastructureSubnetId"),
            ],
            &[("database.tf", "ipv4_enabled = false"), ("service.tf", "network_interfaces {")],
        ],
    },
    Setting {
        what: "one port from one group",
        on: [
            &[
                (
                    "security_groups.tf",
                    "\"aws_vpc_security_group_ingress_rule\" \"database_service\"",
                ),
                ("security_groups.tf", "referenced_security_group_id"),
            ],
            &[("modules/network.bicep", "'5432'")],
            &[("network.tf", "\"google_compute_firewall\"")],
        ],
    },
    Setting {
        what: "TLS, HTTP sent to HTTPS",
        on: [
            &[("load_balancer.tf", "\"ELBSecurityPolicy-TLS13-1-2-2021-06\"")],
            &[("modules/application.bicep", "allowInsecure: false")],
            &[("edge.tf", "min_tls_version = \"TLS_1_2\""), ("edge.tf", "https_redirect = true")],
        ],
    },
    Setting {
        what: "certificate",
        on: [
            &[("dns.tf", "\"aws_acm_certificate\"")],
            &[("modules/front-door.bicep", "ManagedCertificate")],
            &[("edge.tf", "\"google_certificate_manager_certificate\"")],
        ],
    },
    Setting {
        what: "deletion protection",
        on: [
            &[
                ("load_balancer.tf", "enable_deletion_protection = true"),
                ("database.tf", "deletion_protection = true"),
                ("database.tf", "skip_final_snapshot = false"),
                ("sessions.tf", "deletion_protection_enabled = true"),
            ],
            &[
                ("modules/database.bicep", "CanNotDelete"),
                ("modules/storage.bicep", "CanNotDelete"),
            ],
            &[
                ("database.tf", "deletion_protection = true"),
                ("service.tf", "deletion_protection = true"),
                ("sessions.tf", "delete_protection_state"),
            ],
        ],
    },
    Setting {
        what: "database survives a zone",
        on: [
            &[("database.tf", "multi_az = true")],
            &[("modules/database.bicep", "ZoneRedundant")],
            &[("database.tf", "\"REGIONAL\"")],
        ],
    },
    Setting {
        what: "backups",
        on: [
            &[
                ("database.tf", "backup_retention_period"),
                ("sessions.tf", "point_in_time_recovery"),
            ],
            &[
                ("modules/database.bicep", "backupRetentionDays"),
                ("modules/sessions.bicep", "Continuous"),
            ],
            &[
                ("database.tf", "point_in_time_recovery_enabled = true"),
                ("sessions.tf", "POINT_IN_TIME_RECOVERY_ENABLED"),
            ],
        ],
    },
    Setting {
        what: "TLS to the database",
        on: [
            &[("database.tf", "\"rds.force_ssl\"")],
            &[("modules/database.bicep", "require_secure_transport")],
            &[("database.tf", "\"ENCRYPTED_ONLY\"")],
        ],
    },
    Setting {
        what: "database logs and insights",
        on: [
            &[
                ("database.tf", "performance_insights_enabled = true"),
                ("database.tf", "enabled_cloudwatch_logs_exports"),
            ],
            &[
                ("modules/database.bicep", "log_min_duration_statement"),
                ("modules/database.bicep", "pg_qs"),
            ],
            &[("database.tf", "insights_config")],
        ],
    },
    Setting {
        what: "keys of your own",
        on: [
            &[("kms.tf", "enable_key_rotation")],
            &[("README.md", "customer-managed keys")],
            &[("README.md", "keys of your own")],
        ],
    },
    Setting {
        what: "secrets in the manager",
        on: [
            &[
                ("database.tf", "manage_master_user_password = true"),
                ("task-definition.json", "\"secrets\""),
            ],
            &[
                ("main.bicep", "keyVaultUrl"),
                ("modules/vault.bicep", "enableRbacAuthorization: true"),
            ],
            &[("database.tf", "password_wo"), ("service.tf", "secret_key_ref")],
        ],
    },
    Setting {
        what: "least privilege",
        on: [
            &[
                ("iam.tf", "\"aws_iam_role\" \"execution\""),
                ("iam.tf", "\"aws_iam_role\" \"task\""),
            ],
            &[("modules/vault.bicep", "roleAssignments@")],
            &[
                ("identity.tf", "\"google_service_account\" \"application\""),
                ("secrets.tf", "secretmanager.secretAccessor"),
            ],
        ],
    },
    Setting {
        what: "no long-lived keys in CI",
        on: [
            &[("ci.tf", "sts:AssumeRoleWithWebIdentity")],
            &[("modules/pipeline.bicep", "federatedIdentityCredentials@")],
            &[("delivery.tf", "\"google_iam_workload_identity_pool_provider\"")],
        ],
    },
    Setting {
        what: "images by digest",
        on: [
            &[
                ("registry.tf", "\"IMMUTABLE\""),
                ("registry.tf", "scan_on_push = true"),
                ("registry.tf", "\"aws_ecr_lifecycle_policy\""),
            ],
            &[
                ("modules/registry.bicep", "retentionPolicy"),
                ("README.md", "scanning is Microsoft Defender"),
            ],
            &[
                ("registry.tf", "immutable_tags = true"),
                ("registry.tf", "cleanup_policies"),
                ("apis.tf", "containerscanning"),
            ],
        ],
    },
    Setting {
        what: "user, root, capabilities",
        on: [
            &[
                ("task-definition.json", "\"readonlyRootFilesystem\": true"),
                ("task-definition.json", "\"user\": \"10001:10001\""),
                ("task-definition.json", "\"drop\": [\"ALL\"]"),
            ],
            &[("README.md", "user, root file system, capabilities")],
            &[("README.md", "not root, no writing to the image")],
        ],
    },
    Setting {
        what: "probes",
        on: [
            &[
                ("load_balancer.tf", "health_check {"),
                ("service.tf", "health_check_grace_period_seconds"),
                ("load_balancer.tf", "deregistration_delay"),
                ("task-definition.json", "\"stopTimeout\""),
            ],
            &[
                ("modules/application.bicep", "'Startup'"),
                ("modules/application.bicep", "'Liveness'"),
                ("modules/application.bicep", "'Readiness'"),
                ("modules/application.bicep", "terminationGracePeriodSeconds"),
            ],
            &[
                ("service.tf", "startup_probe {"),
                ("service.tf", "liveness_probe {"),
                ("README.md", "whatever `application.drain` says"),
            ],
        ],
    },
    Setting {
        what: "a bad version goes back",
        on: [
            &[("service.tf", "deployment_circuit_breaker"), ("service.tf", "alarms {")],
            &[("modules/application.bicep", "activeRevisionsMode")],
            &[(".github/workflows/deploy-gcp.yml", "--to-revisions")],
        ],
    },
    Setting {
        what: "autoscaling",
        on: [
            &[
                ("autoscaling.tf", "ECSServiceAverageCPUUtilization"),
                ("autoscaling.tf", "ALBRequestCountPerTarget"),
            ],
            &[
                ("modules/application.bicep", "concurrentRequests"),
                ("modules/application.bicep", "minReplicas: 3"),
            ],
            &[("service.tf", "max_instance_count = 20"), ("service.tf", "min_instance_count = 3")],
        ],
    },
    Setting {
        what: "logs",
        on: [
            &[
                ("service.tf", "retention_in_days = var.log_retention_days"),
                ("service.tf", "kms_key_id"),
            ],
            &[("modules/monitoring.bicep", "retentionInDays: 365")],
            &[("logging.tf", "retention_days = 365")],
        ],
    },
    Setting {
        what: "alarms",
        on: [
            &[
                ("alarms.tf", "HTTPCode_Target_5XX_Count"),
                ("alarms.tf", "UnHealthyHostCount"),
                ("alarms.tf", "TargetResponseTime"),
                ("alarms.tf", "FreeStorageSpace"),
                ("alarms.tf", "DatabaseConnections"),
                ("alarms.tf", "aws_sns_topic"),
            ],
            &[
                ("modules/alerts.bicep", "metricAlerts@"),
                ("modules/monitoring.bicep", "actionGroups"),
            ],
            &[
                ("monitoring.tf", "\"google_monitoring_alert_policy\""),
                ("monitoring.tf", "\"google_monitoring_notification_channel\""),
            ],
        ],
    },
    Setting {
        what: "firewall for web requests",
        on: [
            &[
                ("firewall.tf", "\"aws_wafv2_web_acl\""),
                ("load_balancer.tf", "access_logs {"),
                ("load_balancer.tf", "drop_invalid_header_fields = true"),
            ],
            &[("modules/front-door.bicep", "FrontDoorWebApplicationFirewallPolicies@")],
            &[("firewall.tf", "\"google_compute_security_policy\""), ("edge.tf", "log_config")],
        ],
    },
    Setting {
        what: "buckets",
        on: [
            &[
                ("buckets.tf", "block_public_acls = true"),
                ("buckets.tf", "\"aws_s3_bucket_versioning\""),
                ("buckets.tf", "aws:SecureTransport"),
                ("buckets.tf", "INTELLIGENT_TIERING"),
            ],
            &[
                ("modules/storage.bicep", "allowBlobPublicAccess: false"),
                ("modules/storage.bicep", "isVersioningEnabled: true"),
                ("modules/storage.bicep", "minimumTlsVersion"),
            ],
            &[
                ("storage.tf", "public_access_prevention = \"enforced\""),
                ("storage.tf", "versioning {"),
                ("storage.tf", "autoclass"),
            ],
        ],
    },
    Setting {
        what: "private ways",
        on: [
            &[("network.tf", "\"aws_vpc_endpoint\"")],
            &[("modules/private-endpoint.bicep", "privateEndpoints@")],
            &[("network.tf", "private_ip_google_access = true")],
        ],
    },
    Setting {
        what: "budget and tags",
        on: [
            &[("budget.tf", "\"aws_budgets_budget\""), ("providers.tf", "default_tags")],
            &[("modules/budget.bicep", "budgets@"), ("main.bicep", "var tags")],
            &[("budget.tf", "\"google_billing_budget\""), ("providers.tf", "default_labels")],
        ],
    },
    Setting {
        what: "state and versions",
        on: [
            &[
                ("versions.tf", "use_lockfile = true"),
                ("versions.tf", "required_version"),
                ("versions.tf", "version = \"~>"),
                ("variables.tf", "validation {"),
                ("outputs.tf", "description"),
            ],
            &[("README.md", "| state |"), ("main.bicep", "@minLength(1)")],
            &[
                ("versions.tf", "backend \"gcs\""),
                ("versions.tf", "required_version"),
                ("versions.tf", "version = \"~>"),
                ("variables.tf", "validation {"),
                ("outputs.tf", "description"),
            ],
        ],
    },
    Setting {
        what: "beside them",
        on: [
            &[
                ("service.tf", "enable_execute_command = false"),
                ("service.tf", "containerInsights"),
            ],
            &[
                ("modules/sessions.bicep", "disableLocalAuth: true"),
                ("modules/chat.bicep", "disableLocalAuth: true"),
                ("modules/registry.bicep", "adminUserEnabled: false"),
                ("modules/vault.bicep", "enablePurgeProtection: true"),
                ("modules/vault.bicep", "diagnosticSettings@"),
                ("main.bicep", "uniqueString"),
            ],
            &[
                ("apis.tf", "\"google_project_service\""),
                ("service.tf", "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"),
                ("apis.tf", "\"google_project_iam_audit_config\""),
                ("registry.tf", "\"google_artifact_registry_repository\""),
            ],
        ],
    },
];

/// The words of a text, one space apart.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_production_setting_is_there_or_its_readme_says_why_not() {
    let example = include_str!("../../../../examples/rendered/everything.yaml");
    let mut missing = Vec::new();
    for (at, cloud) in ["aws", "azure", "gcp"].into_iter().enumerate() {
        let rendered = Rendered::of(example, cloud);
        for setting in &SETTINGS {
            for (file, text) in setting.on[at] {
                if !words(rendered.file(file)).contains(&words(text)) {
                    missing.push(format!("{cloud}: {}: no {text} in {file}", setting.what));
                }
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}
