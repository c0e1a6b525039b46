//! A plan is rehearsed on copies: measured, nothing of the real environment touched, and nothing
//! left, whatever happens.

#![allow(clippy::unwrap_used, reason = "helpers of tests, outside of test functions")]

mod common;

use std::path::PathBuf;
use std::time::Duration;

use common::machine::processes;
use common::{Town, eventually_within, seed};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(180);

/// What a rehearsal must leave as it was: catalogues of the server, runs, environments.
fn picture(town: &Town) -> Vec<String> {
    let mut lines = Vec::new();
    for catalogue in
        ["pg_publication", "pg_subscription", "pg_replication_slots", "pg_namespace", "pg_roles"]
    {
        lines.extend(town.sql("east", &format!("SELECT t::text FROM {catalogue} t ORDER BY 1")));
    }
    lines.extend(
        town.sql("east", "SELECT datacl::text FROM pg_database WHERE datname = current_database()"),
    );
    lines.push(town.ok(&["runs"])["runs"].to_string());
    lines.push(town.environment_folder("west").exists().to_string());
    lines
}

fn rehearsals(town: &Town) -> Vec<PathBuf> {
    let folder = std::fs::read_dir(town.path().join(".trefoil/rehearsals"));
    let entries = folder.into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(|path| path.is_dir()).collect()
}

fn assert_nothing_left(town: &Town) {
    assert_eq!(rehearsals(town), Vec::<PathBuf>::new());
    eventually_within(PATIENCE, "no process of the copies lives", || {
        processes(town).iter().all(|(_, line)| !line.contains("/rehearsals/"))
    });
    let agents = processes(town).into_iter().filter(|(_, line)| line.contains(" agent "));
    assert_eq!(agents.count(), 1, "the real one");
}

#[test]
fn a_rehearsal_measures_and_users_notice_nothing() {
    let town = Town::new("");
    town.ok(&["up", "east"]);
    town.seed(50, 50);
    let (file, plan) = town.plan("east", "west");
    let before = picture(&town);
    let writers = town.writers(2, seed());
    let rehearsed = town.ok(&["migrate", "rehearse", &file]);
    let counted = writers.stop();
    assert_eq!(counted["requests"]["failed"], 0, "{counted:#}");
    assert_eq!(picture(&town), before);
    assert_nothing_left(&town);
    assert!(rehearsed["estimate_source"].as_str().unwrap().starts_with("rehearsed at "));
    assert!(rehearsed["report"]["objects"]["count"].as_u64().unwrap() >= 50, "{rehearsed:#}");
    assert_ne!(rehearsed["plan"]["digest"], plan["digest"]);
    assert_measured(&rehearsed, &plan);

    // The new plan runs as it is; its file is the answer's.
    let new = rehearsed["file"].as_str().unwrap();
    let written: Value = serde_json::from_slice(&std::fs::read(new).unwrap()).unwrap();
    assert_eq!(written["steps"], rehearsed["plan"]["steps"]);
    assert_eq!(written["rehearsed_at"], rehearsed["plan"]["rehearsed_at"]);
    town.ok(&["migrate", "run", new]);
    assert_eq!(town.ok(&["ps"])["active"], "west");
    let verdict = town.check("west");
    assert_eq!((&verdict["lost"], &verdict["doubled"]), (&0.into(), &0.into()), "{verdict:#}");
}

/// The estimates are what the steps took, and users' waiting is their sum.
fn assert_measured(rehearsed: &Value, plan: &Value) {
    let (mut waited, mut waits) = (0, false);
    let steps = rehearsed["steps"].as_array().unwrap();
    for (n, step) in steps.iter().enumerate() {
        let now = &rehearsed["plan"]["steps"][n];
        assert_eq!(step["estimate_ms"], plan["steps"][n]["estimate_ms"]);
        assert_eq!(now["action"], plan["steps"][n]["action"]);
        if step["took_ms"].is_null() {
            assert_eq!(now["estimate_ms"], step["estimate_ms"]);
            continue;
        }
        assert_eq!(now["estimate_ms"]["low"], step["took_ms"]);
        assert_eq!(now["estimate_ms"]["high"], step["took_ms"]);
        waits |= now["window"] == true;
        if waits {
            waited += step["took_ms"].as_u64().unwrap();
        }
        if now["action"] == "switch_traffic" {
            break;
        }
    }
    assert_eq!(rehearsed["plan"]["downtime_ms"]["high"], waited);
    assert_eq!(rehearsed["plan"]["downtime_ms"]["low"], waited);
}

