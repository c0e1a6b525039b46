//! What an engineer on call meets: a machine that was started again, processes that were killed,
//! a person who presses Ctrl-C, ports that are taken. Nothing acknowledged is lost, never do two
//! sides accept writes, and there is always a command that goes on.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a helper of a test fails the test")]

mod common;

use std::io::Write;
use std::time::Duration;

use common::machine::{begun, event_of, kill_all, processes};
use common::{Town, eventually, seed};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// What remains of a machine that was switched off: the files.
fn reboot(town: &Town) {
    assert!(kill_all(town, |_| true) > 3);
    eventually("everything is dead", || kill_all(town, |_| true) == 0);
}

/// Every acknowledged write is at the side that serves, once.
fn assert_nothing_lost(town: &Town, environment: &str) {
    let verdict = town.check(environment);
    assert_eq!((&verdict["lost"], &verdict["doubled"]), (&0.into(), &0.into()), "{verdict:#}");
    assert!(verdict["acknowledged"]["total"].as_u64().unwrap() > 20, "{verdict:#}");
}

fn assert_served_by(town: &Town, environment: &str) {
    let status = town.ok(&["ps"]);
    assert_eq!(status["active"], environment, "{status}");
    assert_eq!(status["edge"]["upstream"]["environment"], environment, "{status}");
    assert_eq!(town.get("/ready").0, 200);
}

#[test]
fn after_a_reboot_in_the_soak_both_sides_come_back_and_so_does_the_way_back() {
    let town = Town::new("");
    town.ok(&["up", "east"]);
    let writers = town.writers(4, seed());
    let (file, _) = town.plan("east", "west");
    let run = town.ok(&["migrate", "run", &file])["run_id"].as_str().unwrap().to_owned();
    std::thread::sleep(Duration::from_secs(1));
    reboot(&town);

    let early = town.run(&["migrate", "rollback", &run]);
    assert_eq!(early.code, 3, "{}", early.error);
    town.ok(&["up", "west"]);
    assert_served_by(&town, "west");
    town.ok(&["up", "east"]);
    assert_served_by(&town, "west");
    let rows = town.ok(&["ps"])["environments"].clone();
    assert!(rows[0]["application"].is_null(), "two sides would accept writes: {rows}");
    assert!(!processes(&town).iter().all(|(_, line)| !line.contains(" backflow ")), "no backflow");
    std::thread::sleep(Duration::from_secs(1));
    town.ok(&["migrate", "rollback", &run]);
    assert_served_by(&town, "east");
    writers.stop();
    assert_nothing_lost(&town, "east");
}

/// The steps before which the tool and everything else dies, one of them by the seed.
#[test]
fn after_a_reboot_in_the_middle_of_a_run_it_is_gone_on_with() {
    let steps = ["start_application", "stop_application", "sync_database", "switch_traffic"];
    let seed = seed();
    let step = steps[usize::try_from(seed % 4).unwrap()];
    println!("everything dies before {step} ends");
    let town = Town::new("");
    town.ok(&["up", "east"]);
    let writers = town.writers(4, seed);
    let (file, plan) = town.plan("east", "west");
    let at = (event_of(&plan, step) + 1).to_string();
    let killed = town.run_with(
        &["migrate", "run", &file, "--no-supervisor"],
        &[("TREFOIL_CRASH_BEFORE_EVENT", &at)],
    );
    assert_eq!(killed.code, -1, "{} {}", killed.error, killed.stderr);
    reboot(&town);
    town.ok(&["up", "east"]);
    town.ok(&["up", "west"]);
    let running: Vec<_> = processes(&town)
        .into_iter()
        .filter(|(_, line)| line.contains("medassistant serve"))
        .collect();
    assert!(running.len() <= 2, "{running:?}");
    town.ok(&["runs", "resume", "last"]);
    assert_served_by(&town, "west");
    writers.stop();
    assert_nothing_lost(&town, "west");
}

