//! Every pair of status and event, the order of steps, and no panic whatever the sequence.

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::plan::{Action, Bytes, Inputs, Interval, Limits, PlanKind, SetUpApplication};

/// Steps 1 and 2 prepare, 3 and 4 are the window, 5 is the switch, 6 follows, 7 finishes.
fn plan() -> Plan {
    let step = |n: usize| Step {
        n,
        action: Action::SetUpApplication(SetUpApplication { environment: "east".into() }),
        undo: None,
        estimate_ms: Interval::default(),
        window: (3..=5).contains(&n),
        switch: n == 5,
        finish: n == 7,
    };
    Plan {
        plan_id: "p".into(),
        kind: PlanKind::Migrate,
        made_at: Timestamp::UNIX_EPOCH,
        application: "notes".into(),
        from: "east".into(),
        to: "west".into(),
        epoch: 2,
        parent: None,
        inputs: Inputs {
            specification: "s".into(),
            source: "a".into(),
            target: "b".into(),
            parts: BTreeMap::new(),
        },
        steps: (1..=7).map(step).collect(),
        mapping: vec![],
        blockers: vec![],
        bytes: Bytes::default(),
        downtime_ms: Interval::default(),
        traffic: "edge".into(),
        window_deadline_ms: 1_000,
        soak_ms: 0,
        required_approvals: 0,
        limits: Limits::default(),
        rehearsed_at: None,
        checklist: Vec::new(),
    }
}

fn entry(event: Event) -> Entry {
    Entry { at: Timestamp::UNIX_EPOCH, event }
}

fn opened() -> Run {
    Run::fold(vec![entry(Event::Opened { plan: Box::new(plan()) })]).unwrap()
}

fn done(run: &mut Run, steps: std::ops::RangeInclusive<usize>) {
    for step in steps {
        run.apply(entry(Event::started(step))).unwrap();
        run.apply(entry(Event::Succeeded { step, output: json!({ "step": step }) })).unwrap();
    }
}

fn refused(run: &mut Run, event: Event) {
    let before = run.clone();
    let error = run.apply(entry(event.clone())).unwrap_err();
    assert_eq!(error.code(), "journal_illegal", "{event:?}");
    assert_eq!(*run, before, "a refused {event:?} left something behind");
}

#[test]
fn transition_table_is_complete() {
    use StepStatus as S;
    let output = json!(1);
    let statuses = [
        S::Pending,
        S::Started,
        S::Succeeded { output: output.clone() },
        S::Failed { error: "e".into() },
        S::Undoing,
        S::UndoFailed { error: "e".into() },
    ];
    let events = [
        Event::started(1),
        Event::Succeeded { step: 1, output },
        Event::Failed { step: 1, error: "e".into() },
        Event::UndoStarted { step: 1 },
        Event::UndoFinished { step: 1 },
        Event::UndoFailed { step: 1, error: "e".into() },
    ];
    // One row per status, one letter per event: the first letter of what follows, `-` when refused.
    let expected = ["S-----", "SDFU--", "---U--", "S--U--", "---UPX", "---U--"];
    for (status, row) in statuses.iter().zip(expected) {
        let got: String = events
            .iter()
            .map(|event| match transition(status, event) {
                Ok(S::Pending) => 'P',
                Ok(S::Started) => 'S',
                Ok(S::Succeeded { .. }) => 'D',
                Ok(S::Failed { .. }) => 'F',
                Ok(S::Undoing) => 'U',
                Ok(S::UndoFailed { .. }) => 'X',
                Err(_) => '-',
            })
            .collect();
        assert_eq!(got, row, "{status:?}");
    }
}

#[test]
fn what_was_found_first_is_kept_until_the_step_is_undone() {
    let mut run = opened();
    let started = |found: &str| entry(Event::Started { step: 1, found: Some(json!(found)) });
    run.apply(started("nothing")).unwrap();
    run.apply(started("what the dead process made")).unwrap();
    run.apply(entry(Event::UndoStarted { step: 1 })).unwrap();
    assert_eq!(run.found[&1], "nothing");
    run.apply(entry(Event::UndoFinished { step: 1 })).unwrap();
    assert!(run.found.is_empty());
    run.apply(started("what was there by then")).unwrap();
    assert_eq!(run.found[&1], "what was there by then");
}

#[test]
fn steps_begin_in_order_and_finish_waits_for_the_word() {
    let mut run = opened();
    refused(&mut run, Event::started(2));
    refused(&mut run, Event::FinishRequested);
    done(&mut run, 1..=6);
    assert_eq!(run.state(), RunState::Soaking);
    assert!(run.at_rest());
    refused(&mut run, Event::started(7));
    run.apply(entry(Event::FinishRequested)).unwrap();
    assert!(!run.at_rest());
    done(&mut run, 7..=7);
    run.apply(entry(Event::Closed { state: RunState::Succeeded })).unwrap();
    assert_eq!(run.state(), RunState::Succeeded);
}

#[test]
fn steps_are_undone_backwards_and_keep_their_output_until_then() {
    let mut run = opened();
    done(&mut run, 1..=4);
    assert_eq!(run.to_compensate().iter().map(|s| s.n).collect::<Vec<_>>(), [4, 3]);
    refused(&mut run, Event::UndoStarted { step: 3 });
    run.apply(entry(Event::UndoStarted { step: 4 })).unwrap();
    assert_eq!(run.output(4), Some(&json!({ "step": 4 })));
    run.apply(entry(Event::UndoFailed { step: 4, error: "e".into() })).unwrap();
    assert_eq!(run.output(4), Some(&json!({ "step": 4 })));
    run.apply(entry(Event::UndoStarted { step: 4 })).unwrap();
    run.apply(entry(Event::UndoFinished { step: 4 })).unwrap();
    assert_eq!(run.output(4), None);
    run.apply(entry(Event::UndoStarted { step: 3 })).unwrap();
}

