//! SHA-256 digests of values that must not change unseen: plans, log entries, objects.

use serde::Serialize;
use sha2::{Digest, Sha256};

/// The SHA-256 of `bytes`, as 64 hexadecimal digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// The digest of a value's JSON with its keys sorted, so that the order of fields in a file
/// that a person touched without changing it makes no difference.
///
/// # Panics
/// Never for values made of our own types: they always serialize.
pub fn of_value<T: Serialize>(value: &T) -> String {
    let value = serde_json::to_value(value).expect("our own types serialize");
    sha256_hex(value.to_string().as_bytes())
}
