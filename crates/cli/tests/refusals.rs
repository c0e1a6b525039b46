//! What is unsafe or impossible is refused by name, with its exit code, and changes nothing.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::Town;

fn refused(town: &Town, arguments: &[&str], exit: i32, code: &str) {
    let answer = town.run(arguments);
    let got = (answer.code, answer.error_code());
    assert_eq!(got, (exit, code), "trefoil {arguments:?}: {} {}", answer.error, answer.stderr);
    assert!(answer.error["message"].as_str().is_some_and(|message| !message.is_empty()));
}

#[test]
fn a_move_is_refused_by_name() {
    let town = Town::new("");
    refused(&town, &["migrate", "plan", "--from", "east", "--to", "east"], 2, "same_environment");
    refused(
        &town,
        &["migrate", "plan", "--from", "east", "--to", "north"],
        2,
        "environment_unknown",
    );
    refused(&town, &["up", "north"], 2, "environment_unknown");
    refused(&town, &["migrate", "run", "no-such-plan.json"], 2, "plan_file");
    refused(&town, &["runs", "show", "last"], 2, "run_unknown");

    town.ok(&["up", "east"]);
    let (file, _) = town.plan("east", "west");
    let whole = std::fs::read_to_string(&file).unwrap();

    std::fs::write(&file, whole.replacen("\"limit_ms\": 30000", "\"limit_ms\": 30001", 1)).unwrap();
    refused(&town, &["migrate", "run", &file], 3, "plan_changed");
    std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    refused(&town, &["migrate", "run", &file], 2, "plan_file");
    std::fs::write(&file, &whole).unwrap();

    town.ok(&["migrate", "run", &file]);
    refused(&town, &["migrate", "run", &file], 3, "inventory_changed");
}

#[test]
fn a_plan_that_was_edited_after_its_approval_is_refused_with_what_differs() {
    let town = Town::new("");
    town.ok(&["up", "east"]);
    let file = town.path().join("plan.json").display().to_string();
    let made = ["migrate", "plan", "--from", "east", "--to", "west", "--output", &file];
    town.ok(&[&made[..], &["--require-approval=1"]].concat());
    refused(&town, &["migrate", "run", &file], 3, "approval_missing");
    refused(&town, &["runs", "resume", "last"], 3, "approval_missing");
    town.ok(&["runs", "approve", "last", "--as", "Ada"]);
    let whole = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, whole.replacen("\"limit_ms\": 30000", "\"limit_ms\": 30001", 1)).unwrap();
    let edited = town.run(&["migrate", "run", &file]);
    assert_eq!((edited.code, edited.error_code()), (3, "plan_changed"), "{}", edited.error);
    assert!(edited.error["message"].as_str().unwrap().contains(".limit_ms"), "{}", edited.error);

    // What was approved is in the log, and that is what runs.
    let spec = town.path().join("trefoil.yaml");
    let good = std::fs::read_to_string(&spec).unwrap();
    std::fs::write(&spec, good.replace("log_level: warning", "log_level: error")).unwrap();
    let changed = town.run(&["runs", "resume", "last"]);
    assert_eq!((changed.code, changed.error_code()), (3, "inventory_changed"));
    let said = changed.error["message"].as_str().unwrap();
    assert!(said.contains("`application` of the specification is another"), "{said}");
    std::fs::write(&spec, good).unwrap();
    assert_eq!(town.ok(&["runs", "resume", "last"])["state"], "soaking");
}

