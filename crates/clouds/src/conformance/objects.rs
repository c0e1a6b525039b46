//! What every bucket does.

mod carried;

use bytes::Bytes;
use futures::future::join_all;
use futures::stream::{StreamExt, TryStreamExt};
use trefoil_core::digest::sha256_hex;

pub use carried::*;

use super::Fixture;
use crate::Error;
use crate::objects::{
    Attributes, ByteStream, Change, Condition, KEY_MAX_BYTES, ObjectInfo, Objects, stream_of,
};

/// Makes one test of each behaviour of a bucket.
#[macro_export]
macro_rules! objects_conformance {
    ($fresh:path) => {
        $crate::conformance_suite! { objects, $fresh,
            a_written_object_is_read_back
            an_object_that_is_not_there_is_none
            attributes_are_carried_unchanged
            a_copy_carries_everything
            an_overwrite_replaces_everything
            a_deleted_object_is_gone
            only_the_object_that_was_meant_is_deleted
            odd_keys_stay_as_they_are
            a_probe_leaves_nothing_behind
            keys_that_are_too_long_or_empty_are_refused
            ranges_are_cut_at_the_end
            a_limit_is_kept_before_reading
            large_contents_pass_in_pieces
            a_wrong_digest_writes_nothing
            a_failing_content_writes_nothing
            a_dropped_write_writes_nothing
            an_absent_condition_lets_one_win
            a_matching_condition_lets_one_win
            concurrent_writers_leave_one_whole_object
            a_reader_keeps_what_it_opened
            a_listing_is_in_byte_order_and_paged
            a_listing_begins_with_its_prefix
            versions_are_kept
            changes_show_each_key_once
            changes_are_paged_by_position
            positions_only_grow
            limits_are_checked
            the_store_is_healthy
        }
    };
}

async fn put(objects: &Objects, key: &str, content: &str) -> ObjectInfo {
    objects.put_bytes(key, Bytes::from(content.to_owned())).await.expect("an object is written")
}

/// An object without its time: a writer may go by another clock than its store.
fn timeless(info: &ObjectInfo) -> ObjectInfo {
    ObjectInfo { modified_at: jiff::Timestamp::UNIX_EPOCH, ..info.clone() }
}

async fn read(objects: &Objects, key: &str) -> Option<Bytes> {
    let found = objects.get_bytes(key, u64::MAX).await.expect("an object can be read");
    found.map(|(_, content)| content)
}

async fn keys(objects: &Objects, prefix: &str) -> Vec<String> {
    let page = objects.list(prefix, None, 1_000).await.expect("objects are listed");
    page.objects.into_iter().map(|object| object.key).collect()
}

async fn put_if(objects: &Objects, key: &str, content: &str, condition: &Condition) -> Outcome {
    let content = stream_of(Bytes::from(content.to_owned()));
    objects.put(key, content, &Attributes::default(), condition, None).await
}

type Outcome = crate::Result<ObjectInfo>;
type Suite = Fixture<Objects>;

/// What is written can be read, with its size and digest, also by another handle.
pub async fn a_written_object_is_read_back(suite: &Suite) {
    let written = put(&suite.first, "a", "content").await;
    assert_eq!(written.size_bytes, 7);
    assert_eq!(written.digest, Some(sha256_hex(b"content")));
    for objects in [&suite.first, &suite.second] {
        let (info, content) = objects.get_bytes("a", 100).await.expect("read").expect("there");
        assert_eq!(content.as_ref(), b"content");
        assert_eq!(timeless(&info), timeless(&written));
        assert_eq!(objects.head("a").await.expect("head"), Some(info));
    }
    let empty = put(&suite.first, "empty", "").await;
    assert_eq!((empty.size_bytes, empty.digest), (0, Some(sha256_hex(b""))));
    assert_eq!(read(&suite.second, "empty").await, Some(Bytes::new()));
}

/// What is not there is `None`, and deleting it is no error.
pub async fn an_object_that_is_not_there_is_none(suite: &Suite) {
    put(&suite.first, "a", "").await;
    assert!(suite.first.get("b", None).await.expect("get").is_none());
    assert!(suite.first.head("b").await.expect("head").is_none());
    assert!(!suite.first.delete("b").await.expect("delete"));
}

