//! The process that watches over whoever executes a move: nobody types anything after the tool is
//! gone, and still one side serves and the run comes to rest.

#![allow(clippy::unwrap_used, reason = "helpers of tests, outside of test functions")]

mod common;

use std::time::Duration;

use common::machine::{begun, event_of, processes};
use common::{Town, eventually_within, seed};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// How long a machine of two busy cores may need for what takes seconds.
const PATIENCE: Duration = Duration::from_secs(150);

fn supervisors(town: &Town) -> Vec<Pid> {
    let lines = processes(town).into_iter();
    lines.filter(|(_, line)| line.contains(" supervise ")).map(|(pid, _)| pid).collect()
}

fn state(town: &Town) -> Value {
    town.ok(&["runs", "show", "last"])["state"].clone()
}

fn comes_to_rest(town: &Town, wanted: &str) {
    eventually_within(PATIENCE, wanted, || state(town) == wanted && supervisors(town).is_empty());
}

fn assert_served_by(town: &Town, environment: &str) {
    assert_eq!(town.ok(&["ps"])["active"], environment);
    assert_eq!(town.get("/ready").0, 200);
}

fn assert_whole_without_writers(town: &Town, environment: &str) {
    assert_served_by(town, environment);
    let fence = "SELECT count(*) FROM pg_roles WHERE rolname LIKE '%\\_app' AND rolcanlogin";
    assert_eq!(town.sql("east", fence), ["0"], "the other side is closed");
}

fn assert_whole(town: &Town, environment: &str) {
    assert_served_by(town, environment);
    let verdict = town.check(environment);
    assert_eq!((&verdict["lost"], &verdict["doubled"]), (&0.into(), &0.into()), "{verdict:#}");
    let left = std::fs::read_dir(town.path().join(".trefoil/supervisors")).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().path()).collect();
    let logs = left.iter().all(|path| path.extension().is_some_and(|end| end == "log"));
    assert!(logs, "only logs stay: {left:?}");
}

/// Killed while users wait, and killed again on the way back: both runs come to rest alone.
#[test]
fn a_tool_that_is_killed_while_users_wait_is_followed_by_another() {
    let town = Town::new("");
    town.ok(&["up", "east"]);
    let writers = town.writers(4, seed());
    let (file, plan) = town.plan("east", "west");
    let fenced = (event_of(&plan, "fence_database") + 1).to_string();
    let killed =
        town.run_with(&["migrate", "run", &file], &[("TREFOIL_CRASH_AFTER_EVENT", &fenced)]);
    assert_eq!(killed.code, -1, "{}", killed.stderr);
    comes_to_rest(&town, "soaking");
    let shown = town.ok(&["runs", "show", "last"]);
    let adopted = shown["events"].as_array().unwrap().iter();
    assert_eq!(adopted.filter(|one| one["event"] == "adopted").count(), 2);
    let log = std::fs::read_to_string(shown["supervisor_log"].as_str().unwrap()).unwrap();
    assert!(log.contains("the run is taken over"), "{log}");

    let opened = (event_of(&plan, "open_database")).to_string();
    let variables = [("TREFOIL_CRASH_BEFORE_EVENT", opened.as_str())];
    let killed = town.run_with(&["migrate", "rollback", "last"], &variables);
    assert_eq!(killed.code, -1, "{}", killed.stderr);
    comes_to_rest(&town, "soaking");
    writers.stop();
    assert_whole(&town, "east");
}

/// The executor is stopped in the window and would wake up after another has ended the run.
#[test]
fn an_executor_that_freezes_while_users_wait_is_ended_and_followed() {
    let town = Town::new("");
    town.ok(&["up", "east"]);
    let writers = town.writers(4, seed());
    let file = town.path().join("plan.json").display().to_string();
    let plan = ["migrate", "plan", "--from", "east", "--to", "west", "--output", &file];
    town.ok(&[&plan[..], &["--window", "4s"]].concat());
    let mut frozen = begun(&town, &["migrate", "run", &file], "drain_database");
    let pid = Pid::from_raw(frozen.id().cast_signed());
    kill(pid, Signal::SIGSTOP).unwrap();
    comes_to_rest(&town, "soaking");
    let ended = frozen.try_wait().unwrap();
    assert!(ended.is_some(), "one that could still wake up and act");
    assert!(kill(pid, Signal::SIGCONT).is_err());
    writers.stop();
    assert_whole(&town, "west");
}

/// A person who stops a move means it: the supervisor lets the source serve, and no more.
#[test]
fn a_run_that_a_person_stopped_waits_for_a_person() {
    let town = Town::new("");
    town.ok(&["up", "east"]);
    let writers = town.writers(2, seed());
    let (file, _) = town.plan("east", "west");
    let child = begun(&town, &["migrate", "run", &file], "copy_rows");
    let watched = town.ok(&["ps"])["supervisors"].clone();
    assert_eq!(watched.as_array().unwrap().len(), 1, "{watched}");
    let run = watched[0]["run_id"].as_str().unwrap().to_owned();
    let folder = town.path().join(".trefoil").display().to_string();
    let second = town.run(&["supervise", "--folder", &folder, "--run", &run]);
    assert_eq!((second.code, second.error_code()), (3, "supervisor_running"), "{}", second.error);
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).unwrap();
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(4));
    comes_to_rest(&town, "paused");
    assert_served_by(&town, "east");

    // The same, when the one who stops it is killed before the source serves again.
    let child = begun(&town, &["runs", "resume", "last"], "hold_traffic");
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).unwrap();
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).unwrap();
    let code = child.wait_with_output().unwrap().status.code();
    eventually_within(PATIENCE, "at rest", || supervisors(&town).is_empty());
    if code != Some(0) && state(&town) == "paused" {
        assert_served_by(&town, "east");
        town.ok(&["runs", "resume", "last"]);
    }
    writers.stop();
    assert_whole(&town, "west");
}

