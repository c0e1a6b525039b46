//! The real program: `runs`, `runs show`, `log`, on a state that holds runs of every kind.

#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use trefoil_core::journal::{Event, RunState};
use trefoil_core::plan::{Action, Plan, ProvisionEnvironment};
use trefoil_ops::engine::harness;
use trefoil_ops::state::{Executor, Journal, State};

const SPEC: &str = "name: shop\nenvironments:\n  east: {cloud: local}\n  west: {cloud: local}\n";

struct Bed {
    folder: TempDir,
    state: State,
}

impl Bed {
    async fn new() -> Bed {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("trefoil.yaml"), SPEC).unwrap();
        let state = State::open(&folder.path().join(".trefoil/state")).await.unwrap();
        Bed { folder, state }
    }

    async fn open(&self, id: &str) -> Journal {
        self.state.record_plan(&plan(id)).await.unwrap();
        self.state.open_run(&plan(id)).await.unwrap()
    }

    fn run(&self, args: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trefoil"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TREFOIL_")) {
            command.env_remove(name);
        }
        command.args(args).current_dir(self.folder.path()).stdin(Stdio::null());
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    fn json(&self, args: &[&str]) -> Value {
        let (code, stdout, _) = self.run(&[args, &["--json"]].concat());
        let object: Value = serde_json::from_str(&stdout).unwrap();
        assert_eq!(object["ok"], code == 0);
        object
    }
}

/// One step before the switch, and the switch.
fn plan(id: &str) -> Plan {
    let provision = ProvisionEnvironment { environment: "west".into() };
    let mut plan = harness::plan(vec![Action::ProvisionEnvironment(provision); 2]);
    plan.plan_id = id.into();
    plan.steps[1].switch = true;
    plan
}

/// An executor on this host that does not live any more.
fn dead() -> String {
    let mut child = Command::new("true").spawn().unwrap();
    let executor = Executor { pid: child.id(), ..Executor::current() };
    child.wait().unwrap();
    executor.to_string()
}

/// A run that failed at its first step and whose process is gone.
async fn paused(bed: &Bed) -> Journal {
    let mut journal = bed.open("0191-a").await;
    let error = "it broke".to_owned();
    for event in
        [Event::Adopted { executor: dead() }, Event::started(1), Event::Failed { step: 1, error }]
    {
        journal.append(event).await.unwrap();
    }
    journal
}

#[tokio::test]
async fn without_a_run_the_lists_are_empty() {
    let bed = Bed::new().await;
    assert_eq!(bed.run(&["runs"]), (0, "there is no run yet\n".into(), String::new()));
    assert_eq!(bed.run(&["log"]), (0, "the log is empty\n".into(), String::new()));
    assert_eq!(bed.json(&["runs"])["data"]["runs"], serde_json::json!([]));
    let (code, stdout, stderr) = bed.run(&["runs", "show", "last"]);
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(stderr.contains("there is no run yet"), "{stderr}");
}

#[tokio::test]
async fn a_killed_run_prints_the_commands_to_type() {
    let bed = Bed::new().await;
    let mut journal = paused(&bed).await;
    let (code, stdout, _) = bed.run(&["runs"]);
    assert_eq!(code, 0);
    let wanted = "next:\n  trefoil runs resume 0191-a\n  trefoil runs abort 0191-a\n";
    assert!(stdout.contains("paused") && stdout.ends_with(wanted), "{stdout}");

    let executor = Executor::current().to_string();
    journal.append(Event::Adopted { executor }).await.unwrap();
    let (_, stdout, _) = bed.run(&["runs"]);
    assert!(stdout.contains("running") && !stdout.contains("next:"), "{stdout}");

    // This process lives, so another may not take the run from it.
    let (code, _, stderr) = bed.run(&["runs", "resume", "last"]);
    assert_eq!(code, 3, "{stderr}");
    assert!(stderr.contains("is being executed"), "{stderr}");
}

#[tokio::test]
async fn after_the_switch_only_resume_is_offered() {
    let bed = Bed::new().await;
    let mut journal = paused(&bed).await;
    for event in
        [Event::started(1), Event::Succeeded { step: 1, output: Value::Null }, Event::started(2)]
    {
        journal.append(event).await.unwrap();
    }
    let (_, stdout, _) = bed.run(&["runs"]);
    assert!(stdout.contains("runs resume 0191-a"), "{stdout}");
    assert!(!stdout.contains("runs abort"), "{stdout}");
    let (code, _, stderr) = bed.run(&["runs", "abort", "0191-a"]);
    assert_eq!(code, 3);
    assert!(stderr.contains("migrate rollback 0191-a"), "{stderr}");
}

