//! Keys that the move has carried and that somebody else writes to at the target: refused by name
//! and left as they are, on every store that can write on a condition.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use tempfile::TempDir;
use trefoil_clouds::aws::{AccessKey, Address, S3Objects};
use trefoil_clouds::conformance::stand_ins::Ministack;
use trefoil_clouds::objects::Objects;
use trefoil_ops::movers::objects::{Route, copy};
use trefoil_ops::movers::{Extent, Tally};

use crate::faults::{Fault, faulty};
use crate::s3::{Store, put_large};
use crate::support::{back, bucket, put, read, there};

async fn carry(route: &Route, since: u64) -> u64 {
    let copied = copy(route, since, Extent::UntilQuiet, &Tally::default()).await;
    copied.unwrap().source_position
}

/// Large enough for a store of S3's language to get it in parts.
const LARGE_MEGABYTES: usize = 9;

async fn change(east: &Objects, key: &str) {
    match key {
        "large" => drop(put_large(east, key, LARGE_MEGABYTES + 1).await),
        _ => put(east, key, "changed at the source").await,
    }
}

/// The move stops at such a key, also when it is resumed, until somebody has moved it away.
async fn assert_refused_and_kept(folder: &TempDir, target: &Objects, route_target: &Objects) {
    let east = bucket(folder.path(), "source");
    put(&east, "small", "first").await;
    put_large(&east, "large", LARGE_MEGABYTES).await;
    let there = there(folder, &east, route_target).await;
    let mut since = carry(&there, 0).await;
    for key in ["small", "large"] {
        put(target, key, "theirs").await;
        change(&east, key).await;
        for _ in 0..2 {
            let refused = copy(&there, since, Extent::UntilQuiet, &Tally::default()).await;
            let error = refused.unwrap_err();
            assert_eq!(error.code(), "object_foreign", "{}", error.chain());
            assert!(error.to_string().contains(&format!("`{key}`")), "{error}");
            assert_eq!(read(target, key).await.as_deref(), Some("theirs"));
        }
        target.delete(key).await.unwrap();
        since = carry(&there, since).await;
        let (here, there) = (east.head(key).await.unwrap(), target.head(key).await.unwrap());
        assert_eq!(here.unwrap().digest, there.unwrap().digest);
    }
}

#[tokio::test]
async fn what_another_has_overwritten_is_kept_in_files() {
    let folder = tempfile::tempdir().unwrap();
    let west = bucket(folder.path(), "west");
    assert_refused_and_kept(&folder, &west, &west).await;
}

#[tokio::test]
async fn what_another_has_overwritten_is_seen_by_a_look_where_there_are_no_conditions() {
    let folder = tempfile::tempdir().unwrap();
    let west = bucket(folder.path(), "west");
    assert_refused_and_kept(&folder, &west, &faulty(&west, Fault::NoConditions)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_has_overwritten_is_kept_in_a_store() {
    let store = Store::start().await;
    let (_, west) = store.bucket();
    assert_refused_and_kept(&store.folder, &west, &west).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_has_overwritten_is_kept_in_another_store() {
    let server = tokio::task::spawn_blocking(Ministack::shared).await.unwrap();
    let address = Address {
        bucket: server.create_bucket("moved"),
        endpoint: Some(server.endpoint()),
        path_style: true,
        credentials: Some(AccessKey { id: "test".into(), secret: "test".into() }),
        ..Address::default()
    };
    let west = Objects::new(Arc::new(S3Objects::new(address)));
    let folder = tempfile::tempdir().unwrap();
    assert_refused_and_kept(&folder, &west, &west).await;
}

/// A write whose answer was lost is the move's own, whatever the source has by then.
#[tokio::test]
async fn what_an_earlier_attempt_wrote_is_replaced_and_deleted() {
    for now in [Some("newer"), None] {
        let folder = tempfile::tempdir().unwrap();
        let (east, west) = (bucket(folder.path(), "east"), bucket(folder.path(), "west"));
        let there = there(&folder, &east, &west).await;
        put(&east, "k", "older").await;
        let losing = Fault::AnswerLost(AtomicU32::new(1), east.clone(), now);
        let losing = Route { target: faulty(&west, losing), ..there.clone() };
        let since = carry(&losing, 0).await;
        assert_eq!(read(&west, "k").await.as_deref(), now);
        // The same of a key that was carried before.
        put(&east, "k", "carried").await;
        let since = carry(&there, since).await;
        put(&east, "k", "older").await;
        let losing = Fault::AnswerLost(AtomicU32::new(1), east.clone(), now);
        let losing = Route { target: faulty(&west, losing), ..there.clone() };
        carry(&losing, since).await;
        assert_eq!(read(&west, "k").await.as_deref(), now);
    }
}

/// One that appears when the move has looked stays also when the move is resumed.
#[tokio::test]
async fn a_key_that_appeared_is_kept_by_the_next_copy_too() {
    let folder = tempfile::tempdir().unwrap();
    let (east, west) = (bucket(folder.path(), "east"), bucket(folder.path(), "west"));
    let there = there(&folder, &east, &west).await;
    put(&east, "first", "first").await;
    let since = carry(&there, 0).await;
    put(&east, "k", "ours").await;
    put(&west, "k", "theirs").await;
    for _ in 0..3 {
        let refused = copy(&there, since, Extent::UntilQuiet, &Tally::default()).await;
        assert_eq!(refused.unwrap_err().code(), "object_foreign");
        assert_eq!(read(&west, "k").await.as_deref(), Some("theirs"));
    }
}

/// What was the same on both sides before the move is the application's once the target serves.
#[tokio::test]
async fn what_was_the_same_already_follows_on_the_way_back() {
    let folder = tempfile::tempdir().unwrap();
    let (east, west) = (bucket(folder.path(), "east"), bucket(folder.path(), "west"));
    for key in ["changed", "deleted"] {
        put(&east, key, "same").await;
        put(&west, key, "same").await;
    }
    carry(&there(&folder, &east, &west).await, 0).await;
    let since = west.position().await.unwrap();
    put(&west, "changed", "on west").await;
    west.delete("deleted").await.unwrap();
    carry(&back(&folder, &east, &west).await, since).await;
    assert_eq!(read(&east, "changed").await.as_deref(), Some("on west"));
    assert_eq!(read(&east, "deleted").await, None);
}
