//! What each item says before, during and after a move.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::inventory::{Resource, ResourceKind, Unseen};
use crate::journal::{Entry, Event, RunState};
use crate::ledger::Ledger;
use crate::plan::{Action, Step};
use crate::planner::{BucketFacts, MoveFacts, MoveOptions, plan_migrate};

fn resource(kind: ResourceKind, name: &str, depends_on: &[&str]) -> Resource {
    Resource {
        kind,
        native_type: "thing".into(),
        name: name.into(),
        id: name.into(),
        region: None,
        size: std::collections::BTreeMap::new(),
        version: None,
        depends_on: depends_on.iter().map(ToString::to_string).collect(),
        tags: std::collections::BTreeMap::new(),
    }
}

fn inventory(environment: &str, resources: Vec<Resource>) -> Inventory {
    Inventory {
        environment: environment.into(),
        cloud: "somewhere".into(),
        observed_at: Timestamp::UNIX_EPOCH,
        resources,
        unseen: Vec::new(),
    }
}

fn facts() -> MoveFacts {
    let spec = json!({
        "name": "shop",
        "application": {"command": ["shop"]},
        "database": {},
        "buckets": {"documents": {}},
        "environments": {"east": {"cloud": "somewhere"}, "west": {"cloud": "somewhere"}},
    });
    let source = vec![
        resource(ResourceKind::Application, "shop", &["db", "documents"]),
        resource(ResourceKind::Database, "db", &[]),
        resource(ResourceKind::Bucket, "documents", &[]),
    ];
    MoveFacts {
        plan_id: "0199-abcdef0123456789".into(),
        made_at: Timestamp::UNIX_EPOCH,
        spec: serde_json::from_value(spec).unwrap(),
        from: "east".into(),
        to: "west".into(),
        source: inventory("east", source),
        target: inventory("west", Vec::new()),
        ledger: Ledger { epoch: 1, active: Some("east".into()), ..Ledger::default() },
        findings: Vec::new(),
        buckets: BucketFacts::default(),
        traffic: "edge".into(),
        options: MoveOptions::default(),
    }
}

fn opened(plan: Plan) -> Run {
    Run::fold(vec![entry(Event::Opened { plan: Box::new(plan) })]).unwrap()
}

fn entry(event: Event) -> Entry {
    Entry { at: Timestamp::from_second(1_000).unwrap(), event }
}

fn output(step: &Step, equal: bool) -> Value {
    let table = json!({
        "name": "public.rows", "rows": 7, "equal": equal,
        "digest_source": "aa", "digest_target": if equal { "aa" } else { "bb" },
    });
    let store = json!({"count": 2, "bytes": 9, "equal": equal, "differences": []});
    match step.action {
        Action::VerifyDatabase(_) => json!({"tables": [table], "hot": []}),
        Action::SyncDatabase(_) => json!({"sequences": 1, "tables": [table]}),
        Action::Validate(_) => json!({"objects": store, "sessions": store, "secrets": store}),
        Action::CopyObjects(_) | Action::CopySecrets(_) => {
            json!({
                "source_position": 1, "target_position": 1, "written": 5, "deleted": 0, "bytes": 0,
            })
        }
        _ => Value::Null,
    }
}

/// Performs every step from `first` to the finish mark.
fn perform(run: &mut Run, equal: bool) {
    while let Some(step) = run.next_step().filter(|step| !step.finish).cloned() {
        run.apply(entry(Event::started(step.n))).unwrap();
        let output = output(&step, equal);
        run.apply(entry(Event::Succeeded { step: step.n, output })).unwrap();
    }
}

fn find(items: &[Item], id: &str) -> Item {
    items.iter().find(|item| item.id == id).unwrap().clone()
}

fn approve(run: &mut Run, by: &str, item: Option<&str>) {
    let item = item.map(str::to_owned);
    run.apply(entry(Event::Approved { by: by.into(), item })).unwrap();
}

#[test]
fn there_are_nineteen_items_in_four_phases_with_ids_of_their_own() {
    let plan = plan_migrate(&facts());
    let count = |phase| plan.checklist.iter().filter(|item| item.phase == phase).count();
    let phases = [Phase::Pre, Phase::Execution, Phase::Post, Phase::Rollback];
    assert_eq!(phases.map(count), [5, 5, 5, 4]);
    let ids: std::collections::BTreeSet<_> = plan.checklist.iter().map(|item| &item.id).collect();
    assert_eq!(ids.len(), 19);
    let text = serde_json::to_value(&plan.checklist[0]).unwrap();
    let mut keys: Vec<_> = text.as_object().unwrap().keys().cloned().collect();
    keys.sort();
    assert_eq!(keys, ["confirm", "evidence", "id", "phase", "status", "title"]);
}

#[test]
fn a_plan_proves_what_it_was_made_from_and_the_rest_is_to_come() {
    let plan = plan_migrate(&facts());
    let seen = find(&plan.checklist, "resource_inventory");
    assert_eq!(seen.status, ItemStatus::MachineChecked);
    assert_eq!(seen.evidence[0].digest.as_ref(), Some(&plan.inputs.source));
    assert_eq!((seen.evidence[0].count, seen.confirm), (Some(3), None));
    let needed = find(&plan.checklist, "dependency_mapping");
    assert_eq!(needed.status, ItemStatus::MachineChecked);
    assert_eq!(needed.evidence[1].count, Some(2));
    let data = find(&plan.checklist, "data_migration");
    assert_eq!(data.status, ItemStatus::Pending);
    assert!(data.evidence.iter().all(|one| one.step.is_some()), "{data:?}");
    assert_eq!(find(&plan.checklist, "rollback_plan").status, ItemStatus::MachineChecked);
    assert_eq!(find(&plan.checklist, "cost_analysis").status, ItemStatus::NeedsPerson);
    assert_eq!(find(&plan.checklist, "monitoring_setup").status, ItemStatus::Pending);
}