#[test]
fn an_up_that_failed_is_simply_given_again() {
    let town = Town::new("");
    let taken = std::net::TcpListener::bind(("127.0.0.1", town.port)).unwrap();
    let failed = town.run(&["up", "east"]);
    assert_eq!((failed.code, failed.error_code()), (4, "run_paused"), "{}", failed.error);
    assert!(failed.error["hint"].as_str().unwrap().contains("trefoil up east"), "{}", failed.error);
    drop(taken);
    town.ok(&["up", "east"]);
    assert_served_by(&town, "east");
    let runs = town.ok(&["runs"]);
    assert_eq!(
        (&runs["runs"][0]["state"], &runs["next"]),
        (&"failed".into(), &Value::Array(vec![]))
    );

    let spec = town.path().join("trefoil.yaml");
    let good = std::fs::read_to_string(&spec).unwrap();
    town.ok(&["down", "east", "--destroy"]);
    std::fs::write(&spec, good.replace("migrate]", "no-such-command]")).unwrap();
    let failed = town.run(&["up", "east"]);
    assert_eq!((failed.code, failed.error_code()), (4, "run_paused"), "{}", failed.error);
    std::fs::write(&spec, good).unwrap();
    town.ok(&["up", "east"]);
    assert_served_by(&town, "east");
    assert_eq!(town.sql("east", "SELECT count(*) FROM notes"), ["0"], "it was set up");
}

#[test]
fn of_two_at_once_one_goes_on() {
    let town = Town::new("");
    let both: Vec<_> = (0..2).map(|_| town.command(&["up", "east"]).spawn().unwrap()).collect();
    let codes: Vec<_> = both
        .into_iter()
        .map(|one| one.wait_with_output().unwrap().status.code().unwrap())
        .collect();
    assert!(codes.contains(&0) && codes.iter().all(|code| [0, 3].contains(code)), "{codes:?}");
    assert_served_by(&town, "east");
    let (file, _) = town.plan("east", "west");
    let run = ["migrate", "run", file.as_str()];
    let both: Vec<_> = (0..2).map(|_| town.command(&run).spawn().unwrap()).collect();
    let codes: Vec<_> = both
        .into_iter()
        .map(|one| one.wait_with_output().unwrap().status.code().unwrap())
        .collect();
    assert!(codes.contains(&0) && codes.contains(&3), "{codes:?}");
    assert_served_by(&town, "west");
}

#[test]
fn a_person_who_presses_ctrl_c_in_the_window_has_the_source_serve_again() {
    let town = Town::new("");
    town.ok(&["up", "east"]);
    let writers = town.writers(4, seed());
    let (file, _) = town.plan("east", "west");
    for (signal, action) in [(Signal::SIGINT, "copy_rows"), (Signal::SIGTERM, "fence_database")] {
        let arguments: &[&str] = match action {
            "copy_rows" => &["migrate", "run", &file],
            _ => &["runs", "resume", "last"],
        };
        let child = begun(&town, arguments, action);
        kill(Pid::from_raw(child.id().cast_signed()), signal).unwrap();
        let output = child.wait_with_output().unwrap();
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(4), "{action}: {answer:#}");
        let message = answer["errors"][0]["message"].as_str().unwrap();
        assert!(message.contains("`east` serves"), "{action}: {message}");
        assert_served_by(&town, "east");
    }
    town.ok(&["runs", "resume", "last"]);
    assert_served_by(&town, "west");
    writers.stop();
    assert_nothing_lost(&town, "west");
}

/// Whoever of them dies while users wait: the run ends, or stops and is gone on with.
#[test]
fn a_process_that_dies_in_the_window_costs_no_acknowledged_write() {
    let victims = [" agent ", " edge ", "medassistant serve", "postgres -D"];
    let seed = seed();
    let town = Town::new("");
    town.ok(&["up", "east"]);
    let writers = town.writers(4, seed);
    let (file, _) = town.plan("east", "west");
    let arms = ["hold_traffic", "fence_database", "detach_database", "open_database"];
    let victim = victims[usize::try_from(seed % 4).unwrap()];
    let at = arms[usize::try_from(seed / 4 % 4).unwrap()];
    println!("{victim} dies at {at}");
    let child = begun(&town, &["migrate", "run", &file], at);
    let killed = kill_all(&town, |line| line.contains(victim));
    let output = child.wait_with_output().unwrap();
    let code = output.status.code();
    println!("{}", String::from_utf8_lossy(&output.stdout));
    assert!(killed > 0, "nobody of{victim}lived at {at}: nothing was tried");
    let active = town.ok(&["ps"])["active"].as_str().unwrap().to_owned();
    if code != Some(0) {
        assert_eq!(code, Some(4));
        town.ok(&["up", &active]);
        town.ok(&["runs", "resume", "last"]);
    }
    assert_served_by(&town, "west");
    writers.stop();
    assert_nothing_lost(&town, "west");
}

