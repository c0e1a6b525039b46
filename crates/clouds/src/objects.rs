//! Objects: bytes under a key that is kept byte for byte, with a record of every change.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::bounds::{beating, check_limit, while_it_moves, within};
use crate::{Error, Result};

pub use crate::object_keys::KeyRules;

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
    /// SHA-256 of the content, hexadecimal. `None` where the store does not know it: of an object
    /// that somebody else's client wrote, or in pieces without an announced digest.
    pub digest: Option<String>,
    /// Changes with the content; with every write where [`Capabilities::unique_etags`] says so.
    /// For conditional requests.
    pub etag: String,
    /// What the writer said about the content.
    pub attributes: Attributes,
    /// When it was written.
    pub modified_at: Timestamp,
    /// Which of several versions this is, where the bucket keeps versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// What a listing knows of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedObject {
    /// The key.
    pub key: String,
    /// Length of the content.
    pub size_bytes: u64,
    /// As in [`ObjectInfo`].
    pub etag: String,
    /// When it was written.
    pub modified_at: Timestamp,
    /// SHA-256 of the content, where a listing shows it; else [`Objects::head`] may.
    pub digest: Option<String>,
    /// What the writer said, where a listing shows it; else [`Objects::head`] does.
    pub attributes: Option<Attributes>,
}

impl From<ObjectInfo> for ListedObject {
    fn from(info: ObjectInfo) -> Self {
        Self {
            key: info.key,
            size_bytes: info.size_bytes,
            etag: info.etag,
            modified_at: info.modified_at,
            digest: info.digest,
            attributes: Some(info.attributes),
        }
    }
}

/// One version of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Its name.
    pub version: String,
    /// Length of the content; `None` when this version says that the object was deleted.
    pub size_bytes: Option<u64>,
    /// When it was written.
    pub modified_at: Timestamp,
    /// Whether it is the newest.
    pub is_latest: bool,
}

/// What a writer says about an object, carried unchanged when it moves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attributes {
    /// The media type.
    pub content_type: Option<String>,
    /// The Cache-Control header.
    pub cache_control: Option<String>,
    /// The Content-Encoding header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_encoding: Option<String>,
    /// The Content-Disposition header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_disposition: Option<String>,
    /// The Content-Language header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_language: Option<String>,
    /// The writer's own names and values. Names are kept in lower case by most stores.
    pub metadata: BTreeMap<String, String>,
    /// Tags: names and values by which stores bill and expire.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
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

/// A page of keys, in byte order where [`Capabilities::byte_order`] says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The objects of this page.
    pub objects: Vec<ListedObject>,
    /// Give it as `after` to get the next page; `None` at the end.
    pub next: Option<String>,
}

/// What a driver can do beyond the least.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Capabilities {
    /// Which keys survive byte for byte.
    pub keys: KeyRules,
    /// Writes on a condition.
    pub conditional: bool,
    /// Each write has an etag of its own, also when it writes the same bytes again.
    pub unique_etags: bool,
    /// A record of changes, so that a delta needs no listing.
    pub change_record: bool,
    /// The record names everything that is there, not only what changed since it was begun.
    pub whole_record: bool,
    /// Listings are in the order of the keys' bytes.
    pub byte_order: bool,
    /// Copies within the bucket without the bytes passing through here.
    pub server_copy: bool,
    /// Tags of objects.
    pub tags: bool,
    /// What was overwritten and deleted stays readable.
    pub versions: bool,
}

/// A call of a driver, as far as it matters for how many requests it sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// A page of keys, of at most a thousand.
    List,
    /// What is known of an object.
    Head,
    /// A whole object.
    Read,
    /// A write of so many bytes.
    Write(u64),
    /// A deletion.
    Delete,
}

