//! A store that never answers is an error in time, whatever was asked of it: nothing waits forever.
//! Copies within a bucket alone have no bound of their own here: the client of S3 bounds each of the
//! requests they are made of, and a bucket of files waits for nobody.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt, join_all};
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::json;
use trefoil_clouds::objects::{
    Attributes, ByteStream, Capabilities, Change, Condition, ObjectInfo, Objects, ObjectsDriver,
    Page, Version, stream_of,
};
use trefoil_clouds::secrets::{
    SecretVersion, Secrets, SecretsDriver, Selector, Stage, StoredVersion,
};
use trefoil_clouds::sessions::{Session, SessionChange, Sessions, SessionsDriver};
use trefoil_clouds::{ErrorKind, Result};

/// Longer than any call without a content may take.
const PATIENCE: Duration = Duration::from_secs(90);
/// Longer than any call with a content may take that nobody reads.
const LONG_PATIENCE: Duration = Duration::from_secs(360);

struct Silent;

#[async_trait]
impl ObjectsDriver for Silent {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            conditional: true,
            change_record: true,
            versions: true,
            ..Default::default()
        }
    }
    async fn put(
        &self,
        _: &str,
        _: ByteStream,
        _: &Attributes,
        _: &Condition,
        _: Option<&str>,
    ) -> Result<ObjectInfo> {
        pending().await
    }
    async fn get(
        &self,
        _: &str,
        _: Option<(u64, u64)>,
    ) -> Result<Option<(ObjectInfo, ByteStream)>> {
        pending().await
    }
    async fn head(&self, _: &str) -> Result<Option<ObjectInfo>> {
        pending().await
    }
    async fn delete(&self, _: &str) -> Result<bool> {
        pending().await
    }
    async fn list(&self, _: &str, _: Option<&str>, _: usize) -> Result<Page> {
        pending().await
    }
    async fn changes(&self, _: u64, _: usize) -> Result<Vec<Change>> {
        pending().await
    }
    async fn position(&self) -> Result<u64> {
        pending().await
    }
    async fn health(&self) -> Result<()> {
        pending().await
    }
    async fn versions(&self, _: &str, _: usize) -> Result<Vec<Version>> {
        pending().await
    }
    async fn get_version(&self, _: &str, _: &str) -> Result<Option<(ObjectInfo, ByteStream)>> {
        pending().await
    }
    async fn sync(&self) -> Result<()> {
        pending().await
    }
    async fn probe(&self) -> Result<Capabilities> {
        pending().await
    }
}

#[async_trait]
impl SessionsDriver for Silent {
    async fn put(&self, _: &Session, _: Option<u64>) -> Result<()> {
        pending().await
    }
    async fn get(&self, _: &str) -> Result<Option<Session>> {
        pending().await
    }
    async fn delete(&self, _: &str) -> Result<bool> {
        pending().await
    }
    async fn changes(&self, _: u64, _: usize) -> Result<Vec<SessionChange>> {
        pending().await
    }
    async fn position(&self) -> Result<u64> {
        pending().await
    }
    async fn sweep(&self, _: Timestamp, _: usize) -> Result<u64> {
        pending().await
    }
    async fn count(&self, _: Timestamp) -> Result<u64> {
        pending().await
    }
    async fn health(&self) -> Result<()> {
        pending().await
    }
}

#[async_trait]
impl SecretsDriver for Silent {
    async fn get(&self, _: &str) -> Result<Option<SecretString>> {
        pending().await
    }
    async fn set(&self, _: &str, _: &SecretString) -> Result<()> {
        pending().await
    }
    async fn delete(&self, _: &str) -> Result<bool> {
        pending().await
    }
    async fn names(&self) -> Result<Vec<String>> {
        pending().await
    }
    async fn health(&self) -> Result<()> {
        pending().await
    }
    async fn get_version(&self, _: &str, _: &Selector) -> Result<Option<SecretString>> {
        pending().await
    }
    async fn versions(&self, _: &str) -> Result<Vec<SecretVersion>> {
        pending().await
    }
    async fn put_version(&self, _: &str, _: &SecretString) -> Result<SecretVersion> {
        pending().await
    }
    async fn promote(&self, _: &str, _: &str) -> Result<()> {
        pending().await
    }
    async fn replace(&self, _: &str, _: &[StoredVersion]) -> Result<()> {
        pending().await
    }
}

