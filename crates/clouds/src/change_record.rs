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

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::objects::{
    Attributes, ByteStream, Call, Capabilities, Change, Condition, ListedObject, ObjectInfo,
    Objects, ObjectsDriver, Page, Version, stream_of,
};
use crate::{Error, Result};

/// Keys that begin so are the handle's own.
const RESERVED: &str = ".trefoil/";
/// Where the notes are.
const NOTES: &str = ".trefoil/changes/";
/// How many keys a note has at most.
const KEYS_MAX: usize = 64;
/// How often the next number is looked for when other writers take it.
const NUMBER_ATTEMPTS: u32 = 200;
/// A note without an end counts as ended after this time: its writer has died.
const OPEN_MAX: Duration = Duration::from_secs(15 * 60);
/// A content that passes for longer is noted again and again, each time as long before that.
const NOTED_AGAIN_AFTER: Duration = Duration::from_secs(5 * 60);
/// How long notes are kept. A move that began earlier lists the bucket once more.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// Old notes are deleted with each so many new ones, and no more than this.
const PRUNED_EACH: u64 = 256;
/// How many notes or objects are looked at together.
const TOGETHER: usize = 32;
/// A note is far smaller.
const NOTE_MAX_BYTES: usize = 1 << 20;

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
    notes: Arc<Notes>,
}

/// One note.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Note {
    /// What is about to change.
    keys: Vec<String>,
    /// Earlier notes of this handle whose changes have ended.
    ended: Vec<u64>,
}

struct Notes {
    inner: Arc<dyn ObjectsDriver>,
    /// Whoever holds it writes the next note.
    turn: tokio::sync::Mutex<Option<u64>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What waits to be noted, by ticket.
    waiting: BTreeMap<u64, String>,
    next_ticket: u64,
    /// The number of the note that a ticket is in.
    noted: HashMap<u64, u64>,
    /// How many changes of a note have not ended.
    open: HashMap<u64, usize>,
    /// Notes that have ended, and no later note says so yet.
    ended: Vec<u64>,
}

/// A change that has been noted. It ends when this is dropped, however it ended.
struct Noted {
    notes: Arc<Notes>,
    number: u64,
}

impl Drop for Noted {
    fn drop(&mut self) {
        let mut state = self.notes.state();
        let Some(open) = state.open.get_mut(&self.number) else { return };
        *open -= 1;
        if *open == 0 {
            state.open.remove(&self.number);
            state.ended.push(self.number);
        }
    }
}

impl Recorded {
    /// Notes the changes that are made through this driver.
    fn new(inner: Arc<dyn ObjectsDriver>) -> Self {
        let notes = Notes {
            inner: inner.clone(),
            turn: tokio::sync::Mutex::new(None),
            state: Mutex::default(),
        };
        Self { inner, notes: Arc::new(notes) }
    }

    /// Notes a change, and makes it. A change that is given up half-way is never said to have
    /// ended: the store may still do it.
    async fn noted<T>(&self, key: &str, change: impl Future<Output = Result<T>>) -> Result<T> {
        check_reserved(key)?;
        let mut noted = std::mem::ManuallyDrop::new(self.notes.note(key).await?);
        let mut change = std::pin::pin!(change);
        let result = loop {
            match tokio::time::timeout(NOTED_AGAIN_AFTER, &mut change).await {
                Ok(result) => break result,
                Err(_) => {
                    drop(std::mem::ManuallyDrop::into_inner(noted));
                    noted = std::mem::ManuallyDrop::new(self.notes.note(key).await?);
                }
            }
        };
        // What may pass may also have happened, or happen yet.
        if !result.as_ref().is_err_and(Error::is_retryable) {
            drop(std::mem::ManuallyDrop::into_inner(noted));
        }
        result
    }
}

impl Notes {
    /// Writes down that a key is about to change; together with whatever else waits for that.
    async fn note(self: &Arc<Self>, key: &str) -> Result<Noted> {
        let ticket = {
            let mut state = self.state();
            state.next_ticket += 1;
            let ticket = state.next_ticket;
            state.waiting.insert(ticket, key.to_owned());
            ticket
        };
        let mut waiting = Waiting { notes: self, ticket };
        let mut last = self.turn.lock().await;
        loop {
            if let Some(number) = waiting.taken() {
                return Ok(Noted { notes: self.clone(), number });
            }
            self.write(&mut last).await?;
        }
    }

