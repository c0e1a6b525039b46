//! Objects.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use tempfile::TempDir;
use trefoil_clouds::objects::{Attributes, Condition, Objects, stream_of};
use trefoil_core::plan::{CopyOutput, StoreProof};
use trefoil_ops::movers::objects::{Route, copy, differences, remove_copied};
use trefoil_ops::movers::{Extent, Tally};

use crate::faults::{Fault, Order, faulty, unrecorded};
use crate::support::{back, bucket, put, read, there};

fn two() -> (TempDir, Objects, Objects) {
    let folder = tempfile::tempdir().unwrap();
    let (east, west) = (bucket(folder.path(), "east"), bucket(folder.path(), "west"));
    (folder, east, west)
}

async fn carry(route: &Route, since: u64, extent: Extent) -> CopyOutput {
    copy(route, since, extent, &Tally::default()).await.unwrap()
}

/// What the comparison of a move says.
async fn proof(route: &Route) -> StoreProof {
    let none = HashSet::new();
    differences(route, &none).await.unwrap().settle(&none)
}

/// Both sides hold the same, by their own words and by the comparison of the move.
async fn assert_equal(route: &Route, count: u64) {
    let comparison = proof(route).await;
    assert!(comparison.equal, "{:?}", comparison.differences);
    assert_eq!(comparison.count, count);
    let same = contents(&route.source).await == contents(&route.target).await;
    assert!(same, "the two sides list different things");
}

/// Key, digest and attributes of everything.
async fn contents(bucket: &Objects) -> Vec<(String, Option<String>, Option<Attributes>)> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = bucket.list("", after.as_deref(), 1_000).await.unwrap();
        all.extend(page.objects.into_iter().map(|one| (one.key, one.digest, one.attributes)));
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

async fn fill(bucket: &Objects, count: usize) {
    let writes = (0..count).map(|n| async move {
        let content = stream_of(Bytes::from(format!("content {n}")));
        let (attributes, always) = (Attributes::default(), Condition::Always);
        bucket.put_soon(&format!("d/{n:05}"), content, &attributes, &always, None).await.unwrap();
    });
    futures::stream::iter(writes).buffer_unordered(16).collect::<()>().await;
}

#[tokio::test]
async fn an_empty_bucket_is_carried() {
    let (folder, east, west) = two();
    let there = there(&folder, &east, &west).await;
    assert_eq!(carry(&there, 0, Extent::UntilQuiet).await, CopyOutput::default());
    assert_equal(&there, 0).await;
}

#[tokio::test]
async fn keys_and_attributes_arrive_as_they_are() {
    let (folder, east, west) = two();
    let there = there(&folder, &east, &west).await;
    let attributes = Attributes {
        content_type: Some("text/plain".into()),
        cache_control: Some("no-store".into()),
        metadata: BTreeMap::from([("owner".into(), "Zoë".into())]),
        ..Default::default()
    };
    let long = "k".repeat(1024);
    let keys = ["a//b", "/x", " x ", "../up", "ü\n\0", long.as_str()];
    for key in keys {
        let content = stream_of(Bytes::from(key.to_owned()));
        east.put(key, content, &attributes, &Condition::Always, None).await.unwrap();
    }
    carry(&there, 0, Extent::UntilQuiet).await;
    assert_equal(&there, keys.len() as u64).await;
    for key in keys {
        assert_eq!(read(&west, key).await.as_deref(), Some(key));
        assert_eq!(west.head(key).await.unwrap().unwrap().attributes, attributes);
    }
}

#[tokio::test]
async fn five_thousand_small_objects_arrive_and_the_second_copy_writes_nothing() {
    let (folder, east, west) = two();
    let there = there(&folder, &east, &west).await;
    fill(&east, 5_000).await;
    let first = carry(&there, 0, Extent::UntilSmall).await;
    assert_eq!((first.written, first.deleted), (5_000, 0));
    assert_eq!(first.source_position, east.position().await.unwrap());
    assert_eq!(first.target_position, west.position().await.unwrap());
    assert_equal(&there, 5_000).await;
    let second = carry(&there, 0, Extent::UntilSmall).await;
    assert_eq!((second.written, second.deleted, second.bytes), (0, 0, 0));
    assert_eq!(second.target_position, first.target_position);
}

