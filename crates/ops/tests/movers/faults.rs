//! A bucket that does what the test says when it is used.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use trefoil_clouds::objects::{
    Attributes, ByteStream, Capabilities, Change, Condition, ListedObject, ObjectInfo, Objects,
    ObjectsDriver, Page,
};
use trefoil_ops::{Error, Result};

/// What goes wrong.
pub(crate) enum Fault {
    /// Every read takes this long.
    SlowReads(Duration),
    /// The first reads bring other bytes than the object has.
    WrongBytes(AtomicU32),
    /// The first reads fail, and may go better later.
    FailedReads(AtomicU32),
    /// Every read overwrites the object first.
    OverwrittenWhenRead,
    /// Every read deletes the object first.
    DeletedWhenRead,
    /// What was written is never known to be durable.
    NeverDurable,
    /// Every look at the record writes another object.
    NeverQuiet(AtomicU32),
    /// The answers to the first writes are lost, and by then the source has this content, or none.
    AnswerLost(AtomicU32, Objects, Option<&'static str>),
    /// It cannot write on a condition.
    NoConditions,
}

pub(crate) struct Faulty {
    inner: Objects,
    fault: Fault,
}

pub(crate) fn faulty(inner: &Objects, fault: Fault) -> Objects {
    Objects::new(Arc::new(Faulty { inner: inner.clone(), fault }))
}

fn takes_one(left: &AtomicU32) -> bool {
    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

#[async_trait]
impl ObjectsDriver for Faulty {
    fn capabilities(&self) -> Capabilities {
        let can = self.inner.capabilities();
        let conditional = can.conditional && !matches!(self.fault, Fault::NoConditions);
        Capabilities { conditional, ..can }
    }

    async fn put(
        &self,
        key: &str,
        content: ByteStream,
        attributes: &Attributes,
        condition: &Condition,
        digest: Option<&str>,
    ) -> Result<ObjectInfo> {
        let written = self.inner.put(key, content, attributes, condition, digest).await?;
        match &self.fault {
            Fault::AnswerLost(left, source, now) if takes_one(left) => {
                match now {
                    Some(now) => {
                        drop(source.put_bytes(key, Bytes::from_static(now.as_bytes())).await?)
                    }
                    None => drop(source.delete(key).await?),
                }
                Err(Error::failed("answer_lost", "the answer was lost").retryable())
            }
            _ => Ok(written),
        }
    }

    async fn get(
        &self,
        key: &str,
        range: Option<(u64, u64)>,
    ) -> Result<Option<(ObjectInfo, ByteStream)>> {
        match &self.fault {
            Fault::SlowReads(pause) => tokio::time::sleep(*pause).await,
            Fault::OverwrittenWhenRead => {
                self.inner.put_bytes(key, Bytes::from_static(b"newer")).await?;
            }
            Fault::DeletedWhenRead => {
                self.inner.delete(key).await?;
            }
            Fault::FailedReads(left) if takes_one(left) => {
                return Err(Error::failed("connection_lost", "gone").retryable());
            }
            Fault::WrongBytes(left) if takes_one(left) => {
                let found = self.inner.get(key, range).await?;
                let wrong = futures::stream::iter([Ok(Bytes::from_static(b"wrong"))]).boxed();
                return Ok(found.map(|(info, _)| (info, wrong)));
            }
            _ => {}
        }
        self.inner.get(key, range).await
    }

    async fn head(&self, key: &str) -> Result<Option<ObjectInfo>> {
        self.inner.head(key).await
    }

    async fn delete(&self, key: &str) -> Result<bool> {
        self.inner.delete(key).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page> {
        self.inner.list(prefix, after, limit).await
    }

    async fn changes(&self, since: u64, limit: usize) -> Result<Vec<Change>> {
        if let Fault::NeverQuiet(count) = &self.fault {
            let key = format!("more-{}", count.fetch_add(1, Ordering::SeqCst));
            self.inner.put_bytes(&key, Bytes::from_static(b"more")).await?;
        }
        self.inner.changes(since, limit).await
    }

    async fn position(&self) -> Result<u64> {
        self.inner.position().await
    }

    async fn sync(&self) -> Result<()> {
        match self.fault {
            Fault::NeverDurable => Err(Error::failed("disk", "the disk is gone")),
            _ => self.inner.sync().await,
        }
    }

    async fn health(&self) -> Result<()> {
        self.inner.health().await
    }
}

/// In which order a bucket lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// That of the keys' bytes.
    Bytes,
    /// One of its own: backwards.
    Own,
}

/// A bucket that keeps no record of changes, as most stores do.
pub(crate) fn unrecorded(inner: &Objects, order: Order) -> Objects {
    watched(inner, order).0
}

/// The same, with what is seen of its use.
pub(crate) fn watched(inner: &Objects, order: Order) -> (Objects, Arc<Watched>) {
    let seen = Arc::new(Watched::default());
    let bucket = Unrecorded { inner: inner.clone(), order, seen: seen.clone() };
    (Objects::new(Arc::new(bucket)), seen)
}

struct Unrecorded {
    inner: Objects,
    order: Order,
    seen: Arc<Watched>,
}

/// What is seen of a bucket's use, and how slow it is.
#[derive(Default)]
pub(crate) struct Watched {
    /// How often the whole bucket was listed.
    pub(crate) listings: AtomicU32,
    /// How often each key was read.
    pub(crate) reads: Mutex<BTreeMap<String, u32>>,
    /// How often something was written.
    pub(crate) puts: AtomicU32,
    /// How long a write of something other than a note takes.
    pub(crate) slow_puts_ms: AtomicU32,
    /// How long a read takes.
    pub(crate) slow_reads_ms: AtomicU32,
    /// The key whose next read fails.
    pub(crate) fails_once: Mutex<Option<String>>,
}

async fn rest(ms: &AtomicU32) {
    let ms = ms.load(Ordering::SeqCst);
    if ms > 0 {
        tokio::time::sleep(Duration::from_millis(ms.into())).await;
    }
}

#[async_trait]
impl ObjectsDriver for Unrecorded {
    fn capabilities(&self) -> Capabilities {
        let byte_order = self.order == Order::Bytes;
        let can = self.inner.capabilities();
        Capabilities { change_record: false, whole_record: false, byte_order, ..can }
    }

    async fn put(
        &self,
        key: &str,
        content: ByteStream,
        attributes: &Attributes,
        condition: &Condition,
        digest: Option<&str>,
    ) -> Result<ObjectInfo> {
        self.seen.puts.fetch_add(1, Ordering::SeqCst);
        if !key.starts_with(".trefoil/") {
            rest(&self.seen.slow_puts_ms).await;
        }
        self.inner.put(key, content, attributes, condition, digest).await
    }

    async fn get(
        &self,
        key: &str,
        range: Option<(u64, u64)>,
    ) -> Result<Option<(ObjectInfo, ByteStream)>> {
        *self.seen.reads.lock().unwrap().entry(key.to_owned()).or_default() += 1;
        rest(&self.seen.slow_reads_ms).await;
        if self.seen.fails_once.lock().unwrap().take_if(|fails| fails == key).is_some() {
            return Err(Error::failed("connection_lost", "gone"));
        }
        self.inner.get(key, range).await
    }

    async fn head(&self, key: &str) -> Result<Option<ObjectInfo>> {
        self.inner.head(key).await
    }

    async fn delete(&self, key: &str) -> Result<bool> {
        self.inner.delete(key).await
    }

    /// What a listing of a store shows: neither digests nor attributes.
    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page> {
        if prefix.is_empty() {
            self.seen.listings.fetch_add(1, Ordering::SeqCst);
        }
        let mut all = self.inner.list(prefix, None, 10_000).await?.objects;
        if self.order == Order::Own {
            all.reverse();
        }
        let passed = match self.order {
            Order::Bytes => after.map(|after| all.partition_point(|one| one.key.as_str() <= after)),
            Order::Own => {
                after.and_then(|after| all.iter().position(|one| one.key == after)).map(|at| at + 1)
            }
        };
        let rest = all.split_off(passed.unwrap_or(0));
        let objects: Vec<_> = rest
            .into_iter()
            .take(limit)
            .map(|object| ListedObject { digest: None, attributes: None, ..object })
            .collect();
        let next = objects.last().filter(|_| objects.len() == limit);
        Ok(Page { next: next.map(|object| object.key.clone()), objects })
    }

    async fn changes(&self, _: u64, _: usize) -> Result<Vec<Change>> {
        panic!("it keeps no record")
    }

    async fn position(&self) -> Result<u64> {
        panic!("it keeps no record")
    }

    async fn health(&self) -> Result<()> {
        self.inner.health().await
    }
}
