//! Reads Terraform, as far as it says something that is known before it runs.

use ::hcl::expr::{Expression, ObjectKey};
use ::hcl::structure::Body;
use serde_json::Value;

/// The file.
pub(crate) fn read(text: &str) -> Body {
    ::hcl::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// The one block of this kind with these labels.
pub(crate) fn block<'a>(body: &'a Body, kind: &str, labels: &[&str]) -> &'a Body {
    find(body, kind, labels).unwrap_or_else(|| panic!("no {kind} {labels:?}"))
}

/// The first block of this kind with these labels, if there is one.
pub(crate) fn find<'a>(body: &'a Body, kind: &str, labels: &[&str]) -> Option<&'a Body> {
    let is_it = |one: &&::hcl::Block| {
        let found: Vec<_> = one.labels().iter().map(|label| label.as_str()).collect();
        one.identifier() == kind && found == labels
    };
    body.blocks().find(is_it).map(::hcl::Block::body)
}

/// The expression of an attribute.
pub(crate) fn expression<'a>(body: &'a Body, name: &str) -> &'a Expression {
    let found = body.attributes().find(|one| one.key() == name);
    found.unwrap_or_else(|| panic!("no {name}")).expr()
}

/// The value of an attribute.
pub(crate) fn value(body: &Body, name: &str) -> Value {
    plain(expression(body, name))
}

/// A value; what is only known when it runs is its own text.
pub(crate) fn plain(expression: &Expression) -> Value {
    match expression {
        Expression::Null => Value::Null,
        Expression::Bool(one) => Value::from(*one),
        Expression::Number(one) => number(one),
        Expression::String(one) => Value::from(one.replace("$${", "${").replace("%%{", "%{")),
        Expression::Array(all) => all.iter().map(plain).collect(),
        Expression::Object(all) => {
            let key = |key: &ObjectKey| match key {
                ObjectKey::Identifier(name) => name.to_string(),
                ObjectKey::Expression(Expression::String(name)) => name.clone(),
                other => other.to_string(),
            };
            Value::Object(all.iter().map(|(name, one)| (key(name), plain(one))).collect())
        }
        Expression::Parenthesis(one) => plain(one),
        other => Value::from(::hcl::format::to_string(other).unwrap_or_default()),
    }
}

fn number(one: &::hcl::Number) -> Value {
    one.as_u64().map_or_else(|| Value::from(one.as_f64()), Value::from)
}

/// The argument of a call of `jsonencode`.
pub(crate) fn encoded(expression: &Expression) -> Value {
    match expression {
        Expression::FuncCall(call) => plain(&call.args[0]),
        other => panic!("{other:?} is no call"),
    }
}

/// A whole number.
pub(crate) fn whole(value: &Value) -> u64 {
    let text = value.as_str().map(|text| text.trim_end_matches('s').parse());
    text.and_then(Result::ok).or_else(|| value.as_u64()).unwrap_or_else(|| panic!("{value}"))
}

/// Texts.
pub(crate) fn texts(value: &Value) -> Vec<String> {
    let all = value.as_array().map_or(&[][..], Vec::as_slice);
    all.iter().map(|one| one.as_str().unwrap().to_owned()).collect()
}
