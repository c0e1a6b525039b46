//! Addresses that may need a password, which never stands in a specification.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::Url;

/// An address, or where to find it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// `env:NAME`: this environment variable of `trefoil` holds it.
    Variable(String),
    /// `secret:NAME`: this secret of the environment holds it.
    Secret(String),
    /// The address itself, a URL without a password.
    Url(String),
}

/// Why a text is no reference. It never holds the text, which may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotReference {
    /// It is a URL with a password in it.
    Password,
    /// It is none of the three forms.
    Form,
}

impl FromStr for Reference {
    type Err = NotReference;

    fn from_str(text: &str) -> Result<Self, NotReference> {
        if let Some(name) = text.strip_prefix("env:") {
            return if is_variable(name) {
                Ok(Self::Variable(name.to_owned()))
            } else {
                Err(NotReference::Form)
            };
        }
        if let Some(name) = text.strip_prefix("secret:") {
            return if is_secret(name) {
                Ok(Self::Secret(name.to_owned()))
            } else {
                Err(NotReference::Form)
            };
        }
        without_password(text, &[]).map(|()| Self::Url(text.to_owned()))
    }
}

/// Whether `text` is a URL of one of these schemes (any, if there are none) without a password.
pub(in crate::spec) fn without_password(text: &str, schemes: &[&str]) -> Result<(), NotReference> {
    let url = Url::parse(text).map_err(|_| NotReference::Form)?;
    let secret = |(key, _): (std::borrow::Cow<'_, str>, _)| key.to_lowercase().contains("password");
    if url.password().is_some() || url.query_pairs().any(secret) {
        return Err(NotReference::Password);
    }
    let known = schemes.is_empty() || schemes.contains(&url.scheme());
    let placed = text.contains("://") && (url.has_host() || url.scheme() == "file");
    if known && placed { Ok(()) } else { Err(NotReference::Form) }
}

fn is_variable(name: &str) -> bool {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(first) && name.chars().all(|c| first(c) || c.is_ascii_digit())
}

/// Lower-case letters, digits and hyphens, no hyphen first.
pub(in crate::spec) fn is_secret(name: &str) -> bool {
    let first = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.starts_with(first) && name.chars().all(|c| first(c) || c == '-')
}

impl fmt::Display for NotReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NotReference::Password => "it holds a password",
            NotReference::Form => "it is not env:VARIABLE, secret:NAME or a URL",
        })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reference::Variable(name) => write!(f, "env:{name}"),
            Reference::Secret(name) => write!(f, "secret:{name}"),
            Reference::Url(url) => f.write_str(url),
        }
    }
}

impl Serialize for Reference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Reference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Reference {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Reference".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}
