//! Moves to and from a bucket that is in no environment of this machine, and moves whose log is in
//! one. What is in the bucket is read by a client that shares no code with Trefoil.

#![allow(clippy::unwrap_used, reason = "helpers of tests, outside of test functions")]

mod common;

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::machine::{event_of, processes};
use common::{Town, eventually_within, program, seed};
use jiff::Timestamp;
use serde_json::Value;
use trefoil_clouds::conformance::faults::Proxy;
use trefoil_clouds::conformance::stand_ins::{self, SeaweedFs};
use trefoil_core::digest::sha256_hex;

/// How long a machine of two busy cores may need for what takes seconds.
const PATIENCE: Duration = Duration::from_secs(150);

/// The example application: `east` on this machine, the documents of `west` in a bucket, by an
/// endpoint that leads to the store.
fn town_by(endpoint: &str, store: &SeaweedFs, bucket: &str) -> Town {
    let medassistant = program("medassistant");
    let mut town = Town::with(|port| {
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
  documents: {{ change_record: true }}
sessions: {{}}
environments:
  east: {{ cloud: local }}
  west:
    cloud: local
    buckets:
      documents: {{ endpoint: "{1}", name: {bucket} }}
"#,
            medassistant.display(),
            endpoint
        )
    });
    town.variables = store.variables().into();
    for (name, value) in [("key-id", SeaweedFs::ACCESS_KEY), ("key-secret", store.secret_key())] {
        let mut command = town.command(&["secrets", "set", "east", name]);
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(value.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    town
}

fn migrate(town: &Town, from: &str, to: &str) -> String {
    let (file, plan) = town.plan(from, to);
    assert_eq!(plan["blockers"], Value::Array(Vec::new()), "{plan:#}");
    town.ok(&["migrate", "run", &file])["run_id"].as_str().unwrap().to_owned()
}

/// Every acknowledged write is there once, as the witness and the database tell.
fn assert_whole(town: &Town, environment: &str) {
    assert_eq!(town.ok(&["ps"])["active"], environment);
    let verdict = town.check(environment);
    assert_eq!((&verdict["lost"], &verdict["doubled"]), (&0.into(), &0.into()), "{verdict:#}");
    let objects = &verdict["kinds"]["objects"];
    assert!(objects["written"].as_u64().unwrap() > 0, "{verdict:#}");
}

/// SHA-256 and key of everything below a path of the store, as rclone reads it.
fn digests(store: &SeaweedFs, path: &str) -> BTreeSet<String> {
    let there = rclone(store, &["hashsum", "sha256", "--download"], path, "");
    there.lines().map(str::to_owned).collect()
}

/// What rclone answers to a command about a path of the store, which is given an input.
fn rclone(store: &SeaweedFs, words: &[&str], path: &str, input: &str) -> String {
    let remote = format!(
        ":s3,provider=SeaweedFS,env_auth=true,force_path_style=true,endpoint='{}':{path}",
        store.endpoint()
    );
    let mut command = Command::new(stand_ins::program("rclone"));
    command.envs(store.variables()).env("RCLONE_CONFIG", "/dev/null").args(words).arg(remote);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What rclone reads in the bucket is what the rows of the documents say, byte for byte: nothing is
/// missing, nothing is too many.
fn assert_bucket_is_whole(town: &Town, store: &SeaweedFs, bucket: &str, environment: &str) {
    let rows = town.sql(environment, "SELECT digest || '  ' || id FROM documents");
    let rows: BTreeSet<String> = rows.into_iter().collect();
    let there = digests(store, &format!("{bucket}/documents"));
    assert!(!rows.is_empty());
    let missing: Vec<_> = rows.difference(&there).collect();
    let foreign: Vec<_> = there.difference(&rows).collect();
    assert!(missing.is_empty() && foreign.is_empty(), "missing {missing:#?}, foreign {foreign:#?}");
}

/// In the window of the newest run the record of changes was read, and nothing else was listed.
fn assert_nothing_was_listed_while_users_waited(town: &Town, proxy: &Proxy, bucket: &str) {
    let shown = town.ok(&["runs", "show", "last"]);
    let events = shown["events"].as_array().unwrap();
    let steps = events[0]["plan"]["steps"].as_array().unwrap();
    let at = |action: &str, event: &str| {
        let step = &steps.iter().find(|step| step["action"] == action).unwrap()["n"];
        let found = events.iter().find(|one| one["event"] == event && one["step"] == *step);
        let at: Timestamp = found.unwrap()["at"].as_str().unwrap().parse().unwrap();
        // As the proxy reads the clock.
        let ago = Timestamp::now().duration_since(at);
        Instant::now().checked_sub(ago.try_into().unwrap()).unwrap()
    };
    let window = at("hold_traffic", "started")..at("switch_traffic", "succeeded");
    let passed = proxy.passed().into_iter().filter(|one| window.contains(&one.at));
    let lists = passed.filter(|one| {
        let (path, query) = one.path.split_once('?').unwrap_or((&one.path, ""));
        one.method == "GET"
            && path.trim_matches('/') == bucket
            && (query.contains("list-type=2") || query.contains("prefix="))
    });
    let of_record =
        |one: &String| one.contains("prefix=.trefoil%2F") || one.contains("prefix=.trefoil/");
    let (record, other): (Vec<_>, Vec<_>) = lists.map(|one| one.path).partition(of_record);
    assert!(!record.is_empty(), "the record was not read in the window");
    assert_eq!(other, Vec::<String>::new());
}

#[test]
fn documents_move_into_a_bucket_and_back_under_writers() {
    let store = SeaweedFs::start();
    let bucket = store.create_bucket("west");
    let proxy = Proxy::before(&store.endpoint());
    let town = town_by(&proxy.endpoint(), &store, &bucket);
    town.ok(&["up", "east"]);
    town.seed(50, 20);
    let writers = town.writers(4, seed());
    std::thread::sleep(Duration::from_secs(1));
    let there = migrate(&town, "east", "west");
    std::thread::sleep(Duration::from_secs(2));
    let counted = writers.stop();
    assert_eq!(counted["requests"]["failed"], 0, "{counted:#}");
    assert_whole(&town, "west");
    assert_bucket_is_whole(&town, &store, &bucket, "west");

    // On the way back the bucket is the source: its record of changes spares the listing.
    let writers = town.writers(4, seed() + 1);
    std::thread::sleep(Duration::from_secs(1));
    let planned = town.ok(&["migrate", "rollback", &there, "--plan-only"]);
    assert!(planned["mapping"].as_array().is_some_and(|all| !all.is_empty()), "{planned:#}");
    assert!(!planned.to_string().contains("listed once or twice"), "{planned:#}");
    let back = town.ok(&["migrate", "rollback", &there])["run_id"].as_str().unwrap().to_owned();
    assert_nothing_was_listed_while_users_waited(&town, &proxy, &bucket);
    // What is written now is carried into the bucket, until the end.
    std::thread::sleep(Duration::from_secs(2));
    let counted = writers.stop();
    assert_eq!(counted["requests"]["failed"], 0, "{counted:#}");
    assert_whole(&town, "east");
    eventually_within(PATIENCE, "the bucket follows", || {
        let seen =
            std::panic::catch_unwind(|| assert_bucket_is_whole(&town, &store, &bucket, "east"));
        seen.is_ok()
    });
    town.ok(&["migrate", "finish", &back]);
    assert_bucket_is_whole(&town, &store, &bucket, "east");
}

/// Small objects, then large ones.
const LIMITED: [(&str, usize, usize); 2] = [("limited/a", 60, 100), ("limited/b", 8, 500_000)];
const MAX_REQUESTS: u32 = 20;
const MAX_MBPS: u32 = 8;
/// Chance may bring the first write late and the last one early: so much of the time is certain.
const CERTAIN: f64 = 0.8;

/// Puts the objects of [`LIMITED`] into `east`; the lines that rclone will say of them.
fn fill(town: &Town) -> BTreeSet<String> {
    let site = town.site("east");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut lines = BTreeSet::new();
    for (prefix, count, size_bytes) in LIMITED {
        for n in 0..count {
            let (key, content) = (format!("{prefix}/{n:02}"), vec![n as u8; size_bytes]);
            lines.insert(format!("{}  {key}", sha256_hex(&content)));
            let put = site.services.objects["documents"].put_bytes(&key, content.into());
            runtime.block_on(put).unwrap();
        }
    }
    lines
}

/// Within what time the objects of a prefix came to the store, how many, and their bytes without
/// the last one's.
fn written(proxy: &Proxy, prefix: &str) -> (f64, usize, u64) {
    let passed = proxy.passed();
    let puts = passed.iter().filter(|one| one.method == "PUT" && one.path.starts_with(prefix));
    let puts: Vec<_> = puts.collect();
    let (last, before) = puts.split_last().unwrap();
    let bytes = before.iter().map(|one| one.bytes).sum();
    ((last.at - before[0].at).as_secs_f64(), puts.len(), bytes)
}

#[test]
fn a_move_with_limits_sends_no_more_than_they_say() {
    let store = SeaweedFs::start();
    let bucket = store.create_bucket("west");
    let proxy = Proxy::before(&store.endpoint());
    let town = town_by(&proxy.endpoint(), &store, &bucket);
    town.ok(&["up", "east"]);
    let expected = fill(&town);
    let (file, _) = town.plan("east", "west");
    for limit in ["--max-requests", "--max-mbps"] {
        for value in ["0", "1000001", "-1", "fast"] {
            let wrong = town.run(&["migrate", "run", &file, &format!("{limit}={value}")]);
            let said = format!("{} {}", wrong.error, wrong.stderr);
            assert_eq!(wrong.code, 2, "{limit} {value}: {said}");
            assert!(said.contains(limit), "{said}");
        }
    }
    let limits = [MAX_REQUESTS.to_string(), MAX_MBPS.to_string()];
    let limits = ["--max-requests", &limits[0], "--max-mbps", &limits[1]];
    let ran = town.ok(&[&["migrate", "run", &file][..], &limits].concat());
    assert_eq!(ran["state"], "soaking");
    let [(took_s, requests, _), (large_took_s, _, bytes)] =
        LIMITED.map(|(prefix, ..)| written(&proxy, &format!("/{bucket}/{prefix}/")));
    assert_eq!(requests, LIMITED[0].1, "each was written once");
    let least_s = CERTAIN * requests as f64 / f64::from(MAX_REQUESTS);
    assert!(took_s >= least_s, "{requests} requests in {took_s} s");
    let least_s = CERTAIN * bytes as f64 * 8.0 / 1_000_000.0 / f64::from(MAX_MBPS);
    assert!(large_took_s >= least_s, "{bytes} bytes in {large_took_s} s");
    let there = digests(&store, &bucket);
    assert!(there.is_superset(&expected), "missing {:#?}", expected.difference(&there));
}

/// The target's bucket is there before its environment is: the plan looks into it.
#[test]
fn a_plan_names_the_keys_that_the_target_cannot_hold_or_holds_for_somebody_else() {
    let store = SeaweedFs::start();
    let bucket = store.create_bucket("west");
    let town = town_by(&store.endpoint(), &store, &bucket);
    town.ok(&["up", "east"]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for key in ["folded//key", "taken"] {
        let documents = &town.site("east").services.objects["documents"];
        runtime.block_on(documents.put_bytes(key, b"ours"[..].into())).unwrap();
    }
    rclone(&store, &["rcat"], &format!("{bucket}/taken"), "theirs, and longer");
    let (file, plan) = town.plan("east", "west");
    let codes = |plan: &Value| -> BTreeSet<String> {
        let all = plan["blockers"].as_array().unwrap().iter();
        all.map(|one| one["code"].as_str().unwrap().to_owned()).collect()
    };
    let expected = ["object_foreign", "object_key_unholdable"].map(str::to_owned);
    assert_eq!(codes(&plan), BTreeSet::from(expected), "{plan:#}");
    assert!(plan.to_string().contains("folded//key"), "{plan:#}");
    let refused = town.run(&["migrate", "run", &file]);
    assert_eq!(refused.code, 3, "{} {}", refused.error, refused.stderr);
    assert_eq!(town.ok(&["ps"])["active"], "east");
}

fn supervisors(town: &Town) -> usize {
    processes(town).iter().filter(|(_, line)| line.contains(" supervise ")).count()
}

fn comes_to_rest(town: &Town, wanted: &str) {
    eventually_within(PATIENCE, wanted, || {
        supervisors(town) == 0 && town.ok(&["runs", "show", "last"])["state"] == wanted
    });
}

/// The tool dies while users wait, there and back; nobody types anything.
#[test]
fn a_tool_whose_log_is_in_a_bucket_is_followed_too() {
    let store = SeaweedFs::start();
    let log = store.create_bucket("log");
    let mut town = Town::new("");
    let url = format!("s3://{log}/of/this-app?endpoint={}", store.endpoint());
    town.variables = store.variables().into();
    town.variables.push(("TREFOIL_STATE", url));
    town.ok(&["up", "east"]);
    let writers = town.writers(2, seed());
    let (file, plan) = town.plan("east", "west");
    let fenced = (event_of(&plan, "fence_database") + 1).to_string();
    let crash = [("TREFOIL_CRASH_AFTER_EVENT", fenced.as_str())];
    let killed = town.run_with(&["migrate", "run", &file], &crash);
    assert_eq!(killed.code, -1, "{} {}", killed.error, killed.stderr);
    comes_to_rest(&town, "soaking");
    assert_eq!(town.ok(&["ps"])["active"], "west");
    let shown = town.ok(&["runs", "show", "last"]);
    let said = std::fs::read_to_string(shown["supervisor_log"].as_str().unwrap()).unwrap();
    assert!(said.contains("the run is taken over"), "{said}");

    let crash = [("TREFOIL_CRASH_BEFORE_EVENT", fenced.as_str())];
    let killed = town.run_with(&["migrate", "rollback", "last"], &crash);
    assert_eq!(killed.code, -1, "{} {}", killed.error, killed.stderr);
    comes_to_rest(&town, "soaking");
    writers.stop();
    assert_whole(&town, "east");
    assert!(!town.path().join(".trefoil/state").exists(), "nothing of the log is here");
    town.ok(&["migrate", "finish", "last"]);
    eventually_within(PATIENCE, "nobody watches any more", || supervisors(&town) == 0);
}
