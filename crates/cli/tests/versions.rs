//! An application moves to a newer PostgreSQL while it is used, and comes back: the upgrade that
//! is usually done with users locked out.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod common;

use common::{Answer, Town, program, seed};
use serde_json::Value;
use trefoil_clouds::conformance::postgres::programs;

/// Two environments with PostgreSQL of these versions.
fn town(east: u32, west: u32) -> Town {
    let medassistant = program("medassistant").display().to_string();
    let of = |version: u32| {
        format!("{{ cloud: local, overrides: {{ database: {{ version: {version} }} }} }}")
    };
    Town::with(|port| {
        format!(
            "name: medassistant\napplication:\n  command: [\"{medassistant}\", serve]\n  \
             setup: [\"{medassistant}\", migrate]\n  port: {port}\n  log_level: warning\n\
             database: {{}}\nbuckets:\n  documents: {{}}\nsessions: {{}}\nenvironments:\n  \
             east: {}\n  west: {}\n",
            of(east),
            of(west)
        )
    })
}

/// Runs a command that knows where all these versions are.
fn run(town: &Town, versions: &[u32], arguments: &[&str]) -> Answer {
    let folders = std::env::join_paths(versions.iter().map(|version| programs(*version))).unwrap();
    town.run_with(arguments, &[("TREFOIL_POSTGRES_BIN", folders.to_str().unwrap())])
}

fn ok(town: &Town, versions: &[u32], arguments: &[&str]) -> Value {
    let answer = run(town, versions, arguments);
    let Answer { code, data, error, stderr } = answer;
    assert_eq!(code, 0, "trefoil {arguments:?}: {error} {data}\n{stderr}");
    data
}

fn major(town: &Town, environment: &str) -> String {
    town.sql(environment, "SELECT current_setting('server_version_num')::int / 10000").concat()
}

/// The comparison of both sides. What is written to faster than it can be read is told as changing,
/// never as different; on a busy machine it is looked at again.
fn compared(town: &Town, versions: &[u32]) -> Value {
    let compare = ["migrate", "verify", "west", "east"];
    for _ in 0..5 {
        let Answer { code, data, error, stderr } = run(town, versions, &compare);
        if code == 0 {
            return data;
        }
        assert_eq!(data["differences"], Value::Array(Vec::new()), "{error} {data}\n{stderr}");
        assert_ne!(data["changing"], Value::Array(Vec::new()), "{error} {data}\n{stderr}");
    }
    ok(town, versions, &compare)
}

/// There and back under writers, to a newer version.
fn upgrade_and_back(versions: [u32; 2]) {
    let [older, newer] = versions;
    let town = town(older, newer);
    ok(&town, &versions, &["up", "east"]);
    assert_eq!(major(&town, "east"), older.to_string());
    town.seed(100, 50);
    let writers = town.writers(4, seed());
    let file = town.path().join("plan.json").display().to_string();
    let plan = ["migrate", "plan", "--from", "east", "--to", "west", "--max-load", "80"];
    let plan = ok(&town, &versions, &[&plan[..], &["--output", &file]].concat());
    assert_eq!(plan["blockers"], Value::Array(Vec::new()), "{plan:#}");
    let there = ok(&town, &versions, &["migrate", "run", &file]);
    assert_eq!(major(&town, "west"), newer.to_string());
    // The stream back flows from the newer version to the older one, and both are compared.
    let compared = compared(&town, &versions);
    assert!(compared["stream"].is_string(), "{compared:#}");
    ok(&town, &versions, &["migrate", "rollback", there["run_id"].as_str().unwrap()]);
    let counted = writers.stop();
    assert_eq!(counted["requests"]["failed"], 0, "{counted:#}");
    let verdict = town.check("east");
    assert_eq!((&verdict["lost"], &verdict["doubled"]), (&0.into(), &0.into()), "{verdict:#}");
    assert!(verdict["acknowledged"]["total"].as_u64().unwrap() > 20, "{verdict:#}");
    ok(&town, &versions, &["migrate", "finish", "last"]);
}

#[test]
fn a_move_to_a_newer_version_and_back_loses_nothing() {
    let full = std::env::var_os("TREFOIL_TEST_FULL").is_some();
    let all = [[15, 16], [15, 18], [16, 18]];
    let sampled = all[usize::try_from(seed()).unwrap() % all.len()];
    for versions in all.into_iter().filter(|one| full || *one == sampled) {
        println!("{} to {} and back", versions[0], versions[1]);
        upgrade_and_back(versions);
    }
}

#[test]
fn a_move_to_an_older_version_and_an_opened_other_version_are_refused() {
    let town = town(16, 15);
    let versions = [15, 16];
    ok(&town, &versions, &["up", "east"]);
    ok(&town, &versions, &["up", "west"]);
    let looked = run(&town, &versions, &["migrate", "preflight", "--from", "east", "--to", "west"]);
    assert_eq!(looked.code, 1);
    let findings = looked.data["findings"].as_array().unwrap();
    let version = findings.iter().find(|one| one["code"] == "postgres_version").unwrap();
    assert_eq!(version["severity"], "blocker", "{version}");

    ok(&town, &versions, &["down", "west"]);
    let spec = std::fs::read_to_string(town.path().join("trefoil.yaml")).unwrap();
    std::fs::write(town.path().join("trefoil.yaml"), spec.replace("version: 15", "version: 16"))
        .unwrap();
    let up = run(&town, &versions, &["up", "west"]);
    assert_ne!(up.code, 0);
    let said = "was written by PostgreSQL 15, and `database.version` is 16";
    assert!(up.error.to_string().contains(said), "{}", up.error);
}
