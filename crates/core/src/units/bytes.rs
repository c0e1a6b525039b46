//! Amounts of memory and of data.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An amount of memory or of data, written `512Mi`, `2Gi` (powers of 1,024), `100GB`, `8kB`
/// (powers of 1,000) or `500B`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes {
    bytes: u64,
}

impl Bytes {
    /// The pattern that an amount matches, for the schema. Seven digits always fit, also of Ti.
    pub const PATTERN: &'static str = r"^[0-9]{1,7}(B|kB|MB|GB|TB|Ki|Mi|Gi|Ti)$";

    /// An amount of `bytes` bytes.
    pub const fn new(bytes: u64) -> Self {
        Self { bytes }
    }

    /// The amount in bytes.
    pub const fn as_u64(self) -> u64 {
        self.bytes
    }
}

/// The units, the best to print an amount in first, with their length in bytes.
const UNITS: [(&str, u64); 9] = [
    ("Ti", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("Gi", 1 << 30),
    ("GB", 1_000_000_000),
    ("Mi", 1 << 20),
    ("MB", 1_000_000),
    ("Ki", 1 << 10),
    ("kB", 1_000),
    ("B", 1),
];

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not an amount of data; write 512Mi, 2Gi, 100GB or 8kB");
        let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (amount, unit) = text.split_at(digits);
        let amount: u64 = amount.parse().map_err(|_| wrong())?;
        let (_, length) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
        let bytes = amount.checked_mul(*length).ok_or_else(wrong)?;
        Ok(Self { bytes })
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = |(_, length): &&(&str, u64)| self.bytes.is_multiple_of(*length);
        let found = UNITS.iter().find(whole).filter(|_| self.bytes > 0);
        let (unit, length) = found.unwrap_or(&("B", 1));
        write!(f, "{}{unit}", self.bytes / length)
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Bytes {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Bytes".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": Self::PATTERN })
    }
}
