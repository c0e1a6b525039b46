//! Sessions.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tempfile::TempDir;
use trefoil_clouds::sessions::{Session, Sessions};
use trefoil_core::plan::CopyOutput;
use trefoil_ops::movers::sessions::{compare, copy, remove_copied};
use trefoil_ops::movers::{Extent, Tally};

use crate::support::sessions;

const HOUR: Duration = Duration::from_secs(3600);

fn two() -> (TempDir, Sessions, Sessions) {
    let folder = tempfile::tempdir().unwrap();
    let (east, west) = (sessions(folder.path(), "east"), sessions(folder.path(), "west"));
    (folder, east, west)
}

fn now() -> Timestamp {
    "2026-05-01T12:00:00Z".parse().unwrap()
}

async fn create(store: &Sessions, id: &str) -> Session {
    store.create(Some(id), json!({ "cart": id }), HOUR, now()).await.unwrap()
}

async fn carry(source: &Sessions, target: &Sessions, since: u64, at: Timestamp) -> CopyOutput {
    copy(source, target, since, Extent::UntilQuiet, at, &Tally::default()).await.unwrap()
}

async fn assert_equal(source: &Sessions, target: &Sessions, at: Timestamp, count: u64) {
    let comparison = compare(source, target, at).await.unwrap();
    assert!(comparison.equal, "{:?}", comparison.differences);
    assert_eq!(comparison.count, count);
}

#[tokio::test]
async fn version_and_expiry_are_carried_exactly() {
    let (_folder, east, west) = two();
    create(&east, "s").await;
    let later = now() + SignedDuration::from_millis(61_234);
    let session = east.update("s", json!({ "cart": 2 }), None, None, later).await.unwrap().unwrap();
    carry(&east, &west, 0, later).await;
    assert_eq!(west.raw("s").await.unwrap(), Some(session.clone()));
    assert_eq!((session.version, session.expires_at), (2, now() + HOUR));
}

#[tokio::test]
async fn an_expired_session_is_not_carried_and_not_compared() {
    let (_folder, east, west) = two();
    create(&east, "s").await;
    let expiry = now() + HOUR;
    assert_eq!(carry(&east, &west, 0, expiry).await.written, 0);
    assert_eq!(west.raw("s").await.unwrap(), None);
    assert_equal(&east, &west, expiry, 0).await;
    let before = expiry - Duration::from_millis(1);
    assert_eq!(carry(&east, &west, 0, before).await.written, 1);
    assert_equal(&east, &west, before, 1).await;
}

#[tokio::test]
async fn a_session_that_was_cut_short_does_not_live_on_at_the_target() {
    let (_folder, east, west) = two();
    create(&east, "s").await;
    let first = carry(&east, &west, 0, now()).await;
    let short = Duration::from_secs(1);
    east.touch("s", short, now()).await.unwrap();
    let after = now() + Duration::from_secs(2);
    carry(&east, &west, first.source_position, after).await;
    assert_eq!(west.get("s", after).await.unwrap(), None);
    assert_equal(&east, &west, after, 0).await;
}

#[tokio::test]
async fn many_sessions_arrive_and_the_second_copy_writes_nothing() {
    let (_folder, east, west) = two();
    for n in 0..700 {
        create(&east, &format!("s{n}")).await;
    }
    assert_eq!(carry(&east, &west, 0, now()).await.written, 700);
    assert_equal(&east, &west, now(), 700).await;
    assert_eq!(carry(&east, &west, 0, now()).await.written, 0);
}

#[tokio::test]
async fn a_delta_carries_updates_and_deletions() {
    let (_folder, east, west) = two();
    for id in ["a", "b", "c"] {
        create(&east, id).await;
    }
    let first = carry(&east, &west, 0, now()).await;
    east.update("a", json!(2), None, None, now()).await.unwrap();
    east.delete("b").await.unwrap();
    create(&east, "d").await;
    let delta = carry(&east, &west, first.source_position, now()).await;
    assert_eq!((delta.written, delta.deleted), (2, 1));
    assert_equal(&east, &west, now(), 3).await;
}

#[tokio::test]
async fn a_session_made_anew_replaces_one_of_a_higher_version() {
    let (_folder, east, west) = two();
    create(&east, "s").await;
    for n in 0..3 {
        east.update("s", json!(n), None, None, now()).await.unwrap();
    }
    let first = carry(&east, &west, 0, now()).await;
    assert_eq!(west.raw("s").await.unwrap().unwrap().version, 4);
    east.delete("s").await.unwrap();
    let anew = create(&east, "s").await;
    carry(&east, &west, first.source_position, now()).await;
    assert_eq!(west.raw("s").await.unwrap(), Some(anew));
}