/// A write that nobody waits for any more writes nothing, however far it was.
pub async fn a_dropped_write_writes_nothing(suite: &Suite) {
    put(&suite.first, "a", "before").await;
    let piece = Bytes::from(vec![7; 1024 * 1024]);
    for key in ["a", "new"] {
        let (told, reached) = tokio::sync::oneshot::channel::<()>();
        let half = futures::stream::repeat(piece.clone()).take(20).map(Ok);
        let end = async move {
            let _ = told.send(());
            futures::future::pending().await
        };
        let content: ByteStream = half.chain(futures::stream::once(end)).boxed();
        let (attributes, always) = (Attributes::default(), Condition::Always);
        let write = suite.first.put(key, content, &attributes, &always, None);
        tokio::select! {
            done = write => panic!("a content without an end is not written: {done:?}"),
            _ = reached => {}
        }
    }
    assert_eq!(read(&suite.second, "a").await, Some(Bytes::from_static(b"before")));
    assert_eq!(keys(&suite.second, "").await, ["a"]);
}

/// A second write replaces content, attributes and etag.
pub async fn an_overwrite_replaces_everything(suite: &Suite) {
    let attributes = Attributes { content_type: Some("a/b".into()), ..Attributes::default() };
    let content = stream_of(Bytes::from_static(b"the first and longer one"));
    let first = suite.first.put("a", content, &attributes, &Condition::Always, None).await;
    let second = put(&suite.second, "a", "second").await;
    assert_ne!(first.expect("an object is written").etag, second.etag);
    assert_eq!(read(&suite.first, "a").await, Some(Bytes::from_static(b"second")));
    let found = suite.first.head("a").await.expect("head").expect("there");
    assert_eq!(timeless(&found), timeless(&second));
    assert_eq!(second.attributes, Attributes::default());
    assert_eq!(keys(&suite.first, "").await, ["a"]);
    if suite.first.capabilities().unique_etags {
        let same = put(&suite.first, "a", "second").await;
        assert_ne!(same.etag, second.etag, "each write has an etag of its own");
    }
}

/// A deleted object can neither be read nor listed, and can be written again.
pub async fn a_deleted_object_is_gone(suite: &Suite) {
    put(&suite.first, "a", "x").await;
    assert!(suite.second.delete("a").await.expect("delete"));
    assert!(!suite.first.delete("a").await.expect("delete"));
    assert!(read(&suite.first, "a").await.is_none());
    assert!(suite.first.head("a").await.expect("head").is_none());
    assert!(keys(&suite.first, "").await.is_empty());
    put(&suite.first, "a", "y").await;
    assert_eq!(read(&suite.second, "a").await, Some(Bytes::from_static(b"y")));
}

/// A deletion that names an etag leaves what another writer has put there since.
pub async fn only_the_object_that_was_meant_is_deleted(suite: &Suite) {
    let before = put(&suite.first, "a", "before").await;
    let after = put(&suite.second, "a", "after").await;
    let refused = suite.first.delete_matching("a", &before.etag).await;
    assert_eq!(refused.expect_err("it is another").code(), "object_condition");
    assert_eq!(read(&suite.first, "a").await, Some(Bytes::from_static(b"after")));
    assert!(suite.first.delete_matching("a", &after.etag).await.expect("deletion"));
    assert!(read(&suite.second, "a").await.is_none());
    let again = suite.first.delete_matching("a", &after.etag).await;
    again.expect("what is gone already is no error");
    // An object in parts has an etag of another form.
    let large = Bytes::from(vec![b'x'; 9 << 20]);
    let large = suite.first.put_bytes("large", large).await.expect("a large object is written");
    assert!(suite.second.delete_matching("large", &large.etag).await.expect("deletion"));
    assert!(keys(&suite.first, "").await.is_empty(), "nothing that was tried stays");
}

/// Legal keys that other stores change or refuse.
const ODD_KEYS: [&str; 33] = [
    "a",
    "a/b",
    "a//b",
    "/a/b",
    "//a/b",
    "a/",
    "a//",
    " a",
    "a ",
    "a b",
    ".",
    "..",
    "../a",
    "a/../b",
    "./a",
    "a\nb",
    "\n",
    "a\0b",
    "a\u{1}b",
    "a\\b",
    "a%2Fb",
    "a+b",
    "A",
    "a?b#c",
    "\u{e9}",
    "e\u{301}",
    "日本",
    "🍀",
    "C:\\a",
    "-",
    "con",
    "\u{feff}a",
    "\u{202e}a",
];

