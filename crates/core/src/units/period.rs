//! Lengths of time.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A length of time, written `250ms`, `30s`, `15m`, `24h` or `7d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period {
    millis: u64,
}

impl Period {
    /// The pattern that a period matches, for the schema. Nine digits always fit, also of days.
    pub const PATTERN: &'static str = r"^[0-9]{1,9}(ms|s|m|h|d)$";

    /// A period of `millis` milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self { millis }
    }

    /// Its length in milliseconds.
    pub const fn as_millis(self) -> u64 {
        self.millis
    }

    /// The same as the standard library's type.
    pub const fn as_duration(self) -> Duration {
        Duration::from_millis(self.millis)
    }
}

/// The units of a period, longest first, with their length in milliseconds.
const UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("`{text}` is not a length of time; write 250ms, 30s, 15m, 24h or 7d");
        let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (amount, unit) = text.split_at(digits);
        let amount: u64 = amount.parse().map_err(|_| wrong())?;
        let (_, length) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
        let millis = amount.checked_mul(*length).ok_or_else(wrong)?;
        Ok(Self { millis })
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = UNITS.iter().find(|(_, length)| self.millis.is_multiple_of(*length));
        let (unit, length) = whole.unwrap_or(&("ms", 1));
        let (unit, length) = if self.millis == 0 { ("s", 1_000) } else { (*unit, *length) };
        write!(f, "{}{unit}", self.millis / length)
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Period {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Period".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": Self::PATTERN })
    }
}