#[tokio::test]
async fn a_run_is_shown_with_all_its_events() {
    let bed = Bed::new().await;
    paused(&bed).await;
    bed.state.open_epoch(1, "east", "earlier").await.unwrap();
    let object = bed.json(&["runs", "show", "0191"]);
    assert_eq!(object["schema"], "trefoil/runs-show/v1");
    let data = &object["data"];
    assert_eq!((&data["run_id"], &data["plan_id"]), (&"0191-a".into(), &"0191-a".into()));
    assert_eq!((&data["kind"], &data["state"]), (&"migrate".into(), &"paused".into()));
    assert_eq!((&data["writable_side"], &data["report"]["to"]), (&"east".into(), &"west".into()));
    let events: Vec<_> =
        data["events"].as_array().unwrap().iter().map(|e| e["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["opened", "adopted", "adopted", "started", "failed"]);
    assert_eq!(data["next"][0], "trefoil runs resume 0191-a");

    let (code, stdout, _) = bed.run(&["runs", "show", "last"]);
    assert_eq!(code, 0);
    assert!(stdout.starts_with("run 0191-a: migrate east to west, paused\nwritable: east\n"));
    assert!(stdout.contains("step 1 failed: it broke"), "{stdout}");
}

#[tokio::test]
async fn who_approves_and_confirms_is_written_down_and_shown() {
    let bed = Bed::new().await;
    let waiting = Plan { required_approvals: 1, ..plan("0191-a") };
    bed.state.record_plan(&waiting).await.unwrap();
    let mut journal = bed.state.open_run(&waiting).await.unwrap();
    journal.append(Event::Adopted { executor: dead() }).await.unwrap();
    let shown = bed.json(&["runs", "show", "last"]);
    assert_eq!(shown["data"]["approvals"]["missing"], 1, "{shown:#}");
    assert_eq!(shown["data"]["next"][0], "trefoil runs approve 0191-a --as NAME");
    assert_eq!(shown["data"]["report"]["checklist"].as_array().unwrap().len(), 19);

    let approve = |args: &[&str]| bed.json(&[&["runs", "approve", "last", "--as"], args].concat());
    for (args, code) in [
        (&["Ada", "--item", "data_migration"][..], "checklist_item_machine"),
        (&["Ada", "--item", "security_audit"], "checklist_item_early"),
        (&["Ada", "--item", "nothing"], "checklist_item_unknown"),
        (&[" "], "approver_name"),
    ] {
        assert_eq!(approve(args)["errors"][0]["code"], code, "{args:?}");
    }
    let item = approve(&["Ada", "--item", "cost_analysis"]);
    assert_eq!(item["schema"], "trefoil/runs-approve/v1");
    assert_eq!(item["data"]["item"]["status"], "confirmed", "{item:#}");
    assert_eq!(item["data"]["item"]["evidence"][0]["by"], "Ada");
    assert_eq!(item["data"]["approvals"]["missing"], 1, "an item is not the run");
    let whole = approve(&["Grace"]);
    assert_eq!(whole["data"]["approvals"]["missing"], 0, "{whole:#}");
    assert_eq!(whole["data"]["next"][0], "trefoil runs resume 0191-a");

    let (_, stdout, _) = bed.run(&["runs", "show", "last"]);
    for words in ["approvals: 1 required, 0 missing", "approved by Grace", "Ada", "cost_analysis"] {
        assert!(stdout.contains(words), "{words}: {stdout}");
    }
}

#[tokio::test]
async fn the_log_tells_what_happened() {
    let bed = Bed::new().await;
    let mut journal = bed.open("0191-a").await;
    journal.append(Event::Approved { by: "Ada".into(), item: None }).await.unwrap();
    bed.state.open_epoch(1, "west", "0191-a").await.unwrap();
    bed.state.close_run(&mut journal, RunState::Failed).await.unwrap();
    let (_, stdout, _) = bed.run(&["log"]);
    let words: Vec<_> = stdout.lines().skip(1).map(|line| line[20..].trim()).collect();
    let adopted = words.iter().filter(|line| line.starts_with("run 0191-a is executed by "));
    assert!(adopted.count() >= 1, "{stdout}");
    let others = words.iter().filter(|line| !line.contains("is executed by")).copied();
    let wanted = [
        "plan 0191-a made: migrate east to west",
        "run 0191-a began",
        "run 0191-a approved by Ada",
        "epoch 1: west may write (run 0191-a)",
        "run 0191-a ended: failed",
    ];
    assert_eq!(others.collect::<Vec<_>>(), wanted, "{stdout}");
    let answer = &bed.json(&["log"])["data"];
    assert_eq!(answer["entries"].as_array().unwrap().len(), 4);
    assert_eq!(answer["entries"][2]["environment"], "west");
    let runs = answer["runs"].as_array().unwrap();
    let approved = runs.iter().find(|entry| entry["event"] == "approved").unwrap();
    assert_eq!((&approved["by"], &approved["run_id"]), (&"Ada".into(), &"0191-a".into()));
}

#[tokio::test]
async fn a_damaged_log_is_refused_by_every_command_that_reads_it() {
    let bed = Bed::new().await;
    bed.open("0191-a").await;
    let file = Path::new(".trefoil/state/log/00000000000000000001.json");
    std::fs::write(bed.folder.path().join(file), "").unwrap();
    for args in [&["runs"][..], &["log"], &["runs", "show", "last"], &["up", "east"]] {
        let (code, stdout, stderr) = bed.run(args);
        assert_eq!((code, stdout.as_str()), (3, ""), "{args:?}: {stderr}");
        assert!(stderr.contains("log/00000000000000000001.json"), "{stderr}");
    }
}

#[tokio::test]
async fn destroying_asks_and_without_a_terminal_needs_yes() {
    let bed = Bed::new().await;
    let (code, _, stderr) = bed.run(&["down", "west", "--destroy"]);
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("--yes"), "{stderr}");
    assert!(bed.state.ledger_entries().await.unwrap().is_empty(), "it left something in the log");
    let (code, _, stderr) = bed.run(&["up", "north"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("east, west"), "{stderr}");
}
