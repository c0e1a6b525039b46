//! An executor that is frozen, whose run another host goes on with and ends, and that wakes up
//! afterwards: it must change nothing. The other host is one by its name only, which is all that
//! Trefoil knows of it, so nobody can kill the process first.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod common;

use std::process::{Child, Command};

use common::machine::begun;
use common::{Town, seed};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use trefoil_clouds::conformance::skipped;

/// Runs a command as on a host of another name. It must succeed.
fn elsewhere(town: &Town, arguments: &[&str]) -> Value {
    let mut command = Command::new("unshare");
    command.args(["--uts", "sh", "-c", "hostname elsewhere && exec \"$@\"", "sh"]);
    command.arg(env!("CARGO_BIN_EXE_trefoil")).args(["--json", "--yes"]).args(arguments);
    let output = command.current_dir(town.path()).output().unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "trefoil {arguments:?}: {answer:#}\n{said}");
    answer["data"].clone()
}

/// Whether this process may give a host another name.
fn can_be_elsewhere() -> bool {
    let tried = Command::new("unshare").args(["--uts", "hostname", "elsewhere"]).output();
    tried.is_ok_and(|tried| tried.status.success())
}

/// A move that is frozen as its step begins.
fn frozen(town: &Town, file: &str, step: &str) -> Child {
    let child = begun(town, &["migrate", "run", file, "--no-supervisor"], step);
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGSTOP).unwrap();
    child
}

/// It wakes up, and finds that the run is another's.
fn wakes_up(child: Child) {
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGCONT).unwrap();
    let output = child.wait_with_output().unwrap();
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["errors"][0]["code"], "executor_superseded", "{said:#}");
    assert_eq!(output.status.code(), Some(4), "{said:#}");
}

fn assert_only_east_serves(town: &Town) {
    assert_eq!(town.ok(&["ps"])["active"], "east");
    assert_eq!(town.get("/ready").0, 200);
    let open = "SELECT count(*) FROM pg_roles WHERE rolname LIKE '%\\_app' AND rolcanlogin";
    assert_eq!(town.sql("east", open), ["1"], "the application may enter where it is served");
    if town.environment_folder("west").exists() {
        assert_eq!(town.sql("west", open), ["0"], "and nowhere else");
    }
}

#[test]
fn an_executor_that_wakes_up_after_another_host_took_its_run_changes_nothing() {
    if !can_be_elsewhere() {
        skipped("two hosts: `unshare --uts hostname NAME` needs root here");
        return;
    }
    let town = Town::new("");
    town.ok(&["up", "east"]);
    let writers = town.writers(2, seed());

    // Before the switch: it would close the side that serves again.
    let (file, _) = town.plan("east", "west");
    let child = frozen(&town, &file, "fence_database");
    assert_eq!(elsewhere(&town, &["runs", "abort", "last"])["state"], "aborted");
    assert_eq!(town.get("/ready").0, 200);
    wakes_up(child);
    assert_only_east_serves(&town);
    town.ok(&["down", "west", "--destroy"]);

    // At the switch: it would open the side that a rollback has left.
    let (file, _) = town.plan("east", "west");
    let child = frozen(&town, &file, "open_database");
    let resume = ["runs", "resume", "last", "--no-supervisor"];
    assert_eq!(elsewhere(&town, &resume)["state"], "soaking");
    assert_eq!(town.ok(&["ps"])["active"], "west");
    elsewhere(&town, &["migrate", "rollback", "last", "--no-supervisor"]);
    wakes_up(child);
    assert_only_east_serves(&town);
    writers.stop();
    let verdict = town.check("east");
    assert_eq!((&verdict["lost"], &verdict["doubled"]), (&0.into(), &0.into()), "{verdict:#}");
}
