//! Shares of a whole.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A share from `0%` to `100%`, such as `5%` or `0.25%`; kept in hundredths of a percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent {
    hundredths: u16,
}

impl Percent {
    /// The pattern that a share matches, for the schema.
    pub const PATTERN: &'static str = r"^(100|[0-9]{1,2}(\.[0-9]{1,2})?)%$";

    /// So many percent.
    ///
    /// Panics above 100; it is meant for constants.
    pub const fn whole(percent: u8) -> Self {
        assert!(percent <= 100, "a share is at most 100 %");
        Self { hundredths: percent as u16 * 100 }
    }

    /// The share as a fraction of one.
    pub fn as_fraction(self) -> f64 {
        f64::from(self.hundredths) / 10_000.0
    }
}

impl FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a share; write 5% or 0.25%");
        let number = text.strip_suffix('%').ok_or_else(wrong)?;
        let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
        let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !is_digits(whole) || !is_digits(part) || whole.len() > 3 || part.len() > 2 {
            return Err(wrong());
        }
        let whole: u16 = whole.parse().map_err(|_| wrong())?;
        let part: u16 = format!("{part:0<2}").parse().map_err(|_| wrong())?;
        let hundredths = whole * 100 + part;
        if hundredths <= 10_000 { Ok(Self { hundredths }) } else { Err(wrong()) }
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", f64::from(self.hundredths) / 100.0)
    }
}

impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Percent {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Percent".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": Self::PATTERN })
    }
}
