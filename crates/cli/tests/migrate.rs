//! A running application moves, comes back, and moves again, under writers that count.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod common;

use std::time::Duration;

use common::{Town, seed};
use serde_json::Value;

/// One move under the writers; the run's identifier.
fn migrate(town: &Town, from: &str, to: &str) -> String {
    let (file, plan) = town.plan(from, to);
    assert_eq!(plan["blockers"], Value::Array(Vec::new()), "{plan}");
    let run = town.ok(&["migrate", "run", &file]);
    run["run_id"].as_str().unwrap().to_owned()
}

fn assert_served_by(town: &Town, environment: &str) {
    let status = town.ok(&["ps"]);
    assert_eq!(status["active"], environment, "{status}");
    assert_eq!(town.get("/ready").0, 200);
}

/// T1: every acknowledged write is on the serving side exactly once, over two moves and a rollback.
#[test]
fn two_moves_and_a_rollback_under_writers_lose_and_double_nothing() {
    let town = Town::new("");
    town.ok(&["up", "east"]);
    town.seed(200, 200);
    let writers = town.writers(8, seed());
    std::thread::sleep(Duration::from_secs(1));

    let there = migrate(&town, "east", "west");
    assert_served_by(&town, "west");
    std::thread::sleep(Duration::from_secs(2));
    let back = town.ok(&["migrate", "rollback", &there]);
    let back = back["run_id"].as_str().unwrap().to_owned();
    assert_served_by(&town, "east");
    std::thread::sleep(Duration::from_secs(1));
    town.ok(&["migrate", "finish", &back]);
    town.ok(&["down", "west", "--destroy"]);
    let again = migrate(&town, "east", "west");
    std::thread::sleep(Duration::from_secs(1));

    let counted = writers.stop();
    let verdict = town.check("west");
    assert_eq!((&verdict["lost"], &verdict["doubled"]), (&0.into(), &0.into()), "{verdict:#}");
    assert_eq!(counted["requests"]["failed"], 0, "{counted:#}");
    assert!(verdict["acknowledged"]["total"].as_u64().unwrap() > 100, "{verdict:#}");
    for run in [&there, &back, &again] {
        assert_report_is_whole(&town.ok(&["runs", "show", run]));
    }
    town.ok(&["migrate", "finish", &again]);
    assert_nothing_of_ours_is_left(&town);
}

fn assert_report_is_whole(shown: &Value) {
    let report = &shown["report"];
    for store in ["objects", "sessions", "secrets"] {
        assert_eq!(report[store]["equal"], true, "{report:#}");
    }
    let tables = report["tables"].as_array().unwrap();
    assert!(!tables.is_empty());
    assert!(tables.iter().all(|table| table["equal"] == true), "{report:#}");
    assert!(report["objects"]["count"].as_u64().unwrap() >= 200, "{report:#}");
}

/// After the finish neither server has a publication, subscription, slot, role or table of ours.
fn assert_nothing_of_ours_is_left(town: &Town) {
    for environment in ["east", "west"] {
        for statement in [
            "SELECT pubname FROM pg_publication",
            "SELECT subname FROM pg_subscription",
            "SELECT slot_name FROM pg_replication_slots",
            "SELECT rolname FROM pg_roles WHERE rolname LIKE 'tf%'",
            "SELECT nspname FROM pg_namespace WHERE nspname = 'trefoil'",
        ] {
            assert_eq!(town.sql(environment, statement), Vec::<String>::new(), "{environment}");
        }
    }
}

#[test]
fn a_rollback_can_be_taken_back_without_copying() {
    let town = Town::new("");
    town.ok(&["up", "east"]);
    let writers = town.writers(4, seed());
    let mut run = migrate(&town, "east", "west");
    for serving in ["east", "west"] {
        std::thread::sleep(Duration::from_millis(500));
        let next = town.ok(&["migrate", "rollback", &run]);
        run = next["run_id"].as_str().unwrap().to_owned();
        assert_served_by(&town, serving);
    }
    let counted = writers.stop();
    let verdict = town.check("west");
    assert_eq!((&verdict["lost"], &verdict["doubled"]), (&0.into(), &0.into()), "{verdict:#}");
    assert_eq!(counted["requests"]["failed"], 0, "{counted:#}");
    town.ok(&["migrate", "finish", &run]);
    assert_nothing_of_ours_is_left(&town);
}

#[test]
fn an_application_that_needs_its_database_is_started_after_the_switch() {
    let town = Town::new("  needs_database_to_start: true");
    town.ok(&["up", "east"]);
    let writers = town.writers(2, seed());
    std::thread::sleep(Duration::from_millis(500));
    migrate(&town, "east", "west");
    let counted = writers.stop();
    let verdict = town.check("west");
    assert_eq!((&verdict["lost"], &verdict["doubled"]), (&0.into(), &0.into()), "{verdict:#}");
    assert_eq!(counted["requests"]["failed"], 0, "{counted:#}");
}

/// Digests of everything on both sides: rows, files, the log.
fn world(town: &Town) -> Vec<String> {
    let mut lines = Vec::new();
    for environment in ["east", "west"] {
        let root = town.environment_folder(environment);
        for store in ["objects", "secrets.age", "sessions.sqlite"] {
            lines.extend(files(&root.join(store)));
        }
    }
    lines.extend(files(&town.path().join(".trefoil/runs")));
    for table in ["documents", "notes"] {
        let digest =
            format!("SELECT md5(string_agg(t::text, ',' ORDER BY t::text)) FROM {table} t");
        lines.extend(town.sql("east", &digest));
    }
    for catalogue in
        ["pg_publication", "pg_subscription", "pg_replication_slots", "pg_namespace", "pg_roles"]
    {
        lines.extend(town.sql("east", &format!("SELECT t::text FROM {catalogue} t ORDER BY 1")));
    }
    lines
}

