//! Moving the objects of a bucket: by its change record, never by a listing.

use std::collections::HashSet;
use std::time::Duration;

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt};
use sha2::{Digest, Sha256};
use trefoil_clouds::objects::{ByteStream, Change, Condition, ListedObject, ObjectInfo, Objects};
use trefoil_core::plan::{CopyOutput, StoreProof};

use super::passes::{Feed, follow};
use super::{Differences, Extent, Tally};
use crate::{Error, Result};

/// How often one object is tried.
const ATTEMPTS: u32 = 5;
/// How long to wait before the second attempt; twice as long before each further one.
const PAUSE: Duration = Duration::from_millis(50);
/// How many keys a comparison reads at once.
const LIST_PAGE: usize = 1000;

/// Carries what has changed at the source after the position `since`, deletions included, and
/// what of it the target already has is left alone. Nothing else may write to the target.
///
/// # Errors
/// Code `source_not_quiet` when the extent is [`Extent::UntilQuiet`] and the source still changes.
pub async fn copy(
    source: &Objects,
    target: &Objects,
    since: u64,
    extent: Extent,
    tally: &Tally,
) -> Result<CopyOutput> {
    let feed = ObjectFeed { source, target, tally, task: Task::Carry };
    let source_position = follow(&feed, since, extent).await?;
    Ok(tally.output(source_position, target.position().await?))
}

/// What is done with each change.
enum Task {
    Carry,
    Remove,
}

struct ObjectFeed<'a> {
    source: &'a Objects,
    target: &'a Objects,
    tally: &'a Tally,
    task: Task,
}

#[async_trait]
impl Feed for ObjectFeed<'_> {
    type Change = Change;

    fn what(&self) -> &'static str {
        "objects"
    }

    fn position_of(&self, change: &Change) -> u64 {
        change.position
    }

    async fn newest(&self) -> Result<u64> {
        self.source.position().await
    }

    async fn page(&self, since: u64, limit: usize) -> Result<Vec<Change>> {
        self.source.changes(since, limit).await
    }

    async fn carry(&self, change: Change) -> Result<()> {
        let mut pause = PAUSE;
        for attempt in 1.. {
            let done = match (&self.task, &change.object) {
                (Task::Carry, Some(wanted)) => self.write(wanted).await,
                (Task::Carry, None) | (Task::Remove, _) => self.delete(&change.key).await,
            };
            match done {
                Err(error) if attempt < ATTEMPTS && may_pass(&error) => {
                    tracing::debug!(key = %change.key, error = %error.chain(), "tried again");
                }
                Err(error) => return Err(of_key(&change.key, error)),
                Ok(()) => break,
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        self.tally.saw();
        Ok(())
    }
}

impl ObjectFeed<'_> {
    async fn write(&self, wanted: &ObjectInfo) -> Result<()> {
        let key = &wanted.key;
        if self.target.head(key).await?.is_some_and(|there| same(&there, wanted)) {
            self.tally.saw_bytes(wanted.size_bytes);
            return Ok(());
        }
        // What is read now may be newer than the change; it is written with its own digest, and
        // the newer change finds it there.
        let Some((info, content)) = self.source.get(key, None).await? else {
            return self.delete(key).await;
        };
        let content = counted(content, self.tally);
        let written = self
            .target
            .put(key, content, &info.attributes, &Condition::Always, info.digest.as_deref())
            .await?;
        // Bytes of which the source knows no digest have one from here on.
        let info = ObjectInfo { digest: info.digest.or_else(|| written.digest.clone()), ..info };
        if !same(&written, &info) {
            let why = "the target does not hold what was written to it";
            return Err(Error::failed("object_digest", why));
        }
        self.tally.wrote(info.size_bytes);
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<()> {
        if self.target.delete(key).await? {
            self.tally.deleted();
        }
        Ok(())
    }
}

/// Whether another attempt may go better. A digest that does not fit can come from a source that
/// was written to while it was read.
fn may_pass(error: &Error) -> bool {
    error.is_retryable() || error.code() == "object_digest"
}

fn same(one: &ObjectInfo, other: &ObjectInfo) -> bool {
    one.digest.is_some()
        && one.digest == other.digest
        && one.size_bytes == other.size_bytes
        && one.attributes == other.attributes
}

fn of_key(key: &str, error: Error) -> Error {
    let why = format!("the object `{}` could not be carried", key.escape_debug());
    Error::failed("object_copy", why).because(error)
}

fn counted(content: ByteStream, tally: &Tally) -> ByteStream {
    let tally = tally.clone();
    let count = move |piece: &Result<bytes::Bytes>| {
        if let Ok(piece) = piece {
            tally.saw_bytes(piece.len() as u64);
        }
    };
    content.inspect(count).boxed()
}

/// Deletes at the target every key that the source's record knows, deleted ones included: all
/// that a copy from the beginning can have written to a target that was empty.
pub async fn remove_copied(source: &Objects, target: &Objects) -> Result<()> {
    let feed = ObjectFeed { source, target, tally: &Tally::default(), task: Task::Remove };
    follow(&feed, 0, Extent::UntilSmall).await?;
    Ok(())
}

/// The keys that changed after a position of the bucket's change record.
pub async fn changed_since(bucket: &Objects, position: u64) -> Result<HashSet<String>> {
    let mut keys = HashSet::new();
    let mut since = position;
    loop {
        let page = bucket.changes(since, LIST_PAGE).await?;
        let Some(last) = page.last() else { return Ok(keys) };
        since = last.position;
        keys.extend(page.into_iter().map(|change| change.key));
    }
}

/// Compares two buckets at rest.
pub async fn compare(source: &Objects, target: &Objects) -> Result<StoreProof> {
    let none = HashSet::new();
    Ok(differences(source, target, &none).await?.settle(&none))
}

/// Compares keys, digests, sizes and attributes of two buckets, in the order of the keys. The
/// `apart` keys are left out: users have changed them on one side since.
pub async fn differences(
    source: &Objects,
    target: &Objects,
    apart: &HashSet<String>,
) -> Result<Differences> {
    let (mut ours, mut theirs) = (Listing::new(source, apart), Listing::new(target, apart));
    let mut comparison = Differences::begin();
    let (mut one, mut other) = (ours.next().await?, theirs.next().await?);
    loop {
        let order = match (&one, &other) {
            (None, None) => return Ok(comparison),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some(one), Some(other)) => one.key.as_bytes().cmp(other.key.as_bytes()),
        };
        if let Some(object) = one.as_ref().filter(|_| order.is_le()) {
            comparison.count(object.size_bytes);
        }
        match (order, &one, &other) {
            (std::cmp::Ordering::Equal, Some(one), Some(other)) if !same(one, other) => {
                comparison.differ(&one.key, "content or attributes differ");
            }
            (std::cmp::Ordering::Less, Some(one), _) => {
                comparison.differ(&one.key, "only at the source");
            }
            (std::cmp::Ordering::Greater, _, Some(other)) => {
                comparison.differ(&other.key, "only at the target");
            }
            _ => {}
        }
        if order.is_le() {
            one = ours.next().await?;
        }
        if order.is_ge() {
            other = theirs.next().await?;
        }
    }
}