    /// Writes the next note with what waits.
    async fn write(&self, last: &mut Option<u64>) -> Result<()> {
        let (tickets, note) = {
            let state = self.state();
            let waiting = state.waiting.iter().take(KEYS_MAX);
            let (tickets, keys): (Vec<u64>, Vec<String>) =
                waiting.map(|(ticket, key)| (*ticket, key.clone())).unzip();
            (tickets, Note { keys, ended: state.ended.clone() })
        };
        let content = serde_json::to_vec(&note).map_err(|error| {
            Error::failed("change_record", "a note cannot be written down").because(error)
        })?;
        let number = self.append(Bytes::from(content), last).await?;
        self.written(number, tickets, &note);
        if number.is_multiple_of(PRUNED_EACH) {
            self.prune().await;
        }
        Ok(())
    }

    /// Takes into account that a note was written.
    fn written(&self, number: u64, tickets: Vec<u64>, note: &Note) {
        let mut state = self.state();
        state.ended.retain(|ended| !note.ended.contains(ended));
        let mut open = 0;
        for ticket in tickets {
            // One that gave up meanwhile does not change anything.
            if state.waiting.remove(&ticket).is_some() {
                state.noted.insert(ticket, number);
                open += 1;
            }
        }
        if open > 0 {
            state.open.insert(number, open);
        } else {
            state.ended.push(number);
        }
    }

    /// Creates the note under the first number that is free.
    async fn append(&self, content: Bytes, last: &mut Option<u64>) -> Result<u64> {
        let mut number = match *last {
            Some(last) => last,
            None => self.newest().await?,
        };
        for _ in 0..NUMBER_ATTEMPTS {
            number += 1;
            let (key, content) = (name(number), stream_of(content.clone()));
            let attributes = Attributes::default();
            let put = self.inner.put(&key, content, &attributes, &Condition::Absent, None).await;
            match put {
                Ok(_) => {
                    *last = Some(number);
                    return Ok(number);
                }
                Err(error) if error.code() == "object_condition" => *last = Some(number),
                Err(error) => return Err(error),
            }
        }
        let why = "other writers took the number of every note that was tried";
        Err(Error::failed("change_record", why).retryable())
    }

    /// The number of the newest note. There are no gaps, so doubling and halving finds it.
    async fn newest(&self) -> Result<u64> {
        let Some(mut low) = self.after(0).await? else { return Ok(0) };
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
        Ok(match self.after(low).await? {
            Some(found) => found,
            None => low,
        })
    }

    /// The first note after a number.
    async fn after(&self, number: u64) -> Result<Option<u64>> {
        let page = self.inner.list(NOTES, Some(&name(number)), 1).await?;
        page.objects.first().map(|object| number_in(&object.key)).transpose()
    }

    /// Deletes notes that nobody needs any more; a failure is left to the next time.
    async fn prune(&self) {
        let before = Timestamp::now() - KEPT;
        let Ok(page) = self.inner.list(NOTES, None, PRUNED_EACH as usize).await else { return };
        for object in page.objects.iter().take_while(|object| object.modified_at < before) {
            if let Err(error) = self.inner.delete(&object.key).await {
                tracing::debug!(error = %error.chain(), "an old note stays");
                return;
            }
        }
    }

    /// Notes after a number, oldest first, at most `limit`.
    async fn page(&self, after: u64, limit: usize) -> Result<Vec<(u64, Timestamp, Note)>> {
        let page = self.inner.list(NOTES, Some(&name(after)), limit).await?;
        let read = |object: ListedObject| async move {
            let number = number_in(&object.key)?;
            let note = self.read(&object.key).await?;
            Ok::<_, Error>(note.map(|note| (number, object.modified_at, note)))
        };
        let notes = futures::stream::iter(page.objects).map(read).buffered(TOGETHER);
        let notes: Vec<Option<_>> = notes.try_collect().await?;
        Ok(notes.into_iter().flatten().collect())
    }

    async fn read(&self, key: &str) -> Result<Option<Note>> {
        let Some((_, content)) = self.inner.get(key, None).await? else { return Ok(None) };
        let mut whole = Vec::new();
        let mut content = content;
        while let Some(piece) = content.try_next().await? {
            whole.extend_from_slice(&piece);
            if whole.len() > NOTE_MAX_BYTES {
                return Err(damaged(key));
            }
        }
        serde_json::from_slice(&whole).map(Some).map_err(|error| damaged(key).because(error))
    }