#[test]
fn nothing_is_undone_or_aborted_from_the_switch_on() {
    let mut run = opened();
    done(&mut run, 1..=4);
    assert_eq!(run.writable_side(Some("east")), None);
    run.apply(entry(Event::started(5))).unwrap();
    assert!(run.switched());
    assert_eq!(run.writable_side(Some("west")), None);
    refused(&mut run, Event::AbortRequested);
    refused(&mut run, Event::UndoStarted { step: 5 });
    run.apply(entry(Event::Succeeded { step: 5, output: Value::Null })).unwrap();
    assert_eq!(run.writable_side(Some("west")), Some("west".into()));
    assert!(run.to_compensate().is_empty());
}

#[test]
fn a_run_is_closed_only_as_what_it_is() {
    let mut run = opened();
    refused(&mut run, Event::Closed { state: RunState::Succeeded });
    refused(&mut run, Event::Closed { state: RunState::Aborted });
    refused(&mut run, Event::Closed { state: RunState::RolledBack });
    refused(&mut run, Event::Closed { state: RunState::Paused });
    done(&mut run, 1..=1);
    run.apply(entry(Event::AbortRequested)).unwrap();
    refused(&mut run, Event::started(2));
    refused(&mut run, Event::Closed { state: RunState::Aborted });
    run.apply(entry(Event::UndoStarted { step: 1 })).unwrap();
    run.apply(entry(Event::UndoFinished { step: 1 })).unwrap();
    run.apply(entry(Event::Closed { state: RunState::Aborted })).unwrap();
    refused(&mut run, Event::Adopted { executor: "x".into() });
}

#[test]
fn a_journal_that_does_not_begin_with_its_plan_is_refused() {
    assert_eq!(Run::fold(vec![]).unwrap_err().code(), "journal_illegal");
    let entries = vec![entry(Event::started(1))];
    assert_eq!(Run::fold(entries).unwrap_err().code(), "journal_illegal");
}

#[test]
fn an_event_survives_its_json() {
    let event = Event::Opened { plan: Box::new(plan()) };
    let text = serde_json::to_string(&event).unwrap();
    let Event::Opened { plan: read } = serde_json::from_str(&text).unwrap() else { panic!() };
    assert_eq!(read.digest(), plan().digest());
}

fn any_event() -> impl Strategy<Value = Event> {
    let step = 0..9_usize;
    prop_oneof![
        4 => step.clone().prop_map(Event::started),
        4 => step.clone().prop_map(|step| Event::Succeeded { step, output: json!(step) }),
        2 => step.clone().prop_map(|step| Event::Failed { step, error: "e".into() }),
        2 => step.clone().prop_map(|step| Event::UndoStarted { step }),
        2 => step.clone().prop_map(|step| Event::UndoFinished { step }),
        1 => step.prop_map(|step| Event::UndoFailed { step, error: "e".into() }),
        1 => Just(Event::AbortRequested),
        1 => Just(Event::Approved { by: "Ada".into(), item: None }),
        1 => Just(Event::FinishRequested),
        1 => Just(Event::Adopted { executor: "h 1 2".into() }),
        1 => prop_oneof![Just(RunState::Succeeded), Just(RunState::Aborted), Just(RunState::Failed)]
            .prop_map(|state| Event::Closed { state }),
    ]
}

proptest! {
    /// Whatever is tried: no panic; what is refused changes nothing; what is accepted folds to the
    /// same run again; nothing is begun twice at once; an undone side is never a switched one.
    #[test]
    fn any_sequence_of_events_folds_or_is_refused(events in prop::collection::vec(any_event(), 0..120)) {
        let mut run = opened();
        for event in events {
            let before = run.clone();
            if run.apply(entry(event)).is_err() {
                prop_assert_eq!(&run, &before);
            }
            prop_assert!(!before.switched() || run.switched(), "the switch was taken back");
            let begun = run.plan.steps.iter().filter(|s| {
                !run.is_untouched(s.n) && !run.is_done(s.n)
            });
            prop_assert!(begun.count() <= 1, "two steps are under way at once");
        }
        prop_assert_eq!(Run::fold(run.entries.clone()).unwrap(), run);
    }
}

#[test]
fn nothing_begins_before_enough_people_have_approved() {
    let approved = |by: &str, item: Option<&str>| Event::Approved {
        by: by.into(),
        item: item.map(str::to_owned),
    };
    let plan = Plan { required_approvals: 2, ..plan() };
    let mut run = Run::fold(vec![entry(Event::Opened { plan: Box::new(plan) })]).unwrap();
    refused(&mut run, Event::started(1));
    for by in ["Ada", "Ada "] {
        run.apply(entry(approved(by, None))).unwrap();
        assert_eq!(run.approvals_missing(), 1, "one person counts once");
    }
    run.apply(entry(approved("Grace", Some("cost_analysis")))).unwrap();
    refused(&mut run, Event::started(1));
    for wrong in [approved(" ", None), approved("a\nb", None), approved("Ada", Some(""))] {
        refused(&mut run, wrong);
    }
    run.apply(entry(approved("Grace", None))).unwrap();
    assert_eq!(run.approvals_missing(), 0);
    run.apply(entry(Event::started(1))).unwrap();
}

#[test]
fn a_plan_of_before_keeps_its_digest() {
    let text = serde_json::to_value(plan()).unwrap();
    assert!(text.get("required_approvals").is_none() && text.get("checklist").is_none());
    assert_eq!(serde_json::from_value::<Plan>(text).unwrap(), plan());
}
