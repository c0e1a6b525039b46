//! What a writer says about an object, as headers of S3 carry it.
//!
//! A header holds visible ASCII only, and loses the spaces at its ends. What is not like that is
//! written as RFC 2047 has it, which is also how the cloud's own store gives it back.

use std::collections::{BTreeMap, HashMap};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use url::form_urlencoded;

use crate::objects::Attributes;
use crate::{Error, Result};

/// The name that holds the digest of an object that was written in parts.
pub(super) const DIGEST: &str = "trefoil-sha256";
/// The name that holds a number of the write's own: who made an object, when an answer was lost.
pub(super) const WRITE: &str = "trefoil-write";
/// What the store says of an object whose writer said nothing.
const UNSAID: &str = "binary/octet-stream";
/// How an encoded word begins and ends.
const ENCODED: (&str, &str) = ("=?UTF-8?B?", "?=");

/// The media type as the store is to keep it: it would choose one by itself otherwise.
pub(super) fn content_type(attributes: &Attributes) -> &str {
    attributes.content_type.as_deref().unwrap_or(UNSAID)
}

/// The media type that the writer gave, if any.
pub(super) fn said_type(found: Option<&str>) -> Option<String> {
    found.filter(|text| *text != UNSAID && !text.is_empty()).map(str::to_owned)
}

/// The metadata's headers.
///
/// # Errors
/// Code `object_metadata` for a name that cannot stand in a header.
pub(super) fn to_headers(attributes: &Attributes) -> Result<HashMap<String, String>> {
    let header = |(name, value): (&String, &String)| {
        if !is_name(name) {
            let why = format!(
                "the name `{}` of an object's metadata cannot stand in a header: small letters, \
                 digits, `-`, `_` and `.` are allowed, and it cannot begin with `trefoil-`",
                name.escape_debug()
            );
            return Err(Error::refused("object_metadata", why));
        }
        Ok((name.clone(), encode(value)))
    };
    attributes.metadata.iter().map(header).collect()
}

/// The metadata that headers carry; names of our own are left out.
pub(super) fn from_headers(headers: Option<&HashMap<String, String>>) -> BTreeMap<String, String> {
    let headers = headers.into_iter().flatten();
    let theirs = headers.filter(|(name, _)| ![DIGEST, WRITE].contains(&name.as_str()));
    theirs.map(|(name, value)| (name.to_lowercase(), decode(value))).collect()
}

/// Tags as the header of a write carries them; `None` when there are none.
pub(super) fn to_tagging(tags: &BTreeMap<String, String>) -> Option<String> {
    let text = form_urlencoded::Serializer::new(String::new()).extend_pairs(tags).finish();
    // A store may read `+` as a plus.
    (!tags.is_empty()).then(|| text.replace('+', "%20"))
}

fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.')
    };
    !name.is_empty() && name.bytes().all(allowed) && !name.starts_with("trefoil-")
}

fn encode(value: &str) -> String {
    let plain = value.bytes().all(|byte| matches!(byte, 0x20..=0x7E));
    if plain && value.trim_matches(' ') == value && !value.starts_with("=?") {
        return value.to_owned();
    }
    format!("{}{}{}", ENCODED.0, STANDARD.encode(value), ENCODED.1)
}

fn decode(value: &str) -> String {
    let words: Option<Vec<u8>> = value.split(' ').try_fold(Vec::new(), |mut all, word| {
        let inner = word.strip_prefix(ENCODED.0)?.strip_suffix(ENCODED.1)?;
        all.extend(STANDARD.decode(inner).ok()?);
        Some(all)
    });
    words.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_else(|| value.to_owned())
}
