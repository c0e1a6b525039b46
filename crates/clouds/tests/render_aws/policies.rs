//! The IAM policies of the examples against the table of AWS's own actions that parliament carries:
//! every action exists, no statement allows everything, and each resource is of a kind that one of
//! the statement's actions works on (else the statement would grant nothing).

use std::collections::BTreeMap;

use ::hcl::expr::{Expression, ObjectKey};
use ::hcl::structure::{Body, Structure};
use serde_json::Value;
use trefoil_clouds::conformance::stand_ins;

use crate::golden::ALL;
use crate::hcl::{plain, read};
use crate::support::{deployment, example, render};

/// The services of AWS by the prefix of their actions.
type Services = BTreeMap<String, Value>;

fn services() -> Services {
    let library = stand_ins::folder().join("venv/lib");
    let pythons = std::fs::read_dir(&library).into_iter().flatten().flatten();
    let table = |python: std::fs::DirEntry| {
        std::fs::read(python.path().join("site-packages/parliament/iam_definition.json")).ok()
    };
    let found = pythons.filter_map(table).next();
    let found = found.expect("no parliament among the stand-ins: run scripts/setup --tests");
    let all: Vec<Value> = serde_json::from_slice(&found).unwrap();
    all.into_iter().map(|one| (one["prefix"].as_str().unwrap().to_owned(), one)).collect()
}

/// What a reference in Terraform is to IAM: its service, and the kinds of resource it may stand for.
const REFERENCES: [(&str, &str, &[&str]); 16] = [
    ("aws_s3_bucket.", "s3", &["bucket", "object"]),
    ("each.value}/*", "s3", &["object"]),
    ("aws_kms_key.", "kms", &["key"]),
    ("peer_key_arn", "kms", &["key"]),
    ("aws_ecr_repository.", "ecr", &["repository"]),
    ("aws_ecs_task_definition.", "ecs", &["task-definition"]),
    ("aws_ecs_service.", "ecs", &["service"]),
    ("aws_ssm_parameter.", "ssm", &["parameter"]),
    ("aws_iam_role.", "iam", &["role"]),
    ("aws_sfn_state_machine.", "states", &["statemachine"]),
    ("aws_codebuild_project.", "codebuild", &["project"]),
    ("aws_codeconnections_connection.", "codeconnections", &["Connection"]),
    ("aws_cloudwatch_log_group.", "logs", &["log-group", "log-stream"]),
    ("sessions_arn", "dynamodb", &["table"]),
    ("master_user_secret", "secretsmanager", &["Secret"]),
    ("aws_secretsmanager_secret.", "secretsmanager", &["Secret"]),
];

/// One statement of a policy, and where it stands.
struct Statement {
    place: String,
    said: Value,
    resources: Vec<String>,
}

/// All objects with an `Effect`, wherever they stand in an expression.
fn statements(place: &str, expression: &Expression, found: &mut Vec<Statement>) {
    let mut into = |one: &Expression| statements(place, one, found);
    match expression {
        Expression::Array(all) => all.iter().for_each(into),
        Expression::FuncCall(call) => call.args.iter().for_each(into),
        Expression::Parenthesis(one) => into(one),
        Expression::Conditional(one) => {
            into(&one.true_expr);
            into(&one.false_expr);
        }
        Expression::ForExpr(one) => into(&one.value_expr),
        Expression::Object(all) => {
            all.values().for_each(&mut into);
            let is = |key: &ObjectKey, name: &str| key.to_string().trim_matches('"') == name;
            if all.keys().any(|key| is(key, "Effect")) {
                let resource = all.iter().find(|(key, _)| is(key, "Resource")).map(|(_, one)| one);
                let resources = resource.map(texts).unwrap_or_default();
                let said = plain(expression);
                found.push(Statement { place: place.to_owned(), said, resources });
            }
        }
        _ => {}
    }
}

/// Each resource of a statement, as it is written.
fn texts(resource: &Expression) -> Vec<String> {
    match resource {
        Expression::Array(all) => all.iter().flat_map(texts).collect(),
        Expression::FuncCall(call) => call.args.iter().flat_map(texts).collect(),
        Expression::Conditional(one) => {
            texts(&one.true_expr).into_iter().chain(texts(&one.false_expr)).collect()
        }
        one => vec![plain(one).as_str().unwrap_or_default().to_owned()],
    }
}

fn walk(place: &str, body: &Body, found: &mut Vec<Statement>) {
    for one in body.iter() {
        match one {
            Structure::Attribute(one) => statements(place, one.expr(), found),
            Structure::Block(block) => {
                let labels: Vec<_> = block.labels().iter().map(|one| one.as_str()).collect();
                walk(&format!("{place} {}", labels.join(".")), block.body(), found);
            }
        }
    }
}

fn all_statements() -> Vec<Statement> {
    let mut found = Vec::new();
    for (name, environment) in ALL {
        for one in render(&deployment(&example(name), environment)) {
            if one.path.ends_with(".tf") {
                walk(&format!("{name}/{}", one.path), &read(&one.contents), &mut found);
            }
        }
    }
    found
}

fn list(value: &Value) -> Vec<String> {
    match value {
        Value::Array(all) => all.iter().flat_map(list).collect(),
        Value::String(one) => vec![one.clone()],
        _ => Vec::new(),
    }
}

