//! Objects.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use tempfile::TempDir;
use trefoil_clouds::objects::{Attributes, Condition, Objects, stream_of};
use trefoil_core::plan::CopyOutput;
use trefoil_ops::movers::objects::{compare, copy, remove_copied};
use trefoil_ops::movers::{Extent, Tally};

use crate::faults::{Fault, faulty};
use crate::support::{bucket, put, read};

fn two() -> (TempDir, Objects, Objects) {
    let folder = tempfile::tempdir().unwrap();
    let (east, west) = (bucket(folder.path(), "east"), bucket(folder.path(), "west"));
    (folder, east, west)
}

async fn carry(source: &Objects, target: &Objects, since: u64, extent: Extent) -> CopyOutput {
    copy(source, target, since, extent, &Tally::default()).await.unwrap()
}

async fn assert_equal(source: &Objects, target: &Objects, count: u64) {
    let comparison = compare(source, target).await.unwrap();
    assert!(comparison.equal, "{:?}", comparison.differences);
    assert_eq!(comparison.count, count);
}

async fn fill(bucket: &Objects, count: usize) {
    let writes = (0..count).map(|n| async move {
        put(bucket, &format!("d/{n:05}"), &format!("content {n}")).await;
    });
    futures::stream::iter(writes).buffer_unordered(16).collect::<()>().await;
}

#[tokio::test]
async fn an_empty_bucket_is_carried() {
    let (_folder, east, west) = two();
    assert_eq!(carry(&east, &west, 0, Extent::UntilQuiet).await, CopyOutput::default());
    assert_equal(&east, &west, 0).await;
}

#[tokio::test]
async fn keys_and_attributes_arrive_as_they_are() {
    let (_folder, east, west) = two();
    let attributes = Attributes {
        content_type: Some("text/plain".into()),
        cache_control: Some("no-store".into()),
        metadata: BTreeMap::from([("owner".into(), "Zoë".into())]),
        ..Attributes::default()
    };
    let long = "k".repeat(1024);
    let keys = ["a//b", "/x", " x ", "../up", "ü\n\0", long.as_str()];
    for key in keys {
        let content = stream_of(Bytes::from(key.to_owned()));
        east.put(key, content, &attributes, &Condition::Always, None).await.unwrap();
    }
    carry(&east, &west, 0, Extent::UntilQuiet).await;
    assert_equal(&east, &west, keys.len() as u64).await;
    for key in keys {
        assert_eq!(read(&west, key).await.as_deref(), Some(key));
        assert_eq!(west.head(key).await.unwrap().unwrap().attributes, attributes);
    }
}

#[tokio::test]
async fn five_thousand_small_objects_arrive_and_the_second_copy_writes_nothing() {
    let (_folder, east, west) = two();
    fill(&east, 5_000).await;
    let first = carry(&east, &west, 0, Extent::UntilSmall).await;
    assert_eq!((first.written, first.deleted), (5_000, 0));
    assert_eq!(first.source_position, east.position().await.unwrap());
    assert_eq!(first.target_position, west.position().await.unwrap());
    assert_equal(&east, &west, 5_000).await;
    let second = carry(&east, &west, 0, Extent::UntilSmall).await;
    assert_eq!((second.written, second.deleted, second.bytes), (0, 0, 0));
    assert_eq!(second.target_position, first.target_position);
}

#[tokio::test]
async fn a_delta_carries_what_was_overwritten_and_deleted() {
    let (_folder, east, west) = two();
    fill(&east, 300).await;
    let first = carry(&east, &west, 0, Extent::UntilSmall).await;
    put(&east, "d/00007", "overwritten").await;
    put(&east, "new", "new").await;
    east.delete("d/00008").await.unwrap();
    // Made and deleted between two copies: the target never had it.
    put(&east, "short", "lived").await;
    east.delete("short").await.unwrap();
    let delta = carry(&east, &west, first.source_position, Extent::UntilQuiet).await;
    assert_eq!((delta.written, delta.deleted), (2, 1));
    assert_equal(&east, &west, 300).await;
    assert_eq!(read(&west, "d/00007").await.as_deref(), Some("overwritten"));
    assert_eq!(read(&west, "d/00008").await, None);
}