/// Without a supervisor the dead stay dead, and a person goes on.
#[test]
fn without_a_supervisor_a_person_goes_on() {
    let town = Town::new("");
    town.ok(&["up", "east"]);
    let (file, plan) = town.plan("east", "west");
    let fenced = (event_of(&plan, "fence_database") + 1).to_string();
    let arguments = ["migrate", "run", &file, "--no-supervisor"];
    let killed = town.run_with(&arguments, &[("TREFOIL_CRASH_AFTER_EVENT", &fenced)]);
    assert_eq!(killed.code, -1, "{}", killed.stderr);
    assert!(supervisors(&town).is_empty());
    let shown = town.ok(&["runs", "show", "last"]);
    assert!(shown["writable_side"].is_null() && shown["supervisor_log"].is_null(), "{shown}");
    town.ok(&["runs", "resume", "last", "--compensate-only", "--no-supervisor"]);
    let shown = town.ok(&["runs", "show", "last"]);
    assert_eq!((&shown["writable_side"], &shown["state"]), (&"east".into(), &"paused".into()));
    assert_eq!(town.get("/ready").0, 200);

    // Of two who go on at once, one does and the other is told so.
    let resume = ["runs", "resume", "last", "--no-supervisor"];
    let both: Vec<_> = (0..2).map(|_| town.command(&resume).spawn().unwrap()).collect();
    let codes = both.into_iter().map(|one| one.wait_with_output().unwrap().status.code().unwrap());
    let codes: Vec<_> = codes.collect();
    assert!(codes.iter().all(|code| [0, 3, 4].contains(code)), "{codes:?}");
    if !codes.contains(&0) {
        // Both saw the other in time; nothing was done, so a person says it again.
        town.ok(&resume);
    }
    assert_eq!(state(&town), "soaking");
    assert_each_step_behind_the_switch_was_begun_once(&town);
    assert_whole_without_writers(&town, "west");
}

/// Two who both went on would have done them twice. One that came when the other was through found
/// nothing to do.
fn assert_each_step_behind_the_switch_was_begun_once(town: &Town) {
    let shown = town.ok(&["runs", "show", "last"]);
    let steps = shown["events"][0]["plan"]["steps"].as_array().unwrap();
    let run = steps.iter().skip_while(|step| step["switch"] != true);
    let run = run.take_while(|step| step["finish"] != true);
    let begun = |n: &Value| {
        let events = shown["events"].as_array().unwrap().iter();
        events.filter(|one| one["event"] == "started" && one["step"] == *n).count()
    };
    let begun: Vec<_> = run.map(|step| begun(&step["n"])).collect();
    assert!(begun.len() > 3 && begun.iter().all(|times| *times == 1), "{begun:?}");
}

/// What a person types at night: nobody has to find the process that executes.
#[test]
fn a_run_that_is_executed_is_aborted_on_a_persons_word() {
    let town = Town::new("");
    town.ok(&["up", "east"]);
    town.seed(20, 20);
    let writers = town.writers(2, seed());
    let (file, _) = town.plan("east", "west");
    let child = begun(&town, &["migrate", "run", &file], "copy_rows");
    assert_eq!(town.ok(&["runs", "abort", "last"])["state"], "aborted");
    let output = child.wait_with_output().unwrap();
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said:#}");
    assert_eq!(said["errors"][0]["code"], "run_aborted", "{said:#}");
    assert_aborted_without_a_trace(&town);

    // It is executed by a process that never gets to read the wish: whoever follows it does.
    let (file, _) = town.plan("east", "west");
    let mut frozen = begun(&town, &["migrate", "run", &file], "build_indexes");
    let pid = Pid::from_raw(frozen.id().cast_signed());
    kill(pid, Signal::SIGSTOP).unwrap();
    let asking = town.command(&["runs", "abort", "last"]).spawn().unwrap();
    let run = town.ok(&["ps"])["supervisors"][0]["run_id"].as_str().unwrap().to_owned();
    let wish = town.path().join(".trefoil/state/requests").join(run);
    eventually_within(PATIENCE, "it is asked", || wish.is_dir());
    kill(pid, Signal::SIGKILL).unwrap();
    frozen.wait().unwrap();
    let output = asking.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_aborted_without_a_trace(&town);
    writers.stop();
    assert_whole(&town, "east");
}

fn assert_aborted_without_a_trace(town: &Town) {
    comes_to_rest(town, "aborted");
    assert_served_by(town, "east");
    for left in [
        "SELECT pubname FROM pg_publication",
        "SELECT slot_name FROM pg_replication_slots",
        "SELECT nspname FROM pg_namespace WHERE nspname = 'trefoil'",
    ] {
        assert_eq!(town.sql("east", left), Vec::<String>::new(), "{left}");
    }
    town.ok(&["down", "west", "--destroy"]);
}