#[test]
fn a_run_that_died_between_its_two_ends_is_resumed_with_success() {
    let town = Town::new("");
    let killed = town.run_with(&["up", "east"], &[("TREFOIL_CRASH_AFTER_EVENT", "13")]);
    assert_eq!(killed.code, -1, "{}", killed.stderr);
    let resumed = town.ok(&["runs", "resume", "last"]);
    assert_eq!(resumed["state"], "succeeded");
    assert_served_by(&town, "east");
}

#[test]
fn an_edge_that_does_not_answer_hides_nothing_else() {
    let town = Town::new("");
    town.ok(&["up", "east"]);
    let edges: Vec<_> =
        processes(&town).into_iter().filter(|(_, line)| line.contains(" edge ")).collect();
    for (pid, _) in &edges {
        kill(*pid, Signal::SIGSTOP).unwrap();
    }
    let shown = town.run(&["ps"]);
    for (pid, _) in &edges {
        kill(*pid, Signal::SIGCONT).unwrap();
    }
    assert_eq!((shown.code, edges.len()), (0, 1), "{}", shown.error);
    assert!(shown.data["edge"].is_null() && shown.data["edge_problem"].is_string());
    assert_eq!(shown.data["environments"][0]["state"], "running");
}

const VALUE: &str = "correct-horse-battery-staple";

#[test]
fn a_secret_is_given_on_stdin_and_shown_nowhere() {
    let town = Town::new("  secrets: { API_KEY: api-key }");
    let missing = town.run(&["up", "east"]);
    assert!(missing.stderr.contains("api-key") || missing.error.to_string().contains("api-key"));
    let mut command = town.command(&["secrets", "set", "east", "api-key"]);
    let mut child = command.stdin(std::process::Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(format!("{VALUE}\n").as_bytes()).unwrap();
    let set = child.wait_with_output().unwrap();
    assert!(set.status.success(), "{}", String::from_utf8_lossy(&set.stdout));
    town.ok(&["up", "east"]);
    assert_eq!(town.ok(&["secrets", "list", "east"])["names"], serde_json::json!(["api-key"]));
    let (file, _) = town.plan("east", "west");
    town.ok(&["migrate", "run", &file]);
    assert_eq!(town.ok(&["secrets", "list", "west"])["names"], serde_json::json!(["api-key"]));

    let mut said: String =
        ["ps", "log", "runs"].iter().map(|one| town.ok(&[one]).to_string()).collect();
    said += &town.ok(&["runs", "show", "last"]).to_string();
    said += &processes(&town).into_iter().map(|(_, line)| line).collect::<String>();
    assert!(!said.contains(VALUE));
    assert!(!files_hold(&town.path().join(".trefoil"), VALUE.as_bytes()));
    assert_eq!(town.run(&["secrets", "delete", "east", "other"]).error_code(), "secret_unknown");
    let own = town.run(&["secrets", "delete", "east", "trefoil/database-password"]);
    assert_eq!((own.code, own.error_code()), (2, "secret_reserved"));
    town.ok(&["secrets", "delete", "east", "api-key"]);
    assert_eq!(town.ok(&["secrets", "list", "east"])["names"], serde_json::json!([]));
}

/// Whether any file below the folder holds these bytes.
fn files_hold(folder: &std::path::Path, bytes: &[u8]) -> bool {
    std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).any(
        |path| match path.is_dir() {
            true => files_hold(&path, bytes),
            false => std::fs::read(&path)
                .is_ok_and(|text| text.windows(bytes.len()).any(|part| part == bytes)),
        },
    )
}
