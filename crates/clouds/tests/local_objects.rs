//! The bucket in a folder behaves as every bucket, also between processes.
#![allow(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

use std::process::Command;

use bytes::Bytes;
use trefoil_clouds::conformance::Fixture;
use trefoil_clouds::objects::{Attributes, Condition, Objects, stream_of};

async fn fresh() -> Fixture<Objects> {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file://{}", folder.path().join("a bucket").display());
    let open = || Objects::open(&url).unwrap();
    Fixture { first: open(), second: open(), keep: Box::new(folder) }
}

trefoil_clouds::objects_conformance!(fresh);

/// Names the bucket to the processes that `processes_share_a_bucket` starts.
const BUCKET: &str = "TREFOIL_TEST_BUCKET";
const PROCESSES: usize = 4;
const KEYS: usize = 25;

#[test]
fn processes_share_a_bucket() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file://{}/bucket", folder.path().display());
    let program = std::env::current_exe().unwrap();
    let start = |_| {
        let mut command = Command::new(&program);
        command.args(["--exact", "one_of_several_processes", "--ignored", "--nocapture"]);
        command.env(BUCKET, &url).stdout(std::process::Stdio::piped()).spawn().unwrap()
    };
    let processes: Vec<_> = (0..PROCESSES).map(start).collect();
    let mut won = 0;
    for process in processes {
        let output = process.wait_with_output().unwrap();
        let words = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{words}");
        let line = words.lines().find_map(|line| line.split_once("won: ")).unwrap().1;
        won += line.trim().parse::<usize>().unwrap();
    }
    assert_eq!(won, KEYS, "each key was won by exactly one process");
    check_bucket(&url);
}

#[tokio::main(flavor = "current_thread")]
async fn check_bucket(url: &str) {
    let objects = Objects::open(url).unwrap();
    let page = objects.list("", None, 1_000).await.unwrap();
    assert_eq!(page.objects.len(), KEYS + 1);
    let expected = (KEYS + PROCESSES * KEYS) as u64;
    assert_eq!(objects.position().await.unwrap(), expected, "each write has its own position");
}

#[tokio::test]
#[ignore = "started by processes_share_a_bucket"]
async fn one_of_several_processes() {
    let objects = Objects::open(&std::env::var(BUCKET).unwrap()).unwrap();
    let mut won = 0;
    for n in 0..KEYS {
        objects.put_bytes("shared", Bytes::from(n.to_string())).await.unwrap();
        let content = stream_of(Bytes::from_static(b"mine"));
        let (attributes, absent) = (Attributes::default(), Condition::Absent);
        match objects.put(&format!("key-{n}"), content, &attributes, &absent, None).await {
            Ok(_) => won += 1,
            Err(error) => assert_eq!(error.code(), "object_condition", "{}", error.chain()),
        }
    }
    #[allow(clippy::print_stdout, reason = "the process that started this one counts")]
    {
        println!("won: {won}");
    }
}
