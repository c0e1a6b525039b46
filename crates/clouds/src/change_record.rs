//! A record of changes for stores that keep none: the portable handle notes in the bucket itself
//! what it is about to change, so that whoever moves the bucket need not list it while users wait.
//!
//! A note is an object under `.trefoil/changes/`, numbered without gaps and created once or not at
//! all, so the notes of all instances of an application have one order. It is written before the
//! change: a writer that dies leaves a note too many, never one too few. Writers that come together
//! share a note, so a busy handle costs less than one request more for each write. A later note of
//! the same handle says that the changes of an earlier one have ended; up to the oldest that has
//! not, the record is *settled*, which is the position that it tells: whoever has looked at
//! everything after a position that was settled before has missed nothing.

mod notes;
mod noting;
mod settled;

use std::collections::{HashMap, HashSet};
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{StreamExt, TryStreamExt};

use crate::objects::{
    Attributes, ByteStream, Call, Capabilities, Change, Condition, ObjectInfo, Objects,
    ObjectsDriver, Page, Version,
};
use crate::{Error, Result};

use notes::{Notes, Numbered};
use noting::{KEYS_MAX, Noting};
use settled::Settled;

/// Keys that begin so are the handle's own.
const RESERVED: &str = ".trefoil/";
/// How many positions a note has.
const PLACES: u64 = KEYS_MAX as u64;
/// A content that passes for longer is noted again and again, each time as long before its note
/// counts as ended.
const NOTED_AGAIN_AFTER: Duration = Duration::from_secs(5 * 60);
/// How many objects are looked at together.
const TOGETHER: usize = 32;

/// The same bucket, whose handle notes in it what it changes, under keys that begin with
/// `.trefoil/`: then a move need not list it while users wait. Every writer has to use such a
/// handle. A store that keeps a record by itself needs no notes. In a URL: `change_record=true`.
///
/// # Errors
/// Code `change_record_unsupported` for a store that cannot create an object only if it is absent.
pub fn recorded(bucket: Objects) -> Result<Objects> {
    let can = bucket.capabilities();
    if can.change_record {
        return Ok(bucket);
    }
    if !can.conditional {
        return Err(unsupported());
    }
    Ok(Objects::new(Arc::new(Recorded::new(bucket.driver()))))
}

/// Tries out whether the bucket's store can hold a record of changes: one that takes a condition
/// and does not honour it would lose notes.
///
/// # Errors
/// Code `change_record_unsupported`, and those of a store that does not answer.
#[cfg(feature = "operate")]
pub(crate) async fn require(bucket: &Objects) -> Result<()> {
    if bucket.probe().await?.conditional { Ok(()) } else { Err(unsupported()) }
}

fn unsupported() -> Error {
    let why = "this store cannot hold a record of changes: it has no conditional writes";
    Error::refused("change_record_unsupported", why)
        .hint("leave `change_record` out; a move lists the bucket then")
}

/// A driver whose changes are noted in the bucket.
struct Recorded {
    inner: Arc<dyn ObjectsDriver>,
    /// The same, each call of which is bounded in time.
    bucket: Objects,
    notes: Arc<Notes>,
    noting: Arc<Noting>,
    settled: Settled,
}

impl Recorded {
    /// Notes the changes that are made through this driver.
    fn new(inner: Arc<dyn ObjectsDriver>) -> Self {
        let bucket = Objects::new(inner.clone());
        let notes = Arc::new(Notes::of(bucket.clone()));
        let noting = Arc::new(Noting::new(notes.clone()));
        Self { inner, bucket, notes, noting, settled: Settled::default() }
    }

    /// Notes a change, and makes it. A change that is given up half-way is never said to have
    /// ended: the store may still do it.
    async fn noted<T>(&self, key: &str, change: impl Future<Output = Result<T>>) -> Result<T> {
        check_reserved(key)?;
        let mut noted = ManuallyDrop::new(self.noting.note(key).await?);
        let mut change = std::pin::pin!(change);
        let result = loop {
            match tokio::time::timeout(NOTED_AGAIN_AFTER, &mut change).await {
                Ok(result) => break result,
                Err(_) => {
                    // The new note is there before the old one ends.
                    let again = ManuallyDrop::new(self.noting.note(key).await?);
                    drop(ManuallyDrop::into_inner(std::mem::replace(&mut noted, again)));
                }
            }
        };
        // What may pass may also have happened, or happen yet.
        if !result.as_ref().is_err_and(Error::is_retryable) {
            drop(ManuallyDrop::into_inner(noted));
        }
        result
    }

    /// Refuses a position from which on notes are missing.
    async fn check_reach(&self, since: u64) -> Result<()> {
        let noted = since / PLACES;
        let reaches = match self.notes.after(noted.saturating_sub(1)).await? {
            Some(first) => since == 0 || first <= noted + 1,
            None => noted == 0,
        };
        if reaches {
            return Ok(());
        }
        let why = "the record of changes does not reach back to where it was left";
        Err(Error::refused("change_record_gap", why))
    }

