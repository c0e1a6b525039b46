//! Values of Terraform in MessagePack: what is unknown before an apply, and what the stub then says.

use bytes::Bytes;
use rmpv::Value;
use serde_json::Value as Type;

use crate::messages::DynamicValue;
use crate::schema::{Attribute, Block, Nested, is_write_only};

/// How a value that is not known yet is written: extension 0.
fn unknown() -> Value {
    Value::Ext(0, vec![0])
}

fn is_unknown(value: &Value) -> bool {
    matches!(value, Value::Ext(..))
}

/// Reads a value; what is not there is null.
pub(crate) fn decode(value: Option<&DynamicValue>) -> Result<Value, String> {
    match value {
        Some(value) if !value.msgpack.is_empty() => {
            rmpv::decode::read_value(&mut value.msgpack.as_ref()).map_err(|error| error.to_string())
        }
        _ => Ok(Value::Nil),
    }
}

/// Writes a value.
pub(crate) fn encode(value: &Value) -> Result<DynamicValue, String> {
    let mut msgpack = Vec::new();
    rmpv::encode::write_value(&mut msgpack, value).map_err(|error| error.to_string())?;
    Ok(DynamicValue { msgpack: msgpack.into(), json: Bytes::new() })
}

/// What happens to what the provider sets and the configuration does not.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fill {
    /// It is not known before the apply.
    Unknown,
    /// It is said now.
    Known,
}

/// Fills in what the provider sets, in a whole block.
pub(crate) fn fill(block: &Block, value: &mut Value, how: Fill, path: &str) {
    let Value::Map(entries) = value else { return };
    for (key, value) in entries {
        let Some(name) = key.as_str() else { continue };
        let path = format!("{path}.{name}");
        if let Some(attribute) = block.attributes.get(name) {
            fill_attribute((name, attribute), value, how, &path);
        } else if let Some(nested) = block.block_types.get(name) {
            fill_nested(nested, value, how, &path);
        }
    }
}

fn fill_attribute((name, attribute): (&str, &Attribute), value: &mut Value, how: Fill, path: &str) {
    if is_write_only(name) {
        *value = Value::Nil;
        return;
    }
    let open = is_unknown(value) || (value.is_nil() && attribute.is_filled_in(name));
    match how {
        Fill::Unknown if open => *value = unknown(),
        Fill::Known if open => *value = said(&attribute.r#type, name, path),
        _ => {}
    }
}

fn fill_nested(nested: &Nested, value: &mut Value, how: Fill, path: &str) {
    match value {
        Value::Array(items) => {
            items.iter_mut().for_each(|item| fill(&nested.block, item, how, path));
        }
        other => fill(&nested.block, other, how, path),
    }
}

/// What the stub says a value of a type is. The same path always gets the same value.
fn said(kind: &Type, name: &str, path: &str) -> Value {
    match kind {
        Type::String(scalar) => match scalar.as_str() {
            "number" => Value::from(1),
            "bool" => Value::from(false),
            _ => Value::from(text(name, path)),
        },
        Type::Array(parts) => collection(parts, name, path),
        _ => Value::Nil,
    }
}

fn collection(parts: &[Type], name: &str, path: &str) -> Value {
    let element = parts.get(1).unwrap_or(&Type::Null);
    match (parts.first().and_then(Type::as_str), element) {
        (Some("object"), Type::Object(fields)) => Value::Map(
            fields
                .iter()
                .map(|(field, kind)| (field.as_str().into(), said(kind, field, path)))
                .collect(),
        ),
        (Some("map"), _) => Value::Map(Vec::new()),
        // Three, because a configuration takes zones and the like from such lists.
        (_, Type::String(_)) => Value::Array(
            ["a", "b", "c"]
                .iter()
                .map(|one| said(element, name, &format!("{path}-{one}")))
                .collect(),
        ),
        _ => Value::Array(vec![said(element, name, path)]),
    }
}

fn text(name: &str, path: &str) -> String {
    match name {
        // A document that is read again by functions of Terraform.
        "json" | "minified_json" => r#"{"Version":"2012-10-17","Statement":[]}"#.to_owned(),
        _ => format!("stub{}", path.replace('.', "-")),
    }
}