#[tokio::test]
async fn the_way_back_carries_only_what_changed_after_the_move() {
    let (_folder, east, west) = two();
    for id in ["a", "b", "c"] {
        create(&east, id).await;
    }
    let forward = carry(&east, &west, 0, now()).await;
    west.update("a", json!("on west"), None, None, now()).await.unwrap();
    west.delete("b").await.unwrap();
    let back = carry(&west, &east, forward.target_position, now()).await;
    assert_eq!((back.written, back.deleted), (1, 1));
    assert_equal(&west, &east, now(), 2).await;
}

#[tokio::test]
async fn undoing_twice_leaves_only_what_the_copy_did_not_write() {
    let (_folder, east, west) = two();
    create(&east, "a").await;
    create(&east, "b").await;
    carry(&east, &west, 0, now()).await;
    east.delete("b").await.unwrap();
    create(&west, "its own").await;
    for _ in 0..2 {
        remove_copied(&east, &west).await.unwrap();
        assert_eq!(west.count(now()).await.unwrap(), 1);
        assert!(west.raw("its own").await.unwrap().is_some());
        assert_eq!(east.count(now()).await.unwrap(), 1);
    }
}

#[tokio::test]
async fn a_comparison_finds_what_is_different_missing_or_more() {
    let (_folder, east, west) = two();
    create(&east, "a").await;
    carry(&east, &west, 0, now()).await;
    create(&west, "more").await;
    let more = compare(&east, &west, now()).await.unwrap();
    assert_eq!(more.differences, ["more: only at the target"]);
    west.delete("more").await.unwrap();
    west.touch("a", HOUR / 2, now()).await.unwrap();
    let other = compare(&east, &west, now()).await.unwrap();
    assert_eq!(other.differences, ["a: not the same at the target"]);
}

/// Who serves now. Requests hold it for reading; a switch takes it for writing.
type Serving = Arc<tokio::sync::RwLock<Sessions>>;

/// One user who updates a session until told to stop; how often it was acknowledged.
async fn user(serving: Serving, id: String, stop: Arc<AtomicBool>) -> u64 {
    let mut acknowledged = 0;
    while !stop.load(Ordering::SeqCst) {
        let store = serving.read().await;
        let data = json!({ "n": acknowledged + 1 });
        let written = store.update(&id, data, None, None, Timestamp::now()).await.unwrap();
        assert_eq!(written.expect("it lives").version, acknowledged + 2);
        acknowledged += 1;
        drop(store);
        tokio::task::yield_now().await;
    }
    acknowledged
}

/// Copies from one store to another, while it serves and then once it is closed, and lets the
/// other one serve.
async fn switch(serving: &Serving, from: &Sessions, to: &Sessions, since: u64) -> u64 {
    let tally = Tally::default();
    let now = Timestamp::now();
    let first = copy(from, to, since, Extent::UntilSmall, now, &tally).await.unwrap();
    let mut closed = serving.write().await;
    let since = first.source_position;
    let last = copy(from, to, since, Extent::UntilQuiet, now, &tally).await.unwrap();
    *closed = to.clone();
    last.target_position
}

/// Users update their sessions all the time, on whichever side serves: no update is lost, none is
/// taken back by a copy, and each keeps its expiry.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn updates_on_both_sides_of_two_switches_are_all_there() {
    let folder = tempfile::tempdir().unwrap();
    let (east, west) = (sessions(folder.path(), "east"), sessions(folder.path(), "west"));
    let serving: Serving = Arc::new(tokio::sync::RwLock::new(east.clone()));
    let stop = Arc::new(AtomicBool::new(false));
    let (now, ttl) = (Timestamp::now(), Duration::from_secs(3_600));
    let mut users = Vec::new();
    for n in 0..6 {
        let id = format!("user-{n}");
        let made = east.create(Some(&id), json!({}), ttl * (n + 1), now).await.unwrap();
        users.push((made, tokio::spawn(user(serving.clone(), id, stop.clone()))));
    }
    let since = switch(&serving, &east, &west, 0).await;
    // The way back is kept open while west serves.
    let tally = Tally::default();
    let back = copy(&west, &east, since, Extent::OnePass, now, &tally).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let since = switch(&serving, &west, &east, back.source_position).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    switch(&serving, &east, &west, since).await;
    stop.store(true, Ordering::SeqCst);
    for (made, user) in users {
        let acknowledged = user.await.unwrap();
        assert!(acknowledged > 0);
        let found = west.get(&made.id, now).await.unwrap().unwrap();
        assert_eq!(found.version, made.version + acknowledged, "{}", made.id);
        assert_eq!(found.data, json!({ "n": acknowledged }));
        assert_eq!(found.expires_at, made.expires_at);
    }
}