    /// The keys that were noted after a position, each once at its newest, oldest first.
    async fn keys_since(&self, since: u64, limit: usize) -> Result<Vec<(u64, String)>> {
        let (mut newest, mut found) = (HashMap::new(), Vec::new());
        let (mut after, mut more) = ((since / PLACES).saturating_sub(1), true);
        'pages: while more {
            let page = self.notes.page(after).await?;
            (after, more) = (page.last.unwrap_or(after), page.more);
            for (position, key) in page.notes.into_iter().flat_map(places) {
                if position <= since {
                    continue;
                }
                if newest.len() == limit && !newest.contains_key(&key) {
                    break 'pages;
                }
                newest.insert(key.clone(), position);
                found.push((position, key));
                if found.len() > 4 * limit {
                    found.retain(|(position, key)| newest.get(key) == Some(position));
                }
            }
        }
        found.retain(|(position, key)| newest.get(key) == Some(position));
        Ok(found)
    }
}

/// The positions in a note, and their keys.
fn places(Numbered { number, note, .. }: Numbered) -> impl Iterator<Item = (u64, String)> {
    let positions = number * PLACES..;
    positions.zip(note.keys)
}

#[async_trait]
impl ObjectsDriver for Recorded {
    fn capabilities(&self) -> Capabilities {
        Capabilities { change_record: true, whole_record: false, ..self.inner.capabilities() }
    }

    async fn probe(&self) -> Result<Capabilities> {
        self.inner.probe().await?;
        Ok(self.capabilities())
    }

    fn unrecorded(&self) -> Option<Arc<dyn ObjectsDriver>> {
        Some(self.inner.clone())
    }

    fn requests(&self, call: Call) -> u64 {
        self.inner.requests(call)
    }

    async fn put(
        &self,
        key: &str,
        content: ByteStream,
        attributes: &Attributes,
        condition: &Condition,
        digest: Option<&str>,
    ) -> Result<ObjectInfo> {
        self.noted(key, self.inner.put(key, content, attributes, condition, digest)).await
    }

    async fn get(
        &self,
        key: &str,
        range: Option<(u64, u64)>,
    ) -> Result<Option<(ObjectInfo, ByteStream)>> {
        check_reserved(key)?;
        self.inner.get(key, range).await
    }

    async fn get_announced(&self, key: &str) -> Result<Option<(ObjectInfo, ByteStream)>> {
        check_reserved(key)?;
        self.inner.get_announced(key).await
    }

    async fn head(&self, key: &str) -> Result<Option<ObjectInfo>> {
        check_reserved(key)?;
        self.inner.head(key).await
    }

    async fn delete(&self, key: &str) -> Result<bool> {
        self.noted(key, self.inner.delete(key)).await
    }

    async fn delete_matching(&self, key: &str, etag: &str) -> Result<bool> {
        self.noted(key, self.inner.delete_matching(key, etag)).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page> {
        let mut page = self.inner.list(prefix, after, limit).await?;
        page.objects.retain(|object| !object.key.starts_with(RESERVED));
        Ok(page)
    }

    /// A position is the number of a note and a place in it.
    async fn changes(&self, since: u64, limit: usize) -> Result<Vec<Change>> {
        self.check_reach(since).await?;
        let found = self.keys_since(since, limit).await?;
        let look = |(position, key): (u64, String)| async move {
            let object = self.bucket.head(&key).await?;
            Ok(Change { position, key, object })
        };
        futures::stream::iter(found).map(look).buffered(TOGETHER).try_collect().await
    }

    /// The last place of the newest settled note. It is never 0, from where nothing is known: what
    /// was there before the first note is in no note.
    async fn position(&self) -> Result<u64> {
        Ok(self.settled.up_to(&self.notes).await? * PLACES + PLACES - 1)
    }

    async fn sync(&self) -> Result<()> {
        self.inner.sync().await
    }

    async fn health(&self) -> Result<()> {
        self.inner.health().await
    }

    async fn copy(
        &self,
        from: &str,
        to: &str,
        condition: &Condition,
    ) -> Result<Option<ObjectInfo>> {
        check_reserved(from)?;
        self.noted(to, self.inner.copy(from, to, condition)).await
    }

    async fn abort_uploads(&self, keys: &HashSet<String>) -> Result<usize> {
        self.inner.abort_uploads(keys).await
    }

    async fn versions(&self, key: &str, limit: usize) -> Result<Vec<Version>> {
        self.inner.versions(key, limit).await
    }

    async fn get_version(
        &self,
        key: &str,
        version: &str,
    ) -> Result<Option<(ObjectInfo, ByteStream)>> {
        self.inner.get_version(key, version).await
    }
}

fn check_reserved(key: &str) -> Result<()> {
    if !key.starts_with(RESERVED) {
        return Ok(());
    }
    let why = format!("keys that begin with `{RESERVED}` are kept for the record of changes");
    Err(Error::usage("object_key_reserved", why))
}