/// A call by its name; only whether it fails is of interest.
type Call<'a> = (&'static str, BoxFuture<'a, Result<()>>);

macro_rules! calls {
    ($($name:literal: $call:expr),+ $(,)?) => {
        vec![$(($name, $call.map(|answer| answer.map(drop)).boxed())),+]
    };
}

fn of_objects(bucket: &Objects) -> Vec<Call<'_>> {
    calls![
        "get": bucket.get("a", None),
        "get_announced": bucket.get_announced("a"),
        "get_bytes": bucket.get_bytes("a", 10),
        "head": bucket.head("a"),
        "delete": bucket.delete("a"),
        "delete_matching": bucket.delete_matching("a", "e"),
        "list": bucket.list("", None, 10),
        "changes": bucket.changes(0, 10),
        "position": bucket.position(),
        "versions": bucket.versions("a", 10),
        "get_version": bucket.get_version("a", "1"),
        "health": bucket.health(),
    ]
}

/// Calls that carry contents or are many calls in one: their bounds are minutes.
fn slow_of_objects<'a>(bucket: &'a Objects, attributes: &'a Attributes) -> Vec<Call<'a>> {
    let content = || stream_of(Bytes::from_static(b"content"));
    calls![
        "put": bucket.put("a", content(), attributes, &Condition::Always, None),
        "put_soon": bucket.put_soon("a", content(), attributes, &Condition::Always, None),
        "put_bytes": bucket.put_bytes("a", Bytes::new()),
        "sync": bucket.sync(),
        "probe": bucket.probe(),
    ]
}

fn of_sessions<'a>(store: &'a Sessions, session: &'a Session) -> Vec<Call<'a>> {
    let now = Timestamp::now();
    calls![
        "put": store.put(session, None),
        "get": store.get("a", now),
        "raw": store.raw("a"),
        "touch": store.touch("a", Duration::from_secs(1), now),
        "delete": store.delete("a"),
        "changes": store.changes(0, 10),
        "position": store.position(),
        "sweep": store.sweep(now, 10),
        "count": store.count(now),
        "health": store.health(),
    ]
}

fn of_secrets<'a>(store: &'a Secrets, value: &'a SecretString) -> Vec<Call<'a>> {
    calls![
        "get": store.get("a"),
        "set": store.set("a", value),
        "delete": store.delete("a"),
        "names": store.names(),
        "all_names": store.all_names(),
        "get_version": store.get_version("a", Stage::Previous),
        "versions": store.versions("a"),
        "put_version": store.put_version("a", value),
        "promote": store.promote("a", "1"),
        "export": store.export("a"),
        "health": store.health(),
    ]
}

/// All at once: together they take as long as the longest.
async fn all_end(calls: Vec<Call<'_>>, patience: Duration) {
    let calls = calls.into_iter().map(async |(name, call)| {
        let answer = tokio::time::timeout(patience, call).await;
        let error = answer.unwrap_or_else(|_| panic!("{name} waits forever")).unwrap_err();
        assert_eq!(error.code(), "service_timeout", "{name}");
        assert_eq!(error.kind(), ErrorKind::Missing, "{name}");
        assert!(error.is_retryable(), "{name}");
    });
    join_all(calls).await;
}

/// Those whose bounds are minutes too with `TREFOIL_TEST_FULL=1`.
#[tokio::test]
async fn every_call_ends_although_the_store_is_silent() {
    let driver = Arc::new(Silent);
    let bucket = Objects::new(driver.clone());
    let (sessions, secrets) = (Sessions::new(driver.clone()), Secrets::new(driver));
    let expires_at = Timestamp::now() + Duration::from_secs(60);
    let session = Session { id: "a".into(), data: json!({}), expires_at, version: 1 };
    let value = SecretString::from("value");
    let attributes = Attributes::default();
    let mut calls = of_objects(&bucket);
    calls.extend(of_sessions(&sessions, &session));
    calls.extend(of_secrets(&secrets, &value));
    let slow = match std::env::var_os("TREFOIL_TEST_FULL") {
        Some(_) => slow_of_objects(&bucket, &attributes),
        None => Vec::new(),
    };
    tokio::join!(all_end(calls, PATIENCE), all_end(slow, LONG_PATIENCE));
}