#[tokio::test]
async fn changed_attributes_alone_are_carried() {
    let (_folder, east, west) = two();
    put(&east, "k", "same").await;
    carry(&east, &west, 0, Extent::UntilQuiet).await;
    let attributes = Attributes { content_type: Some("text/html".into()), ..Default::default() };
    let content = stream_of(Bytes::from_static(b"same"));
    east.put("k", content, &attributes, &Condition::Always, None).await.unwrap();
    assert!(!compare(&east, &west).await.unwrap().equal);
    carry(&east, &west, 0, Extent::UntilQuiet).await;
    assert_equal(&east, &west, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_writer_does_meanwhile_is_there_after_the_last_pass() {
    let (_folder, east, west) = two();
    fill(&east, 600).await;
    let writer = tokio::spawn({
        let east = east.clone();
        async move {
            for n in 0..600 {
                put(&east, &format!("d/{:05}", n % 40), &format!("again {n}")).await;
                put(&east, &format!("new/{n}"), "new").await;
                east.delete(&format!("d/{:05}", 40 + n % 100)).await.unwrap();
            }
        }
    });
    let mut position = 0;
    while !writer.is_finished() {
        position = carry(&east, &west, position, Extent::UntilSmall).await.source_position;
    }
    writer.await.unwrap();
    carry(&east, &west, position, Extent::UntilQuiet).await;
    assert_equal(&east, &west, 600 - 100 + 600).await;
}

#[tokio::test]
async fn an_object_that_changes_between_record_and_read_arrives_as_it_is_then() {
    let (_folder, east, west) = two();
    put(&east, "k", "older").await;
    let source = faulty(&east, Fault::OverwrittenWhenRead);
    carry(&source, &west, 0, Extent::OnePass).await;
    assert_eq!(read(&west, "k").await.as_deref(), Some("newer"));
    let source = faulty(&east, Fault::DeletedWhenRead);
    put(&east, "k", "newest").await;
    carry(&source, &west, 0, Extent::OnePass).await;
    assert_eq!(read(&west, "k").await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_killed_goes_on_from_where_it_was() {
    let (_folder, east, west) = two();
    fill(&east, 400).await;
    let slow = faulty(&east, Fault::SlowReads(Duration::from_millis(20)));
    let tally = Tally::default();
    let killed = copy(&slow, &west, 0, Extent::UntilQuiet, &tally);
    assert!(tokio::time::timeout(Duration::from_millis(200), killed).await.is_err());
    let before = compare(&east, &west).await.unwrap();
    assert!(!before.equal && !before.differences.is_empty());
    let resumed = carry(&east, &west, 0, Extent::UntilQuiet).await;
    assert!(resumed.written < 400, "it began anew: {resumed:?}");
    assert_equal(&east, &west, 400).await;
}

#[tokio::test]
async fn undoing_twice_leaves_only_what_the_copy_did_not_write() {
    let (_folder, east, west) = two();
    fill(&east, 300).await;
    carry(&east, &west, 0, Extent::UntilQuiet).await;
    east.delete("d/00001").await.unwrap();
    put(&west, "of the target", "its own").await;
    for _ in 0..2 {
        remove_copied(&east, &west).await.unwrap();
        let left = west.list("", None, 10).await.unwrap().objects;
        let keys: Vec<_> = left.iter().map(|object| object.key.as_str()).collect();
        assert_eq!(keys, ["of the target"]);
        assert_eq!(east.list("", None, 1_000).await.unwrap().objects.len(), 299);
    }
}

#[tokio::test]
async fn the_way_back_carries_only_what_changed_after_the_move() {
    let (_folder, east, west) = two();
    fill(&east, 300).await;
    let forward = carry(&east, &west, 0, Extent::UntilQuiet).await;
    put(&west, "d/00001", "on west").await;
    put(&west, "west", "west").await;
    west.delete("d/00002").await.unwrap();
    let back = carry(&west, &east, forward.target_position, Extent::UntilQuiet).await;
    assert_eq!((back.written, back.deleted), (2, 1));
    assert_equal(&west, &east, 300).await;
    // And forward again: what came back is not carried a second time.
    let again = carry(&east, &west, back.target_position, Extent::UntilQuiet).await;
    assert_eq!((again.written, again.deleted), (0, 0));
}

#[tokio::test]
async fn a_source_that_does_not_become_quiet_is_refused() {
    let (_folder, east, west) = two();
    let source = faulty(&east, Fault::NeverQuiet(AtomicU32::new(0)));
    let copied = copy(&source, &west, 0, Extent::UntilQuiet, &Tally::default()).await;
    assert_eq!(copied.unwrap_err().code(), "source_not_quiet");
    // While the source serves this is no error: the rest is for the last pass.
    carry(&source, &west, 0, Extent::UntilSmall).await;
}

#[tokio::test]
async fn what_fails_for_a_while_is_tried_again() {
    let (_folder, east, west) = two();
    fill(&east, 20).await;
    let failing = faulty(&east, Fault::FailedReads(AtomicU32::new(3)));
    assert_eq!(carry(&failing, &west, 0, Extent::UntilQuiet).await.written, 20);
    put(&east, "k", "right").await;
    let wrong = faulty(&east, Fault::WrongBytes(AtomicU32::new(2)));
    carry(&wrong, &west, 0, Extent::UntilQuiet).await;
    assert_eq!(read(&west, "k").await.as_deref(), Some("right"));
}

#[tokio::test]
async fn bytes_that_never_fit_their_digest_are_an_error_that_names_the_key() {
    let (_folder, east, west) = two();
    put(&east, "my key", "right").await;
    let wrong = faulty(&east, Fault::WrongBytes(AtomicU32::new(u32::MAX)));
    let copied = copy(&wrong, &west, 0, Extent::UntilQuiet, &Tally::default()).await;
    let error = copied.unwrap_err();
    assert_eq!(error.code(), "object_copy");
    assert!(error.chain().contains("`my key`"), "{}", error.chain());
    assert_eq!(read(&west, "my key").await, None);
}

#[tokio::test]
async fn a_comparison_names_each_difference() {
    let (_folder, east, west) = two();
    for key in ["a", "b", "d"] {
        put(&east, key, key).await;
    }
    for (key, content) in [("a", "a"), ("b", "other"), ("c", "c")] {
        put(&west, key, content).await;
    }
    let comparison = compare(&east, &west).await.unwrap();
    assert!(!comparison.equal);
    assert_eq!((comparison.count, comparison.bytes), (3, 3));
    let expected =
        ["b: content or attributes differ", "c: only at the target", "d: only at the source"];
    assert_eq!(comparison.differences, expected);
}

#[tokio::test]
async fn a_comparison_of_many_counts_all_and_names_the_first() {
    let (_folder, east, west) = two();
    fill(&east, 2_100).await;
    let comparison = compare(&east, &west).await.unwrap();
    assert_eq!((comparison.count, comparison.differences.len()), (2_100, 20));
    let content = east.get("d/02099", None).await.unwrap().unwrap().1;
    let bytes: Vec<_> = content.try_collect().await.unwrap();
    assert_eq!(bytes.concat(), b"content 2099");
}