/// Legal keys that other stores change or refuse are kept byte for byte, each for itself: all
/// that the store does not refuse by its own rules.
pub async fn odd_keys_stay_as_they_are(suite: &Suite) {
    let rules = suite.first.probe().await.expect("the store can be probed").keys;
    let long = "k".repeat(KEY_MAX_BYTES);
    let mut odd: Vec<&str> = ODD_KEYS.into_iter().chain([long.as_str()]).collect();
    odd.retain(|key| rules.refuses(key).is_none());
    odd.retain(|key| rules.below_an_object || !key.starts_with("a/"));
    odd.retain(|key| rules.unicode_forms || *key != "e\u{301}");
    for key in &odd {
        let written = put(&suite.first, key, &format!("content of {key}")).await;
        assert_eq!(written.key, *key);
    }
    for key in &odd {
        let content = read(&suite.second, key).await;
        assert_eq!(content, Some(Bytes::from(format!("content of {key}"))), "{key:?}");
    }
    odd.sort_unstable();
    let mut listed = keys(&suite.first, "").await;
    listed.sort_unstable();
    assert_eq!(listed, odd);
    for key in &odd {
        assert!(suite.first.delete(key).await.expect("delete"), "{key:?}");
    }
    assert!(keys(&suite.first, "").await.is_empty());
}

/// A probe leaves nothing behind, and the store can be used as before.
pub async fn a_probe_leaves_nothing_behind(suite: &Suite) {
    put(&suite.first, "kept", "content").await;
    let found = suite.first.probe().await.expect("the store can be probed");
    assert_eq!(suite.first.clone().capabilities(), found);
    assert_eq!(suite.second.probe().await.expect("probed again"), found);
    assert_eq!(keys(&suite.second, "").await, ["kept"]);
}

/// A key of no bytes or more than the limit is refused in every call.
pub async fn keys_that_are_too_long_or_empty_are_refused(suite: &Suite) {
    for key in [String::new(), "k".repeat(KEY_MAX_BYTES + 1), "é".repeat(KEY_MAX_BYTES / 2 + 1)] {
        let refused = |error: Option<Error>| error.expect("it is refused").code();
        let objects = &suite.first;
        assert_eq!(refused(objects.put_bytes(&key, Bytes::new()).await.err()), "object_key");
        assert_eq!(refused(objects.get(&key, None).await.err()), "object_key");
        assert_eq!(refused(objects.head(&key).await.err()), "object_key");
        assert_eq!(refused(objects.delete(&key).await.err()), "object_key");
    }
}

/// A range gives its bytes; what is beyond the end is left out; a reversed one is refused.
pub async fn ranges_are_cut_at_the_end(suite: &Suite) {
    put(&suite.first, "a", "0123456789").await;
    let ranges = [
        ((0, 10), "0123456789"),
        ((0, 1), "0"),
        ((3, 7), "3456"),
        ((9, 10), "9"),
        ((4, 4), ""),
        ((8, 100), "89"),
        ((10, 12), ""),
        ((100, u64::MAX), ""),
    ];
    for (range, expected) in ranges {
        let (info, content) = suite.first.get("a", Some(range)).await.expect("get").expect("there");
        let pieces: Vec<Bytes> = content.try_collect().await.expect("the content is read");
        assert_eq!(pieces.concat(), expected.as_bytes(), "{range:?}");
        assert_eq!(info.size_bytes, 10, "the size is that of the whole object");
    }
    let error = suite.first.get("a", Some((5, 4))).await.err().expect("it is refused");
    assert_eq!(error.code(), "object_range");
}

/// An object above the reader's limit is refused by its size alone.
pub async fn a_limit_is_kept_before_reading(suite: &Suite) {
    put(&suite.first, "a", "0123456789").await;
    assert!(suite.first.get_bytes("a", 10).await.expect("read").is_some());
    let error = suite.first.get_bytes("a", 9).await.expect_err("it is refused");
    assert_eq!(error.code(), "object_too_large");
}

