//! What the schema says about a specification, in words and at its place.

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::paths::{Location, LocationSegment};
use serde_json::Value;

use super::diagnostic::{Diagnostic, nearest, quoted};
use super::parse::Spot;
use super::schema;
use super::sections::refusal;
use super::tree::{Kind, Node};
use crate::units::{Bytes, Percent, Period};

/// Everything in `value`, which is the tree `root` without its places, that the schema forbids.
pub(super) fn find(root: &Node, value: &Value) -> Vec<Diagnostic> {
    let errors = schema::validator().iter_errors(value);
    errors.flat_map(|error| translate(root, &error)).collect()
}

fn translate(root: &Node, error: &ValidationError<'_>) -> Vec<Diagnostic> {
    let (spot, schema) = locate(root, error.instance_path());
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            unexpected.iter().map(|key| unexpected_key(&spot, schema, key)).collect()
        }
        ValidationErrorKind::Required { property } => vec![missing_key(&spot, schema, property)],
        ValidationErrorKind::Type { kind } => vec![wrong_type(&spot, schema, kind)],
        ValidationErrorKind::Pattern { pattern } => vec![wrong_form(&spot, schema, pattern)],
        ValidationErrorKind::Minimum { .. } | ValidationErrorKind::Maximum { .. } => {
            vec![out_of_range(&spot, schema)]
        }
        _ if !schema::words(schema).is_empty() => vec![wrong_word(&spot, schema)],
        _ => vec![Diagnostic::error("wrong_value", spot.place, &spot.path, error.to_string())],
    }
}

/// The node that a JSON pointer leads to, and its schema.
fn locate<'a>(root: &'a Node, location: &Location) -> (Spot<'a>, &'static Value) {
    let (mut spot, mut at) = (Spot::root(root), schema::schema());
    for segment in location {
        let (next, name) = match &segment {
            LocationSegment::Property(key) => (spot.key(key), key.as_ref()),
            LocationSegment::Index(index) => (spot.item(*index), ""),
        };
        spot = next.unwrap_or(spot);
        at = schema::below(at, name).unwrap_or(&Value::Null);
    }
    (spot, at)
}

fn unexpected_key(spot: &Spot<'_>, at: &'static Value, key: &str) -> Diagnostic {
    let entry = spot.node.get(key);
    let place = entry.map_or(spot.place, |entry| entry.key_place);
    let text = entry.and_then(|entry| entry.value.text());
    if let Some(refusal) = refusal(&spot.path, key, text, place) {
        return refusal;
    }
    let path = super::parse::join(&spot.path, key);
    let message = format!("{} is not a key of {}", quoted(key), spot.name());
    let diagnostic =
        Diagnostic::error("unknown_key", place, &path, message).allowed(schema::keys(at));
    if let Some(meant) = nearest(key, schema::keys(at)) {
        return diagnostic.hint(format!("did you mean `{meant}`?"));
    }
    match schema::home(key) {
        None => diagnostic.hint("leave it out, or use one of the keys that are allowed here"),
        Some((path, name)) if path.is_empty() => {
            diagnostic.hint(format!("`{name}` belongs to the top of the file"))
        }
        Some((path, name)) => diagnostic.hint(format!("`{name}` belongs under `{path}`")),
    }
}

fn missing_key(spot: &Spot<'_>, at: &Value, property: &Value) -> Diagnostic {
    let key = property.as_str().unwrap_or_default();
    let place = spot.entry.map_or(spot.place, |entry| entry.key_place);
    let message = format!("{} has no `{key}`", spot.name());
    let diagnostic =
        Diagnostic::error("missing_key", place, &super::parse::join(&spot.path, key), message);
    match description(&at["properties"][key]) {
        Some(words) => diagnostic.hint(format!("add `{key}`: {words}")),
        None => diagnostic,
    }
}

fn wrong_type(spot: &Spot<'_>, at: &Value, kind: &TypeKind) -> Diagnostic {
    let wanted = wanted_type(kind);
    let message = format!("{} needs {}, not {}", spot.name(), type_words(&wanted), found(spot));
    let diagnostic = Diagnostic::error("wrong_type", spot.place, &spot.path, message);
    let diagnostic = diagnostic.allowed(allowed(at, &wanted));
    match (&spot.node.kind, wanted.as_str()) {
        (Kind::Scalar { value: Value::Number(_), .. }, "string") if amount(at).is_some() => {
            diagnostic.hint("write it with its unit")
        }
        (Kind::Scalar { value, raw }, "string") if !value.is_null() => {
            diagnostic.hint(format!("put it in quotes to make it text: \"{}\"", raw.trim()))
        }
        (Kind::Scalar { value: Value::Null, .. }, _) => {
            diagnostic.hint("give it a value, or leave the key out")
        }
        (Kind::Scalar { value: Value::String(text), .. }, "array") if is_plain(text) => {
            let items: Vec<_> = text.split_whitespace().collect();
            diagnostic.hint(format!("write [{}]", items.join(", ")))
        }
        (Kind::Scalar { value: Value::String(text), .. }, "integer" | "boolean")
            if text.parse::<i64>().is_ok() || matches!(text.as_str(), "true" | "false") =>
        {
            diagnostic.hint(format!("leave the quotes out: {text}"))
        }
        (Kind::Scalar { value: Value::String(text), .. }, "number")
            if text.parse::<f64>().is_ok_and(f64::is_finite) =>
        {
            diagnostic.hint(format!("leave the quotes out: {text}"))
        }
        _ => described(diagnostic, at),
    }
}