/// What a cloud implements. Keys have been validated; a driver never changes one.
#[async_trait]
pub trait ObjectsDriver: Send + Sync {
    /// What this driver can do; after a [`ObjectsDriver::probe`], what that found.
    fn capabilities(&self) -> Capabilities;
    /// Tries out at the store what only trying can tell, and leaves nothing behind.
    async fn probe(&self) -> Result<Capabilities> {
        Ok(self.capabilities())
    }
    /// The driver below one that notes its changes in the bucket itself.
    fn unrecorded(&self) -> Option<Arc<dyn ObjectsDriver>> {
        None
    }
    /// How many requests a call sends to a store, as far as it is known before, and without those
    /// that are sent again.
    fn requests(&self, _call: Call) -> u64 {
        1
    }
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
    /// Writes as [`ObjectsDriver::put`] does, but only what was written before a
    /// [`ObjectsDriver::sync`] has to survive the loss of power.
    async fn put_soon(
        &self,
        key: &str,
        content: ByteStream,
        attributes: &Attributes,
        condition: &Condition,
        digest: Option<&str>,
    ) -> Result<ObjectInfo> {
        self.put(key, content, attributes, condition, digest).await
    }
    /// Lets everything survive the loss of power that was written.
    async fn sync(&self) -> Result<()> {
        Ok(())
    }
    /// An object and its bytes from `range` (first byte, and one after the last); whole when
    /// `None`. `None` when the key does not exist.
    async fn get(
        &self,
        key: &str,
        range: Option<(u64, u64)>,
    ) -> Result<Option<(ObjectInfo, ByteStream)>>;
    /// A whole object as [`ObjectsDriver::get`] gives it, for a reader that holds the bytes against
    /// the digest in the answer by itself, if there is one: then they need not be hashed twice.
    async fn get_announced(&self, key: &str) -> Result<Option<(ObjectInfo, ByteStream)>> {
        self.get(key, None).await
    }
    /// What is known of an object; `None` when the key does not exist.
    async fn head(&self, key: &str) -> Result<Option<ObjectInfo>>;
    /// Deletes an object; false when there was none.
    async fn delete(&self, key: &str) -> Result<bool>;
    /// Deletes an object that still has this etag; false when there was none. Fails with code
    /// `object_condition` when it has another one. A driver that has it in one step does so; here
    /// a writer may come between the look and the deletion.
    async fn delete_matching(&self, key: &str, etag: &str) -> Result<bool> {
        match self.head(key).await? {
            Some(found) if found.etag == etag => self.delete(key).await,
            Some(found) => Err(other_etag(&found.etag)),
            None => Ok(false),
        }
    }
    /// Objects whose key starts with `prefix` and is after `after`, at most `limit`, by key.
    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page>;
    /// Changes after `since`, oldest first, at most `limit`. Each key appears once, at its newest
    /// change.
    async fn changes(&self, since: u64, limit: usize) -> Result<Vec<Change>>;
    /// The position of the newest change; 0 when there was none.
    async fn position(&self) -> Result<u64>;
    /// Whether it answers.
    async fn health(&self) -> Result<()>;
    /// Writes the content and attributes of one key to another. `None` when there is no `from`.
    async fn copy(
        &self,
        from: &str,
        to: &str,
        condition: &Condition,
    ) -> Result<Option<ObjectInfo>> {
        let Some((info, content)) = self.get(from, None).await? else { return Ok(None) };
        let digest = info.digest.as_deref();
        self.put(to, content, &info.attributes, condition, digest).await.map(Some)
    }
    /// Gives back the room that unfinished uploads of these keys take, and says how many there were.
    async fn abort_uploads(&self, _keys: &HashSet<String>) -> Result<usize> {
        Ok(0)
    }
    /// The versions of a key, newest first, at most `limit`.
    async fn versions(&self, _key: &str, _limit: usize) -> Result<Vec<Version>> {
        Err(no_versions())
    }
    /// A version as [`ObjectsDriver::get`] gives the newest one.
    async fn get_version(
        &self,
        _key: &str,
        _version: &str,
    ) -> Result<Option<(ObjectInfo, ByteStream)>> {
        Err(no_versions())
    }
}