#[tokio::test]
async fn a_delta_carries_what_was_overwritten_and_deleted() {
    let (folder, east, west) = two();
    let there = there(&folder, &east, &west).await;
    fill(&east, 300).await;
    let first = carry(&there, 0, Extent::UntilSmall).await;
    put(&east, "d/00007", "overwritten").await;
    put(&east, "new", "new").await;
    east.delete("d/00008").await.unwrap();
    // Made and deleted between two copies: the target never had it.
    put(&east, "short", "lived").await;
    east.delete("short").await.unwrap();
    let delta = carry(&there, first.source_position, Extent::UntilQuiet).await;
    assert_eq!((delta.written, delta.deleted), (2, 1));
    assert_equal(&there, 300).await;
    assert_eq!(read(&west, "d/00007").await.as_deref(), Some("overwritten"));
    assert_eq!(read(&west, "d/00008").await, None);
}

#[tokio::test]
async fn changed_attributes_alone_are_carried() {
    let (folder, east, west) = two();
    let there = there(&folder, &east, &west).await;
    put(&east, "k", "same").await;
    carry(&there, 0, Extent::UntilQuiet).await;
    let attributes = Attributes { content_type: Some("text/html".into()), ..Default::default() };
    let content = stream_of(Bytes::from_static(b"same"));
    east.put("k", content, &attributes, &Condition::Always, None).await.unwrap();
    assert!(!proof(&there).await.equal);
    carry(&there, 0, Extent::UntilQuiet).await;
    assert_equal(&there, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_writer_does_meanwhile_is_there_after_the_last_pass() {
    let (folder, east, west) = two();
    let there = there(&folder, &east, &west).await;
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
        position = carry(&there, position, Extent::UntilSmall).await.source_position;
    }
    writer.await.unwrap();
    carry(&there, position, Extent::UntilQuiet).await;
    assert_equal(&there, 600 - 100 + 600).await;
}

#[tokio::test]
async fn an_object_that_changes_between_record_and_read_arrives_as_it_is_then() {
    let (folder, east, west) = two();
    let there = there(&folder, &east, &west).await;
    put(&east, "k", "older").await;
    let from = |fault| Route { source: faulty(&east, fault), ..there.clone() };
    carry(&from(Fault::OverwrittenWhenRead), 0, Extent::OnePass).await;
    assert_eq!(read(&west, "k").await.as_deref(), Some("newer"));
    put(&east, "k", "newest").await;
    carry(&from(Fault::DeletedWhenRead), 0, Extent::OnePass).await;
    assert_eq!(read(&west, "k").await, None);
}

async fn until(holds: impl Fn() -> bool) {
    while !holds() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_killed_goes_on_from_where_it_was() {
    let (folder, east, west) = two();
    let there = there(&folder, &east, &west).await;
    fill(&east, 800).await;
    let slow = faulty(&east, Fault::SlowReads(Duration::from_millis(20)));
    let tally = Tally::default();
    let slow = Route { source: slow, ..there.clone() };
    tokio::select! {
        _ = copy(&slow, 0, Extent::UntilQuiet, &tally) => panic!("it ended before it was killed"),
        () = until(|| tally.changed() >= 400) => {}
    }
    let before = proof(&there).await;
    assert!(!before.equal && !before.differences.is_empty());
    let resumed = carry(&there, 0, Extent::UntilQuiet).await;
    assert!(resumed.written < 800, "it began anew: {resumed:?}");
    assert_equal(&there, 800).await;
}

#[tokio::test]
async fn undoing_twice_leaves_only_what_the_copy_did_not_write() {
    let (folder, east, west) = two();
    let there = there(&folder, &east, &west).await;
    fill(&east, 300).await;
    carry(&there, 0, Extent::UntilQuiet).await;
    east.delete("d/00001").await.unwrap();
    put(&west, "of the target", "its own").await;
    for _ in 0..2 {
        remove_copied(&there).await.unwrap();
        let left = west.list("", None, 10).await.unwrap().objects;
        let keys: Vec<_> = left.iter().map(|object| object.key.as_str()).collect();
        assert_eq!(keys, ["of the target"]);
        assert_eq!(east.list("", None, 1_000).await.unwrap().objects.len(), 299);
    }
}

#[tokio::test]
async fn the_way_back_carries_only_what_changed_after_the_move() {
    let (folder, east, west) = two();
    let there = there(&folder, &east, &west).await;
    fill(&east, 300).await;
    let forward = carry(&there, 0, Extent::UntilQuiet).await;
    put(&west, "d/00001", "on west").await;
    put(&west, "west", "west").await;
    west.delete("d/00002").await.unwrap();
    let home = back(&folder, &east, &west).await;
    let back = carry(&home, forward.target_position, Extent::UntilQuiet).await;
    assert_eq!((back.written, back.deleted), (2, 1));
    assert_equal(&home, 300).await;
    // And forward again: what came back is not carried a second time.
    let again = carry(&there, back.target_position, Extent::UntilQuiet).await;
    assert_eq!((again.written, again.deleted), (0, 0));
}

#[tokio::test]
async fn a_source_that_does_not_become_quiet_is_refused() {
    let (folder, east, west) = two();
    let there = there(&folder, &east, &west).await;
    let source = faulty(&east, Fault::NeverQuiet(AtomicU32::new(0)));
    let never = Route { source, ..there.clone() };
    let copied = copy(&never, 0, Extent::UntilQuiet, &Tally::default()).await;
    assert_eq!(copied.unwrap_err().code(), "source_not_quiet");
    // While the source serves this is no error: the rest is for the last pass.
    carry(&never, 0, Extent::UntilSmall).await;
}

#[tokio::test]
async fn what_fails_for_a_while_is_tried_again() {
    let (folder, east, west) = two();
    let there = there(&folder, &east, &west).await;
    fill(&east, 20).await;
    let failing = faulty(&east, Fault::FailedReads(AtomicU32::new(3)));
    let failing = Route { source: failing, ..there.clone() };
    assert_eq!(carry(&failing, 0, Extent::UntilQuiet).await.written, 20);
    put(&east, "k", "right").await;
    let wrong = faulty(&east, Fault::WrongBytes(AtomicU32::new(2)));
    carry(&Route { source: wrong, ..there.clone() }, 0, Extent::UntilQuiet).await;
    assert_eq!(read(&west, "k").await.as_deref(), Some("right"));
}

#[tokio::test]
async fn bytes_that_never_fit_their_digest_are_an_error_that_names_the_key() {
    let (folder, east, west) = two();
    let there = there(&folder, &east, &west).await;
    put(&east, "my key", "right").await;
    let wrong = faulty(&east, Fault::WrongBytes(AtomicU32::new(u32::MAX)));
    let wrong = Route { source: wrong, ..there.clone() };
    let copied = copy(&wrong, 0, Extent::UntilQuiet, &Tally::default()).await;
    let error = copied.unwrap_err();
    assert_eq!(error.code(), "object_copy");
    assert!(error.chain().contains("`my key`"), "{}", error.chain());
    assert_eq!(read(&west, "my key").await, None);
}

#[tokio::test]
async fn a_comparison_names_each_difference() {
    let (folder, east, west) = two();
    let there = there(&folder, &east, &west).await;
    put(&west, "foreign", "was there before").await;
    for key in ["a", "b", "gone"] {
        put(&east, key, key).await;
    }
    carry(&there, 0, Extent::UntilQuiet).await;
    assert!(proof(&there).await.equal, "what was there before is no difference");
    put(&east, "d", "not yet carried").await;
    put(&west, "b", "other").await;
    put(&west, "c", "c").await;
    west.delete("gone").await.unwrap();
    let comparison = proof(&there).await;
    assert!(!comparison.equal);
    assert_eq!(comparison.count, 4);
    let mut found = comparison.differences;
    found.sort();
    let expected = [
        "b: content or attributes differ",
        "c: only at the target",
        "d: only at the source",
        "gone: gone from the target",
    ];
    assert_eq!(found, expected);
    let apart = ["b", "c", "d", "gone"].map(str::to_owned).into();
    assert!(differences(&there, &apart).await.unwrap().settle(&apart).equal);
}

#[tokio::test]
async fn a_comparison_of_many_counts_all_and_names_the_first() {
    let (folder, east, west) = two();
    let there = there(&folder, &east, &west).await;
    fill(&east, 2_100).await;
    let comparison = proof(&there).await;
    assert_eq!((comparison.count, comparison.differences.len()), (2_100, 20));
    let content = east.get("d/02099", None).await.unwrap().unwrap().1;
    let bytes: Vec<_> = content.try_collect().await.unwrap();
    assert_eq!(bytes.concat(), b"content 2099");
}

#[tokio::test]
async fn what_the_target_held_before_is_never_touched() {
    let (folder, east, west) = two();
    put(&west, "foreign", "theirs").await;
    put(&west, "same", "same").await;
    for key in ["same", "ours", "short"] {
        put(&east, key, key).await;
    }
    let there = there(&folder, &east, &west).await;
    let first = carry(&there, 0, Extent::UntilQuiet).await;
    assert_eq!(first.written, 2, "the one that is the same already is left alone");
    east.delete("same").await.unwrap();
    east.delete("short").await.unwrap();
    let delta = carry(&there, first.source_position, Extent::UntilQuiet).await;
    assert_eq!(delta.deleted, 1);
    remove_copied(&there).await.unwrap();
    let left: Vec<_> = contents(&west).await.into_iter().map(|(key, ..)| key).collect();
    assert_eq!(left, ["foreign", "same"]);
}

/// What the move wrote and somebody else overwrote is not the move's to delete.
#[tokio::test]
async fn what_another_has_overwritten_at_the_target_is_not_deleted() {
    let (folder, east, west) = two();
    for key in ["gone", "kept", "undone"] {
        put(&east, key, key).await;
    }
    let there = there(&folder, &east, &west).await;
    let first = carry(&there, 0, Extent::UntilQuiet).await;
    put(&west, "gone", "theirs").await;
    east.delete("gone").await.unwrap();
    let delta = carry(&there, first.source_position, Extent::UntilQuiet).await;
    assert_eq!((delta.written, delta.deleted), (0, 0));
    let compared = proof(&there).await;
    assert!(compared.equal && compared.count == 2, "{:?}", compared.differences);
    put(&west, "undone", "theirs").await;
    remove_copied(&there).await.unwrap();
    let left: Vec<_> = contents(&west).await.into_iter().map(|(key, ..)| key).collect();
    assert_eq!(left, ["gone", "undone"]);
}

/// A copy that died before it could note what it overwrote knows that it may have.
#[tokio::test]
async fn what_was_overwritten_and_not_noted_is_still_the_moves() {
    let (folder, east, west) = two();
    for key in ["deleted", "rewritten"] {
        put(&east, key, "first").await;
    }
    let there = there(&folder, &east, &west).await;
    let since = carry(&there, 0, Extent::UntilQuiet).await.source_position;
    for key in ["deleted", "rewritten"] {
        put(&east, key, "second").await;
    }
    let dying = Route { target: faulty(&west, Fault::NeverDurable), ..there.clone() };
    let died = copy(&dying, since, Extent::UntilQuiet, &Tally::default()).await;
    assert_eq!(died.unwrap_err().code(), "disk");
    assert_eq!(read(&west, "deleted").await.as_deref(), Some("second"), "it was overwritten");
    east.delete("deleted").await.unwrap();
    let resumed = carry(&there, since, Extent::UntilQuiet).await;
    assert_eq!(resumed.deleted, 1);
    assert_equal(&there, 1).await;
    assert_eq!(read(&west, "deleted").await, None);
}

#[tokio::test]
async fn a_key_that_is_taken_is_refused_by_name_and_left_as_it_is() {
    let (folder, east, west) = two();
    put(&east, "k\n", "ours").await;
    put(&west, "k\n", "theirs").await;
    let before = there(&folder, &east, &west).await;
    let error = copy(&before, 0, Extent::UntilQuiet, &Tally::default()).await.unwrap_err();
    assert_eq!(error.code(), "object_foreign");
    assert!(error.to_string().contains("`k\\n`"), "{error}");
    // One that appears after the move has looked is refused as well.
    west.delete("k\n").await.unwrap();
    let after = there(&folder, &east, &west).await;
    put(&east, "later", "ours").await;
    put(&west, "later", "theirs").await;
    let error = copy(&after, 0, Extent::UntilQuiet, &Tally::default()).await.unwrap_err();
    assert_eq!(error.code(), "object_foreign");
    assert_eq!(read(&west, "later").await.as_deref(), Some("theirs"));
}

/// Without a record of changes every pass lists; it finds the same, deletions included.
#[tokio::test]
async fn a_source_without_a_record_is_carried_by_its_listing() {
    for order in [Order::Bytes, Order::Own] {
        let (folder, east, west) = two();
        fill(&east, 1_500).await;
        let listed =
            Route { source: unrecorded(&east, order), ..there(&folder, &east, &west).await };
        assert_eq!(carry(&listed, 0, Extent::UntilSmall).await.written, 1_500);
        assert_eq!(carry(&listed, 0, Extent::UntilSmall).await.written, 0);
        put(&east, "d/00007", "overwritten").await;
        put(&east, "new", "new").await;
        east.delete("d/01400").await.unwrap();
        put(&west, "theirs", "not ours").await;
        let delta = carry(&listed, 0, Extent::UntilQuiet).await;
        assert_eq!((delta.written, delta.deleted), (2, 1), "{order:?}");
        west.delete("theirs").await.unwrap();
        assert_equal(&Route { source: east.clone(), ..listed }, 1_500).await;
    }
}
