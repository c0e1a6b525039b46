//! The agent with a real PostgreSQL server and real programs: both outlive it, and come back.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test")]

mod support;

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio_postgres::NoTls;
use trefoil_clouds::operate::agent_protocol::{
    DatabaseStatus, InstanceRecord, InstanceStatus, StartDatabase, StartInstance, StopInstance,
};
use trefoil_clouds::operate::files;
use trefoil_clouds::operate::probe;
use trefoil_clouds::operate::process::ProcessId;
use trefoil_ops::{Result, agent};

use support::{Agent, Environment, LONG, postmaster, start_agent, until};

const ADMIN_PASSWORD: &str = "adminpasswordthatnobodymaysee";
const PASSWORD: &str = "passwordthatnobodymaysee";

fn environment(root: &Path) -> Environment {
    Environment { folder: root.join("environments/east") }
}

async fn start_database(agent: &Agent) -> Result<DatabaseStatus> {
    let request = StartDatabase {
        database: "shop".into(),
        admin_password: ADMIN_PASSWORD.into(),
        role: "shop_app".into(),
        password: PASSWORD.into(),
        version: None,
    };
    agent.control.post("/database/start", &request, LONG).await
}

async fn login(port: u16, role: &str, password: &str) -> Result<tokio_postgres::Client, String> {
    let url = format!("postgresql://{role}:{password}@127.0.0.1:{port}/shop");
    let (client, connection) =
        tokio_postgres::connect(&url, NoTls).await.map_err(|error| error.to_string())?;
    tokio::spawn(connection);
    Ok(client)
}

async fn text(client: &tokio_postgres::Client, query: &str) -> String {
    client.query_one(query, &[]).await.unwrap().get(0)
}