/// A bucket of objects.
#[derive(Clone)]
pub struct Objects {
    driver: Arc<dyn ObjectsDriver>,
}

/// How long a call without content may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a probe may take: some dozens of calls.
const PROBE_TIMEOUT: Duration = Duration::from_secs(120);
/// How long reading a record may take that is kept as notes in the bucket: there are as many as
/// there were writes, and each call is bounded by itself.
const RECORD_TIMEOUT: Duration = Duration::from_secs(600);
/// How long the next piece of a content may take, in either direction.
const PIECE_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a store may take with a piece, or with the whole after the last one.
const STORE_TIMEOUT: Duration = Duration::from_secs(300);

impl Objects {
    /// A bucket on a driver.
    pub fn new(driver: Arc<dyn ObjectsDriver>) -> Self {
        Self { driver }
    }

    /// What the handle works on.
    pub(crate) fn driver(self) -> Arc<dyn ObjectsDriver> {
        self.driver
    }

    /// The same bucket, whose handle notes nothing: for those who know by themselves what they
    /// have written.
    #[must_use]
    pub fn unrecorded(&self) -> Self {
        let below = self.driver.unrecorded();
        below.map_or_else(|| self.clone(), |driver| Self { driver })
    }

    /// How many requests a call sends to a store, as far as it is known before: none where the
    /// bucket is on this machine, and more than one for a large write.
    pub fn requests(&self, call: Call) -> u64 {
        self.driver.requests(call)
    }

    /// What the driver can do beyond the least.
    pub fn capabilities(&self) -> Capabilities {
        self.driver.capabilities()
    }

    /// Tries out at the store what only trying can tell, such as which keys it stores as others,
    /// and leaves nothing behind. [`Objects::capabilities`] of all clones knows it from then on.
    pub async fn probe(&self) -> Result<Capabilities> {
        within(PROBE_TIMEOUT, "objects.probe", self.driver.probe()).await
    }

    /// Writes an object whole: readers see the old one or the new one. Fails with code
    /// `object_digest` when `digest` (SHA-256, hexadecimal) does not fit the bytes, and with
    /// `object_condition` when the condition does not hold; then nothing is written.
    pub async fn put(
        &self,
        key: &str,
        content: ByteStream,
        attributes: &Attributes,
        condition: &Condition,
        digest: Option<&str>,
    ) -> Result<ObjectInfo> {
        check_key(key)?;
        digest.map(check_digest).transpose()?;
        self.check_condition(condition)?;
        let (content, beat) = beating(steady(content));
        let put = self.driver.put(key, content, attributes, condition, digest);
        while_it_moves(STORE_TIMEOUT, "objects.put", &beat, put).await
    }

    /// Writes as [`Objects::put`] does; only after [`Objects::sync`] it has to survive the loss of
    /// power. For those who write many and note in batches what they have written.
    pub async fn put_soon(
        &self,
        key: &str,
        content: ByteStream,
        attributes: &Attributes,
        condition: &Condition,
        digest: Option<&str>,
    ) -> Result<ObjectInfo> {
        check_key(key)?;
        digest.map(check_digest).transpose()?;
        self.check_condition(condition)?;
        let (content, beat) = beating(steady(content));
        let put = self.driver.put_soon(key, content, attributes, condition, digest);
        while_it_moves(STORE_TIMEOUT, "objects.put_soon", &beat, put).await
    }

    /// Lets everything survive the loss of power that was written.
    pub async fn sync(&self) -> Result<()> {
        within(STORE_TIMEOUT, "objects.sync", self.driver.sync()).await
    }

    /// Writes the content and attributes of one key to another, within the store where it can.
    /// `None` when there is no `from`. Fails as [`Objects::put`] does.
    pub async fn copy(
        &self,
        from: &str,
        to: &str,
        condition: &Condition,
    ) -> Result<Option<ObjectInfo>> {
        check_key(from)?;
        check_key(to)?;
        self.check_condition(condition)?;
        let copy = self.driver.copy(from, to, condition);
        within(STORE_TIMEOUT, "objects.copy", copy).await
    }

