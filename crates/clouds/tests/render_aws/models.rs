//! What is rendered for AWS against AWS's own descriptions of its services, which botocore carries:
//! the whole of the task definition, and the words that Terraform passes on as they are.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use ::hcl::structure::Body;
use serde_json::Value;
use trefoil_clouds::conformance::stand_ins;

use crate::golden::ALL;
use crate::hcl::{plain, read};
use crate::support::{deployment, example, render};

/// The descriptions of services that were read.
#[derive(Default)]
struct Models(BTreeMap<String, Value>);

impl Models {
    /// The shapes of a service.
    fn shapes(&mut self, service: &str) -> &Value {
        let model = self.0.entry(service.to_owned()).or_insert_with(|| model(service));
        &model["shapes"]
    }
}

/// The newest description of a service.
fn model(service: &str) -> Value {
    let of = |folder: PathBuf| std::fs::read_dir(folder).into_iter().flatten().flatten();
    let pythons = of(stand_ins::folder().join("venv/lib"));
    let data =
        |one: std::fs::DirEntry| one.path().join("site-packages/botocore/data").join(service);
    let mut versions: Vec<_> =
        pythons.flat_map(|one| of(data(one))).map(|one| one.path()).collect();
    versions.sort();
    let newest = versions.pop().unwrap_or_else(|| {
        panic!("no botocore with {service} among the stand-ins: run scripts/setup --tests")
    });
    let output = Command::new("gzip")
        .arg("-dc")
        .arg(newest.join("service-2.json.gz"))
        .output()
        .expect("gzip is there");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What of a value is not as its shape says. What is filled in later is not looked at.
fn faults(shapes: &Value, name: &str, value: &Value, at: &str, found: &mut Vec<String>) {
    let shape = &shapes[name];
    if value.as_str().is_some_and(|text| text.contains("${")) {
        return;
    }
    let kind = shape["type"].as_str().unwrap_or_default();
    match (kind, value) {
        ("structure", Value::Object(all)) => {
            for (key, one) in all {
                match shape["members"][key]["shape"].as_str() {
                    Some(shape) => faults(shapes, shape, one, &format!("{at}.{key}"), found),
                    None => found.push(format!("{at} has no {key}")),
                }
            }
            for key in shape["required"].as_array().into_iter().flatten() {
                if !all.contains_key(key.as_str().unwrap()) {
                    found.push(format!("{at} wants {key}"));
                }
            }
        }
        ("list", Value::Array(all)) => {
            let member = shape["member"]["shape"].as_str().unwrap();
            all.iter().for_each(|one| faults(shapes, member, one, &format!("{at}[]"), found));
        }
        ("map", Value::Object(all)) => {
            let member = shape["value"]["shape"].as_str().unwrap();
            all.values().for_each(|one| faults(shapes, member, one, &format!("{at}{{}}"), found));
        }
        ("string", Value::String(text)) => word(shape, text, at, found),
        ("boolean", Value::Bool(_)) => {}
        ("integer" | "long", Value::Number(number)) if number.is_i64() => {
            let number = number.as_i64().unwrap();
            let (least, most) = (shape["min"].as_i64(), shape["max"].as_i64());
            if least.is_some_and(|one| number < one) || most.is_some_and(|one| number > one) {
                found.push(format!("{at}: {number} is not from {least:?} to {most:?}"));
            }
        }
        _ => found.push(format!("{at}: {value} is no {kind}")),
    }
}

fn word(shape: &Value, text: &str, at: &str, found: &mut Vec<String>) {
    let allowed = shape["enum"].as_array();
    if allowed.is_some_and(|allowed| !allowed.iter().any(|one| one == text)) {
        found.push(format!("{at}: `{text}` is none of {}", shape["enum"]));
    }
}

/// A resource of Terraform, an attribute of it or of a block in it, and the shape of its words.
const WORDS: [(&str, &str, &str, &str); 31] = [
    ("aws_appautoscaling_policy", "policy_type", "application-autoscaling", "PolicyType"),
    (
        "aws_appautoscaling_policy",
        "predefined_metric_type",
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
    ("aws_budgets_budget", "comparison_operator", "budgets", "ComparisonOperator"),
    ("aws_budgets_budget", "notification_type", "budgets", "NotificationType"),
    ("aws_budgets_budget", "time_unit", "budgets", "TimeUnit"),
    (
        "aws_cloudfront_distribution",
        "minimum_protocol_version",
        "cloudfront",
        "MinimumProtocolVersion",
    ),
    ("aws_cloudfront_distribution", "origin_protocol_policy", "cloudfront", "OriginProtocolPolicy"),
    ("aws_cloudfront_distribution", "price_class", "cloudfront", "PriceClass"),
    ("aws_cloudfront_distribution", "viewer_protocol_policy", "cloudfront", "ViewerProtocolPolicy"),
    ("aws_cloudwatch_metric_alarm", "comparison_operator", "cloudwatch", "ComparisonOperator"),
    ("aws_cloudwatch_metric_alarm", "statistic", "cloudwatch", "Statistic"),
    ("aws_codebuild_project", "compute_type", "codebuild", "ComputeType"),
    ("aws_dynamodb_table", "billing_mode", "dynamodb", "BillingMode"),
    ("aws_ecr_repository", "encryption_type", "ecr", "EncryptionType"),
    ("aws_ecr_repository", "image_tag_mutability", "ecr", "ImageTagMutability"),
    ("aws_ecs_service", "propagate_tags", "ecs", "PropagateTags"),
    ("aws_flow_log", "traffic_type", "ec2", "TrafficType"),
    ("aws_lb", "load_balancer_type", "elbv2", "LoadBalancerTypeEnum"),
    ("aws_lb_listener", "protocol", "elbv2", "ProtocolEnum"),
    ("aws_lb_target_group", "protocol", "elbv2", "ProtocolEnum"),
    ("aws_lb_target_group", "target_type", "elbv2", "TargetTypeEnum"),
    ("aws_route53_health_check", "type", "route53", "HealthCheckType"),
    ("aws_s3_bucket_lifecycle_configuration", "storage_class", "s3", "TransitionStorageClass"),
    ("aws_s3_bucket_ownership_controls", "object_ownership", "s3", "ObjectOwnership"),
    (
        "aws_s3_bucket_server_side_encryption_configuration",
        "sse_algorithm",
        "s3",
        "ServerSideEncryption",
    ),
    ("aws_ssm_parameter", "type", "ssm", "ParameterType"),
    ("aws_vpc_endpoint", "vpc_endpoint_type", "ec2", "VpcEndpointType"),
    ("aws_wafv2_web_acl", "scope", "wafv2", "Scope"),
];

/// All values of an attribute in a block and in the blocks within it.
fn values(body: &Body, name: &str, found: &mut Vec<Value>) {
    found.extend(body.attributes().filter(|one| one.key() == name).map(|one| plain(one.expr())));
    body.blocks().for_each(|block| values(block.body(), name, found));
}

/// The resources of one kind in a file.
fn resources<'a>(body: &'a Body, kind: &'a str) -> impl Iterator<Item = &'a Body> {
    let is_it = move |one: &&::hcl::Block| {
        one.identifier() == "resource"
            && one.labels().first().is_some_and(|one| one.as_str() == kind)
    };
    body.blocks().filter(is_it).map(::hcl::Block::body)
}

/// All files of Terraform in the examples.
fn files() -> Vec<(String, Body)> {
    let each = ALL.iter().flat_map(|(name, environment)| {
        let artefacts = render(&deployment(&example(name), environment));
        artefacts.into_iter().map(move |one| (format!("{name}/{}", one.path), one.contents))
    });
    let terraform = each.filter(|(path, _)| path.ends_with(".tf"));
    terraform.map(|(path, text)| (path, read(&text))).collect()
}

#[test]
fn words_that_aws_reads_are_its_own() {
    let (mut models, files) = (Models::default(), files());
    let mut nowhere = Vec::new();
    for (kind, name, service, shape) in WORDS {
        let (mut seen, mut wrong) = (0, Vec::new());
        let shapes = models.shapes(service);
        assert!(shapes[shape]["enum"].is_array(), "{service} has no words {shape}");
        for (path, body) in &files {
            let mut found = Vec::new();
            resources(body, kind).for_each(|one| values(one, name, &mut found));
            for value in found.iter().filter_map(Value::as_str) {
                // An expression is known only when it runs.
                if !value.contains(['.', '$', '?', '(']) || value.contains("TLS") {
                    seen += 1;
                    word(&shapes[shape], value, &format!("{path} {kind}.{name}"), &mut wrong);
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
        if seen == 0 {
            nowhere.push(format!("{kind}.{name}"));
        }
    }
    assert!(nowhere.is_empty(), "a row that compares nothing: {nowhere:?}");
}

#[test]
fn the_task_definition_is_what_ecs_registers() {
    let mut models = Models::default();
    let shapes = models.shapes("ecs").clone();
    for (name, environment) in ALL {
        let artefacts = render(&deployment(&example(name), environment));
        let task = artefacts.iter().find(|one| one.path.ends_with("task-definition.json")).unwrap();
        let task: Value = serde_json::from_str(&task.contents).unwrap();
        let mut found = Vec::new();
        faults(&shapes, "RegisterTaskDefinitionRequest", &task, name, &mut found);
        assert!(found.is_empty(), "{found:#?}");
        for (right, wrong) in [("\"awsvpc\"", "\"vpc\""), ("\"essential\"", "\"esential\"")] {
            let changed = task.to_string().replace(right, wrong);
            let mut found = Vec::new();
            let changed = serde_json::from_str(&changed).unwrap();
            faults(&shapes, "RegisterTaskDefinitionRequest", &changed, name, &mut found);
            assert!(!found.is_empty(), "{wrong} is not noticed");
        }
    }
}

#[test]
fn logs_are_kept_for_days_that_cloudwatch_knows() {
    let mut models = Models::default();
    let said = models.shapes("logs")["Days"]["documentation"].as_str().unwrap().to_owned();
    let list = said.split("Possible values are:").nth(1).unwrap().split("</p>").next().unwrap();
    let numbers = list.split(|one: char| !one.is_ascii_digit()).filter_map(|one| one.parse().ok());
    let known: Vec<u64> = numbers.collect();
    assert!(known.len() > 20, "{list}");
    let mut seen = 0;
    for (path, body) in &files() {
        let variable = |one: &&::hcl::Block| {
            one.labels().first().is_some_and(|one| one.as_str() == "log_retention_days")
        };
        for block in body.blocks().filter(variable) {
            let mut found = Vec::new();
            values(block.body(), "default", &mut found);
            let days = found[0].as_u64().unwrap();
            assert!(known.contains(&days), "{path}: {days}");
            seen += 1;
        }
    }
    assert_eq!(seen, ALL.len());
}