/// One is killed and cleaned by the next, another by `runs abort`; one is interrupted, and cleans
/// up itself; one is refused before it begins.
#[test]
fn what_a_rehearsal_leaves_is_deleted_however_it_ends() {
    let town = Town::new("");
    town.ok(&["up", "east"]);
    let (file, _) = town.plan("east", "west");
    let before = picture(&town);

    let id = killed_midway(&town, &file, Signal::SIGKILL);
    let record = town.ok(&["runs", "abort", &id]);
    assert_eq!((&record["run_id"], &record["state"]), (&id.into(), &"aborted".into()));
    assert_nothing_left(&town);

    killed_midway(&town, &file, Signal::SIGINT);
    assert_nothing_left(&town);
    assert_eq!(picture(&town), before);

    killed_midway(&town, &file, Signal::SIGKILL);
    let variables = [("TREFOIL_APPLICATION__SETUP", "[\"false\"]")];
    let refused = town.run_with(&["migrate", "rehearse", &file], &variables);
    assert_eq!((refused.code, refused.error_code()), (3, "inventory_changed"), "{}", refused.error);
    town.ok(&["migrate", "rehearse", &file]);
    assert_nothing_left(&town);
    assert_eq!(picture(&town), before);
}

/// The application of one copy does not start, that of the other environment of the same name does.
#[test]
fn a_rehearsal_that_fails_leaves_nothing_and_users_notice_nothing() {
    let town = Town::new("");
    let fails_on = town.path().join("fails-on");
    let command = format!(
        "case $BUCKET_DOCUMENTS_URL in */rehearsals/*/environments/$(cat {})/*) exit 1;; esac; \
         exec {} serve",
        fails_on.display(),
        common::program("medassistant").display()
    );
    let file = town.path().join("trefoil.yaml");
    let spec = std::fs::read_to_string(&file).unwrap();
    let served = format!("[\"{}\", serve]", common::program("medassistant").display());
    assert!(spec.contains(&served), "{spec}");
    let command = serde_json::to_string(&["sh", "-c", &command]).unwrap();
    std::fs::write(file, spec.replace(&served, &command)).unwrap();
    std::fs::write(&fails_on, "nothing").unwrap();
    town.ok(&["up", "east"]);
    let (file, _) = town.plan("east", "west");
    let before = picture(&town);
    let writers = town.writers(2, seed());
    for (copy, why) in
        [("east", "the copy does not serve"), ("west", "the move of the copies stopped")]
    {
        std::fs::write(&fails_on, copy).unwrap();
        let failed = town.run(&["migrate", "rehearse", &file]);
        assert_eq!((failed.code, failed.error_code()), (1, "rehearsal_failed"), "{}", failed.error);
        let message = failed.error["message"].as_str().unwrap();
        assert!(message.contains(why), "{copy}: {message}");
        assert_nothing_left(&town);
        assert_eq!(picture(&town), before);
    }
    let counted = writers.stop();
    assert_eq!(counted["requests"]["failed"], 0, "{counted:#}");
    let verdict = town.check("east");
    assert_eq!((&verdict["lost"], &verdict["doubled"]), (&0.into(), &0.into()), "{verdict:#}");
    assert!(!town.path().join("plan.rehearsed.json").exists(), "there is nothing to run");
}

/// Rehearses until the copies' move has begun, then sends the signal; the rehearsal's identifier.
fn killed_midway(town: &Town, file: &str, signal: Signal) -> String {
    let mut child = town.command(&["migrate", "rehearse", file]).spawn().unwrap();
    let copies = || -> Option<PathBuf> {
        let folder = rehearsals(town).into_iter().next()?;
        folder.join("environments/west/agent.lock").exists().then_some(folder)
    };
    eventually_within(PATIENCE, "the copies are made", || {
        assert!(child.try_wait().unwrap().is_none(), "it ended before");
        copies().is_some()
    });
    let id = copies().unwrap().file_name().unwrap().to_string_lossy().into_owned();
    if signal == Signal::SIGKILL {
        let second = town.run(&["migrate", "rehearse", file]);
        assert_eq!((second.code, second.error_code()), (3, "rehearsal_running"));
        let refused = town.run(&["runs", "abort", &id]);
        assert_eq!((refused.code, refused.error_code()), (3, "rehearsal_running"));
    }
    kill(Pid::from_raw(child.id().cast_signed()), signal).unwrap();
    let code = child.wait().unwrap().code();
    assert_eq!(code, (signal == Signal::SIGINT).then_some(130));
    id
}
