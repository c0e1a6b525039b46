//! Objects: bytes under a key that is kept byte for byte, with a record of every change.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Result;

/// The longest key, in bytes: the limit that all clouds share.
pub const KEY_MAX_BYTES: usize = 1024;

/// The bytes of an object, in pieces.
pub type ByteStream = BoxStream<'static, Result<Bytes>>;

/// What is known of an object without reading it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectInfo {
    /// The key, as it was given.
    pub key: String,
    /// Length of the content.
    pub size_bytes: u64,
    /// SHA-256 of the content, hexadecimal.
    pub digest: String,
    /// Changes with every write; for conditional requests.
    pub etag: String,
    /// What the writer said about the content.
    pub attributes: Attributes,
    /// When it was written.
    pub modified_at: Timestamp,
}

/// What a writer says about an object, carried unchanged when it moves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attributes {
    /// The media type.
    pub content_type: Option<String>,
    /// The Cache-Control header.
    pub cache_control: Option<String>,
    /// The writer's own names and values.
    pub metadata: BTreeMap<String, String>,
}

/// On what condition a write happens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Condition {
    /// Always.
    #[default]
    Always,
    /// Only when the key does not exist.
    Absent,
    /// Only when the object still has this etag.
    Matches(String),
}

/// One change of a bucket. The newest change of a key hides those before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Position in the change record; grows with every change of the bucket.
    pub position: u64,
    /// The key.
    pub key: String,
    /// The object now, or `None` when it was deleted.
    pub object: Option<ObjectInfo>,
}

/// A page of keys in byte order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The objects of this page.
    pub objects: Vec<ObjectInfo>,
    /// Give it as `after` to get the next page; `None` at the end.
    pub next: Option<String>,
}

/// What a driver can do beyond the least.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Capabilities {
    /// Keys survive byte for byte, whatever they are.
    pub any_key: bool,
    /// Writes on a condition.
    pub conditional: bool,
    /// A record of changes, so that a delta needs no listing.
    pub change_record: bool,
}

/// What a cloud implements. Keys have been validated; a driver never changes one.
#[async_trait]
pub trait ObjectsDriver: Send + Sync {
    /// What this driver can do.
    fn capabilities(&self) -> Capabilities;
    /// Writes an object whole: readers see the old one or the new one. A digest that is given
    /// and does not fit the bytes is an error, and nothing is written. Fails with code
    /// `object_condition` when the condition does not hold.
    async fn put(
        &self,
        key: &str,
        content: ByteStream,
        attributes: &Attributes,
        condition: &Condition,
        digest: Option<&str>,
    ) -> Result<ObjectInfo>;
    /// An object and its bytes from `range` (first byte, and one after the last); whole when
    /// `None`. `None` when the key does not exist.
    async fn get(
        &self,
        key: &str,
        range: Option<(u64, u64)>,
    ) -> Result<Option<(ObjectInfo, ByteStream)>>;
    /// What is known of an object; `None` when the key does not exist.
    async fn head(&self, key: &str) -> Result<Option<ObjectInfo>>;
    /// Deletes an object; false when there was none.
    async fn delete(&self, key: &str) -> Result<bool>;
    /// Objects whose key starts with `prefix` and is after `after`, at most `limit`, by key.
    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page>;
    /// Changes after `since`, oldest first, at most `limit`. Each key appears once, at its newest
    /// change.
    async fn changes(&self, since: u64, limit: usize) -> Result<Vec<Change>>;
    /// The position of the newest change; 0 when there was none.
    async fn position(&self) -> Result<u64>;
    /// Whether it answers.
    async fn health(&self) -> Result<()>;
}

/// A bucket of objects.
#[derive(Clone)]
pub struct Objects {
    driver: Arc<dyn ObjectsDriver>,
}
