//! An application that knows nothing of Trefoil moves both ways, and each acknowledged row is
//! there exactly once.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod common;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use common::Town;
use trefoil_clouds::conformance::skipped;

/// The specification gives the interpreter by this path.
const PYTHON: &str = "/usr/bin/python3";

fn psycopg2_is_there() -> bool {
    let mut command = Command::new(PYTHON);
    command.args(["-c", "import psycopg2"]).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// The example as it is in the repository, on a free port.
fn example() -> Town {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/plain-python");
    let spec = std::fs::read_to_string(folder.join("trefoil.yaml")).unwrap();
    assert_eq!(spec.matches("port: 8001").count(), 1);
    let town = Town::with(|port| spec.replace("port: 8001", &format!("port: {port}")));
    std::fs::copy(folder.join("app.py"), town.path().join("app.py")).unwrap();
    town
}

/// One PUT without keep-alive; the status, or 0 when there was no answer.
fn put(port: u16, path: &str, body: &str) -> u16 {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return 0 };
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let length = body.len();
    let request = format!(
        "PUT {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    if stream.write_all(request.as_bytes()).is_err() {
        return 0;
    }
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
}

/// Writers that each write rows of their own, one after another, until each is acknowledged.
struct Writers {
    stop: Arc<AtomicBool>,
    retries: Arc<AtomicU64>,
    threads: Vec<JoinHandle<BTreeMap<u64, String>>>,
}

impl Writers {
    fn start(count: u64, port: u16) -> Writers {
        let (stop, retries) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let writer = |first: u64| {
            let (stop, retries) = (stop.clone(), retries.clone());
            std::thread::spawn(move || {
                let mut acknowledged = BTreeMap::new();
                for n in (first..).step_by(usize::try_from(count).unwrap()) {
                    if stop.load(Ordering::SeqCst) {
                        break;
                    }
                    let body = format!("row {n} of writer {first}");
                    while put(port, &format!("/rows/{n}"), &body) != 200 {
                        let tries = retries.fetch_add(1, Ordering::SeqCst);
                        assert!(tries < 10_000, "row {n} was never acknowledged");
                        std::thread::sleep(Duration::from_millis(20));
                    }
                    acknowledged.insert(n, body);
                }
                acknowledged
            })
        };
        let threads = (0..count).map(writer).collect();
        Writers { stop, retries, threads }
    }

    /// What was acknowledged, and how many requests had to be sent again.
    fn stop(self) -> (BTreeMap<u64, String>, u64) {
        self.stop.store(true, Ordering::SeqCst);
        let all = self.threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        (all, self.retries.load(Ordering::SeqCst))
    }
}

/// All rows as the application tells them; a row twice stays twice.
fn rows(town: &Town) -> Vec<(u64, String)> {
    let (status, text) = town.get("/rows");
    assert_eq!(status, 200, "{text}");
    serde_json::from_str(&text).unwrap()
}

#[test]
fn an_application_that_knows_nothing_of_us_moves_both_ways() {
    if !psycopg2_is_there() {
        skipped(&format!(
            "an application that knows nothing of Trefoil: {PYTHON} has no psycopg2 (apt-get install python3-psycopg2)"
        ));
        return;
    }
    let town = example();
    town.ok(&["up", "east"]);
    assert_eq!(put(town.port, "/rows/x", "?"), 404);
    let writers = Writers::start(4, town.port);
    std::thread::sleep(Duration::from_secs(1));

    let (file, plan) = town.plan("east", "west");
    assert_eq!(plan["blockers"], serde_json::json!([]), "{plan:#}");
    town.ok(&["migrate", "run", &file]);
    assert_eq!(town.ok(&["ps"])["active"], "west");
    let at_switch = town.sql("west", "SELECT count(*) FROM rows");
    std::thread::sleep(Duration::from_secs(1));
    town.ok(&["migrate", "rollback", "last"]);
    assert_eq!(town.ok(&["ps"])["active"], "east");
    std::thread::sleep(Duration::from_secs(1));

    let (acknowledged, retries) = writers.stop();
    println!("{} rows acknowledged, {retries} requests sent again", acknowledged.len());
    let before: usize = at_switch[0].parse().unwrap();
    assert!(before > 0 && acknowledged.len() > before, "nothing was written between the moves");
    let expected: Vec<_> = acknowledged.into_iter().collect();
    assert_eq!(rows(&town), expected, "each acknowledged row is there exactly once");
    let counted = town.sql("east", "SELECT count(*) || ' ' || count(DISTINCT n) FROM rows");
    assert_eq!(counted, [format!("{0} {0}", expected.len())]);
    town.ok(&["migrate", "finish", "last"]);
    assert_eq!(rows(&town), expected);
}
