//! Buckets of stores without a record of changes, whose application notes what it changes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempDir;
use trefoil_clouds::change_record::recorded;
use trefoil_clouds::objects::Objects;
use trefoil_ops::movers::objects::{Route, copy};
use trefoil_ops::movers::{Extent, Tally};

use crate::faults::{Order, Watched, watched};
use crate::support::{back, bucket, put, read, there};

/// A source that keeps no record, watched, and a target.
struct Pair {
    folder: TempDir,
    east: Objects,
    west: Objects,
    store: Objects,
    seen: Arc<Watched>,
}

impl Pair {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (east, west) = (bucket(folder.path(), "east"), bucket(folder.path(), "west"));
        let (store, seen) = watched(&east, Order::Bytes);
        Self { folder, east, west, store, seen }
    }

    /// A handle as an instance of the application has it.
    fn handle(&self) -> Objects {
        recorded(self.store.clone()).unwrap()
    }

    async fn route(&self) -> Route {
        Route { source: self.handle(), ..there(&self.folder, &self.east, &self.west).await }
    }

    fn listings(&self) -> u32 {
        self.seen.listings.load(Ordering::SeqCst)
    }

    /// Both sides hold the same, notes aside.
    async fn assert_same(&self) {
        let of = async |bucket: &Objects| {
            let page = bucket.list("", None, 10_000).await.unwrap();
            let own = page.objects.into_iter().filter(|one| !one.key.starts_with(".trefoil/"));
            own.map(|one| (one.key, one.digest)).collect::<Vec<_>>()
        };
        assert!(of(&self.east).await == of(&self.west).await);
    }
}

async fn carry(route: &Route, since: u64, extent: Extent) -> u64 {
    copy(route, since, extent, &Tally::default()).await.unwrap().source_position
}

