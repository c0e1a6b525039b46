//! Moves from files to a real store of S3's language, on to another bucket, and back; what has
//! arrived is read by a client that is not ours.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempDir;
use trefoil_clouds::aws::{AccessKey, Address, S3Objects};
use trefoil_clouds::change_record::recorded;
use trefoil_clouds::conformance::stand_ins::{SeaweedFs, program};
use trefoil_clouds::objects::{Attributes, Condition, Objects, stream_of};
use trefoil_core::digest::sha256_hex;
use trefoil_core::plan::Limits;
use trefoil_ops::movers::objects::{Route, copy, differences, obstacles, remove_copied};
use trefoil_ops::movers::{Extent, Pace, Tally};

use crate::support::{bucket, put, read, route, there};

/// A store with buckets.
pub(crate) struct Store {
    pub(crate) server: Arc<SeaweedFs>,
    pub(crate) folder: TempDir,
}

impl Store {
    pub(crate) async fn start() -> Self {
        let server = tokio::task::spawn_blocking(SeaweedFs::shared).await.unwrap();
        Self { server, folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn bucket(&self) -> (String, Objects) {
        self.bucket_by(&self.server.endpoint())
    }

    /// A new bucket, which is reached by an endpoint that may be another's.
    pub(crate) fn bucket_by(&self, endpoint: &str) -> (String, Objects) {
        let name = self.server.create_bucket("moved");
        let address = Address {
            bucket: name.clone(),
            endpoint: Some(endpoint.to_owned()),
            path_style: true,
            credentials: Some(AccessKey {
                id: SeaweedFs::ACCESS_KEY.to_owned(),
                secret: self.server.secret_key().into(),
            }),
            ..Address::default()
        };
        (name, Objects::new(Arc::new(S3Objects::new(address))))
    }

    /// Key and SHA-256 of everything in a bucket, as rclone reads it.
    pub(crate) fn by_rclone(&self, bucket: &str) -> BTreeMap<String, String> {
        let text = self.rclone(&["hashsum", "SHA256", "--download"], bucket);
        let line = |line: &str| {
            let (digest, key) = line.split_once("  ").unwrap();
            (key.to_owned(), digest.to_owned())
        };
        text.lines().map(line).collect()
    }

    /// How many uploads in parts have been begun in a bucket and not ended, as rclone sees them.
    fn unfinished(&self, bucket: &str) -> usize {
        let text = self.rclone(&["backend", "list-multipart-uploads"], bucket);
        let found: serde_json::Value = serde_json::from_str(&text).unwrap();
        found[bucket].as_array().map_or(0, Vec::len)
    }

    fn rclone(&self, words: &[&str], bucket: &str) -> String {
        let output = Command::new(program("rclone"))
            .args(words)
            .arg(format!("store:{bucket}"))
            .args(["--config", "/dev/null"])
            .envs([
                ("RCLONE_CONFIG_STORE_TYPE", "s3"),
                ("RCLONE_CONFIG_STORE_PROVIDER", "Other"),
                ("RCLONE_CONFIG_STORE_ENDPOINT", &self.server.endpoint()),
                ("RCLONE_CONFIG_STORE_ACCESS_KEY_ID", SeaweedFs::ACCESS_KEY),
                ("RCLONE_CONFIG_STORE_SECRET_ACCESS_KEY", self.server.secret_key()),
            ])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

async fn carry(route: &Route, since: u64) -> trefoil_core::plan::CopyOutput {
    copy(route, since, Extent::UntilQuiet, &Tally::default()).await.unwrap()
}

pub(crate) async fn put_large(bucket: &Objects, key: &str, megabytes: usize) -> String {
    let content: Vec<u8> = (0..megabytes << 20).map(|n| (n / 7) as u8).collect();
    let digest = sha256_hex(&content);
    let attributes = Attributes {
        content_type: Some("application/x-large".into()),
        metadata: BTreeMap::from([("owner".into(), "somebody".into())]),
        ..Attributes::default()
    };
    let content = stream_of(Bytes::from(content));
    bucket.put(key, content, &attributes, &Condition::Always, Some(&digest)).await.unwrap();
    digest
}

/// What a bucket must hold, by content.
fn expected(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, content)| ((*key).into(), sha256_hex(content.as_bytes()))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_move_to_a_store_and_to_another_and_come_back() {
    let store = Store::start().await;
    let east = bucket(store.folder.path(), "east");
    let ((one_name, one), (other_name, other)) = (store.bucket(), store.bucket());
    put(&one, "theirs", "somebody else's").await;
    for n in 0..40 {
        put(&east, &format!("d/{n:02}"), &format!("content {n}")).await;
    }
    let digest = put_large(&east, "large", 20).await;
    let out = there(&store.folder, &east, &one).await;
    let first = carry(&out, 0).await;
    assert_eq!(first.written, 41);
    put(&east, "d/00", "overwritten").await;
    east.delete("d/01").await.unwrap();
    let delta = carry(&out, first.source_position).await;
    assert_eq!((delta.written, delta.deleted), (1, 1));
    let found = store.by_rclone(&one_name);
    assert_eq!(found.len(), 41);
    assert_eq!(found["large"], digest);
    assert_eq!(found["theirs"], sha256_hex(b"somebody else's"));
    assert_eq!(found["d/00"], sha256_hex(b"overwritten"));

    // From store to store: no record of changes there, so a listing shows what is to be done.
    let between = |begun| route(store.folder.path(), (&one, "one"), (&other, "other"), begun);
    let onward = between(Some("run")).await;
    carry(&onward, 0).await;
    put(&one, "d/02", "changed in the store").await;
    one.delete("d/03").await.unwrap();
    let delta = carry(&onward, 0).await;
    assert_eq!((delta.written, delta.deleted), (1, 1));
    assert_eq!(store.by_rclone(&other_name), store.by_rclone(&one_name));
    let none = Default::default();
    assert!(differences(&onward, &none).await.unwrap().settle(&none).equal);
    assert_eq!(carry(&onward, 0).await.written, 0, "nothing to do is done");
    let large = other.head("large").await.unwrap().unwrap();
    assert_eq!(large.attributes.content_type.as_deref(), Some("application/x-large"));
    assert_eq!(large.attributes.metadata["owner"], "somebody");

    // And back to files, the same delta backwards.
    put(&one, "d/04", "changed while the store served").await;
    one.delete("d/05").await.unwrap();
    let home = route(store.folder.path(), (&one, "west"), (&east, "east"), None).await;
    carry(&home, 0).await;
    assert_eq!(read(&east, "d/04").await.as_deref(), Some("changed while the store served"));
    assert_eq!(read(&east, "d/02").await.as_deref(), Some("changed in the store"));
    for gone in ["d/01", "d/03", "d/05", "theirs"] {
        assert_eq!(read(&east, gone).await, None, "{gone}");
    }
    remove_copied(&onward).await.unwrap();
    assert_eq!(store.by_rclone(&other_name), BTreeMap::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_a_store_folds_or_somebody_has_are_obstacles_by_name() {
    let store = Store::start().await;
    let east = bucket(store.folder.path(), "east");
    let (name, one) = store.bucket();
    put(&one, "taken", "theirs, and longer").await;
    put(&one, "same", "same").await;
    for key in ["taken", "same", "a//b", "fine"] {
        put(&east, key, key).await;
    }
    let found = obstacles("documents", &east, &one).await.unwrap();
    let said: Vec<_> = found.iter().map(|one| (one.code.as_str(), one.message.as_str())).collect();
    let named = |code: &str, key: &str| {
        said.iter().any(|(found, message)| *found == code && message.contains(key))
    };
    assert!(named("object_key_unholdable", "`a//b`"), "{said:?}");
    assert!(named("object_foreign", "`taken`"), "{said:?}");
    assert!(!named("object_foreign", "`same`"), "{said:?}");
    let route = there(&store.folder, &east, &one).await;
    let refused = route.refuse_obstacles("documents").await.unwrap_err();
    assert_eq!(refused.code(), "objects_obstacle");
    let before = expected(&[("taken", "theirs, and longer"), ("same", "same")]);
    assert_eq!(store.by_rclone(&name), before, "nothing was written");
}

/// Copies until the store has parts of a large object, and ends as a process does that is killed:
/// nothing is aborted.
fn killed_in_the_middle(store: &Store, name: &str, route: Route) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let limits = Limits { max_mbps: Some(40), ..Limits::default() };
    let route = Route { pace: Pace::new(&limits), ..route };
    runtime.spawn(async move { copy(&route, 0, Extent::OnePass, &Tally::default()).await });
    let begun = std::time::Instant::now();
    while store.unfinished(name) == 0 {
        assert!(begun.elapsed() < Duration::from_secs(60), "no upload in parts was begun");
    }
    runtime.shutdown_background();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_of_a_copy_that_was_killed_are_given_back_by_the_next_one_and_by_an_abort() {
    let store = Store::start().await;
    let east = bucket(store.folder.path(), "east");
    let digest = put_large(&east, "large", 40).await;
    let (name, west) = store.bucket();
    for ended_by_abort in [false, true] {
        let run = if ended_by_abort { "second" } else { "first" };
        let route = route(store.folder.path(), (&east, "east"), (&west, "west"), Some(run)).await;
        tokio::task::block_in_place(|| killed_in_the_middle(&store, &name, route.clone()));
        assert_eq!(store.unfinished(&name), 1);
        if ended_by_abort {
            remove_copied(&route).await.unwrap();
        } else {
            carry(&route, 0).await;
            assert_eq!(store.by_rclone(&name)["large"], digest);
        }
        assert_eq!(store.unfinished(&name), 0, "ended by an abort: {ended_by_abort}");
        west.delete("large").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_bytes_with_other_attributes_come_back_too() {
    let store = Store::start().await;
    let east = bucket(store.folder.path(), "east");
    put(&east, "k", "the same").await;
    put(&east, "untouched", "the same").await;
    let west = recorded(store.bucket().1).unwrap();
    let copied = carry(&there(&store.folder, &east, &west).await, 0).await;
    let html = Attributes { content_type: Some("text/html".into()), ..Attributes::default() };
    let content = stream_of(Bytes::from_static(b"the same"));
    west.put("k", content, &html, &Condition::Always, None).await.unwrap();
    let home = route(store.folder.path(), (&west, "west"), (&east, "east"), None).await;
    let back = carry(&home, copied.target_position).await;
    assert_eq!(east.head("k").await.unwrap().unwrap().attributes, html);
    assert_eq!(back.written, 1);
}
