//! Moves from files to a real store of S3's language, on to another bucket, and back; what has
//! arrived is read by a client that is not ours.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;

use bytes::Bytes;
use tempfile::TempDir;
use trefoil_clouds::aws::{AccessKey, Address, S3Objects};
use trefoil_clouds::conformance::stand_ins::{SeaweedFs, program};
use trefoil_clouds::objects::{Attributes, Condition, Objects, stream_of};
use trefoil_core::digest::sha256_hex;
use trefoil_ops::movers::objects::{Route, copy, differences, obstacles, remove_copied};
use trefoil_ops::movers::{Extent, Tally};

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
        let output = Command::new(program("rclone"))
            .args(["hashsum", "SHA256", "--download", &format!("store:{bucket}")])
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
        let text = String::from_utf8(output.stdout).unwrap();
        let line = |line: &str| {
            let (digest, key) = line.split_once("  ").unwrap();
            (key.to_owned(), digest.to_owned())
        };
        text.lines().map(line).collect()
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
