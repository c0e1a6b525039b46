//! What up and down consist of, for every state of the log.

use serde_json::Value;

use super::*;
use crate::journal::{Entry, Event};
use crate::plan::{FinishBackflow, StartBackflow, StopApplication, SwitchTraffic, Validate};

fn spec(setup: bool) -> AppSpec {
    let setup = if setup { vec!["notes", "migrate"] } else { vec![] };
    let application = serde_json::json!({"command": ["notes"], "setup": setup});
    serde_json::from_value(serde_json::json!({"name": "notes", "application": application}))
        .unwrap()
}

fn ledger(epoch: u64, active: Option<&str>) -> Ledger {
    Ledger { epoch, active: active.map(str::to_owned), ..Ledger::default() }
}

fn facts<'a>(spec: &'a AppSpec, ledger: &'a Ledger) -> EnvironmentFacts<'a> {
    let made_at = Timestamp::UNIX_EPOCH;
    EnvironmentFacts { spec, environment: "east", ledger, open: &[], plan_id: "p", made_at }
}

/// The names of the plan's actions, the switch with a star.
fn names(plan: &Plan) -> Vec<String> {
    plan.steps
        .iter()
        .map(|step| {
            let action = serde_json::to_value(&step.action).unwrap();
            let star = if step.switch { "*" } else { "" };
            format!("{}{star}", action["action"].as_str().unwrap())
        })
        .collect()
}