    /// The newest note up to which all changes have ended.
    async fn settled(&self) -> Result<u64> {
        let newest = self.newest().await?;
        // What is not ended is not older than that, or its writer has died.
        let oldest = self.first_younger_than(newest, OPEN_MAX).await?;
        let mut open = BTreeSet::new();
        let mut after = oldest - 1;
        loop {
            let page = self.page(after, 1_000).await?;
            let Some((last, ..)) = page.last() else { break };
            after = *last;
            for (number, _, note) in &page {
                // A note without keys has nothing to end.
                if !note.keys.is_empty() {
                    open.insert(*number);
                }
                note.ended.iter().for_each(|ended| {
                    open.remove(ended);
                });
            }
        }
        Ok(open.first().map_or(newest.max(after), |open| open - 1))
    }

    /// The first note that is younger than that; the one after the newest if none is.
    async fn first_younger_than(&self, newest: u64, age: Duration) -> Result<u64> {
        let since = Timestamp::now() - age;
        let Some(first) = self.after(0).await? else { return Ok(1) };
        let (mut low, mut high) = (first, newest + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            let page = self.inner.list(NOTES, Some(&name(middle - 1)), 1).await?;
            match page.objects.first() {
                Some(object) if object.modified_at < since => low = middle + 1,
                _ => high = middle,
            }
        }
        Ok(low)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who waits to be noted, and may give up.
struct Waiting<'a> {
    notes: &'a Notes,
    ticket: u64,
}

impl Waiting<'_> {
    fn taken(&mut self) -> Option<u64> {
        self.notes.state().noted.remove(&self.ticket)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.notes.state();
        state.waiting.remove(&self.ticket);
        state.noted.remove(&self.ticket);
    }
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
        let places = KEYS_MAX as u64;
        let (mut after, mut found) = ((since / places).saturating_sub(1), Vec::new());
        let mut newest: HashMap<String, u64> = HashMap::new();
        if let Some(first) = self.notes.after(after).await?
            && since > 0
            && first > since / places + 1
        {
            let why = "the record of changes does not reach back to where it was left";
            return Err(Error::refused("change_record_gap", why));
        }
        'notes: loop {
            let page = self.notes.page(after, limit.min(1_000)).await?;
            let Some((last, ..)) = page.last() else { break };
            after = *last;
            for (number, _, note) in page {
                for (place, key) in note.keys.into_iter().enumerate() {
                    let position = number * places + place as u64;
                    if position <= since {
                        continue;
                    }
                    if newest.len() == limit && !newest.contains_key(&key) {
                        break 'notes;
                    }
                    newest.insert(key.clone(), position);
                    found.push((position, key));
                    if found.len() > 4 * limit {
                        found.retain(|(position, key)| newest.get(key) == Some(position));
                    }
                }
            }
        }
        found.retain(|(position, key)| newest.get(key) == Some(position));
        let look = |(position, key): (u64, String)| async move {
            let object = self.inner.head(&key).await?;
            Ok(Change { position, key, object })
        };
        futures::stream::iter(found).map(look).buffered(TOGETHER).try_collect().await
    }

    /// The last place of the newest settled note. It is never 0, from where nothing is known: what
    /// was there before the first note is in no note.
    async fn position(&self) -> Result<u64> {
        let places = KEYS_MAX as u64;
        Ok(self.notes.settled().await? * places + places - 1)
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

fn name(number: u64) -> String {
    format!("{NOTES}{number:020}")
}

fn number_in(key: &str) -> Result<u64> {
    let number = key.strip_prefix(NOTES).filter(|digits| digits.len() == 20);
    number.and_then(|digits| digits.parse().ok()).ok_or_else(|| damaged(key))
}

fn damaged(key: &str) -> Error {
    Error::failed("change_record", format!("`{key}` is not a note of a change"))
        .hint("only Trefoil writes below `.trefoil/`")
}

fn check_reserved(key: &str) -> Result<()> {
    if !key.starts_with(RESERVED) {
        return Ok(());
    }
    let why = format!("keys that begin with `{RESERVED}` are kept for the record of changes");
    Err(Error::usage("object_key_reserved", why))
}