/// The actions of the table that a written action means: more than one when it ends with a star.
fn meant<'a>(services: &'a Services, action: &str) -> Vec<&'a Value> {
    let Some((prefix, name)) = action.split_once(':') else { return Vec::new() };
    let privileges = services.get(prefix).and_then(|one| one["privileges"].as_array());
    let is_it = |one: &&Value| {
        let known = one["privilege"].as_str().unwrap();
        match name.strip_suffix('*') {
            Some(beginning) => known.starts_with(beginning),
            None => known == name,
        }
    };
    privileges.into_iter().flatten().filter(is_it).collect()
}

/// The kinds of resource that an action works on; none when it works on the account.
fn kinds(action: &Value) -> Vec<String> {
    let types = action["resource_types"].as_array().into_iter().flatten();
    let name =
        |one: &Value| one["resource_type"].as_str().unwrap().trim_end_matches('*').to_owned();
    types.map(name).filter(|one| !one.is_empty()).collect()
}

/// The service and the kinds of resource that a text stands for.
fn stands_for(services: &Services, text: &str) -> Option<(String, Vec<String>)> {
    let reference = REFERENCES.iter().find(|(mark, _, _)| text.contains(mark));
    if let Some((_, service, kinds)) = reference {
        return Some(((*service).to_owned(), kinds.iter().map(|one| (*one).to_owned()).collect()));
    }
    // arn:PARTITION:SERVICE:REGION:ACCOUNT:KIND/NAME
    let arn = &text[text.find("arn:")?..];
    let service = arn.split(':').nth(2)?;
    let last = arn.splitn(6, ':').nth(5)?;
    let begins = last.split(['/', ':']).next()?;
    let known = services.get(service)?["resources"].as_array()?;
    let is_it = |one: &&Value| {
        let pattern = one["arn"].as_str().unwrap_or_default();
        pattern
            .splitn(6, ':')
            .nth(5)
            .is_some_and(|one| one.split(['/', ':']).next() == Some(begins))
    };
    let names = known.iter().filter(is_it).map(|one| one["resource"].as_str().unwrap().to_owned());
    Some((service.to_owned(), names.collect()))
}

/// What is wrong with a statement.
fn faults(services: &Services, one: &Statement) -> Vec<String> {
    let actions = list(&one.said["Action"]);
    let mut found: Vec<String> = actions
        .iter()
        .filter(|action| meant(services, action).is_empty())
        .map(|action| format!("there is no action {action}"))
        .collect();
    let is_policy_of_a_resource = !one.said["Principal"].is_null();
    if actions.is_empty() || is_policy_of_a_resource || one.said["Effect"] == "Deny" {
        return found;
    }
    let works_on: Vec<(&str, Vec<String>)> = actions
        .iter()
        .flat_map(|action| meant(services, action).into_iter().map(move |known| (action, known)))
        .map(|(action, known)| (action.as_str(), kinds(known)))
        .collect();
    if one.resources == ["*"] {
        let bounded = works_on.iter().filter(|(_, kinds)| !kinds.is_empty());
        let is_conditional = !one.said["Condition"].is_null();
        // Reading a task definition takes no resource, whatever the table says of its siblings.
        found.extend(
            bounded
                .filter(|_| !is_conditional)
                .map(|(action, _)| format!("{action} could be bounded, and is allowed on *")),
        );
        return found;
    }
    let there: Vec<_> =
        one.resources.iter().map(|text| (text, stands_for(services, text))).collect();
    for (text, stands) in &there {
        if stands.is_none() {
            found.push(format!("what is {text}?"));
        }
    }
    let fits = |(action, kinds): &(&str, Vec<String>)| {
        // Connections are asked for under their old name and their new one.
        let service = action.split(':').next().unwrap().replace("codestar-", "code");
        there
            .iter()
            .filter_map(|(_, stands)| stands.as_ref())
            .any(|(of, names)| *of == service && names.iter().any(|name| kinds.contains(name)))
    };
    let useless = works_on.iter().filter(|one| !fits(one));
    found.extend(useless.map(|(action, kinds)| {
        format!("{action} works on {kinds:?}, and none is named in {:?}", one.resources)
    }));
    found
}

#[test]
fn every_policy_grants_what_it_says_and_no_more() {
    let services = services();
    let statements = all_statements();
    assert!(statements.len() > 100, "only {} statements", statements.len());
    let found: Vec<_> = statements
        .iter()
        .flat_map(|one| faults(&services, one).into_iter().map(|fault| (&one.place, fault)))
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_wrong_policy_is_found() {
    let services = services();
    let said = |text: &str| {
        let body = read(&format!("a = {{ Effect = \"Allow\", {text} }}"));
        let mut found = Vec::new();
        walk("here", &body, &mut found);
        faults(&services, &found[0])
    };
    for (text, fault) in [
        (
            "Action = \"s3:GetObjects\", Resource = aws_s3_bucket.this.arn",
            "no action s3:GetObjects",
        ),
        ("Action = \"s3:GetObject\", Resource = \"*\"", "is allowed on *"),
        ("Action = \"ecs:ListTasks\", Resource = aws_ecs_service.this.id", "works on"),
        ("Action = \"kms:Decrypt\", Resource = aws_s3_bucket.this.arn", "works on"),
        ("Action = \"sqs:SendMessage\", Resource = local.queue", "what is"),
    ] {
        let found = said(text);
        assert!(found.iter().any(|one| one.contains(fault)), "{text}: {found:?}");
    }
    assert_eq!(said("Action = \"kms:Decrypt\", Resource = aws_kms_key.this.arn"), [""; 0]);
}
