//! Where what Terraform says goes to in AWS's own API, and what AWS's models of its services say of
//! it. Read by the tests of the files' text and by those of what Terraform plans.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;
use trefoil_clouds::conformance::stand_ins;

/// Where an attribute of Terraform goes: a kind of resource, the way to the attribute through its
/// blocks, the service and the shape of its API.
pub(crate) const GOES: &[(&str, &str, &str, &str)] = &[
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
        "aws_cloudfront_vpc_origin",
        "vpc_origin_endpoint_config/origin_protocol_policy",
        "cloudfront",
        "OriginProtocolPolicy",
    ),
    (
        "aws_cloudfront_vpc_origin",
        "vpc_origin_endpoint_config/origin_ssl_protocols/items",
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
    ("aws_codebuild_project", "environment/docker_server/compute_type", "codebuild", "ComputeType"),
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
    ("aws_kms_key", "customer_master_key_spec", "kms", "KeySpec"),
    ("aws_kms_key", "deletion_window_in_days", "kms", "PendingWindowInDaysType"),
    ("aws_kms_key", "key_usage", "kms", "KeyUsageType"),
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

/// What AWS would not take.
pub(crate) fn faults(checks: &[Value]) -> Vec<String> {
    let mut python = Command::new(stand_ins::program("python"))
        .args(["-W", "ignore", "-c", include_str!("service_models.py")])
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
