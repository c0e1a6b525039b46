//! What Terraform would make of an expression, with examples for what only AWS knows: an ARN looks
//! like one of its kind, and everything else that is not known yet is `unknown`.

use std::collections::BTreeMap;

use hcl::Body;
use hcl::expr::{Expression, ObjectKey, Traversal, TraversalOperator};
use hcl::template::{Element, Template};
use serde_json::{Map, Value, json};
use trefoil_clouds::operate::render::Artefact;

const REGION: &str = "eu-central-1";
const ACCOUNT: &str = "111122223333";
const UNKNOWN: &str = "unknown";

/// What an ARN of a kind of resource looks like: AWS's service authorization reference.
const ARNS: [(&str, &str); 18] = [
    ("aws_cloudfront_distribution", "arn:aws:cloudfront::A:distribution/E1"),
    ("aws_cloudwatch_log_group", "arn:aws:logs:R:A:log-group:one"),
    ("aws_codebuild_project", "arn:aws:codebuild:R:A:project/one"),
    ("aws_codeconnections_connection", "arn:aws:codeconnections:R:A:connection/one"),
    ("aws_db_instance", "arn:aws:secretsmanager:R:A:secret:rds-one"),
    ("aws_dynamodb_table", "arn:aws:dynamodb:R:A:table/one"),
    ("aws_ecr_repository", "arn:aws:ecr:R:A:repository/one"),
    ("aws_ecs_cluster", "arn:aws:ecs:R:A:cluster/one"),
    ("aws_ecs_service", "arn:aws:ecs:R:A:service/one/one"),
    ("aws_ecs_task_definition", "arn:aws:ecs:R:A:task-definition/one"),
    ("aws_iam_role", "arn:aws:iam::A:role/one"),
    ("aws_kms_key", "arn:aws:kms:R:A:key/one"),
    ("aws_s3_bucket", "arn:aws:s3:::one"),
    ("aws_secretsmanager_secret", "arn:aws:secretsmanager:R:A:secret:one"),
    ("aws_sfn_state_machine", "arn:aws:states:R:A:stateMachine:one"),
    ("aws_sns_topic", "arn:aws:sns:R:A:one"),
    ("aws_sqs_queue", "arn:aws:sqs:R:A:one"),
    ("aws_ssm_parameter", "arn:aws:ssm:R:A:parameter/one"),
];

/// A folder of Terraform files, read.
pub(crate) struct Folder {
    pub(crate) bodies: Vec<Body>,
}

/// Names bound by a `for`, each with what stands for all that it goes through.
type Bound = BTreeMap<String, Vec<String>>;

impl Folder {
    pub(crate) fn read(files: &[Artefact]) -> Folder {
        let files = files.iter().filter(|one| one.path.ends_with(".tf"));
        Folder { bodies: files.map(|one| hcl::parse(&one.contents).unwrap()).collect() }
    }

    /// The blocks `resource KIND NAME { … }`.
    pub(crate) fn resources(&self) -> impl Iterator<Item = (&str, &str, &Body)> {
        let blocks = self.bodies.iter().flat_map(|body| body.blocks());
        blocks.filter(|block| block.identifier() == "resource").map(|block| {
            let labels = block.labels();
            (labels[0].as_str(), labels[1].as_str(), block.body())
        })
    }

    pub(crate) fn lower(&self, expression: &Expression) -> Value {
        self.within(expression, &Bound::new())
    }

    fn within(&self, expression: &Expression, bound: &Bound) -> Value {
        let lower = |one: &Expression| self.within(one, bound);
        match expression {
            Expression::Null => Value::Null,
            Expression::Bool(one) => json!(one),
            Expression::Number(one) => {
                one.as_i64().map_or_else(|| json!(one.as_f64()), |whole| json!(whole))
            }
            Expression::String(one) => json!(one),
            Expression::Array(all) => all.iter().map(lower).collect(),
            Expression::Object(all) => {
                let pair =
                    |(key, one): (&ObjectKey, &Expression)| (self.key(key, bound), lower(one));
                Value::Object(all.iter().map(pair).collect::<Map<_, _>>())
            }
            Expression::TemplateExpr(one) => {
                let template = Template::from_expr(one).unwrap();
                json!(template.elements().iter().map(|e| self.piece(e, bound)).collect::<String>())
            }
            Expression::Traversal(one) => self.reference(&path(one, bound)),
            Expression::Variable(one) => self.reference(&start(one.as_str(), bound)),
            Expression::FuncCall(call) if call.name.name.as_str() == "jsonencode" => {
                lower(&call.args[0])
            }
            Expression::FuncCall(call) if call.name.name.as_str() == "concat" => {
                let all = call.args.iter().map(lower);
                all.flat_map(|one| one.as_array().cloned().unwrap_or_default()).collect()
            }
            Expression::Parenthesis(one) => lower(one),
            Expression::Conditional(one) => lower(&one.true_expr),
            Expression::ForExpr(one) => {
                let mut inner = bound.clone();
                let through = match &one.collection_expr {
                    Expression::Traversal(traversal) => path(traversal, bound),
                    _ => vec![UNKNOWN.to_owned()],
                };
                inner.insert(one.value_var.to_string(), through);
                let value = self.within(&one.value_expr, &inner);
                match &one.key_expr {
                    Some(_) => json!({ "one": value }),
                    None => json!([value]),
                }
            }
            _ => json!(UNKNOWN),
        }
    }