/// Every file of a folder, as one text.
fn all_text(folder: &Path) -> String {
    let mut all = String::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() {
            all += &all_text(&entry.path());
        } else if let Ok(bytes) = std::fs::read(entry.path()) {
            all += &String::from_utf8_lossy(&bytes);
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_is_made_once_and_outlives_the_agent() {
    let root = tempfile::tempdir().unwrap();
    let environment = environment(root.path());
    let agent = start_agent(&environment.folder).await;
    assert!(agent.status().await.database.is_none());
    let first = start_database(&agent).await.unwrap();

    let admin = login(first.port, "trefoil", ADMIN_PASSWORD).await.unwrap();
    for (setting, value) in [
        ("wal_level", "logical"),
        ("max_replication_slots", "20"),
        ("max_slot_wal_keep_size", "4GB"),
    ] {
        assert_eq!(text(&admin, &format!("SHOW {setting}")).await, value);
    }
    let app = login(first.port, "shop_app", PASSWORD).await.unwrap();
    app.batch_execute("CREATE TABLE t (n int); INSERT INTO t VALUES (7)").await.unwrap();
    assert!(app.batch_execute("CREATE ROLE other").await.is_err(), "an ordinary role");
    assert!(login(first.port, "shop_app", "wrong").await.is_err());
    let data = Path::new(&first.data_dir);
    let owner = std::fs::metadata(data).unwrap();
    assert_eq!(owner.mode() & 0o777, 0o700);
    assert_ne!(owner.uid(), 0, "PostgreSQL does not run as root");

    let again = start_database(&agent).await.unwrap();
    assert_eq!((again.pid, again.port), (first.pid, first.port), "starting is idempotent");

    agent.dies().await;
    assert_eq!(text(&admin, "SELECT 'there'").await, "there", "the server outlives the agent");
    let agent = start_agent(&environment.folder).await;
    assert_eq!(agent.status().await.database.unwrap().pid, first.pid, "and is taken over");

    // A move has closed the database to the application; nothing but the move opens it again.
    admin.batch_execute("ALTER ROLE shop_app NOLOGIN").await.unwrap();
    let process = postmaster(data).unwrap();
    process.signal(Signal::SIGKILL);
    until("the server is started again", || async {
        let status = agent.status().await.database.unwrap();
        status.pid.is_some() && status.pid != first.pid
    })
    .await;
    assert_eq!(start_database(&agent).await.unwrap().port, first.port);
    assert!(login(first.port, "shop_app", PASSWORD).await.is_err(), "it is still closed");
    let admin = login(first.port, "trefoil", ADMIN_PASSWORD).await.unwrap();
    assert_eq!(text(&admin, "SELECT n::text FROM t").await, "7");

    agent.control.post::<_, ()>("/shutdown", &(), LONG).await.unwrap();
    agent.ends().await;
    assert!(postmaster(data).is_none(), "told to shut down, the agent stops its server");
    let written = all_text(&environment.folder);
    assert!(!written.contains(PASSWORD) && !written.contains(ADMIN_PASSWORD));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_with_other_passwords_refuses_and_says_so() {
    let root = tempfile::tempdir().unwrap();
    let environment = environment(root.path());
    let agent = start_agent(&environment.folder).await;
    start_database(&agent).await.unwrap();
    let request = StartDatabase {
        database: "shop".into(),
        admin_password: "another".into(),
        role: "shop_app".into(),
        password: "another".into(),
        version: None,
    };
    let error = agent
        .control
        .post::<_, DatabaseStatus>("/database/start", &request, LONG)
        .await
        .unwrap_err();
    assert_eq!(error.code(), "database_password");
    agent.control.post::<_, ()>("/database/stop", &(), LONG).await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(agent.status().await.database.unwrap().pid, None, "stopped stays stopped");
}

/// Answers with its process number, a variable, and whether it knows the agent's environment.
const WEB: &str = r#"
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        words = [os.environ["TOKEN"], os.getcwd(), str("CARGO" in os.environ)]
        self.wfile.write(" ".join(words).encode())
    def log_message(self, *_): pass
print("ready", file=sys.stderr, flush=True)
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"#;

fn python(name: &str, code: &str) -> StartInstance {
    StartInstance {
        name: name.into(),
        command: vec!["python3".into(), "-c".into(), code.into()],
        working_dir: "/".into(),
        environment: BTreeMap::from([
            ("PATH".to_owned(), std::env::var("PATH").unwrap()),
            ("TOKEN".to_owned(), "tokenthatnobodymaysee".to_owned()),
        ]),
        once: false,
        timeout_ms: 20_000,
    }
}

async fn start(agent: &Agent, request: &StartInstance) -> Result<InstanceStatus> {
    agent.control.post("/instances/start", request, LONG).await
}

async fn stop(agent: &Agent, name: &str, drain_ms: u64) {
    let request = StopInstance { name: name.into(), drain_ms };
    agent.control.post::<_, ()>("/instances/stop", &request, LONG).await.unwrap();
}

async fn words_at(port: u16) -> Option<String> {
    let answer = probe::get(&format!("127.0.0.1:{port}"), "/", Duration::from_secs(1)).await;
    answer.ok().map(|answer| answer.words)
}

/// Kills an instance and waits until another process answers in its place.
async fn kill_and_await(agent: &Agent, name: &str) -> InstanceStatus {
    let before = agent.instance(name).await;
    ProcessId::of(before.pid.unwrap()).unwrap().signal(Signal::SIGKILL);
    until("it is started again", || async {
        let now = agent.instance(name).await;
        now.pid.is_some() && now.pid != before.pid && words_at(now.port).await.is_some()
    })
    .await;
    let now = agent.instance(name).await;
    assert_eq!((now.port, now.restarts), (before.port, before.restarts + 1));
    assert!(now.last_exit.is_some(), "how the one before ended is still told");
    now
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_is_kept_running_by_this_agent_and_the_next() {
    let root = tempfile::tempdir().unwrap();
    let environment = environment(root.path());
    let agent = start_agent(&environment.folder).await;
    let web = python("web", WEB);
    let first = start(&agent, &web).await.unwrap();
    until("it answers", || async { words_at(first.port).await.is_some() }).await;
    assert_eq!(words_at(first.port).await.unwrap(), "tokenthatnobodymaysee / False");
    assert_eq!(start(&agent, &web).await.unwrap().pid, first.pid, "it is left alone");
    let second = kill_and_await(&agent, "web").await;

    agent.dies().await;
    assert!(words_at(first.port).await.is_some(), "it outlives the agent");
    let agent = start_agent(&environment.folder).await;
    let taken = agent.instance("web").await;
    assert_eq!((taken.pid, taken.port), (second.pid, second.port), "and is taken over");
    kill_and_await(&agent, "web").await;
    assert_eq!(
        words_at(first.port).await.unwrap(),
        "tokenthatnobodymaysee / False",
        "the next agent knows its environment, which is written nowhere"
    );
    let written = all_text(&environment.folder);
    assert!(!written.contains("tokenthatnobodymaysee"));

    stop(&agent, "web", 5_000).await;
    stop(&agent, "web", 5_000).await;
    stop(&agent, "nobody", 5_000).await;
    let stopped = agent.instance("web").await;
    assert_eq!(stopped.pid, None);
    assert_eq!(stopped.last_words, ["ready"]);
    assert!(stopped.last_exit.unwrap().starts_with("stopped by request"));
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(words_at(first.port).await.is_none(), "stopped stays stopped");
    assert_eq!(start(&agent, &web).await.unwrap().port, first.port, "the port is kept");
    agent.control.post::<_, ()>("/shutdown", &(), LONG).await.unwrap();
    assert!(words_at(first.port).await.is_none(), "told to shut down, the agent stops it");
    agent.ends().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_was_not_written_down_any_more_is_found() {
    let root = tempfile::tempdir().unwrap();
    let environment = environment(root.path());
    let agent = start_agent(&environment.folder).await;
    let first = start(&agent, &python("web", WEB)).await.unwrap();
    until("it answers", || async { words_at(first.port).await.is_some() }).await;
    agent.dies().await;
    // As an agent leaves it that is killed right after it has started the process.
    let file = environment.folder.join("instances/web.json");
    let mut record: InstanceRecord = files::read_json(&file).unwrap().unwrap();
    record.process = None;
    files::write_json(&file, &record).unwrap();

    let agent = start_agent(&environment.folder).await;
    assert_eq!(agent.instance("web").await.pid, first.pid);
    stop(&agent, "web", 5_000).await;
    assert!(words_at(first.port).await.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_does_not_want_to_end_is_killed_with_its_children() {
    let root = tempfile::tempdir().unwrap();
    let environment = environment(root.path());
    let agent = start_agent(&environment.folder).await;
    let stubborn = "import signal, subprocess, sys, time\n\
                    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n\
                    child = subprocess.Popen(['sleep', '600'])\n\
                    print(child.pid, flush=True)\n\
                    time.sleep(600)";
    start(&agent, &python("stubborn", stubborn)).await.unwrap();
    let log = environment.folder.join("instances/stubborn.log");
    let printed = || std::fs::read_to_string(&log).unwrap_or_default();
    until("it has a child", || async { printed().ends_with('\n') }).await;
    let child = ProcessId::of(printed().trim().parse().unwrap()).unwrap();
    stop(&agent, "stubborn", 200).await;
    assert_eq!(agent.instance("stubborn").await.pid, None);
    until("its child is gone", || async { !child.alive() }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_runs_once_is_awaited() {
    let root = tempfile::tempdir().unwrap();
    let environment = environment(root.path());
    let agent = start_agent(&environment.folder).await;
    let once = |code: &str| StartInstance { once: true, ..python("setup", code) };
    let done = start(&agent, &once("print('done')")).await.unwrap();
    assert_eq!((done.pid, done.last_exit.as_deref()), (None, Some("exit status: 0")));

    let bad = "import sys\nfor n in range(30): print('line', n, file=sys.stderr)\nsys.exit(3)";
    let error = start(&agent, &once(bad)).await.unwrap_err();
    assert_eq!(error.code(), "instance_failed");
    assert!(error.to_string().contains("exit status: 3"), "{error}");
    let status = agent.instance("setup").await;
    assert_eq!(status.last_words.len(), 20);
    assert_eq!(status.last_words.last().unwrap(), "line 29");

    let late = StartInstance { timeout_ms: 300, ..once("import time; time.sleep(600)") };
    assert_eq!(start(&agent, &late).await.unwrap_err().code(), "instance_timeout");
    assert_eq!(agent.instance("setup").await.pid, None, "it does not go on");

    let absent = StartInstance { command: vec!["/nonexistent".into()], ..once("") };
    assert_eq!(start(&agent, &absent).await.unwrap_err().code(), "program_missing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_environment_has_one_agent() {
    let root = tempfile::tempdir().unwrap();
    let environment = environment(root.path());
    let agent = start_agent(&environment.folder).await;
    let error = agent::serve(&environment.folder, "east").await.unwrap_err();
    assert_eq!(error.code(), "agent_running");
    assert!(agent.control.answers().await, "the first one is not disturbed");
    let mode = std::fs::metadata(&environment.folder).unwrap().mode();
    assert_eq!(mode & 0o777, 0o700);
    let pid = std::fs::read_to_string(environment.folder.join("agent.pid")).unwrap();
    assert_eq!(pid, std::process::id().to_string());
}
