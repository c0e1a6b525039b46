//! What an object carries beside its bytes: attributes, tags, versions; and that copies have it.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::stream::TryStreamExt;

use super::{Suite, put, read};
use crate::objects::{Attributes, Condition, Objects, stream_of};

/// Tags, where the store has any.
async fn tags(objects: &Objects) -> BTreeMap<String, String> {
    let has_tags = objects.probe().await.expect("the store can be probed").tags;
    let tags = [("a tag", "a value"), ("other+", "50/50=@")];
    let tags = tags.into_iter().filter(|_| has_tags);
    tags.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Media type, cache control and the writer's own names come back as they were given.
pub async fn attributes_are_carried_unchanged(suite: &Suite) {
    let metadata = [("a-name", "a value"), ("other", "Grüße; \"quoted\""), ("spaces", " a  ")];
    let attributes = Attributes {
        content_type: Some("text/plain; charset=utf-8".into()),
        cache_control: Some("no-store".into()),
        content_encoding: Some("x-none".into()),
        content_disposition: Some("attachment; filename=\"a b\"".into()),
        content_language: Some("de, en".into()),
        metadata: metadata.map(|(name, value)| (name.into(), value.into())).into(),
        tags: tags(&suite.first).await,
    };
    let content = stream_of(Bytes::from_static(b"x"));
    let put = suite.first.put("a", content, &attributes, &Condition::Always, None).await;
    assert_eq!(put.expect("an object is written").attributes, attributes);
    let info = suite.second.head("a").await.expect("head").expect("there");
    assert_eq!(info.attributes, attributes);
    let (info, _) = suite.second.get("a", None).await.expect("get").expect("there");
    assert_eq!(info.attributes, attributes);
    let written = suite.first.head("a").await.expect("head").expect("there");
    assert_eq!(written, info, "head and get say the same");
}

/// A copy has the content, digest and attributes of what it copies, and keeps to its condition.
pub async fn a_copy_carries_everything(suite: &Suite) {
    let attributes = Attributes {
        content_type: Some("text/plain".into()),
        metadata: [("name".to_owned(), "Wert ß".to_owned())].into(),
        tags: tags(&suite.first).await,
        ..Attributes::default()
    };
    let (from, to) = ("from/an odd+key é%2F?#&", "to/another odd+key é%2F?#&");
    let content = stream_of(Bytes::from_static(b"content"));
    let written = suite.first.put(from, content, &attributes, &Condition::Always, None).await;
    let written = written.expect("an object is written");
    let copied = suite.second.copy(from, to, &Condition::Always).await.expect("a copy");
    let copied = copied.expect("there is an original");
    assert_eq!((copied.key.as_str(), &copied.digest), (to, &written.digest));
    let found = suite.first.head(to).await.expect("head").expect("there");
    assert_eq!((&found.attributes, found.size_bytes), (&attributes, 7));
    assert_eq!((&found.digest, &found.etag), (&written.digest, &copied.etag));
    assert_eq!(read(&suite.first, to).await, Some(Bytes::from_static(b"content")));
    let none = suite.first.copy("absent", to, &Condition::Always).await;
    assert_eq!(none.expect("no error"), None);
    if suite.first.capabilities().conditional {
        let lost = suite.first.copy(from, to, &Condition::Absent).await;
        assert_eq!(lost.expect_err("it is there").code(), "object_condition");
        let fresh = suite.first.copy(from, "fresh", &Condition::Absent).await;
        assert!(fresh.expect("it is absent").is_some());
        let stale = Condition::Matches("0123456789abcdef".into());
        let lost = suite.first.copy(from, to, &stale).await;
        assert_eq!(lost.expect_err("it is another").code(), "object_condition");
    }
}

/// What was overwritten and deleted stays readable by its version.
pub async fn versions_are_kept(suite: &Suite) {
    if !suite.first.probe().await.expect("the store can be probed").versions {
        let error = suite.first.versions("a", 10).await.expect_err("there are none");
        assert_eq!(error.code(), "object_versions_unsupported");
        return;
    }
    let first = put(&suite.first, "a", "one").await.version.expect("it has a version");
    let second = put(&suite.first, "a", "two!").await.version.expect("it has a version");
    put(&suite.first, "ab", "of another key").await;
    assert!(suite.first.delete("a").await.expect("delete"));
    let found = suite.second.versions("a", 10).await.expect("versions");
    let sizes: Vec<_> = found.iter().map(|version| version.size_bytes).collect();
    assert_eq!(sizes, [None, Some(4), Some(3)], "newest first, with the deletion");
    assert!(found[0].is_latest && !found[1].is_latest);
    assert_eq!([&found[1].version, &found[2].version], [&second, &first]);
    assert_eq!(suite.second.versions("a", 2).await.expect("versions").len(), 2);
    let (info, content) = suite.second.get_version("a", &first).await.expect("get").expect("there");
    let pieces: Vec<Bytes> = content.try_collect().await.expect("the content is read");
    assert_eq!((pieces.concat().as_slice(), info.version), (b"one".as_slice(), Some(first)));
    assert!(suite.first.head("a").await.expect("head").is_none(), "it stays deleted");
}