    fn key(&self, key: &ObjectKey, bound: &Bound) -> String {
        match key {
            ObjectKey::Identifier(name) => name.to_string(),
            ObjectKey::Expression(one) => text(&self.within(one, bound)),
            other => other.to_string(),
        }
    }

    fn piece(&self, element: &Element, bound: &Bound) -> String {
        match element {
            Element::Literal(text) => text.clone(),
            Element::Interpolation(one) => text(&self.within(&one.expr, bound)),
            Element::Directive(_) => UNKNOWN.to_owned(),
        }
    }

    fn reference(&self, path: &[String]) -> Value {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        match path.as_slice() {
            ["var", "region"] => json!(REGION),
            // Outputs of the other environment, of which buckets are copied.
            ["var", "peer_key_arn"] => arn("aws_kms_key"),
            ["each", "value"] => arn("aws_s3_bucket"),
            ["var", name, ..] => self.variable(name),
            ["data", "aws_caller_identity", _, "account_id"] => json!(ACCOUNT),
            ["data", "aws_partition", _, "partition"] => json!("aws"),
            ["local", name, rest @ ..] => {
                let found = self.local(name).map(|one| self.lower(one)).unwrap_or(json!(UNKNOWN));
                rest.iter().fold(found, |value, key| value.get(key).cloned().unwrap_or_default())
            }
            [kind, .., last] if last.ends_with("arn_without_revision") => arn(kind),
            [kind, .., last] if *last == "arn" || last.ends_with("_arn") => arn(kind),
            // The one whose identifier is its ARN.
            ["aws_ecs_service", _, "id"] => arn("aws_ecs_service"),
            ["aws_sqs_queue" | "aws_sns_topic", _, "id"] => arn(path[0]),
            _ => json!(UNKNOWN),
        }
    }

    /// What a variable is when nobody says otherwise.
    fn variable(&self, name: &str) -> Value {
        let blocks = self.bodies.iter().flat_map(|body| body.blocks());
        let mut declared = blocks.filter(|block| {
            block.identifier() == "variable"
                && block.labels().iter().any(|one| one.as_str() == name)
        });
        let default = declared.find_map(|block| {
            block
                .body()
                .attributes()
                .find(|one| one.key() == "default")
                .map(|one| self.lower(one.expr()))
        });
        default.filter(|value| !value.is_null()).unwrap_or(json!(UNKNOWN))
    }

    fn local(&self, name: &str) -> Option<&Expression> {
        let blocks = self.bodies.iter().flat_map(|body| body.blocks());
        let mut locals = blocks.filter(|block| block.identifier() == "locals");
        locals
            .find_map(|block| block.body().attributes().find(|one| one.key() == name))
            .map(|one| one.expr())
    }
}

fn arn(kind: &str) -> Value {
    let found = ARNS.iter().find(|(known, _)| *known == kind);
    let (_, shape) = found.unwrap_or_else(|| panic!("what does an ARN of {kind} look like?"));
    json!(shape.replace(":R:", &format!(":{REGION}:")).replace(":A:", &format!(":{ACCOUNT}:")))
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What a name stands for.
fn start(name: &str, bound: &Bound) -> Vec<String> {
    bound.get(name).cloned().unwrap_or_else(|| vec![name.to_owned()])
}

/// The names of a reference, without what chooses one of several.
fn path(traversal: &Traversal, bound: &Bound) -> Vec<String> {
    let mut names = match &traversal.expr {
        Expression::Variable(one) => start(one.as_str(), bound),
        _ => vec![UNKNOWN.to_owned()],
    };
    for operator in &traversal.operators {
        if let TraversalOperator::GetAttr(name) = operator {
            names.push(name.to_string());
        }
    }
    names
}
