//! What is rendered against AWS's own models of its services: words, ranges, patterns, and the
//! whole task definition.

use std::io::Write;
use std::process::{Command, Stdio};

use hcl::Body;
use serde_json::{Value, json};
use trefoil_clouds::conformance::stand_ins;
use trefoil_clouds::operate::render::Artefact;

use crate::golden::ALL;
use crate::lower::Folder;
use crate::support::{deployment, example, render};

/// Where an attribute of Terraform goes: a kind of resource, the way to the attribute through its
/// blocks, the service and the shape of its API.
const GOES: &[(&str, &str, &str, &str)] = &[
    ("aws_appautoscaling_policy", "policy_type", "application-autoscaling", "PolicyType"),
    (
        "aws_appautoscaling_policy",
        "target_tracking_scaling_policy_configuration/predefined_metric_specification/predefined_metric_type",
        "application-autoscaling",
        "MetricType",
    ),
    (
        "aws_appautoscaling_target",
        "scalable_dimension",
        "application-autoscaling",
        "ScalableDimension",
    ),
    (
        "aws_appautoscaling_target",
        "service_namespace",
        "application-autoscaling",
        "ServiceNamespace",
    ),
    ("aws_budgets_budget", "budget_type", "budgets", "BudgetType"),
    ("aws_budgets_budget", "time_unit", "budgets", "TimeUnit"),
    ("aws_budgets_budget", "notification/comparison_operator", "budgets", "ComparisonOperator"),
    ("aws_budgets_budget", "notification/notification_type", "budgets", "NotificationType"),
    ("aws_budgets_budget", "notification/threshold_type", "budgets", "ThresholdType"),
    ("aws_cloudfront_distribution", "http_version", "cloudfront", "HttpVersion"),
    ("aws_cloudfront_distribution", "price_class", "cloudfront", "PriceClass"),
    (
        "aws_cloudfront_distribution",
        "default_cache_behavior/allowed_methods",
        "cloudfront",
        "MethodsList",
    ),
    (
        "aws_cloudfront_distribution",
        "default_cache_behavior/viewer_protocol_policy",
        "cloudfront",
        "ViewerProtocolPolicy",
    ),
    (
        "aws_cloudfront_distribution",
        "origin/custom_origin_config/origin_protocol_policy",
        "cloudfront",
        "OriginProtocolPolicy",
    ),
    (
        "aws_cloudfront_distribution",
        "origin/custom_origin_config/origin_ssl_protocols",
        "cloudfront",
        "SslProtocolsList",
    ),
    (
        "aws_cloudfront_distribution",
        "viewer_certificate/minimum_protocol_version",
        "cloudfront",
        "MinimumProtocolVersion",
    ),
    (
        "aws_cloudfront_distribution",
        "viewer_certificate/ssl_support_method",
        "cloudfront",
        "SSLSupportMethod",
    ),
    ("aws_cloudwatch_log_group", "retention_in_days", "logs", "Days"),
    ("aws_cloudwatch_metric_alarm", "comparison_operator", "cloudwatch", "ComparisonOperator"),
    ("aws_cloudwatch_metric_alarm", "evaluation_periods", "cloudwatch", "EvaluationPeriods"),
    ("aws_cloudwatch_metric_alarm", "metric_query/metric/period", "cloudwatch", "Period"),
    ("aws_cloudwatch_metric_alarm", "period", "cloudwatch", "Period"),
    ("aws_cloudwatch_metric_alarm", "statistic", "cloudwatch", "Statistic"),
    ("aws_cloudwatch_metric_alarm", "treat_missing_data", "cloudwatch", "TreatMissingData"),
    ("aws_codebuild_project", "artifacts/type", "codebuild", "ArtifactsType"),
    ("aws_codebuild_project", "environment/compute_type", "codebuild", "ComputeType"),
    ("aws_codebuild_project", "environment/type", "codebuild", "EnvironmentType"),
    ("aws_codebuild_project", "source/type", "codebuild", "SourceType"),
    ("aws_codepipeline", "pipeline_type", "codepipeline", "PipelineType"),
    ("aws_codepipeline", "stage/action/category", "codepipeline", "ActionCategory"),
    ("aws_codepipeline", "stage/action/owner", "codepipeline", "ActionOwner"),
    ("aws_db_parameter_group", "parameter/apply_method", "rds", "ApplyMethod"),
    ("aws_dynamodb_table", "attribute/type", "dynamodb", "ScalarAttributeType"),
    ("aws_dynamodb_table", "billing_mode", "dynamodb", "BillingMode"),
    ("aws_dynamodb_table", "hash_key", "dynamodb", "KeySchemaAttributeName"),
    ("aws_dynamodb_table", "ttl/attribute_name", "dynamodb", "TimeToLiveAttributeName"),
    ("aws_ecr_repository", "encryption_configuration/encryption_type", "ecr", "EncryptionType"),
    ("aws_ecr_repository", "image_tag_mutability", "ecr", "ImageTagMutability"),
    ("aws_ecs_service", "availability_zone_rebalancing", "ecs", "AvailabilityZoneRebalancing"),
    (
        "aws_ecs_service",
        "capacity_provider_strategy/weight",
        "ecs",
        "CapacityProviderStrategyItemWeight",
    ),
    ("aws_ecs_service", "propagate_tags", "ecs", "PropagateTags"),
    ("aws_kms_key", "deletion_window_in_days", "kms", "PendingWindowInDaysType"),
    ("aws_lb", "load_balancer_type", "elbv2", "LoadBalancerTypeEnum"),
    ("aws_lb_listener", "default_action/type", "elbv2", "ActionTypeEnum"),
    ("aws_lb_listener", "port", "elbv2", "Port"),
    ("aws_lb_listener", "protocol", "elbv2", "ProtocolEnum"),
    ("aws_lb_target_group", "health_check/healthy_threshold", "elbv2", "HealthCheckThresholdCount"),
    ("aws_lb_target_group", "health_check/interval", "elbv2", "HealthCheckIntervalSeconds"),
    ("aws_lb_target_group", "health_check/path", "elbv2", "Path"),
    ("aws_lb_target_group", "health_check/timeout", "elbv2", "HealthCheckTimeoutSeconds"),
    (
        "aws_lb_target_group",
        "health_check/unhealthy_threshold",
        "elbv2",
        "HealthCheckThresholdCount",
    ),
    ("aws_lb_target_group", "port", "elbv2", "Port"),
    ("aws_lb_target_group", "protocol", "elbv2", "ProtocolEnum"),
    ("aws_lb_target_group", "target_type", "elbv2", "TargetTypeEnum"),
    ("aws_route53_record", "type", "route53", "RRType"),
    ("aws_route53_health_check", "failure_threshold", "route53", "FailureThreshold"),
    ("aws_route53_health_check", "request_interval", "route53", "RequestInterval"),
    ("aws_route53_health_check", "type", "route53", "HealthCheckType"),
    ("aws_s3_bucket_lifecycle_configuration", "rule/status", "s3", "ExpirationStatus"),
    (
        "aws_s3_bucket_lifecycle_configuration",
        "rule/transition/storage_class",
        "s3",
        "TransitionStorageClass",
    ),
    ("aws_s3_bucket_ownership_controls", "rule/object_ownership", "s3", "ObjectOwnership"),
    (
        "aws_s3_bucket_server_side_encryption_configuration",
        "rule/apply_server_side_encryption_by_default/sse_algorithm",
        "s3",
        "ServerSideEncryption",
    ),
    ("aws_s3_bucket_versioning", "versioning_configuration/status", "s3", "BucketVersioningStatus"),
    ("aws_scheduler_schedule", "flexible_time_window/mode", "scheduler", "FlexibleTimeWindowMode"),
    (
        "aws_scheduler_schedule",
        "target/retry_policy/maximum_event_age_in_seconds",
        "scheduler",
        "MaximumEventAgeInSeconds",
    ),
    (
        "aws_scheduler_schedule",
        "target/retry_policy/maximum_retry_attempts",
        "scheduler",
        "MaximumRetryAttempts",
    ),
    ("aws_ssm_parameter", "type", "ssm", "ParameterType"),
    ("aws_wafv2_web_acl", "rule/priority", "wafv2", "RulePriority"),
    (
        "aws_wafv2_web_acl",
        "rule/statement/rate_based_statement/aggregate_key_type",
        "wafv2",
        "RateBasedStatementAggregateKeyType",
    ),
    ("aws_wafv2_web_acl", "rule/statement/rate_based_statement/limit", "wafv2", "RateLimit"),
    ("aws_wafv2_web_acl", "scope", "wafv2", "Scope"),
];

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

/// What AWS would not take.
fn faults(checks: &[Value]) -> Vec<String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/render_aws/service_models.py");
    let mut python = Command::new(stand_ins::program("python"))
        .args(["-W", "ignore", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let given = Value::from(checks.to_vec()).to_string();
    python.stdin.take().unwrap().write_all(given.as_bytes()).unwrap();
    let said = python.wait_with_output().unwrap();
    assert!(said.status.success());
    String::from_utf8(said.stdout).unwrap().lines().map(str::to_owned).collect()
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