/// What could stand there instead, where that is a short list.
fn allowed(at: &Value, wanted: &str) -> Vec<String> {
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    match (range(at), amount(at)) {
        (Some(range), _) => vec![range],
        (_, Some((_, examples))) => owned(&examples),
        _ if wanted == "boolean" => owned(&["true", "false"]),
        _ => Vec::new(),
    }
}

/// The range that a number must lie in.
fn range(at: &Value) -> Option<String> {
    // A whole number is shown without a point, also where the schema has one.
    let end = |name: &str| at[name].as_f64().map(|end| end.to_string());
    match (end("minimum"), end("maximum")) {
        (None, None) => None,
        (None, Some(most)) => Some(format!("{most} or less")),
        (Some(least), None) => Some(format!("{least} or more")),
        (Some(least), Some(most)) => Some(format!("{least} to {most}")),
    }
}

/// Whether splitting at spaces gives the words that a shell would give.
fn is_plain(text: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || " -_./=+@".contains(c);
    !text.trim().is_empty() && text.chars().all(plain)
}

/// The type that is wanted; a bare key may always stand for an empty mapping.
fn wanted_type(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(one) => one.to_string(),
        TypeKind::Multiple(set) => {
            let mut names = set.iter().map(|one| one.to_string());
            names.find(|name| name != "null").unwrap_or_default()
        }
    }
}

fn type_words(name: &str) -> &str {
    match name {
        "string" => "text",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        "array" => "a list",
        "object" => "keys with values (`key: value`)",
        other => other,
    }
}

fn found(spot: &Spot<'_>) -> String {
    match &spot.node.kind {
        Kind::List(_) => "a list".to_owned(),
        Kind::Mapping(_) => "keys with values".to_owned(),
        Kind::Scalar { value: Value::Null, .. } => "nothing".to_owned(),
        Kind::Scalar { value: Value::Number(_), raw } => format!("the number {}", quoted(raw)),
        Kind::Scalar { value: Value::Bool(value), .. } => format!("`{value}`"),
        Kind::Scalar { raw, .. } => format!("the text {}", quoted(raw)),
    }
}

/// What an amount with a unit is called, and how it is written.
fn amount(at: &Value) -> Option<(&'static str, Vec<&'static str>)> {
    match at["pattern"].as_str()? {
        Period::PATTERN => Some(("a length of time", vec!["250ms", "30s", "15m", "24h", "7d"])),
        Bytes::PATTERN => Some(("an amount of data", vec!["512Mi", "2Gi", "8kB", "100GB", "1TB"])),
        Percent::PATTERN => Some(("a share", vec!["5%", "0.25%"])),
        _ => None,
    }
}

fn wrong_form(spot: &Spot<'_>, at: &Value, pattern: &str) -> Diagnostic {
    let text = spot.node.text().unwrap_or_default();
    let (what, allowed) = match amount(at) {
        Some(amount) => amount,
        None if spot.path.ends_with("domain") => ("a host name", vec!["app.example.com"]),
        None => ("of the right form", vec![pattern]),
    };
    let message = format!("{} of {} is not {what}", quoted(text), spot.name());
    let diagnostic =
        Diagnostic::error("wrong_form", spot.place, &spot.path, message).allowed(allowed);
    described(diagnostic, at)
}

fn wrong_word(spot: &Spot<'_>, at: &Value) -> Diagnostic {
    let words = schema::words(at);
    let message = format!("{} cannot be {}", spot.name(), found(spot));
    let meant = nearest(spot.node.text().unwrap_or_default(), words.iter().map(String::as_str))
        .map(|word| format!("did you mean `{word}`?"));
    let diagnostic = Diagnostic::error("wrong_value", spot.place, &spot.path, message);
    let diagnostic = diagnostic.allowed(words.clone());
    match meant {
        Some(meant) => diagnostic.hint(meant),
        None => described(diagnostic, at),
    }
}

fn out_of_range(spot: &Spot<'_>, at: &Value) -> Diagnostic {
    let message = format!("{} cannot be {}", spot.name(), found(spot));
    let diagnostic =
        Diagnostic::error("out_of_range", spot.place, &spot.path, message).allowed(range(at));
    described(diagnostic, at)
}

/// Adds what the documentation of the key says, if nothing better is known.
fn described(diagnostic: Diagnostic, at: &Value) -> Diagnostic {
    match description(at) {
        Some(words) => diagnostic.hint(words),
        None => diagnostic,
    }
}

/// The first sentence of a key's documentation.
fn description(at: &Value) -> Option<String> {
    let text = at["description"].as_str()?;
    let text = text.split("\n\n").next().unwrap_or(text).replace('\n', " ");
    let mut words = text.trim_end_matches('.').chars();
    let first = words.next()?;
    Some(first.to_lowercase().chain(words).collect())
}
