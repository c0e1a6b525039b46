//! Sessions.

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
