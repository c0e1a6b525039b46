//! A provider's schema as `schemas/*.json` keeps it.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::messages;

/// Attributes that real providers fill in when a configuration leaves them out; the npm packages do
/// not say which do.
const FILLED_IN: &[&str] = &["arn", "id", "project", "region", "self_link", "tags_all"];

/// A provider.
#[derive(Debug, Deserialize)]
pub(crate) struct Provider {
    /// Its own configuration.
    pub(crate) provider: Schema,
    /// Its resources.
    pub(crate) resource_schemas: BTreeMap<String, Schema>,
    /// Its data sources.
    pub(crate) data_source_schemas: BTreeMap<String, Schema>,
    /// What it makes for the length of a run.
    #[serde(default)]
    pub(crate) ephemeral_resource_schemas: BTreeMap<String, Schema>,
}

/// One schema.
#[derive(Debug, Deserialize)]
pub(crate) struct Schema {
    /// What stands in it.
    pub(crate) block: Block,
}

/// What stands in a block.
#[derive(Debug, Deserialize)]
pub(crate) struct Block {
    /// Its arguments and results.
    pub(crate) attributes: BTreeMap<String, Attribute>,
    /// The blocks in it.
    pub(crate) block_types: BTreeMap<String, Nested>,
}

/// An argument or result.
#[derive(Debug, Deserialize)]
pub(crate) struct Attribute {
    /// Its type, as Terraform writes types in JSON.
    pub(crate) r#type: Value,
    /// Whether it must be given.
    #[serde(default)]
    pub(crate) required: bool,
    /// Whether it may be given.
    #[serde(default)]
    pub(crate) optional: bool,
    /// Whether the provider alone sets it.
    #[serde(default)]
    pub(crate) computed: bool,
    /// Whether it is hidden.
    #[serde(default)]
    pub(crate) sensitive: bool,
}

/// A block in a block.
#[derive(Debug, Deserialize)]
pub(crate) struct Nested {
    /// `single`, `list` or `set`.
    pub(crate) nesting_mode: String,
    /// What stands in it.
    pub(crate) block: Block,
    /// How often at least.
    #[serde(default)]
    pub(crate) min_items: i64,
    /// How often at most; 0 is without a bound.
    #[serde(default)]
    pub(crate) max_items: i64,
}

impl Provider {
    /// Reads a schema.
    pub(crate) fn read(file: &Path) -> Result<Self, Box<dyn Error>> {
        Ok(serde_json::from_slice(&fs::read(file)?)?)
    }

    /// The answer of `GetSchema`.
    pub(crate) fn message(&self) -> messages::Schemas {
        let all = |schemas: &BTreeMap<String, Schema>| {
            schemas.iter().map(|(name, schema)| (name.clone(), schema.message())).collect()
        };
        messages::Schemas {
            provider: Some(self.provider.message()),
            resource_schemas: all(&self.resource_schemas),
            data_source_schemas: all(&self.data_source_schemas),
            ephemeral_resource_schemas: all(&self.ephemeral_resource_schemas),
        }
    }
}

impl Schema {
    fn message(&self) -> messages::Schema {
        messages::Schema { version: 0, block: Some(self.block.message(false)) }
    }
}

impl Block {
    fn message(&self, in_set: bool) -> messages::Block {
        let attribute = |(name, attribute): (&String, &Attribute)| attribute.message(name, in_set);
        let nested = |(name, nested): (&String, &Nested)| nested.message(name, in_set);
        messages::Block {
            attributes: self.attributes.iter().map(attribute).collect(),
            block_types: self.block_types.iter().map(nested).collect(),
        }
    }
}

impl Attribute {
    /// Whether the provider sets it when a configuration does not.
    pub(crate) fn is_filled_in(&self, name: &str) -> bool {
        self.computed || (self.optional && FILLED_IN.contains(&name))
    }

    fn message(&self, name: &str, in_set: bool) -> messages::Attribute {
        // Terraform refuses a type that is only known later inside a set.
        let loose = in_set && self.r#type == "dynamic";
        let kind = if loose { Value::from("string") } else { self.r#type.clone() };
        messages::Attribute {
            name: name.to_owned(),
            r#type: kind.to_string().into(),
            required: self.required,
            optional: self.optional,
            computed: self.is_filled_in(name),
            sensitive: self.sensitive,
            write_only: is_write_only(name),
        }
    }
}

/// Whether a value is given to the provider and kept nowhere; the npm packages do not say, but such
/// names end alike.
pub(crate) fn is_write_only(name: &str) -> bool {
    name.ends_with("_wo")
}

impl Nested {
    fn message(&self, name: &str, in_set: bool) -> messages::NestedBlock {
        let nesting = match self.nesting_mode.as_str() {
            "single" => 1,
            "set" => 3,
            _ => 2,
        };
        messages::NestedBlock {
            type_name: name.to_owned(),
            block: Some(self.block.message(in_set || nesting == 3)),
            nesting,
            min_items: self.min_items,
            max_items: self.max_items,
        }
    }
}
