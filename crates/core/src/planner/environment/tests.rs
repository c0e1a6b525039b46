//! What up and down consist of, for every state of the log.

use super::*;

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
    EnvironmentFacts { spec, environment: "east", ledger, plan_id: "p", made_at }
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

#[test]
fn an_open_run_blocks_both() {
    let spec = spec(false);
    let mut ledger = ledger(1, Some("east"));
    ledger.runs.push(("r".into(), None));
    for plan in
        [plan_up(&facts(&spec, &ledger)).plan, plan_down(&facts(&spec, &ledger), false).plan]
    {
        assert_eq!(plan.blockers[0].code, "run_open");
    }
}
