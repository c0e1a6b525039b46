//! An environment whose bucket is there already, in a store that is not Trefoil's.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

mod common;

use std::process::Command;

use common::{Town, program};
use trefoil_clouds::conformance::stand_ins::{self, SeaweedFs};

/// The example application with `east` on a bucket of SeaweedFS, and `west` as usual.
fn town(store: &SeaweedFs, bucket: &str) -> Town {
    let medassistant = program("medassistant");
    Town::with(|port| {
        format!(
            r#"name: medassistant
application:
  command: ["{0}", serve]
  setup: ["{0}", migrate]
  port: {port}
  log_level: warning
  secrets: {{ AWS_ACCESS_KEY_ID: key-id, AWS_SECRET_ACCESS_KEY: key-secret }}
database: {{}}
buckets:
  documents: {{}}
sessions: {{}}
environments:
  east:
    cloud: local
    buckets:
      documents: {{ endpoint: "{1}", name: {bucket} }}
  west: {{ cloud: local }}
"#,
            medassistant.display(),
            store.endpoint()
        )
    })
}

/// What another client says, which shares no code with Trefoil.
fn rclone(store: &SeaweedFs, arguments: &[&str]) -> Vec<u8> {
    let remote = format!(
        ":s3,provider=SeaweedFS,env_auth=true,force_path_style=true,endpoint='{}':",
        store.endpoint()
    );
    let arguments = arguments.iter().map(|argument| argument.replace("STORE:", &remote));
    let mut command = Command::new(stand_ins::program("rclone"));
    command.envs(store.variables()).env("RCLONE_CONFIG", "/dev/null").args(arguments);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn variables(store: &SeaweedFs) -> Vec<(&'static str, String)> {
    store.variables().into()
}

fn run(town: &Town, store: &SeaweedFs, arguments: &[&str]) -> common::Answer {
    let variables = variables(store);
    let borrowed: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    town.run_with(arguments, &borrowed)
}

fn ok(town: &Town, store: &SeaweedFs, arguments: &[&str]) -> serde_json::Value {
    let answer = run(town, store, arguments);
    assert_eq!(answer.code, 0, "trefoil {arguments:?}: {} {}", answer.error, answer.stderr);
    answer.data
}

/// Puts the store's credentials into the environment's secrets, for the application.
fn give_secrets(town: &Town, store: &SeaweedFs) {
    for (name, value) in [("key-id", SeaweedFs::ACCESS_KEY), ("key-secret", store.secret_key())] {
        let mut command = town.command(&["secrets", "set", "east", name]);
        let mut child = command.stdin(std::process::Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), value.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn an_application_uses_a_bucket_that_is_there_already_and_it_stays() {
    let store = SeaweedFs::start();
    let bucket = store.create_bucket("there");
    let foreign = format!("STORE:{bucket}/somebody/else's");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "not ours").unwrap();
    rclone(&store, &["copyto", &file.path().display().to_string(), &foreign]);
    let town = town(&store, &bucket);
    give_secrets(&town, &store);
    // The log is in a bucket too; the environment itself is on this machine.
    let log = store.create_bucket("log");
    let url = format!("s3://{log}/of/this-app?endpoint={}", store.endpoint());
    let state = ["--state", url.as_str()];
    ok(&town, &store, &[&state[..], &["up", "east"]].concat());

    let document = format!("{}/documents/letter", town.url());
    let answer = Command::new("curl")
        .args(["-sS", "-f", "-X", "PUT", "-H", "Idempotency-Key: one", "--data-binary", "a letter"])
        .args(["-H", "Content-Type: text/plain", &document])
        .output()
        .unwrap();
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    let listed = rclone(&store, &["lsf", "-R", "--files-only", &format!("STORE:{bucket}")]);
    let listed = String::from_utf8(listed).unwrap();
    let ours =
        listed.lines().find(|key| key.contains("letter")).unwrap_or_else(|| panic!("{listed}"));
    assert_eq!(rclone(&store, &["cat", &format!("STORE:{bucket}/{ours}")]), b"a letter");

    let inventory = ok(&town, &store, &[&state[..], &["inventory", "east"]].concat());
    let resources = inventory["resources"].as_array().unwrap();
    let seen = resources.iter().find(|resource| resource["kind"] == "bucket").unwrap();
    assert_eq!((&seen["name"], &seen["size"]["objects"]), (&"documents".into(), &2.into()));
    assert!(seen["id"].as_str().unwrap().starts_with(&format!("s3://{bucket}?")), "{seen}");

    let entries = ok(&town, &store, &[&state[..], &["log"]].concat())["entries"].clone();
    assert!(entries.as_array().unwrap().len() >= 3, "{entries}");
    let kept = rclone(&store, &["lsf", "-R", "--files-only", &format!("STORE:{log}")]);
    let kept = String::from_utf8(kept).unwrap();
    assert!(kept.contains("of/this-app/log/00000000000000000001.json"), "{kept}");
    assert!(!kept.contains("probe"), "the probe is gone: {kept}");
    assert!(!town.path().join(".trefoil/state").exists(), "nothing of it is here");

    ok(&town, &store, &[&state[..], &["down", "east", "--destroy"]].concat());
    let listed = rclone(&store, &["lsf", "-R", "--files-only", &format!("STORE:{bucket}")]);
    assert_eq!(String::from_utf8(listed).unwrap().lines().count(), 2, "what is there stays there");
    assert_eq!(rclone(&store, &["cat", &foreign]), b"not ours");
}

#[test]
fn a_wrong_bucket_is_said_before_anything_starts() {
    let store = SeaweedFs::start();
    let town = town(&store, "no-such-bucket");
    let answer = run(&town, &store, &["up", "east"]);
    assert_eq!(answer.code, 5, "{} {}", answer.error, answer.stderr);
    assert!(answer.error.to_string().contains("bucket_missing"), "{}", answer.error);
    assert!(!town.environment_folder("east").join("agent.lock").exists(), "nothing was started");
    let bucket = store.create_bucket("there");
    let town = self::town(&store, &bucket);
    let wrong = [("AWS_ACCESS_KEY_ID", SeaweedFs::ACCESS_KEY), ("AWS_SECRET_ACCESS_KEY", "wrong")];
    let answer = town.run_with(&["up", "east"], &wrong);
    assert_eq!(answer.code, 4, "{} {}", answer.error, answer.stderr);
    let words = answer.error.to_string();
    assert!(words.contains("refuses these credentials: it answered 403"), "{words}");
    assert!(!answer.stderr.contains("IMDS"), "nobody but the store was asked: {}", answer.stderr);
    assert!(!town.environment_folder("east").join("agent.lock").exists(), "nothing was started");
}