fn files(place: &std::path::Path) -> Vec<String> {
    let mut lines = Vec::new();
    let mut places = vec![place.to_owned()];
    while let Some(place) = places.pop() {
        if place.is_dir() {
            places.extend(std::fs::read_dir(place).unwrap().map(|entry| entry.unwrap().path()));
        } else if place.is_file() {
            let length = place.metadata().unwrap().len();
            lines.push(format!("{} {length}", place.display()));
        }
    }
    lines.sort();
    lines
}

#[test]
fn a_dry_run_changes_nothing_and_what_it_calls_ready_is_ready() {
    let town = Town::new("");
    town.ok(&["up", "east"]);
    town.seed(20, 20);
    let (file, _) = town.plan("east", "west");
    let before = world(&town);
    let dry = town.ok(&["migrate", "run", &file, "--dry-run"]);
    assert_eq!(world(&town), before);
    assert!(!town.environment_folder("west").join("agent.pid").exists());
    let steps = dry["steps"].as_array().unwrap();
    assert!(steps.iter().any(|step| step["verdict"] == "ready"), "{dry:#}");
    assert!(steps.iter().any(|step| step["verdict"] == "after"), "{dry:#}");
    assert!(steps.iter().all(|step| step["verdict"] != "blocked"), "{dry:#}");
    let run = town.ok(&["migrate", "run", &file]);
    let shown = town.ok(&["runs", "show", run["run_id"].as_str().unwrap()]);
    let failed = |event: &&Value| event["event"] == "failed";
    assert_eq!(shown["events"].as_array().unwrap().iter().filter(failed).count(), 0);
}

#[test]
fn a_run_that_is_killed_before_the_switch_is_compensated_or_goes_on() {
    let town = Town::new("");
    town.ok(&["up", "east"]);
    let writers = town.writers(4, seed());
    let (file, plan) = town.plan("east", "west");
    let fence = event_of(&plan, "fence_database");
    let killed = town.run_with(
        &["migrate", "run", &file, "--no-supervisor"],
        &[("TREFOIL_CRASH_AFTER_EVENT", &(fence + 1).to_string())],
    );
    assert_eq!(killed.code, -1, "killed by a signal: {} {}", killed.error, killed.stderr);
    let listed = town.ok(&["runs"]);
    let paused = &listed["runs"].as_array().unwrap().last().unwrap();
    assert!(listed["next"].to_string().contains("trefoil runs resume"), "{listed:#}");
    let run_id = paused["run_id"].as_str().unwrap().to_owned();
    town.ok(&["runs", "resume", &run_id]);
    assert_served_by(&town, "west");
    let counted = writers.stop();
    let verdict = town.check("west");
    assert_eq!((&verdict["lost"], &verdict["doubled"]), (&0.into(), &0.into()), "{verdict:#}");
    println!("{counted:#}");
}

#[test]
fn a_run_that_is_killed_after_the_switch_goes_forward() {
    let town = Town::new("");
    town.ok(&["up", "east"]);
    let writers = town.writers(4, seed());
    let (file, plan) = town.plan("east", "west");
    let open = event_of(&plan, "open_database");
    let killed = town.run_with(
        &["migrate", "run", &file, "--no-supervisor"],
        &[("TREFOIL_CRASH_AFTER_EVENT", &(open + 1).to_string())],
    );
    assert_eq!(killed.code, -1, "killed by a signal: {} {}", killed.error, killed.stderr);
    let before = town.ok(&["runs", "show", "last"]);
    let aborted = town.run(&["runs", "abort", "last"]);
    assert_eq!(aborted.code, 3, "{}", aborted.error);
    assert!(aborted.error["hint"].to_string().contains("runs resume"), "{}", aborted.error);
    assert_eq!(town.ok(&["runs", "show", "last"])["events"], before["events"], "it was refused");
    town.ok(&["runs", "resume", "last"]);
    assert_served_by(&town, "west");
    let counted = writers.stop();
    let verdict = town.check("west");
    assert_eq!((&verdict["lost"], &verdict["doubled"]), (&0.into(), &0.into()), "{verdict:#}");
    println!("{counted:#}");
}

/// The number of the journal entry that says that the step began: one entry opens the run, and
/// each step before has two.
fn event_of(plan: &Value, action: &str) -> usize {
    let steps = plan["steps"].as_array().unwrap();
    let position = steps.iter().position(|step| step["action"] == action).unwrap();
    2 + 2 * position
}

#[test]
fn an_aborted_run_leaves_the_source_serving_and_nothing_behind() {
    let town = Town::new("");
    town.ok(&["up", "east"]);
    town.seed(20, 20);
    let (file, plan) = town.plan("east", "west");
    let armed = event_of(&plan, "start_application");
    let killed = town.run_with(
        &["migrate", "run", &file, "--no-supervisor"],
        &[("TREFOIL_CRASH_BEFORE_EVENT", &armed.to_string())],
    );
    assert_eq!(killed.code, -1, "{} {}", killed.error, killed.stderr);
    town.ok(&["runs", "abort", "last"]);
    assert_served_by(&town, "east");
    let nothing = Vec::<String>::new();
    assert_eq!(town.sql("east", "SELECT pubname FROM pg_publication"), nothing);
    assert_eq!(town.sql("east", "SELECT slot_name FROM pg_replication_slots"), nothing);
    assert_eq!(
        town.sql("east", "SELECT nspname FROM pg_namespace WHERE nspname = 'trefoil'"),
        nothing
    );
    let shown = town.ok(&["runs", "show", "last"]);
    assert_eq!(shown["state"], "aborted");
    migrate(&town, "east", "west");
    assert_served_by(&town, "west");
}
