//! The driver for S3 behaves as every bucket, on two stores that are not the cloud's own.
#![allow(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

use std::process::Command;
use std::sync::Arc;

use trefoil_clouds::aws::{AccessKey, Address, S3Objects};
use trefoil_clouds::conformance::Fixture;
use trefoil_clouds::conformance::objects;
use trefoil_clouds::conformance::stand_ins::{self, Ministack, SeaweedFs};
use trefoil_clouds::objects::{Capabilities, KeyRules, Objects};

fn bucket(
    endpoint: String,
    bucket: String,
    id: &str,
    secret: &str,
) -> impl Fn() -> Objects + use<> {
    let address = Address {
        bucket,
        endpoint: Some(endpoint),
        path_style: true,
        credentials: Some(AccessKey { id: id.to_owned(), secret: secret.into() }),
        ..Address::default()
    };
    move || Objects::new(Arc::new(S3Objects::new(address.clone())))
}

/// What another client says, which shares no code with Trefoil.
fn rclone(endpoint: &str, variables: &[(&str, String)], arguments: &[&str]) -> String {
    let remote =
        format!(":s3,provider=Other,env_auth=true,force_path_style=true,endpoint='{endpoint}':");
    let arguments = arguments.iter().map(|argument| argument.replace("STORE:", &remote));
    let mut command = Command::new(stand_ins::program("rclone"));
    command.envs(variables.iter().cloned()).env("RCLONE_CONFIG", "/dev/null").args(arguments);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

mod seaweedfs {
    use super::*;

    async fn fresh() -> Fixture<Objects> {
        let server = tokio::task::spawn_blocking(SeaweedFs::shared).await.unwrap();
        let name = server.create_bucket("suite");
        let (id, secret) = (SeaweedFs::ACCESS_KEY, server.secret_key());
        let open = bucket(server.endpoint(), name, id, secret);
        Fixture { first: open(), second: open(), keep: Box::new(server) }
    }

    trefoil_clouds::objects_conformance!(fresh);

    /// The suite believes the probe; so what it finds is held against what is known of the store.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_probe_finds_what_the_store_can_do() {
        let suite = fresh().await;
        let expected = Capabilities {
            // It keeps objects as files.
            keys: KeyRules { below_an_object: true, unicode_forms: true, ..KeyRules::default() },
            conditional: true,
            server_copy: true,
            tags: true,
            ..Capabilities::default()
        };
        assert_eq!(suite.first.probe().await.unwrap(), expected);
    }

    /// The suite in a bucket that keeps versions; and that no upload in parts stays behind.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_bucket_with_versions_keeps_them_and_unfinished_uploads_are_given_up() {
        let server = tokio::task::spawn_blocking(SeaweedFs::shared).await.unwrap();
        let name = server.create_bucket("versions");
        let (endpoint, variables) = (server.endpoint(), server.variables());
        let ask = |what: &[&str]| rclone(&endpoint, &variables, what);
        let place = format!("STORE:{name}");
        ask(&["backend", "versioning", &place, "Enabled"]);
        let (id, secret) = (SeaweedFs::ACCESS_KEY, server.secret_key());
        let open = bucket(server.endpoint(), name, id, secret);
        let suite = Fixture { first: open(), second: open(), keep: Box::new(()) };
        let found = suite.first.probe().await.unwrap();
        assert!(found.versions);
        assert_eq!(ask(&["lsf", "-R", "--s3-versions", &place]), "", "the probe left versions");
        objects::versions_are_kept(&suite).await;
        suite.first.delete("ab").await.unwrap();
        objects::a_dropped_write_writes_nothing(&suite).await;
        objects::a_failing_content_writes_nothing(&suite).await;
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while ask(&["backend", "list-multipart-uploads", &place]).contains("UploadId") {
            assert!(std::time::Instant::now() < deadline, "an upload in parts stays");
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn wrong_credentials_and_a_missing_bucket_are_named() {
        let server = tokio::task::spawn_blocking(SeaweedFs::shared).await.unwrap();
        let (id, name) = (SeaweedFs::ACCESS_KEY, server.create_bucket("named"));
        let wrong = bucket(server.endpoint(), name, id, "another secret")();
        assert_eq!(wrong.health().await.unwrap_err().code(), "bucket_access");
        let error = wrong.put_bytes("a", "x".into()).await.unwrap_err();
        assert_eq!(error.code(), "bucket_access", "{}", error.chain());
        assert!(!format!("{error:?}").contains("another secret"));
        let missing = bucket(server.endpoint(), "no-such-bucket".into(), id, server.secret_key())();
        assert_eq!(missing.health().await.unwrap_err().code(), "bucket_missing");
        assert_eq!(missing.head("a").await.unwrap_err().code(), "bucket_missing");
        assert_eq!(missing.probe().await.unwrap_err().code(), "bucket_missing");
    }
}

mod ministack {
    use super::*;

    async fn fresh() -> Fixture<Objects> {
        let server = tokio::task::spawn_blocking(Ministack::shared).await.unwrap();
        let open = bucket(server.endpoint(), server.create_bucket("suite"), "test", "test");
        Fixture { first: open(), second: open(), keep: Box::new(server) }
    }

    trefoil_clouds::objects_conformance!(fresh);

    /// As above: every key is kept, and tags are not told of. One of white space alone is never
    /// tried, for the probe's have a prefix.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_probe_finds_what_the_store_can_do() {
        let suite = fresh().await;
        let expected = Capabilities {
            keys: KeyRules { blank: false, ..KeyRules::ALL },
            conditional: true,
            byte_order: true,
            server_copy: true,
            ..Capabilities::default()
        };
        assert_eq!(suite.first.probe().await.unwrap(), expected);
    }
}