#[test]
fn a_target_with_data_of_its_own_is_never_emptied() {
    let town = Town::new("");
    town.ok(&["up", "east"]);
    town.ok(&["up", "west"]);
    town.sql("west", "CREATE TABLE mine (id int primary key)");
    let data = town.ok(&["migrate", "plan", "--from", "east", "--to", "west"]);
    let codes: Vec<_> = data["blockers"].as_array().unwrap().iter().map(|b| &b["code"]).collect();
    assert!(codes.iter().any(|code| *code == "target_not_empty"), "{data:#}");
    let file = town.path().join("plan.json").display().to_string();
    town.ok(&["migrate", "plan", "--from", "east", "--to", "west", "--output", &file]);
    refused(&town, &["migrate", "run", &file], 3, "plan_blocked");
    assert_eq!(town.sql("west", "SELECT count(*) FROM mine"), ["0"]);
    assert_eq!(town.get("/ready").0, 200);
}

#[test]
fn a_plan_is_refused_when_the_inventory_has_changed_since() {
    let town = Town::new("");
    town.ok(&["up", "east"]);
    let (file, _) = town.plan("east", "west");
    town.ok(&["up", "west"]);
    let changed = town.run(&["migrate", "run", &file]);
    assert_eq!((changed.code, changed.error_code()), (3, "inventory_changed"));
    assert!(changed.error["message"].as_str().unwrap().contains("of west is new"));
}

#[test]
fn a_preflight_names_what_stands_in_the_way_and_changes_nothing() {
    let town = Town::new("");
    town.ok(&["up", "east"]);
    let arguments = ["migrate", "preflight", "--from", "east", "--to", "west"];
    let clear = town.ok(&arguments);
    let severities = |data: &serde_json::Value| -> Vec<String> {
        let findings = data["findings"].as_array().unwrap().iter();
        findings.map(|finding| finding["severity"].as_str().unwrap().to_owned()).collect()
    };
    assert!(!severities(&clear).contains(&"blocker".to_owned()), "{clear:#}");
    assert_eq!(clear["unseen"][0]["what"], "everything in west", "{clear:#}");
    town.sql("east", "CREATE UNLOGGED TABLE fleeting (id int primary key)");
    let blocked = town.run(&arguments);
    assert_eq!(blocked.code, 1, "{}", blocked.data);
    assert!(severities(&blocked.data).contains(&"blocker".to_owned()), "{}", blocked.data);
    assert!(!town.environment_folder("west").join("agent.pid").exists());
}

#[test]
fn a_superuser_is_needed_for_now_and_that_is_said() {
    let town = Town::new("");
    town.ok(&["up", "east"]);
    town.sql("east", "CREATE ROLE other SUPERUSER LOGIN PASSWORD 'x'");
    let data = town.ok(&["migrate", "plan", "--from", "east", "--to", "west"]);
    let text = data["blockers"].to_string();
    assert!(text.contains("other"), "another superuser could pass the fence: {data:#}");
}

#[test]
fn a_run_that_does_not_soak_is_neither_finished_nor_rolled_back() {
    let town = Town::new("");
    town.ok(&["up", "east"]);
    let (file, _) = town.plan("east", "west");
    let killed = town.run_with(
        &["migrate", "run", &file, "--no-supervisor"],
        &[("TREFOIL_CRASH_AFTER_EVENT", "8")],
    );
    assert_eq!(killed.code, -1, "{}", killed.stderr);
    refused(&town, &["migrate", "finish", "last"], 3, "run_not_soaking");
    refused(&town, &["migrate", "rollback", "last"], 3, "rollback_not_soaking");
    refused(&town, &["down", "east"], 3, "plan_blocked");
    town.ok(&["runs", "abort", "last"]);
    refused(&town, &["runs", "resume", "last"], 3, "run_closed");
    assert_eq!(town.get("/ready").0, 200);
}

#[test]
fn a_missing_postgresql_is_one_command_away() {
    let town = Town::new("");
    let variables = [("TREFOIL_POSTGRES_BIN", "/nonexistent")];
    let answer = town.run_with(&["up", "east"], &variables);
    assert_eq!((answer.code, answer.error_code()), (5, "postgres_missing"), "{}", answer.error);
    assert!(answer.error["hint"].as_str().unwrap().contains("apt-get install"), "{}", answer.error);
}
