//! The plans of a move and of a rollback, from facts made by hand.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};
use trefoil_core::finding::{Finding, Severity};
use trefoil_core::inventory::{Inventory, Resource, ResourceKind};
use trefoil_core::journal::{Entry, Event, Run};
use trefoil_core::ledger::Ledger;
use trefoil_core::plan::{AccessRecord, Action, Blocker, CopyOutput, Plan, PrepareOutput};
use trefoil_core::planner::{
    BucketFacts, Measured, MoveFacts, MoveOptions, RollbackFacts, plan_migrate, plan_rollback,
    rehearsed,
};
use trefoil_core::report::MoveReport;
use trefoil_core::spec::AppSpec;

fn spec(extra: Value) -> AppSpec {
    let mut spec = json!({
        "name": "shop",
        "application": {"command": ["shop"]},
        "database": {},
        "buckets": {"documents": {}},
        "sessions": {},
        "environments": {"east": {"cloud": "local"}, "west": {"cloud": "local"}},
    });
    let fields = spec.as_object_mut().unwrap();
    for (key, value) in extra.as_object().unwrap() {
        if value.is_null() {
            fields.remove(key)
        } else {
            fields.insert(key.clone(), value.clone())
        };
    }
    serde_json::from_value(spec).unwrap()
}

fn inventory(environment: &str, tables: u64) -> Inventory {
    let sized = |kind, name: &str, size: &[(&str, u64)]| Resource {
        kind,
        native_type: "thing".into(),
        name: name.into(),
        id: name.into(),
        region: None,
        size: size.iter().map(|(unit, n)| ((*unit).to_owned(), *n)).collect(),
        version: None,
        depends_on: Vec::new(),
        tags: BTreeMap::new(),
    };
    Inventory {
        environment: environment.into(),
        cloud: "local".into(),
        observed_at: Timestamp::UNIX_EPOCH,
        resources: vec![
            sized(
                ResourceKind::Database,
                "shop",
                &[("bytes", tables * 10_000_000), ("tables", tables)],
            ),
            sized(ResourceKind::Bucket, "documents", &[("objects", tables), ("bytes", tables)]),
            sized(ResourceKind::Sessions, "sessions", &[("sessions", tables)]),
        ],
        unseen: Vec::new(),
    }
}

fn facts(spec: AppSpec) -> MoveFacts {
    MoveFacts {
        plan_id: "0199-abcdef0123456789".into(),
        made_at: Timestamp::UNIX_EPOCH,
        spec,
        from: "east".into(),
        to: "west".into(),
        source: inventory("east", 4),
        target: inventory("west", 0),
        ledger: Ledger { epoch: 1, active: Some("east".into()), ..Ledger::default() },
        findings: Vec::new(),
        buckets: BucketFacts::default(),
        traffic: "edge".into(),
        options: MoveOptions::default(),
    }
}

fn names(plan: &Plan) -> Vec<String> {
    let line = |step: &trefoil_core::plan::Step| {
        let action = serde_json::to_value(&step.action).unwrap()["action"].clone();
        let mark = |on: bool, word: &'static str| if on { word } else { "" };
        format!(
            "{} {}{}{}{}",
            step.n,
            action.as_str().unwrap(),
            mark(step.window, " window"),
            mark(step.switch, " switch"),
            mark(step.finish, " finish"),
        )
    };
    plan.steps.iter().map(line).collect()
}

/// What holds of every plan that switches, whatever it carries.
fn assert_sound(plan: &Plan) {
    let count = |mark: fn(&trefoil_core::plan::Step) -> bool| {
        plan.steps.iter().filter(|step| mark(step)).count()
    };
    assert_eq!(count(|step| step.switch), 1, "one switch");
    assert_eq!(count(|step| step.finish), 1, "one point of no return");
    let window: Vec<_> = plan.steps.iter().filter(|step| step.window).map(|s| s.n).collect();
    assert!(window.windows(2).all(|pair| pair[0] + 1 == pair[1]), "the window has no hole");
    assert_eq!(window.last().copied(), plan.switch_step().map(|step| step.n));
    let finish = plan.steps.iter().find(|step| step.finish).unwrap().n;
    assert!(finish > plan.switch_step().unwrap().n);
    for step in &plan.steps {
        let text = serde_json::to_value(&step.action).unwrap().to_string();
        for (key, earlier) in [("\"step\":", "since"), ("\"verified\":", "verified")] {
            for part in text.split(key).skip(1) {
                let n: usize = part
                    .chars()
                    .take_while(char::is_ascii_digit)
                    .collect::<String>()
                    .parse()
                    .unwrap();
                assert!(n < step.n, "step {} names a later step as {earlier}", step.n);
            }
        }
    }
}