/// A content of several megabytes goes in and out in bounded pieces.
pub async fn large_contents_pass_in_pieces(suite: &Suite) {
    let piece = |n: u32| Bytes::from(vec![u8::try_from(n % 251).expect("below 251"); 70_001]);
    let content = futures::stream::iter(0..100).map(move |n| Ok(piece(n))).boxed();
    let attributes = Attributes::default();
    let put = suite.first.put("a", content, &attributes, &Condition::Always, None).await;
    let whole: Vec<u8> = (0..100).flat_map(piece).collect();
    let written = put.expect("an object is written");
    assert_eq!((written.size_bytes, written.digest), (7_000_100, Some(sha256_hex(&whole))));
    let (_, content) = suite.second.get("a", None).await.expect("get").expect("there");
    let pieces: Vec<Bytes> = content.try_collect().await.expect("the content is read");
    assert!(pieces.iter().all(|piece| piece.len() <= 1024 * 1024), "a piece is bounded");
    assert!(pieces.concat() == whole, "the bytes are the same");
}

/// Where the change record ends, where there is one.
async fn position(suite: &Suite) -> Option<u64> {
    match suite.first.capabilities().change_record {
        true => Some(suite.first.position().await.expect("position")),
        false => None,
    }
}

/// A digest that does not fit the bytes leaves what was there, and no change.
pub async fn a_wrong_digest_writes_nothing(suite: &Suite) {
    put(&suite.first, "a", "before").await;
    let before = suite.first.head("a").await.expect("head");
    let position = position(suite).await;
    let wrong = sha256_hex(b"other bytes");
    // Who checks, and when, may depend on the size.
    for (key, size) in [("a", 5), ("new", 5), ("a", 200_000), ("new", 200_000), ("new", 9 << 20)] {
        let content = stream_of(vec![b'x'; size].into());
        let (attributes, always) = (Attributes::default(), Condition::Always);
        let put = suite.first.put(key, content, &attributes, &always, Some(&wrong)).await;
        assert_eq!(put.expect_err("it is refused").code(), "object_digest", "{size}");
    }
    assert_eq!(suite.second.head("a").await.expect("head"), before);
    assert_eq!(read(&suite.first, "a").await, Some(Bytes::from_static(b"before")));
    assert_eq!(keys(&suite.first, "").await, ["a"]);
    assert_eq!(self::position(suite).await, position);
    let (content, right) = (stream_of(Bytes::from_static(b"after")), sha256_hex(b"after"));
    let right = right.to_uppercase();
    let (attributes, always) = (Attributes::default(), Condition::Always);
    let put = suite.first.put("a", content, &attributes, &always, Some(&right)).await;
    assert!(put.is_ok(), "a digest's letters may be large: {put:?}");
}

/// A content that breaks off leaves what was there, and its error comes back.
pub async fn a_failing_content_writes_nothing(suite: &Suite) {
    put(&suite.first, "a", "before").await;
    let broken = || -> ByteStream {
        let error = Error::failed("broken_off", "the writer went away");
        futures::stream::iter([Ok(Bytes::from_static(b"half of")), Err(error)]).boxed()
    };
    for key in ["a", "new"] {
        let (attributes, always) = (Attributes::default(), Condition::Always);
        let put = suite.first.put(key, broken(), &attributes, &always, None).await;
        assert_eq!(put.expect_err("it fails").code(), "broken_off");
    }
    assert_eq!(read(&suite.second, "a").await, Some(Bytes::from_static(b"before")));
    assert_eq!(keys(&suite.first, "").await, ["a"]);
}

/// Of many writers that want a key to be absent exactly one wins; also after a deletion.
pub async fn an_absent_condition_lets_one_win(suite: &Suite) {
    if !suite.first.capabilities().conditional {
        return;
    }
    for round in 0..2 {
        let writers = (0..16).map(|n| {
            let objects = if n % 2 == 0 { suite.first.clone() } else { suite.second.clone() };
            let writer = async move {
                let content = format!("writer {n} of round {round}");
                put_if(&objects, "a", &content, &Condition::Absent).await.map(|_| content)
            };
            tokio::spawn(writer)
        });
        let outcomes = join_all(writers).await.into_iter().map(|done| done.expect("a writer ends"));
        let (won, lost): (Vec<_>, Vec<_>) = outcomes.partition(Result::is_ok);
        assert_eq!((won.len(), lost.len()), (1, 15));
        let codes = lost.into_iter().map(|error| error.expect_err("it lost").code());
        assert!(codes.into_iter().all(|code| code == "object_condition"));
        let winner = won.into_iter().next().expect("one won").expect("it won");
        assert_eq!(read(&suite.first, "a").await, Some(Bytes::from(winner)));
        assert!(suite.first.delete("a").await.expect("delete"));
    }
}