#[test]
fn the_first_up_opens_the_first_epoch() {
    let (spec, ledger) = (spec(true), ledger(0, None));
    let up = plan_up(&facts(&spec, &ledger));
    let wanted = [
        "provision_environment",
        "set_up_application",
        "start_application",
        "await_ready",
        "open_edge*",
    ];
    assert_eq!(names(&up.plan), wanted);
    assert_eq!((up.plan.epoch, up.note), (1, None));
    assert!(
        matches!(&up.plan.steps[4].action, Action::OpenEdge(e) if e.epoch == 1 && e.port == 8000)
    );
    assert_eq!(up.plan.steps.iter().map(|s| s.n).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
}

#[test]
fn the_active_environment_comes_up_again_under_its_epoch() {
    let (spec, ledger) = (spec(true), ledger(3, Some("east")));
    let up = plan_up(&facts(&spec, &ledger));
    let wanted = ["provision_environment", "start_application", "await_ready", "open_edge"];
    assert_eq!(names(&up.plan), wanted);
    assert!(matches!(&up.plan.steps[3].action, Action::OpenEdge(edge) if edge.epoch == 3));
}

#[test]
fn beside_another_active_environment_it_is_only_provisioned() {
    let (spec, ledger) = (spec(true), ledger(3, Some("west")));
    let up = plan_up(&facts(&spec, &ledger));
    assert_eq!(names(&up.plan), ["provision_environment"]);
    assert!(up.note.unwrap().contains("`west` serves"));
}

#[test]
fn after_the_active_one_was_destroyed_the_next_epoch_is_opened() {
    let (spec, ledger) = (spec(false), ledger(3, None));
    let up = plan_up(&facts(&spec, &ledger));
    let wanted = ["provision_environment", "start_application", "await_ready", "open_edge*"];
    assert_eq!((names(&up.plan), up.plan.epoch), (wanted.map(str::to_owned).to_vec(), 4));
}

#[test]
fn without_an_application_the_environment_itself_is_what_opens() {
    let (mut spec, ledger) = (spec(false), ledger(0, None));
    spec.application = None;
    assert_eq!(names(&plan_up(&facts(&spec, &ledger)).plan), ["provision_environment*"]);
}

#[test]
fn down_is_one_step_that_says_whom_it_cuts_off() {
    let (spec, idle, serving) = (spec(false), ledger(1, Some("west")), ledger(1, Some("east")));
    let down = plan_down(&facts(&spec, &idle), false);
    assert_eq!((names(&down.plan), down.note), (vec!["tear_down_environment".to_owned()], None));
    let down = plan_down(&facts(&spec, &serving), true);
    assert!(down.note.unwrap().contains("deleted"));
    assert!(
        matches!(&down.plan.steps[0].action, Action::TearDownEnvironment(tear) if tear.destroy)
    );
}

/// An open run from `from` to the other of east and west, with these actions; the first `done` of
/// them are done, the one after is begun.
fn open_move(from: &str, actions: &[Action], done: usize) -> OpenRun {
    let to = if from == "east" { "west" } else { "east" };
    let (spec, ledger) = (spec(false), ledger(1, Some(from)));
    let mut plan = plan(&facts(&spec, &ledger), PlanKind::Migrate, actions.to_vec());
    (plan.plan_id, plan.from, plan.to) = ("move".into(), from.into(), to.into());
    for step in &mut plan.steps {
        step.window = matches!(step.action, Action::StopApplication(_));
        step.switch = matches!(step.action, Action::SwitchTraffic(_));
    }
    let mut events = vec![Event::Opened { plan: Box::new(plan) }];
    for step in 1..=actions.len().min(done + 1) {
        events.push(Event::started(step));
        events.extend((step <= done).then_some(Event::Succeeded { step, output: Value::Null }));
    }
    let entry = |event| Entry { at: Timestamp::UNIX_EPOCH, event };
    let run = Run::fold(events.into_iter().map(entry).collect()).unwrap();
    OpenRun { run, executing: false }
}

/// The parts of a move that say where the application runs and what is carried back.
fn parts(from: &str, to: &str) -> Vec<Action> {
    let (from, to) = (from.to_owned(), to.to_owned());
    vec![
        Action::StartApplication(StartApplication { environment: to.clone(), standby: true }),
        Action::StopApplication(StopApplication { environment: from.clone(), drain_ms: 1 }),
        Action::SwitchTraffic(SwitchTraffic { from: from.clone(), to: to.clone(), epoch: 2 }),
        Action::StartBackflow(StartBackflow {
            from: to.clone(),
            to: from.clone(),
            buckets: Vec::new(),
            sessions: None,
        }),
        Action::Validate(Validate {
            from: from.clone(),
            to: to.clone(),
            return_stream: String::new(),
            buckets: Vec::new(),
            sessions: None,
        }),
        Action::FinishBackflow(FinishBackflow { from: to, to: from }),
    ]
}

/// What `up east` consists of beside a run from `from` of which so much is done.
fn beside(from: &str, active: &str, done: usize) -> Vec<String> {
    let to = if from == "east" { "west" } else { "east" };
    let open = [open_move(from, &parts(from, to), done)];
    let (spec, ledger) = (spec(true), ledger(2, Some(active)));
    let up = plan_up(&EnvironmentFacts { open: &open, ..facts(&spec, &ledger) });
    assert!(up.plan.blockers.is_empty() && up.plan.switch_step().is_none(), "{up:?}");
    names(&up.plan)
}

const SERVES: [&str; 4] =
    ["provision_environment", "start_application", "await_ready", "open_edge"];

#[test]
fn beside_a_soak_both_sides_come_up_as_they_were() {
    let serves = [&SERVES[..], &["resume_backflow"]].concat();
    assert_eq!(beside("west", "east", 4), serves);
    assert_eq!(beside("east", "west", 4), ["provision_environment", "resume_backflow"]);
    let finishing = ["provision_environment"];
    assert_eq!(beside("east", "west", 5), finishing, "nothing is carried back any more");
}

#[test]
fn beside_a_move_that_stopped_midway_only_the_writable_side_is_opened() {
    assert_eq!(beside("east", "east", 0), SERVES, "it has not touched the source");
    let (only, standby) =
        (["provision_environment"], ["provision_environment", "start_application"]);
    assert_eq!(beside("east", "east", 1), only, "in the window: going on starts it again");
    assert_eq!(beside("west", "west", 1), standby, "the target waits for the switch");
    assert_eq!(beside("east", "east", 2), only, "the switch was begun");
    assert_eq!(beside("west", "east", 2), standby);
}

#[test]
fn a_run_that_is_executed_blocks_both_and_an_open_move_blocks_down() {
    let (spec, ledger) = (spec(false), ledger(1, Some("east")));
    let mut open = [open_move("east", &parts("east", "west"), 0)];
    let codes = |plan: Plan| plan.blockers.into_iter().map(|one| one.code).collect::<Vec<_>>();
    let both = |open: &[OpenRun]| {
        let facts = EnvironmentFacts { open, ..facts(&spec, &ledger) };
        (codes(plan_up(&facts).plan), codes(plan_down(&facts, false).plan))
    };
    assert_eq!(both(&open), (vec![], vec!["run_open".to_owned()]));
    open[0].executing = true;
    assert_eq!(both(&open), (vec!["run_running".to_owned()], vec!["run_running".to_owned()]));
    open[0].executing = false;
    open[0].run.plan.kind = PlanKind::Up;
    assert_eq!(both(&open), (vec![], vec![]), "an earlier `up` that failed gives way");
}

#[test]
fn an_application_that_never_got_ready_is_started_anew() {
    let (spec, ledger) = (spec(false), ledger(0, None));
    let mut earlier = open_move("east", &[], 0);
    let plan = plan_up(&facts(&spec, &ledger)).plan;
    let begun = |ran: bool, until: usize| {
        let mut events = vec![Event::Opened { plan: Box::new(plan.clone()) }];
        for step in 1..=until {
            let found = Some(serde_json::json!({ "ran": ran }));
            events.push(Event::Started { step, found });
            events.push(Event::Succeeded { step, output: Value::Null });
        }
        let entry = |event| Entry { at: Timestamp::UNIX_EPOCH, event };
        Run::fold(events.into_iter().map(entry).collect()).unwrap()
    };
    let mut first_two = |run: Run| {
        earlier.run = run;
        let open = std::slice::from_ref(&earlier);
        let up = plan_up(&EnvironmentFacts { open, ..facts(&spec, &ledger) });
        names(&up.plan)[1].clone()
    };
    assert_eq!(first_two(begun(false, 2)), "stop_application");
    assert_eq!(first_two(begun(true, 2)), "start_application", "it ran before that run");
    assert_eq!(first_two(begun(false, 3)), "start_application", "it was ready");
}