#[test]
fn what_was_not_seen_or_not_found_is_said() {
    let mut facts = facts();
    facts.source.resources.retain(|resource| resource.name != "db");
    let unseen = Unseen { what: "the size".into(), why: "no answer".into(), fix: "ask".into() };
    facts.source.unseen.push(unseen);
    let plan = plan_migrate(&facts);
    let needed = find(&plan.checklist, "dependency_mapping");
    assert_eq!(needed.status, ItemStatus::Failed);
    assert!(needed.evidence.iter().any(|one| one.what.contains("`db`")), "{needed:?}");
    let seen = find(&plan.checklist, "resource_inventory");
    assert_eq!(seen.status, ItemStatus::NeedsPerson);
    assert!(seen.evidence.iter().any(|one| one.what.contains("no answer")), "{seen:?}");
    let mut run = opened(plan);
    approve(&mut run, "Ada", Some("resource_inventory"));
    assert_eq!(find(&of_run(&run), "resource_inventory").status, ItemStatus::Confirmed);
}

#[test]
fn a_move_that_was_made_proves_what_the_machine_can() {
    let mut run = opened(plan_migrate(&facts()));
    perform(&mut run, true);
    assert_eq!(run.state(), RunState::Soaking);
    let items = of_run(&run);
    for id in [
        "resource_inventory",
        "dependency_mapping",
        "target_environment_setup",
        "data_migration",
        "application_deployment",
        "traffic_routing",
        "rollback_plan",
        "data_sync_strategy",
    ] {
        let item = find(&items, id);
        assert_eq!(item.status, ItemStatus::MachineChecked, "{item:?}");
        assert!(!item.evidence.is_empty(), "{id} has no evidence");
    }
    let verify = run.plan.find(|action| matches!(action, Action::VerifyDatabase(_)));
    let data = find(&items, "data_migration");
    let rows = data.evidence.iter().find(|one| one.step == verify).unwrap();
    assert_eq!((rows.count, rows.digest.as_ref().map(String::len)), (Some(7), Some(64)));
    assert_eq!(rows.at, Some(Timestamp::from_second(1_000).unwrap()));
    let left = items.iter().filter(|item| item.status == ItemStatus::NeedsPerson).count();
    assert_eq!(left, 11, "{items:#?}");
}

#[test]
fn a_difference_a_failure_and_an_undo_are_seen() {
    let mut run = opened(plan_migrate(&facts()));
    perform(&mut run, false);
    assert_eq!(find(&of_run(&run), "data_migration").status, ItemStatus::Failed);

    let mut run = opened(plan_migrate(&facts()));
    run.apply(entry(Event::started(1))).unwrap();
    let item = find(&of_run(&run), "target_environment_setup");
    assert_eq!(item.status, ItemStatus::Pending);
    run.apply(entry(Event::Failed { step: 1, error: "no way".into() })).unwrap();
    let item = find(&of_run(&run), "target_environment_setup");
    assert_eq!(item.status, ItemStatus::Failed);
    assert!(item.evidence[0].what.contains("no way"), "{item:?}");
    run.apply(entry(Event::UndoStarted { step: 1 })).unwrap();
    run.apply(entry(Event::UndoFinished { step: 1 })).unwrap();
    let item = find(&of_run(&run), "target_environment_setup");
    assert_eq!(item.status, ItemStatus::Pending);
}

#[test]
fn a_person_confirms_only_what_a_person_can_know() {
    let mut run = opened(plan_migrate(&facts()));
    let code = |run: &Run, id: &str| may_confirm(run, id).unwrap_err().code();
    assert_eq!(code(&run, "nothing"), "checklist_item_unknown");
    assert_eq!(code(&run, "data_migration"), "checklist_item_machine");
    assert_eq!(code(&run, "security_audit"), "checklist_item_early");
    may_confirm(&run, "cost_analysis").unwrap();
    approve(&mut run, "Ada", Some("cost_analysis"));
    let item = find(&of_run(&run), "cost_analysis");
    assert_eq!(item.status, ItemStatus::Confirmed);
    assert_eq!(item.evidence[0].by.as_deref(), Some("Ada"));
    assert_eq!(item.evidence[0].at, Some(Timestamp::from_second(1_000).unwrap()));

    // Were it in the journal all the same, it would change nothing.
    approve(&mut run, "Ada", Some("data_migration"));
    assert_eq!(find(&of_run(&run), "data_migration").status, ItemStatus::Pending);

    perform(&mut run, true);
    may_confirm(&run, "security_audit").unwrap();
    assert_eq!(code(&run, "data_migration"), "checklist_item_machine");
}

#[test]
fn a_run_that_was_taken_back_has_tested_the_rollback() {
    let mut run = opened(plan_migrate(&facts()));
    perform(&mut run, true);
    assert_eq!(find(&of_run(&run), "rollback_testing").status, ItemStatus::NeedsPerson);
    run.apply(entry(Event::Closed { state: RunState::RolledBack })).unwrap();
    assert_eq!(find(&of_run(&run), "rollback_testing").status, ItemStatus::MachineChecked);
}

#[test]
fn what_is_not_in_the_specification_needs_no_proof() {
    let mut facts = facts();
    facts.spec.application = None;
    let plan = plan_migrate(&facts);
    let item = find(&plan.checklist, "application_deployment");
    assert_eq!(item.status, ItemStatus::MachineChecked);
    assert!(item.evidence[0].what.contains("no application"), "{item:?}");
}