/// The objects of a bucket in the order of their keys, without some, a page in memory.
struct Listing<'a> {
    bucket: &'a Objects,
    apart: &'a HashSet<String>,
    page: std::vec::IntoIter<ListedObject>,
    after: Option<String>,
    ended: bool,
}

impl<'a> Listing<'a> {
    fn new(bucket: &'a Objects, apart: &'a HashSet<String>) -> Self {
        Self { bucket, apart, page: Vec::new().into_iter(), after: None, ended: false }
    }

    async fn next(&mut self) -> Result<Option<ObjectInfo>> {
        loop {
            if let Some(object) = self.page.find(|object| !self.apart.contains(&object.key)) {
                match self.whole(object).await? {
                    Some(object) => return Ok(Some(object)),
                    // Deleted since it was listed.
                    None => continue,
                }
            }
            if self.ended {
                return Ok(None);
            }
            let page = self.bucket.list("", self.after.as_deref(), LIST_PAGE).await?;
            self.ended = page.next.is_none();
            self.after = page.next;
            self.page = page.objects.into_iter();
        }
    }

    /// All that is known of an object, its digest included: of bytes without one it is computed.
    async fn whole(&self, listed: ListedObject) -> Result<Option<ObjectInfo>> {
        let ListedObject { key, size_bytes, etag, modified_at, digest, attributes } = listed;
        let found = match attributes {
            None => self.bucket.head(&key).await?,
            Some(attributes) => {
                let key = key.clone();
                let version = None;
                Some(ObjectInfo { key, size_bytes, digest, etag, attributes, modified_at, version })
            }
        };
        if found.as_ref().is_none_or(|object| object.digest.is_some()) {
            return Ok(found);
        }
        let Some((object, mut content)) = self.bucket.get(&key, None).await? else {
            return Ok(None);
        };
        let mut hash = Sha256::new();
        while let Some(piece) = content.try_next().await? {
            hash.update(&piece);
        }
        Ok(Some(ObjectInfo { digest: Some(hex::encode(hash.finalize())), ..object }))
    }
}
