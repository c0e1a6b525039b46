//! The notes as they are in the bucket: numbered without gaps, created once or not at all. Each
//! call of the store is bounded in time; how many a reading takes depends on the record.

use std::time::Duration;

use bytes::Bytes;
use futures::stream::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::objects::{Attributes, Condition, ListedObject, Objects, stream_of};
use crate::{Error, Result};

/// Where the notes are.
const FOLDER: &str = ".trefoil/changes/";
/// How often the next number is looked for when other writers take it.
const NUMBER_ATTEMPTS: u32 = 200;
/// After so many taken numbers in a row the newest note is looked for: others may have written
/// thousands since this handle wrote its last one.
const TAKEN_MAX: u32 = 3;
/// How long notes are kept. A move that began earlier lists the bucket once more.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// How many notes are in a page.
pub(super) const PAGE: usize = 256;
/// How many old notes are deleted together, beside what the application does.
const PRUNED_TOGETHER: usize = 4;
/// How many of them are read together.
const TOGETHER: usize = 32;
/// A note is far smaller.
const NOTE_MAX_BYTES: u64 = 1 << 20;

/// One note.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Note {
    /// What is about to change.
    pub(super) keys: Vec<String>,
    /// Earlier notes of this handle whose changes have ended.
    pub(super) ended: Vec<u64>,
}

/// A note that was read.
pub(super) struct Numbered {
    pub(super) number: u64,
    /// When it was written, by the store's clock.
    pub(super) at: Timestamp,
    pub(super) note: Note,
}

/// Some notes in their order.
pub(super) struct Page {
    pub(super) notes: Vec<Numbered>,
    /// The number of the last; `None` when there was none. The note itself may be gone.
    pub(super) last: Option<u64>,
    /// Whether there were more when it was listed. Whoever goes on until a page is empty never
    /// comes to an end beside a busy writer.
    pub(super) more: bool,
}

/// The notes of a bucket.
pub(super) struct Notes {
    bucket: Objects,
}

impl Notes {
    pub(super) fn of(bucket: Objects) -> Self {
        Self { bucket }
    }

    /// Creates a note under the first number that is free, and its number. `last` is the newest
    /// number that this handle knows of.
    pub(super) async fn append(&self, note: &Note, last: &mut Option<u64>) -> Result<u64> {
        let content = serde_json::to_vec(note).map_err(|error| {
            Error::failed("change_record", "a note cannot be written down").because(error)
        })?;
        let content = Bytes::from(content);
        let mut taken = 0;
        for _ in 0..NUMBER_ATTEMPTS {
            let newest = match *last {
                Some(last) if taken < TAKEN_MAX => last,
                known => {
                    taken = 0;
                    self.newest(known.unwrap_or(0)).await?
                }
            };
            let number = newest + 1;
            let created = self.create(number, content.clone()).await?;
            *last = Some(number);
            if created {
                return Ok(number);
            }
            taken += 1;
        }
        let why = "other writers took the number of every note that was tried";
        Err(Error::failed("change_record", why).retryable())
    }

    /// Creates a note; false when its number is taken.
    async fn create(&self, number: u64, content: Bytes) -> Result<bool> {
        let (attributes, condition) = (Attributes::default(), Condition::Absent);
        let content = stream_of(content);
        match self.bucket.put(&name(number), content, &attributes, &condition, None).await {
            Ok(_) => Ok(true),
            Err(error) if error.code() == "object_condition" => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The number of the newest note, which is at least `known`. There are no gaps, so doubling and
    /// halving finds it.
    pub(super) async fn newest(&self, known: u64) -> Result<u64> {
        let Some(mut low) = self.after(known).await? else { return Ok(known) };
        let mut step = 1;
        while let Some(found) = self.after(low + step).await? {
            low = found;
            step *= 2;
        }
        let mut high = low + step;
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            match self.after(middle).await? {
                Some(found) => low = found,
                None => high = middle,
            }
        }
        Ok(self.after(low).await?.unwrap_or(low))
    }

    /// The first note after a number.
    pub(super) async fn after(&self, number: u64) -> Result<Option<u64>> {
        let first = self.first_after(number).await?;
        first.map(|object| number_in(&object.key)).transpose()
    }

    async fn first_after(&self, number: u64) -> Result<Option<ListedObject>> {
        let page = self.bucket.list(FOLDER, Some(&name(number)), 1).await?;
        Ok(page.objects.into_iter().next())
    }

    /// The first note that is younger than that; the one after the newest if none is.
    pub(super) async fn first_younger_than(&self, age: Duration) -> Result<u64> {
        let since = Timestamp::now() - age;
        let Some(mut low) = self.after(0).await? else { return Ok(1) };
        let mut high = self.newest(low).await? + 1;
        while low < high {
            let middle = low + (high - low) / 2;
            match self.first_after(middle - 1).await? {
                Some(object) if object.modified_at < since => low = middle + 1,
                _ => high = middle,
            }
        }
        Ok(low)
    }

    /// Notes after a number, oldest first.
    pub(super) async fn page(&self, after: u64) -> Result<Page> {
        let page = self.bucket.list(FOLDER, Some(&name(after)), PAGE).await?;
        let last = page.objects.last().map(|object| number_in(&object.key)).transpose()?;
        let more = page.next.is_some();
        let read = |object: ListedObject| async move {
            let (number, at) = (number_in(&object.key)?, object.modified_at);
            let note = self.read(&object.key).await?;
            Ok::<_, Error>(note.map(|note| Numbered { number, at, note }))
        };
        let notes = futures::stream::iter(page.objects).map(read).buffered(TOGETHER);
        let notes: Vec<Option<_>> = notes.try_collect().await?;
        Ok(Page { notes: notes.into_iter().flatten().collect(), last, more })
    }

    async fn read(&self, key: &str) -> Result<Option<Note>> {
        let found = match self.bucket.get_bytes(key, NOTE_MAX_BYTES).await {
            Err(error) if error.code() == "object_too_large" => return Err(damaged(key)),
            found => found?,
        };
        let Some((_, content)) = found else { return Ok(None) };
        serde_json::from_slice(&content).map(Some).map_err(|error| damaged(key).because(error))
    }

    /// Deletes notes that nobody needs any more; a failure is left to the next time.
    pub(super) async fn prune(&self) {
        let before = Timestamp::now() - KEPT;
        let Ok(page) = self.bucket.list(FOLDER, None, PAGE).await else { return };
        let old = page.objects.into_iter().take_while(|object| object.modified_at < before);
        let delete = |object: ListedObject| async move {
            if let Err(error) = self.bucket.delete(&object.key).await {
                tracing::debug!(error = %error.chain(), "an old note stays");
            }
        };
        futures::stream::iter(old).for_each_concurrent(PRUNED_TOGETHER, delete).await;
    }
}

fn name(number: u64) -> String {
    format!("{FOLDER}{number:020}")
}

fn number_in(key: &str) -> Result<u64> {
    let number = key.strip_prefix(FOLDER).filter(|digits| digits.len() == 20);
    number.and_then(|digits| digits.parse().ok()).ok_or_else(|| damaged(key))
}

fn damaged(key: &str) -> Error {
    Error::failed("change_record", format!("`{key}` is not a note of a change"))
        .hint("only Trefoil writes below `.trefoil/`")
}