    /// Aborts the unfinished uploads of these keys, whoever began them, and says how many there
    /// were: a writer that was killed leaves its parts at the store, where they are paid for and
    /// seen by no listing of objects. For those who know that nobody else is writing these keys.
    pub async fn abort_uploads(&self, keys: &HashSet<String>) -> Result<usize> {
        within(STORE_TIMEOUT, "objects.abort_uploads", self.driver.abort_uploads(keys)).await
    }

    /// The versions of a key, newest first, 1 to [`crate::services::PAGE_MAX`] of them.
    pub async fn versions(&self, key: &str, limit: usize) -> Result<Vec<Version>> {
        check_key(key)?;
        check_limit(limit)?;
        within(CALL_TIMEOUT, "objects.versions", self.driver.versions(key, limit)).await
    }

    /// A version and its bytes; `None` when there is none of that name.
    pub async fn get_version(
        &self,
        key: &str,
        version: &str,
    ) -> Result<Option<(ObjectInfo, ByteStream)>> {
        check_key(key)?;
        let get = self.driver.get_version(key, version);
        let found = within(CALL_TIMEOUT, "objects.get_version", get).await?;
        Ok(found.map(|(info, content)| (info, steady(content))))
    }

    /// Writes an object from memory, whatever was there.
    pub async fn put_bytes(&self, key: &str, content: Bytes) -> Result<ObjectInfo> {
        let (attributes, condition) = (Attributes::default(), Condition::Always);
        self.put(key, stream_of(content), &attributes, &condition, None).await
    }

    /// An object and its bytes from `range` (first byte, and one after the last; what is beyond
    /// the end is left out); whole when `None`. `None` when the key does not exist.
    pub async fn get(
        &self,
        key: &str,
        range: Option<(u64, u64)>,
    ) -> Result<Option<(ObjectInfo, ByteStream)>> {
        check_key(key)?;
        if let Some((first, end)) = range.filter(|(first, end)| first > end) {
            let why = format!("the range {first}..{end} of an object ends before it begins");
            return Err(Error::usage("object_range", why));
        }
        let found = within(CALL_TIMEOUT, "objects.get", self.driver.get(key, range)).await?;
        Ok(found.map(|(info, content)| (info, steady(content))))
    }

    /// An object and its bytes, which **are not checked** where the answer has a digest: for those who
    /// give that digest to [`Objects::put`], or hold the bytes against it by themselves. `None` when
    /// the key does not exist.
    pub async fn get_announced(&self, key: &str) -> Result<Option<(ObjectInfo, ByteStream)>> {
        check_key(key)?;
        let found =
            within(CALL_TIMEOUT, "objects.get_announced", self.driver.get_announced(key)).await?;
        Ok(found.map(|(info, content)| (info, steady(content))))
    }

    /// An object in memory. Fails with code `object_too_large` above `limit_bytes`, without
    /// reading it. `None` when the key does not exist.
    pub async fn get_bytes(
        &self,
        key: &str,
        limit_bytes: u64,
    ) -> Result<Option<(ObjectInfo, Bytes)>> {
        let Some((info, content)) = self.get(key, None).await? else { return Ok(None) };
        if info.size_bytes > limit_bytes {
            let size = info.size_bytes;
            let why = format!("the object has {size} bytes; at most {limit_bytes} are accepted");
            return Err(Error::refused("object_too_large", why));
        }
        let gather = |mut whole: BytesMut, piece: Bytes| async move {
            whole.extend_from_slice(&piece);
            Ok(whole)
        };
        let whole = content.try_fold(BytesMut::new(), gather).await?;
        Ok(Some((info, whole.freeze())))
    }

    /// What is known of an object; `None` when the key does not exist.
    pub async fn head(&self, key: &str) -> Result<Option<ObjectInfo>> {
        check_key(key)?;
        within(CALL_TIMEOUT, "objects.head", self.driver.head(key)).await
    }