#[test]
fn a_whole_application_is_copied_proven_switched_and_can_go_back() {
    let plan = plan_migrate(&facts(spec(json!({}))));
    assert_sound(&plan);
    insta::assert_snapshot!(names(&plan).join("\n"), @r"
    1 preflight
    2 provision_environment
    3 preflight
    4 copy_secrets
    5 copy_objects
    6 copy_sessions
    7 prepare_database
    8 copy_schema
    9 copy_rows
    10 build_indexes
    11 await_stream
    12 verify_database
    13 arm_return
    14 start_application
    15 copy_objects
    16 copy_sessions
    17 copy_objects
    18 copy_sessions
    19 hold_traffic window
    20 drain_traffic window
    21 stop_application window
    22 fence_database window
    23 copy_objects window
    24 copy_sessions window
    25 drain_database window
    26 sync_database window
    27 detach_database window
    28 open_database window switch
    29 await_ready
    30 switch_traffic
    31 start_return
    32 validate
    33 start_backflow
    34 finish_backflow finish
    35 finish_database
    ");
    assert_eq!(plan.blockers, []);
    assert_eq!(plan.epoch, 2);
}

#[test]
fn an_application_that_needs_its_database_is_started_after_the_switch_and_that_time_is_counted() {
    let stands_by = plan_migrate(&facts(spec(json!({}))));
    let application = json!({"command": ["shop"], "needs_database_to_start": true});
    let plan = plan_migrate(&facts(spec(json!({"application": application}))));
    assert_sound(&plan);
    let start = plan.find(|action| matches!(action, Action::StartApplication(_))).unwrap();
    assert!(start > plan.switch_step().unwrap().n);
    assert!(plan.downtime_ms.high > stands_by.downtime_ms.high);
}

#[test]
fn a_move_carries_what_there_is() {
    let none = json!(null);
    for (left_out, absent) in [
        (json!({"database": none}), "database"),
        (json!({"buckets": none}), "objects"),
        (json!({"sessions": none}), "sessions"),
        (json!({"application": none}), "traffic"),
    ] {
        let plan = plan_migrate(&facts(spec(left_out)));
        assert_sound(&plan);
        let unwanted: Vec<_> = names(&plan).into_iter().filter(|n| n.contains(absent)).collect();
        assert_eq!(unwanted, Vec::<String>::new());
        assert_eq!(plan.blockers, []);
    }
}

#[test]
fn what_stands_in_the_way_is_a_blocker_by_name() {
    let mut facts = facts(spec(json!({})));
    facts.target = inventory("west", 3);
    facts.ledger.active = Some("west".into());
    facts.ledger.runs.push(("r1".into(), None));
    facts.findings.push(Finding {
        code: "wal_level".into(),
        severity: Severity::Blocker,
        message: "wal_level is replica on east".into(),
        command: Some("ALTER SYSTEM SET wal_level = logical".into()),
        needs_restart: true,
    });
    let blocker = Blocker { code: "k".into(), message: "m".into(), hint: "h".into() };
    facts.buckets.blockers.push(blocker);
    let plan = plan_migrate(&facts);
    let codes: Vec<_> = plan.blockers.iter().map(|blocker| blocker.code.as_str()).collect();
    let empty = "target_not_empty";
    assert_eq!(codes, ["source_not_active", "run_open", empty, empty, "k", "wal_level"]);
    let nothing = plan_migrate(&self::facts(spec(json!({"application": null, "database": null}))));
    assert_eq!(nothing.blockers[0].code, "nothing_to_switch");
}

#[test]
fn a_bucket_without_a_record_is_listed_while_users_wait_and_the_plan_says_so() {
    let mut facts = facts(spec(json!({})));
    let recorded = plan_migrate(&facts);
    let bucket = facts.spec.buckets.keys().next().unwrap().clone();
    facts.buckets.listed.push(bucket);
    let plan = plan_migrate(&facts);
    assert!(plan.downtime_ms.high > recorded.downtime_ms.high);
    let says = |plan: &Plan| serde_json::to_string(&plan.mapping).unwrap().contains("while users");
    assert!(says(&plan) && !says(&recorded));
}

#[test]
fn the_same_facts_give_the_same_digest_and_a_changed_plan_another() {
    let facts = facts(spec(json!({})));
    let plan = plan_migrate(&facts);
    assert_eq!(plan.digest(), plan_migrate(&facts).digest());
    let text = serde_json::to_string(&plan).unwrap();
    let back: Plan = serde_json::from_str(&text).unwrap();
    assert_eq!(back, plan);
    let mut changed = plan.clone();
    changed.steps[20].window = false;
    assert_ne!(changed.digest(), plan.digest());
}

/// A journal in which every step up to the finish is done.
fn soaking(plan: &Plan) -> Run {
    let finish = plan.steps.iter().find(|step| step.finish).unwrap().n;
    let at = Timestamp::UNIX_EPOCH;
    let mut entries = vec![Entry { at, event: Event::Opened { plan: Box::new(plan.clone()) } }];
    for step in plan.steps.iter().filter(|step| step.n < finish) {
        let output = match &step.action {
            Action::PrepareDatabase(_) => serde_json::to_value(PrepareOutput::default()).unwrap(),
            Action::CopyObjects(_) | Action::CopySessions(_) => {
                let copied = CopyOutput { target_position: step.n as u64, ..CopyOutput::default() };
                serde_json::to_value(copied).unwrap()
            }
            _ => Value::Null,
        };
        entries.push(Entry { at, event: Event::started(step.n) });
        entries.push(Entry { at, event: Event::Succeeded { step: step.n, output } });
    }
    Run::fold(entries).unwrap()
}

fn rollback_facts(parent: Run) -> RollbackFacts {
    RollbackFacts {
        plan_id: "0199-ffffff9876543210".into(),
        made_at: Timestamp::UNIX_EPOCH,
        spec: spec(json!({})),
        parent,
        source: inventory("west", 4),
        target: inventory("east", 4),
        ledger: Ledger { epoch: 2, active: Some("west".into()), ..Ledger::default() },
        source_access: AccessRecord { database: "shop".into(), ..AccessRecord::default() },
        obstacles: Vec::new(),
        buckets: BucketFacts::default(),
        traffic: "edge".into(),
        options: MoveOptions::default(),
    }
}

#[test]
fn a_rollback_copies_no_rows_and_begins_where_the_switch_left_the_stores() {
    let migrate = plan_migrate(&facts(spec(json!({}))));
    let plan = plan_rollback(&rollback_facts(soaking(&migrate))).unwrap();
    assert_sound(&plan);
    assert_eq!((plan.from.as_str(), plan.to.as_str(), plan.epoch), ("west", "east", 3));
    assert_eq!(plan.find(|action| matches!(action, Action::CopyRows(_))), None);
    let since = plan.steps.iter().find_map(|step| match &step.action {
        Action::CopyObjects(copy) => Some(serde_json::to_value(copy.since).unwrap()),
        _ => None,
    });
    assert_eq!(since, Some(json!({"position": 23})));
    insta::assert_snapshot!(names(&plan).join("\n"), @r"
    1 preflight
    2 copy_secrets
    3 finish_backflow
    4 await_stream
    5 verify_database
    6 copy_objects
    7 copy_sessions
    8 arm_return
    9 start_application
    10 copy_objects
    11 copy_sessions
    12 copy_objects
    13 copy_sessions
    14 hold_traffic window
    15 drain_traffic window
    16 stop_application window
    17 fence_database window
    18 copy_objects window
    19 copy_sessions window
    20 drain_database window
    21 sync_database window
    22 detach_database window
    23 open_database window switch
    24 await_ready
    25 switch_traffic
    26 start_return
    27 validate
    28 start_backflow
    29 finish_backflow finish
    30 finish_database
    ");
}

#[test]
fn a_rollback_can_itself_be_taken_back() {
    let migrate = plan_migrate(&facts(spec(json!({}))));
    let back = plan_rollback(&rollback_facts(soaking(&migrate))).unwrap();
    let mut facts = rollback_facts(soaking(&back));
    facts.ledger = Ledger { epoch: 3, active: Some("east".into()), ..Ledger::default() };
    let again = plan_rollback(&facts).unwrap();
    assert_sound(&again);
    assert_eq!((again.from.as_str(), again.to.as_str(), again.epoch), ("east", "west", 4));
}

#[test]
fn a_run_that_does_not_soak_has_no_rollback() {
    let migrate = plan_migrate(&facts(spec(json!({}))));
    let at = Timestamp::UNIX_EPOCH;
    let begun = Run::fold(vec![Entry { at, event: Event::Opened { plan: Box::new(migrate) } }]);
    let error = plan_rollback(&rollback_facts(begun.unwrap())).unwrap_err();
    assert_eq!(error.code(), "rollback_not_soaking");
}

#[test]
fn copies_that_needed_other_steps_rehearsed_another_plan() {
    let plan = plan_migrate(&facts(spec(json!({}))));
    let report = MoveReport::of(&soaking(&plan));
    let with = |measured: &Plan| {
        let measured = Measured { plan: measured, report: &report, at: Timestamp::UNIX_EPOCH };
        rehearsed(&plan, "another", &measured)
    };
    assert_eq!(with(&plan).unwrap().plan_id, "another");
    let mut fewer = plan.clone();
    fewer.steps.remove(3);
    let mut other = plan.clone();
    other.steps.swap(2, 3);
    for measured in [fewer, other] {
        assert_eq!(with(&measured).unwrap_err().code(), "rehearsal_differs");
    }
}