/// Of many writers that know the same etag exactly one wins; a stale or foreign etag never does.
pub async fn a_matching_condition_lets_one_win(suite: &Suite) {
    if !suite.first.capabilities().conditional {
        return;
    }
    let known = Condition::Matches(put(&suite.first, "a", "known").await.etag);
    let writers = (0..12).map(|n| {
        let objects = if n % 2 == 0 { suite.first.clone() } else { suite.second.clone() };
        let known = known.clone();
        tokio::spawn(async move { put_if(&objects, "a", &n.to_string(), &known).await })
    });
    let outcomes = join_all(writers).await.into_iter().map(|done| done.expect("a writer ends"));
    assert_eq!(outcomes.filter(Result::is_ok).count(), 1);
    for key in ["a", "absent"] {
        let error = put_if(&suite.first, key, "", &known).await.expect_err("it is stale");
        assert_eq!(error.code(), "object_condition");
    }
    assert!(suite.second.head("absent").await.expect("head").is_none());
}

/// Writers and readers of one key at once: every reader sees one whole content.
pub async fn concurrent_writers_leave_one_whole_object(suite: &Suite) {
    put(&suite.first, "a", "start").await;
    let writers = (0..4).map(|n| {
        let objects = if n % 2 == 0 { suite.first.clone() } else { suite.second.clone() };
        tokio::spawn(async move {
            for round in 0..10 {
                put(&objects, "a", &format!("{n} {round} ").repeat(5_000)).await;
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    let readers = (0..2).map(|n| {
        let objects = if n % 2 == 0 { suite.first.clone() } else { suite.second.clone() };
        tokio::spawn(async move {
            for _ in 0..40 {
                let found =
                    objects.get_bytes("a", u64::MAX).await.expect("a reader is not disturbed");
                let (info, content) = found.expect("it is always there");
                assert_eq!(
                    Some(sha256_hex(&content)),
                    info.digest,
                    "a reader sees one whole content"
                );
            }
        })
    });
    let readers: Vec<_> = readers.collect();
    for task in writers.into_iter().chain(readers) {
        task.await.expect("a task ends well");
    }
    let (info, content) =
        suite.second.get_bytes("a", u64::MAX).await.expect("read").expect("there");
    assert_eq!(Some(sha256_hex(&content)), info.digest);
}

/// A reader that has begun gets the object as it was, whatever happens to it meanwhile.
pub async fn a_reader_keeps_what_it_opened(suite: &Suite) {
    let before = "before ".repeat(100_000);
    for replace in [true, false] {
        put(&suite.first, "a", &before).await;
        let (_, content) = suite.first.get("a", None).await.expect("get").expect("there");
        match replace {
            true => drop(put(&suite.second, "a", "after").await),
            false => drop(suite.second.delete("a").await.expect("delete")),
        }
        let pieces: Vec<Bytes> = content.try_collect().await.expect("the content is read");
        assert!(pieces.concat() == before.as_bytes(), "the old bytes, whole");
    }
}

/// A listing in pages is complete, without repetition, in the order of the keys' bytes.
pub async fn a_listing_is_in_byte_order_and_paged(suite: &Suite) {
    let mut expected: Vec<String> = (0..25).map(|n| format!("k{}", n * 7 % 25)).collect();
    expected.extend(["K", "é", "z", "a/b", "a"].map(str::to_owned));
    for key in &expected {
        put(&suite.first, key, key).await;
    }
    expected.sort_unstable();
    let ordered = suite.first.probe().await.expect("the store can be probed").byte_order;
    for limit in [1, 7, 30, 31] {
        let (mut found, mut after) = (Vec::new(), None::<String>);
        loop {
            let page = suite.second.list("", after.as_deref(), limit).await.expect("list");
            assert!(page.objects.len() <= limit);
            found.extend(page.objects.into_iter().map(|object| object.key));
            after = page.next;
            if after.is_none() {
                break;
            }
            assert_eq!(after.as_deref(), found.last().map(String::as_str));
        }
        if !ordered {
            found.sort_unstable();
        }
        assert_eq!(found, expected, "with pages of {limit}");
    }
}

/// Only keys with the prefix are listed, and `after` need not be one of them.
pub async fn a_listing_begins_with_its_prefix(suite: &Suite) {
    for key in ["a", "a/1", "a/2", "a/2/x", "a0", "b", "A/1", "a/\u{10ffff}"] {
        put(&suite.first, key, "").await;
    }
    assert_eq!(keys(&suite.first, "a/").await, ["a/1", "a/2", "a/2/x", "a/\u{10ffff}"]);
    assert_eq!(keys(&suite.first, "a/2").await, ["a/2", "a/2/x"]);
    assert!(keys(&suite.first, "c").await.is_empty());
    let after = |after| suite.first.list("a/", Some(after), 10);
    assert_eq!(after("A").await.expect("list").objects.len(), 4);
    assert_eq!(after("a/1x").await.expect("list").objects[0].key, "a/2");
    assert!(after("b").await.expect("list").objects.is_empty());
}

async fn changes(objects: &Objects, since: u64) -> Vec<Change> {
    objects.changes(since, 1_000).await.expect("changes")
}

/// Each key appears once, at its newest change, as it is now.
pub async fn changes_show_each_key_once(suite: &Suite) {
    if !suite.first.capabilities().change_record {
        return;
    }
    for (key, content) in [("a", "1"), ("b", "1"), ("c", "1"), ("a", "2")] {
        put(&suite.first, key, content).await;
    }
    assert!(suite.second.delete("b").await.expect("delete"));
    let found = changes(&suite.second, 0).await;
    let keys: Vec<_> = found.iter().map(|change| change.key.as_str()).collect();
    assert_eq!(keys, ["c", "a", "b"]);
    assert_eq!(found[1].object, suite.first.head("a").await.expect("head"));
    assert!(found[2].object.is_none(), "a deletion is a change");
    let last = found[2].position;
    assert_eq!(suite.first.position().await.expect("position"), last);
    assert!(changes(&suite.first, last).await.is_empty());
    put(&suite.first, "b", "again").await;
    let found = changes(&suite.first, last).await;
    assert_eq!((found.len(), found[0].key.as_str()), (1, "b"));
    assert!(found[0].object.is_some());
}

/// Pages of changes, each from the last position, show everything once.
pub async fn changes_are_paged_by_position(suite: &Suite) {
    if !suite.first.capabilities().change_record {
        return;
    }
    for n in 0..20 {
        put(&suite.first, &format!("k{n}"), "").await;
    }
    let (mut since, mut keys) = (0, Vec::new());
    loop {
        let page = suite.second.changes(since, 6).await.expect("changes");
        assert!(page.len() <= 6 && page.iter().all(|change| change.position > since));
        let Some(last) = page.last() else { break };
        since = last.position;
        keys.extend(page.into_iter().map(|change| change.key));
    }
    assert_eq!(keys, (0..20).map(|n| format!("k{n}")).collect::<Vec<_>>());
}

/// The position grows with each write and each deletion, and with nothing else.
pub async fn positions_only_grow(suite: &Suite) {
    if !suite.first.capabilities().change_record {
        return;
    }
    assert_eq!(suite.first.position().await.expect("position"), 0);
    let mut last = 0;
    for n in 0..4 {
        match n % 2 {
            0 => drop(put(&suite.first, "a", "same").await),
            _ => assert!(suite.second.delete("a").await.expect("delete")),
        }
        let position = suite.second.position().await.expect("position");
        assert!(position > last);
        last = position;
    }
    suite.first.delete("a").await.expect("deleting nothing is no error");
    suite.first.head("a").await.expect("head");
    assert_eq!(suite.first.position().await.expect("position"), last);
}

/// A listing of nothing, or of more than one call lists, is refused rather than shortened.
pub async fn limits_are_checked(suite: &Suite) {
    for limit in [0, crate::services::PAGE_MAX + 1] {
        let list = suite.first.list("", None, limit).await;
        assert_eq!(list.expect_err("it is refused").code(), "limit_range");
        let changes = suite.first.changes(0, limit).await;
        assert_eq!(changes.expect_err("it is refused").code(), "limit_range");
    }
}

/// A store that can be used says so.
pub async fn the_store_is_healthy(suite: &Suite) {
    suite.first.health().await.expect("it is healthy");
    suite.second.health().await.expect("it is healthy");
}
