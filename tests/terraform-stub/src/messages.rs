//! The messages of Terraform's plugin protocol 5, as far as a provider without functions needs
//! them. The numbers are those of the published `tfplugin5.proto`.

use std::collections::HashMap;

use bytes::Bytes;
use prost::Message;

/// A value of Terraform, in one of two encodings.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct DynamicValue {
    /// As MessagePack.
    #[prost(bytes = "bytes", tag = "1")]
    pub(crate) msgpack: Bytes,
    /// As JSON.
    #[prost(bytes = "bytes", tag = "2")]
    pub(crate) json: Bytes,
}

/// What went wrong.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Diagnostic {
    /// 1 is an error.
    #[prost(int32, tag = "1")]
    pub(crate) severity: i32,
    /// In one line.
    #[prost(string, tag = "2")]
    pub(crate) summary: String,
    /// In full.
    #[prost(string, tag = "3")]
    pub(crate) detail: String,
}

/// The schema of the provider, of a resource or of a data source.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Schema {
    /// Its version.
    #[prost(int64, tag = "1")]
    pub(crate) version: i64,
    /// What stands in it.
    #[prost(message, optional, tag = "2")]
    pub(crate) block: Option<Block>,
}

/// What stands in a block.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Block {
    /// Its arguments and results.
    #[prost(message, repeated, tag = "2")]
    pub(crate) attributes: Vec<Attribute>,
    /// The blocks in it.
    #[prost(message, repeated, tag = "3")]
    pub(crate) block_types: Vec<NestedBlock>,
}

/// An argument or result.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Attribute {
    /// Its name.
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    /// Its type, as JSON.
    #[prost(bytes = "bytes", tag = "2")]
    pub(crate) r#type: Bytes,
    /// Whether it must be given.
    #[prost(bool, tag = "4")]
    pub(crate) required: bool,
    /// Whether it may be given.
    #[prost(bool, tag = "5")]
    pub(crate) optional: bool,
    /// Whether the provider may set it.
    #[prost(bool, tag = "6")]
    pub(crate) computed: bool,
    /// Whether Terraform hides it.
    #[prost(bool, tag = "7")]
    pub(crate) sensitive: bool,
    /// Whether it is given to the provider and kept nowhere.
    #[prost(bool, tag = "10")]
    pub(crate) write_only: bool,
}

/// A block in a block.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct NestedBlock {
    /// Its name.
    #[prost(string, tag = "1")]
    pub(crate) type_name: String,
    /// What stands in it.
    #[prost(message, optional, tag = "2")]
    pub(crate) block: Option<Block>,
    /// 1 once, 2 as a list, 3 as a set.
    #[prost(int32, tag = "3")]
    pub(crate) nesting: i32,
    /// How often at least.
    #[prost(int64, tag = "4")]
    pub(crate) min_items: i64,
    /// How often at most; 0 is without a bound.
    #[prost(int64, tag = "5")]
    pub(crate) max_items: i64,
}

/// Answer of `GetSchema`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Schemas {
    /// That of the provider itself.
    #[prost(message, optional, tag = "1")]
    pub(crate) provider: Option<Schema>,
    /// Those of its resources.
    #[prost(map = "string, message", tag = "2")]
    pub(crate) resource_schemas: HashMap<String, Schema>,
    /// Those of its data sources.
    #[prost(map = "string, message", tag = "3")]
    pub(crate) data_source_schemas: HashMap<String, Schema>,
    /// Those of what it makes for the length of a run.
    #[prost(map = "string, message", tag = "8")]
    pub(crate) ephemeral_resource_schemas: HashMap<String, Schema>,
}

/// Answers that hold a value first and diagnostics second: `PrepareProviderConfig`,
/// `UpgradeResourceState`, `ReadResource`, `ReadDataSource`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Answer {
    /// The value.
    #[prost(message, optional, tag = "1")]
    pub(crate) value: Option<DynamicValue>,
    /// What went wrong.
    #[prost(message, repeated, tag = "2")]
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// Answer of `OpenEphemeralResource`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Opened {
    /// What went wrong.
    #[prost(message, repeated, tag = "1")]
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// The value.
    #[prost(message, optional, tag = "3")]
    pub(crate) result: Option<DynamicValue>,
}

/// Answers without a value: `Validate...` and `Configure`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Checked {
    /// What went wrong.
    #[prost(message, repeated, tag = "1")]
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// Question of `PrepareProviderConfig`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Prepare {
    /// The provider's configuration.
    #[prost(message, optional, tag = "1")]
    pub(crate) config: Option<DynamicValue>,
}

/// Questions about one type with one value: `ReadResource`, `ReadDataSource`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Read {
    /// The type.
    #[prost(string, tag = "1")]
    pub(crate) type_name: String,
    /// The state or configuration.
    #[prost(message, optional, tag = "2")]
    pub(crate) value: Option<DynamicValue>,
}

/// Question of `UpgradeResourceState`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Upgrade {
    /// The type.
    #[prost(string, tag = "1")]
    pub(crate) type_name: String,
    /// The state as it was kept.
    #[prost(message, optional, tag = "3")]
    pub(crate) raw_state: Option<RawState>,
}

/// A state as it was kept.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct RawState {
    /// As JSON.
    #[prost(bytes = "bytes", tag = "1")]
    pub(crate) json: Bytes,
}

/// Questions of `PlanResourceChange` and `ApplyResourceChange`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Change {
    /// The type.
    #[prost(string, tag = "1")]
    pub(crate) type_name: String,
    /// What is.
    #[prost(message, optional, tag = "2")]
    pub(crate) prior: Option<DynamicValue>,
    /// What is wanted, or planned.
    #[prost(message, optional, tag = "3")]
    pub(crate) wanted: Option<DynamicValue>,
}

/// Answer of `PlanResourceChange`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Planned {
    /// What will be.
    #[prost(message, optional, tag = "1")]
    pub(crate) state: Option<DynamicValue>,
    /// What went wrong.
    #[prost(message, repeated, tag = "4")]
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Whether small differences are let pass, as for most real providers.
    #[prost(bool, tag = "5")]
    pub(crate) legacy_type_system: bool,
}

/// Answer of `ApplyResourceChange`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Applied {
    /// What is now.
    #[prost(message, optional, tag = "1")]
    pub(crate) state: Option<DynamicValue>,
    /// What went wrong.
    #[prost(message, repeated, tag = "3")]
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// As for a plan.
    #[prost(bool, tag = "4")]
    pub(crate) legacy_type_system: bool,
}

/// A message without fields that matter.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Nothing {}
