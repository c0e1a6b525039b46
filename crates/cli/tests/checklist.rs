//! A move that needs approval, and the checklist of a real move and of its rollback.

#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod common;

use common::Town;
use serde_json::Value;

/// The checklist's items with this status.
fn with_status<'a>(checklist: &'a Value, status: &str) -> Vec<&'a str> {
    let items = checklist.as_array().unwrap();
    let found = items.iter().filter(|item| item["status"] == status);
    found.map(|item| item["id"].as_str().unwrap()).collect()
}

fn item<'a>(checklist: &'a Value, id: &str) -> &'a Value {
    checklist.as_array().unwrap().iter().find(|item| item["id"] == id).unwrap()
}

const MACHINE: [&str; 8] = [
    "resource_inventory",
    "dependency_mapping",
    "target_environment_setup",
    "data_migration",
    "application_deployment",
    "traffic_routing",
    "rollback_plan",
    "data_sync_strategy",
];

#[test]
fn a_move_waits_for_its_approval_and_fills_its_checklist() {
    let town = Town::new("");
    town.ok(&["up", "east"]);
    town.seed(20, 20);
    let file = town.path().join("plan.json").display().to_string();
    let plan = town.ok(&[
        "migrate",
        "plan",
        "--from",
        "east",
        "--to",
        "west",
        "--output",
        &file,
        "--require-approval=2",
    ]);
    assert_eq!(plan["required_approvals"], 2);
    assert_eq!(plan["checklist"].as_array().unwrap().len(), 19);
    let known = ["resource_inventory", "dependency_mapping", "rollback_plan"];
    assert_eq!(with_status(&plan["checklist"], "machine_checked"), known, "{plan:#}");
    assert_eq!(with_status(&plan["checklist"], "failed"), Vec::<&str>::new());

    for arguments in [&["migrate", "run", file.as_str()][..], &["runs", "resume", "last"]] {
        let answer = town.run(arguments);
        assert_eq!((answer.code, answer.error_code()), (3, "approval_missing"), "{arguments:?}");
        assert!(answer.error["hint"].as_str().unwrap().contains("trefoil runs approve"));
        town.ok(&["runs", "approve", "last", "--as", "Ada"]);
    }
    assert!(!town.environment_folder("west").join("agent.pid").exists(), "a step was performed");
    assert_eq!(town.get("/ready").0, 200);
    town.ok(&["runs", "approve", "last", "--as", "Grace"]);
    town.ok(&["runs", "resume", "last"]);
    assert_eq!(town.ok(&["ps"])["active"], "west");

    town.ok(&["runs", "approve", "last", "--as", "Ada", "--item", "functionality_testing"]);
    let shown = town.ok(&["runs", "show", "last"]);
    let checklist = &shown["report"]["checklist"];
    assert_eq!(with_status(checklist, "machine_checked"), MACHINE, "{checklist:#}");
    assert_eq!(with_status(checklist, "confirmed"), ["functionality_testing"]);
    assert_eq!(with_status(checklist, "needs_person").len(), 10);
    let data = item(checklist, "data_migration");
    let proofs = data["evidence"].as_array().unwrap();
    let digest = proofs.iter().find_map(|one| one["digest"].as_str()).unwrap();
    assert_eq!(digest.len(), 64, "{data:#}");
    assert!(proofs.iter().any(|one| one["count"].as_u64() >= Some(40)), "{data:#}");
    assert_eq!(item(checklist, "functionality_testing")["evidence"][1]["by"], "Ada");
    assert_eq!(shown["approvals"]["given"].as_array().unwrap().len(), 3);

    let moved = shown["run_id"].as_str().unwrap();
    let back = town.ok(&["migrate", "rollback", moved]);
    let checklist = &back["report"]["checklist"];
    assert_eq!(item(checklist, "rollback_testing")["status"], "machine_checked", "{checklist:#}");
    let taken_back = town.ok(&["runs", "show", moved]);
    let tested = item(&taken_back["report"]["checklist"], "rollback_testing");
    assert_eq!(tested["status"], "machine_checked", "{tested:#}");
}

#[test]
fn a_run_whose_approval_came_too_late_is_refused() {
    let town = Town::new("");
    town.ok(&["up", "east"]);
    let file = town.path().join("plan.json").display().to_string();
    let plan = ["migrate", "plan", "--from", "east", "--to", "west", "--require-approval", "-o"];
    town.ok(&[&plan[..], &[&file]].concat());
    assert_eq!(town.run(&["migrate", "run", &file]).error_code(), "approval_missing");
    let spec = town.path().join("trefoil.yaml");
    let text = std::fs::read_to_string(&spec).unwrap();
    std::fs::write(&spec, text.replace("log_level: warning", "log_level: error")).unwrap();
    town.ok(&["runs", "approve", "last", "--as", "Ada"]);
    let late = town.run(&["runs", "resume", "last"]);
    assert_eq!((late.code, late.error_code()), (3, "inventory_changed"), "{}", late.error);
    town.ok(&["runs", "abort", "last"]);
    assert_eq!(town.get("/ready").0, 200);
}