    /// Deletes an object; false when there was none.
    pub async fn delete(&self, key: &str) -> Result<bool> {
        check_key(key)?;
        within(CALL_TIMEOUT, "objects.delete", self.driver.delete(key)).await
    }

    /// Deletes an object that still has this etag; false when there was none. Fails with code
    /// `object_condition` when it has another one, which stays. Some stores cannot do that in one
    /// step: there a writer may come between the look and the deletion.
    pub async fn delete_matching(&self, key: &str, etag: &str) -> Result<bool> {
        check_key(key)?;
        within(CALL_TIMEOUT, "objects.delete_matching", self.driver.delete_matching(key, etag))
            .await
    }

    /// Objects whose key starts with `prefix` and is after `after`, in byte order, 1 to
    /// [`crate::services::PAGE_MAX`] of them.
    pub async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page> {
        check_limit(limit)?;
        within(CALL_TIMEOUT, "objects.list", self.driver.list(prefix, after, limit)).await
    }

    /// Changes after the position `since`, oldest first, 1 to [`crate::services::PAGE_MAX`] of
    /// them; each key once, at its newest change. Fewer than `limit` means that there are no more.
    pub async fn changes(&self, since: u64, limit: usize) -> Result<Vec<Change>> {
        check_limit(limit)?;
        within(self.record_limit(), "objects.changes", self.driver.changes(since, limit)).await
    }

    /// The position of the newest change; 0 when there was none.
    pub async fn position(&self) -> Result<u64> {
        within(self.record_limit(), "objects.position", self.driver.position()).await
    }

    /// Whether the store answers.
    pub async fn health(&self) -> Result<()> {
        within(CALL_TIMEOUT, "objects.health", self.driver.health()).await
    }

    fn record_limit(&self) -> Duration {
        let notes = self.driver.unrecorded().is_some();
        if notes { RECORD_TIMEOUT } else { CALL_TIMEOUT }
    }

    fn check_condition(&self, condition: &Condition) -> Result<()> {
        if *condition == Condition::Always || self.capabilities().conditional {
            return Ok(());
        }
        let why = "this store cannot write on a condition";
        Err(Error::refused("object_condition_unsupported", why))
    }
}

/// The error of a driver without versions.
pub(crate) fn no_versions() -> Error {
    Error::refused("object_versions_unsupported", "this store keeps no versions of objects")
}

/// Bytes in memory as a content.
pub fn stream_of(content: Bytes) -> ByteStream {
    futures::stream::iter([Ok(content)]).boxed()
}

/// The same content, which fails when its next piece takes too long.
fn steady(content: ByteStream) -> ByteStream {
    let next = |mut content: ByteStream| async move {
        let piece = tokio::time::timeout(PIECE_TIMEOUT, content.next()).await;
        let stalled = |_| {
            let why = format!("no piece of the object came for {} s", PIECE_TIMEOUT.as_secs());
            Error::failed("object_stalled", why).retryable()
        };
        let piece = piece.map_err(stalled)?.transpose()?;
        Ok(piece.map(|piece| (piece, content)))
    };
    futures::stream::try_unfold(content, next).boxed()
}

/// The error of an object that is not the one that was meant.
pub(crate) fn other_etag(found: &str) -> Error {
    Error::refused("object_condition", format!("the object has etag {found}"))
}

fn check_key(key: &str) -> Result<()> {
    if (1..=KEY_MAX_BYTES).contains(&key.len()) {
        return Ok(());
    }
    let why = format!("an object's key has {} bytes; 1 to {KEY_MAX_BYTES} are allowed", key.len());
    Err(Error::usage("object_key", why))
}

fn check_digest(digest: &str) -> Result<()> {
    if digest.len() == 64 && digest.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Ok(());
    }
    let why = format!("`{digest}` is not a SHA-256 digest; it has 64 hexadecimal digits");
    Err(Error::usage("object_digest_form", why))
}