#[tokio::test]
async fn the_last_pass_lists_nothing() {
    let pair = Pair::new();
    for n in 0..300 {
        put(&pair.store, &format!("before/{n}"), "was there before there were notes").await;
    }
    let application = pair.handle();
    put(&application, "first", "noted").await;
    let route = pair.route().await;
    let since = carry(&route, 0, Extent::UntilSmall).await;
    put(&application, "new", "new").await;
    put(&application, "before/7", "overwritten").await;
    assert!(application.delete("before/8").await.unwrap());
    let listed = pair.listings();
    carry(&route, since, Extent::UntilQuiet).await;
    assert_eq!(pair.listings(), listed, "the bucket was listed while users waited");
    pair.assert_same().await;
    assert_eq!(read(&pair.west, "before/8").await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_is_noted_and_comes_later_is_not_missed() {
    let pair = Pair::new();
    let application = pair.handle();
    put(&application, "a", "1").await;
    let route = pair.route().await;
    let since = carry(&route, 0, Extent::UntilSmall).await;
    pair.seen.slow_puts_ms.store(400, Ordering::SeqCst);
    let slow = tokio::spawn(async move { put(&application, "a", "2").await });
    tokio::time::sleep(Duration::from_millis(150)).await;
    // The note is there and the object is not: a pass now sees the old one.
    let since = carry(&route, since, Extent::OnePass).await;
    assert_eq!(read(&pair.west, "a").await.as_deref(), Some("1"));
    slow.await.unwrap();
    carry(&route, since, Extent::UntilQuiet).await;
    assert_eq!(read(&pair.west, "a").await.as_deref(), Some("2"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_instances_note_in_one_order_and_a_dead_one_holds_nothing_up() {
    let pair = Pair::new();
    let route = pair.route().await;
    let since = carry(&route, 0, Extent::UntilSmall).await;
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let handle = pair.handle();
            tokio::spawn(async move {
                for n in 0..40 {
                    put(&handle, &format!("w{writer}/{}", n % 15), &format!("{n}")).await;
                    if n % 10 == 9 {
                        handle.delete(&format!("w{writer}/{}", n % 15)).await.unwrap();
                    }
                }
            })
        })
        .collect();
    let since = carry(&route, since, Extent::OnePass).await;
    for writer in writers {
        writer.await.unwrap();
    }
    // One that dies between its note and its change.
    let dead = pair.handle();
    pair.seen.slow_puts_ms.store(60_000, Ordering::SeqCst);
    let died = dead.put_bytes("never", Bytes::from_static(b"came"));
    assert!(tokio::time::timeout(Duration::from_millis(300), died).await.is_err());
    pair.seen.slow_puts_ms.store(0, Ordering::SeqCst);
    let listed = pair.listings();
    carry(&route, since, Extent::UntilQuiet).await;
    assert_eq!(pair.listings(), listed);
    pair.assert_same().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_position_is_told_beside_a_writer_that_never_rests() {
    let pair = Pair::new();
    let (application, handle) = (pair.handle(), pair.handle());
    put(&application, "a", "first").await;
    // While a page of notes is read, there is always another note.
    pair.seen.slow_reads_ms.store(50, Ordering::SeqCst);
    let written = Arc::new(AtomicU32::new(0));
    let count = written.clone();
    let writer = tokio::spawn(async move {
        loop {
            put(&application, "a", "again").await;
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    while written.load(Ordering::SeqCst) < 20 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for _ in 0..3 {
        let before = written.load(Ordering::SeqCst);
        let told = tokio::time::timeout(Duration::from_secs(30), handle.position()).await;
        let position = told.expect("a position comes to an end").unwrap();
        assert!(position > 0);
        let changes = tokio::time::timeout(Duration::from_secs(30), handle.changes(0, 100)).await;
        assert_eq!(changes.expect("changes come to an end").unwrap().len(), 1);
        assert!(written.load(Ordering::SeqCst) > before, "it was written to meanwhile");
    }
    writer.abort();
}

#[tokio::test]
async fn a_handle_reads_each_note_once_for_its_positions_also_when_it_was_disturbed() {
    let pair = Pair::new();
    let (application, handle) = (pair.handle(), pair.handle());
    for n in 0..600 {
        put(&application, "a", &n.to_string()).await;
    }
    let notes = pair.store.list(".trefoil/", None, 1_000).await.unwrap().objects;
    let times_read = |n: usize| pair.seen.reads.lock().unwrap().get(&notes[n].key).copied();
    // In the second page of what is read.
    *pair.seen.fails_once.lock().unwrap() = Some(notes[400].key.clone());
    assert_eq!(handle.position().await.unwrap_err().code(), "connection_lost");
    let position = handle.position().await.unwrap();
    put(&application, "a", "newer").await;
    assert!(handle.position().await.unwrap() > position);
    assert_eq!((times_read(0), times_read(255)), (Some(1), Some(1)));
    assert_eq!((times_read(400), times_read(599)), (Some(2), Some(1)));
}

#[tokio::test]
async fn a_handle_that_rested_finds_the_newest_note_whatever_others_wrote_meanwhile() {
    let pair = Pair::new();
    let (busy, rested) = (pair.handle(), pair.handle());
    put(&rested, "r", "1").await;
    for n in 0..400 {
        put(&busy, "b", &n.to_string()).await;
    }
    let before = pair.seen.puts.load(Ordering::SeqCst);
    put(&rested, "r", "2").await;
    let puts = pair.seen.puts.load(Ordering::SeqCst) - before;
    assert!(puts <= 6, "{puts} writes for one object: it tried every number that was taken");
}

#[tokio::test]
async fn notes_are_seen_by_nobody_and_their_keys_are_refused() {
    let pair = Pair::new();
    let application = pair.handle();
    put(&application, "a", "1").await;
    let listed = application.list("", None, 100).await.unwrap().objects;
    assert_eq!(listed.len(), 1);
    let error = application.put_bytes(".trefoil/x", Bytes::new()).await.unwrap_err();
    assert_eq!(error.code(), "object_key_reserved");
    let note = pair.store.list(".trefoil/", None, 100).await.unwrap().objects;
    assert_eq!(note.len(), 1, "one request more for a write");
    let route = pair.route().await;
    carry(&route, 0, Extent::UntilQuiet).await;
    assert_eq!(pair.west.list("", None, 100).await.unwrap().objects.len(), 1);
}

#[tokio::test]
async fn a_record_that_does_not_reach_back_is_made_up_for_by_a_listing() {
    let pair = Pair::new();
    let application = pair.handle();
    let route = pair.route().await;
    put(&application, "a", "1").await;
    put(&application, "b", "1").await;
    let since = carry(&route, 0, Extent::UntilSmall).await;
    for n in 0..6 {
        put(&application, "a", &format!("again {n}")).await;
    }
    let notes = pair.store.list(".trefoil/", None, 100).await.unwrap().objects;
    for note in &notes[..6] {
        pair.store.delete(&note.key).await.unwrap();
    }
    let since = carry(&route, since, Extent::UntilQuiet).await;
    pair.assert_same().await;

    put(&application, "b", "2").await;
    for note in pair.store.list(".trefoil/", None, 100).await.unwrap().objects {
        pair.store.delete(&note.key).await.unwrap();
    }
    let listed = pair.listings();
    carry(&route, since, Extent::UntilQuiet).await;
    assert!(pair.listings() > listed, "no note is left: what changed is not known");
    pair.assert_same().await;
}

#[tokio::test]
async fn the_way_back_goes_by_the_notes_too() {
    let pair = Pair::new();
    put(&pair.west, "k", "1").await;
    put(&pair.west, "gone", "1").await;
    // From west, which keeps a record, to the store, which does not.
    let folder = &pair.folder;
    let there = Route { target: pair.handle(), ..back(folder, &pair.east, &pair.west).await };
    let copied = copy(&there, 0, Extent::UntilQuiet, &Tally::default()).await.unwrap();
    let application = pair.handle();
    put(&application, "k", "2").await;
    put(&application, "new", "1").await;
    application.delete("gone").await.unwrap();
    let handle = pair.handle();
    let ends = ((&handle, "east"), (&pair.west, "west"));
    let home = crate::support::route(folder.path(), ends.0, ends.1, None).await;
    carry(&home, copied.target_position, Extent::UntilQuiet).await;
    pair.assert_same().await;
}
