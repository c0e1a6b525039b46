//! The sessions in a file behave as every store of sessions, also between processes.
#![allow(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

use std::process::Command;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use trefoil_clouds::conformance::Fixture;
use trefoil_clouds::sessions::Sessions;

async fn fresh() -> Fixture<Sessions> {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file://{}", folder.path().join("sessions.sqlite").display());
    let open = || Sessions::open(&url).unwrap();
    Fixture { first: open(), second: open(), keep: Box::new(folder) }
}

trefoil_clouds::sessions_conformance!(fresh);

/// Names the store to the processes that `processes_share_a_store` starts.
const STORE: &str = "TREFOIL_TEST_SESSIONS";
const PROCESSES: u64 = 4;
const ROUNDS: u64 = 20;

#[test]
fn processes_share_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file://{}/", folder.path().display());
    let program = std::env::current_exe().unwrap();
    let start = |_| {
        let mut command = Command::new(&program);
        command.args(["--exact", "one_of_several_processes", "--ignored"]);
        command.env(STORE, &url).stdout(std::process::Stdio::piped()).spawn().unwrap()
    };
    let processes: Vec<_> = (0..PROCESSES).map(start).collect();
    for process in processes {
        let output = process.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    assert!(folder.path().join("sessions.sqlite").is_file());
    check_store(&url);
}

#[tokio::main(flavor = "current_thread")]
async fn check_store(url: &str) {
    let sessions = Sessions::open(url).unwrap();
    let counter = sessions.raw("counter").await.unwrap().unwrap();
    assert_eq!(counter.data, json!(PROCESSES * ROUNDS), "no update was lost");
    assert_eq!(counter.version, PROCESSES * ROUNDS + 1);
    let own = sessions.count(Timestamp::now()).await.unwrap();
    assert_eq!(own, PROCESSES * ROUNDS + 1);
}

#[tokio::test]
#[ignore = "started by processes_share_a_store"]
async fn one_of_several_processes() {
    let sessions = Sessions::open(&std::env::var(STORE).unwrap()).unwrap();
    let ttl = Duration::from_secs(600);
    let create = sessions.create(Some("counter"), json!(0), ttl, Timestamp::now()).await;
    assert!(create.is_ok() || create.is_err_and(|error| error.code() == "session_conflict"));
    let mut raised = 0;
    while raised < ROUNDS {
        let now = Timestamp::now();
        let counter = sessions.get("counter", now).await.unwrap().unwrap();
        let next = json!(counter.data.as_u64().unwrap() + 1);
        match sessions.update("counter", next, Some(counter.version), None, now).await {
            Ok(updated) => {
                assert!(updated.is_some());
                sessions.create(None, json!(1), ttl, now).await.unwrap();
                raised += 1;
            }
            Err(error) => assert_eq!(error.code(), "session_conflict", "{}", error.chain()),
        }
    }
}
