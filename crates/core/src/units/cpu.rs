//! Parts of a processor.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A number of virtual processors, written `1`, `2` or `0.5`; kept in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cpu {
    thousandths: u32,
}

impl Cpu {
    /// The largest number of processors of one instance: twice what any container service gives.
    const MAX: f64 = 128.0;
    /// The smallest: what no container service goes below.
    const MIN: f64 = 0.05;

    /// A number of processors in thousandths.
    pub const fn from_thousandths(thousandths: u32) -> Self {
        Self { thousandths }
    }

    /// The number in thousandths of a processor.
    pub const fn as_thousandths(self) -> u32 {
        self.thousandths
    }
}

impl fmt::Display for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", f64::from(self.thousandths) / 1_000.0)
    }
}

impl Serialize for Cpu {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.thousandths {
            whole if whole.is_multiple_of(1_000) => serializer.serialize_u32(whole / 1_000),
            part => serializer.serialize_f64(f64::from(part) / 1_000.0),
        }
    }
}

impl<'de> Deserialize<'de> for Cpu {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = f64::deserialize(deserializer)?;
        if !(Self::MIN..=Self::MAX).contains(&number) {
            let message = format!("`{number}` processors; write a number such as 1 or 0.5");
            return Err(serde::de::Error::custom(message));
        }
        // Exact enough: 128,000 at most, and never negative.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let thousandths = (number * 1_000.0).round() as u32;
        Ok(Self { thousandths })
    }
}

impl JsonSchema for Cpu {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Cpu".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "minimum": Self::MIN, "maximum": 128 })
    }
}
