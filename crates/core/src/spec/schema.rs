//! The JSON Schema of a specification, made from the types in `model/`.

use std::collections::VecDeque;
use std::sync::LazyLock;

use jsonschema::Validator;
use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use serde_json::{Map, Value, json};

use super::AppSpec;
use super::diagnostic::plain;

static SCHEMA: LazyLock<Value> = LazyLock::new(generate);

static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| {
    jsonschema::validator_for(&SCHEMA).expect("the schema of our own types is a valid schema")
});

/// The JSON Schema of a specification, draft 2020-12, as editors use it.
pub fn json_schema() -> Value {
    SCHEMA.clone()
}

pub(super) fn schema() -> &'static Value {
    &SCHEMA
}

pub(super) fn validator() -> &'static Validator {
    &VALIDATOR
}

fn generate() -> Value {
    let settings = SchemaSettings::draft2020_12()
        .with(|settings| settings.inline_subschemas = true)
        .with_transform(RecursiveTransform(without_null))
        .with_transform(RecursiveTransform(bare_key_is_empty));
    let mut schema = settings.into_generator().into_root_schema_for::<AppSpec>().to_value();
    // The file as a whole is never nothing: it needs a name.
    schema["type"] = json!("object");
    let sections = sections_in_part(&schema);
    let environment = &mut schema["properties"]["environments"]["additionalProperties"];
    environment["properties"]["overrides"]["properties"] = sections;
    environment["properties"]["overrides"]["additionalProperties"] = json!(false);
    schema
}

/// Keys that an environment cannot override: what the application is, and where it can be.
const SAME_EVERYWHERE: [&str; 3] = ["name", "environments", "recovery"];

/// The sections as an environment may override them: any part of them, nothing required, and no
/// defaults, because what is left out keeps the value of the section.
fn sections_in_part(schema: &Value) -> Value {
    let mut sections = schema["properties"].clone();
    if let Value::Object(sections) = &mut sections {
        sections.retain(|name, _| !SAME_EVERYWHERE.contains(&name.as_str()));
        sections.values_mut().for_each(in_part);
    }
    for (section, key) in super::sections::SAME {
        if let Some(keys) = sections[section]["properties"].as_object_mut() {
            keys.remove(key);
        }
    }
    sections
}

fn in_part(schema: &mut Value) {
    let Value::Object(words) = schema else { return };
    words.remove("required");
    words.remove("default");
    if let Some(Value::Object(properties)) = words.get_mut("properties") {
        properties.values_mut().for_each(in_part);
    }
    if let Some(values) = words.get_mut("additionalProperties") {
        in_part(values);
    }
}

/// An optional key is left out, not set to null: `image:` without a value is a mistake.
fn without_null(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if object.get("default") == Some(&Value::Null) {
        object.remove("default");
    }
    let Some(Value::Array(choices)) = object.get_mut("anyOf") else { return };
    choices.retain(|choice| choice.get("type") != Some(&json!("null")));
    if let [Value::Object(only)] = choices.as_slice() {
        let only = only.clone();
        object.remove("anyOf");
        // What is said where the key stands is nearer to the reader than what its type says.
        for (key, value) in only {
            object.entry(key).or_insert(value);
        }
    }
}

/// A section's key alone (`database:`) is that section with nothing but defaults.
fn bare_key_is_empty(schema: &mut Schema) {
    if schema.get("type") == Some(&json!("object")) {
        schema.insert("type".to_owned(), json!(["object", "null"]));
    }
}

/// Whether a schema is that of a mapping.
pub(super) fn is_mapping(schema: &Value) -> bool {
    let is_object = |name: &Value| name == "object";
    match &schema["type"] {
        Value::Array(types) => types.iter().any(is_object),
        name => is_object(name),
    }
}

/// The schema of a key or item of what has `schema`.
pub(super) fn below<'a>(schema: &'a Value, key: &str) -> Option<&'a Value> {
    let named = schema["properties"].get(key);
    named
        .or_else(|| schema.get("additionalProperties").filter(|schema| schema.is_object()))
        .or_else(|| schema.get("items"))
}

/// The keys that a mapping with `schema` may have.
pub(super) fn keys(schema: &Value) -> impl Iterator<Item = &str> {
    let keys = schema["properties"].as_object();
    keys.into_iter().flat_map(Map::keys).map(String::as_str)
}

/// The values of a schema that is a choice of words.
pub(super) fn words(schema: &Value) -> Vec<String> {
    let choices = schema["oneOf"].as_array().or(schema["enum"].as_array());
    let word = |choice: &Value| choice.get("const").unwrap_or(choice).as_str().map(str::to_owned);
    choices.into_iter().flatten().filter_map(word).collect()
}

/// Where in the specification a key belongs: the path of the first mapping that has it, and how
/// it is spelt there.
pub(super) fn home(key: &str) -> Option<(String, &'static str)> {
    let mut open = VecDeque::from([(String::new(), schema())]);
    while let Some((path, schema)) = open.pop_front() {
        for name in keys(schema) {
            if plain(name) == plain(key) {
                return Some((path, name));
            }
            let inner = below(schema, name).map(|inner| (super::parse::join(&path, name), inner));
            open.extend(inner);
        }
    }
    None
}

/// Gives each bare key of a mapping the empty mapping that it stands for.
pub(super) fn fill(value: &mut Value, schema: &Value) {
    if value.is_null() && is_mapping(schema) {
        *value = json!({});
    }
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                below(schema, key).into_iter().for_each(|schema| fill(value, schema));
            }
        }
        Value::Array(items) => {
            for item in items {
                below(schema, "").into_iter().for_each(|schema| fill(item, schema));
            }
        }
        _ => {}
    }
}
