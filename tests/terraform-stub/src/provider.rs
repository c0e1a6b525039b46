//! What the provider answers.

use bytes::Bytes;
use prost::Message;

use crate::messages::{
    Answer, Applied, Change, Checked, Diagnostic, DynamicValue, Nothing, Opened, Planned, Prepare,
    Read, Upgrade,
};
use crate::schema::{Block, Provider};
use crate::values::{self, Fill};

/// A provider that makes nothing.
pub(crate) struct Stub {
    schema: Provider,
}

impl Stub {
    /// One with this schema.
    pub(crate) fn new(schema: Provider) -> Self {
        Self { schema }
    }

    /// Answers a call; `None` for one that it does not know.
    pub(crate) fn call(
        &self,
        path: &str,
        body: &Bytes,
    ) -> Option<Result<Bytes, prost::DecodeError>> {
        let name = path.strip_prefix("/tfplugin5.Provider/")?;
        Some(match name {
            "GetSchema" => Ok(answer(&self.schema.message())),
            "PrepareProviderConfig" => {
                asked(body, |one: Prepare| Answer { value: one.config, diagnostics: Vec::new() })
            }
            "ValidateResourceTypeConfig"
            | "ValidateDataSourceConfig"
            | "ValidateEphemeralResourceConfig"
            | "CloseEphemeralResource"
            | "Configure" => Ok(answer(&Checked::default())),
            "UpgradeResourceState" => asked(body, |one: Upgrade| Answer {
                value: one
                    .raw_state
                    .map(|raw| DynamicValue { json: raw.json, msgpack: Bytes::new() }),
                diagnostics: Vec::new(),
            }),
            "ReadResource" => {
                asked(body, |one: Read| Answer { value: one.value, diagnostics: Vec::new() })
            }
            "ReadDataSource" => asked(body, |one: Read| self.read_data(&one)),
            "OpenEphemeralResource" => asked(body, |one: Read| self.open(&one)),
            "PlanResourceChange" => asked(body, |one: Change| self.plan(&one)),
            "ApplyResourceChange" => asked(body, |one: Change| self.apply(&one)),
            "Stop" => Ok(answer(&Nothing {})),
            _ => return None,
        })
    }

    fn read_data(&self, one: &Read) -> Answer {
        let schema = self.schema.data_source_schemas.get(&one.type_name);
        let block = schema.map(|schema| &schema.block);
        let (value, diagnostics) = filled(block, &one.type_name, one.value.as_ref(), Fill::Known);
        Answer { value, diagnostics }
    }

    fn open(&self, one: &Read) -> Opened {
        let schema = self.schema.ephemeral_resource_schemas.get(&one.type_name);
        let block = schema.map(|schema| &schema.block);
        let (result, diagnostics) = filled(block, &one.type_name, one.value.as_ref(), Fill::Known);
        Opened { diagnostics, result }
    }

    fn plan(&self, one: &Change) -> Planned {
        // What is there keeps what it was given; what is new gets it at the apply.
        let (state, diagnostics) = filled(
            self.resource(&one.type_name),
            &one.type_name,
            one.wanted.as_ref(),
            Fill::Unknown,
        );
        Planned { state, diagnostics, legacy_type_system: true }
    }

    fn apply(&self, one: &Change) -> Applied {
        let (state, diagnostics) =
            filled(self.resource(&one.type_name), &one.type_name, one.wanted.as_ref(), Fill::Known);
        Applied { state, diagnostics, legacy_type_system: true }
    }

    fn resource(&self, name: &str) -> Option<&Block> {
        self.schema.resource_schemas.get(name).map(|schema| &schema.block)
    }
}

fn filled(
    block: Option<&Block>,
    name: &str,
    value: Option<&DynamicValue>,
    how: Fill,
) -> (Option<DynamicValue>, Vec<Diagnostic>) {
    let fill = || {
        let block = block.ok_or_else(|| format!("the stub has no {name}"))?;
        let mut value = values::decode(value)?;
        values::fill(block, &mut value, how, name);
        values::encode(&value)
    };
    match fill() {
        Ok(value) => (Some(value), Vec::new()),
        Err(detail) => {
            let summary = "the stub provider failed".to_owned();
            (None, vec![Diagnostic { severity: 1, summary, detail }])
        }
    }
}

fn asked<Q: Message + Default, A: Message>(
    body: &Bytes,
    answered: impl FnOnce(Q) -> A,
) -> Result<Bytes, prost::DecodeError> {
    Ok(answer(&answered(Q::decode(body.clone())?)))
}

fn answer(message: &impl Message) -> Bytes {
    message.encode_to_vec().into()
}
