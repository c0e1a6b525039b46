//! A failure at every step, a deadline, an interruption, another executor.

use std::error::Error as _;
use std::time::Duration;

use trefoil_core::journal::{Event, RunState, StepStatus};

use super::assert_soaks;
use super::fake::{Bed, marked_plan, observed};
use crate::engine::Stop;

/// What the world remembers after step `n` failed for the first time.
fn expected(n: usize) -> Vec<String> {
    let mut lines: Vec<_> = (1..=n).map(|step| format!("do {step}")).collect();
    match n {
        3 => lines.push("undo 3".into()),
        4 => lines.extend(["undo 4".into(), "undo done 3".into()]),
        _ => {}
    }
    lines
}

#[tokio::test]
async fn a_failure_at_any_step_pauses_the_run_and_resume_ends_it() {
    for n in 1..=8 {
        let bed = Bed::new().await;
        bed.write(&format!("fail-{n}"), "");
        let failed = if n == 8 {
            bed.start().await.unwrap();
            bed.engine().finish("run-1").await.unwrap_err()
        } else {
            bed.start().await.unwrap_err()
        };
        assert_eq!((failed.code(), failed.kind().exit_code()), ("run_paused", 4), "step {n}");
        assert!(failed.chain().ends_with("it broke: why"), "{}", failed.chain());
        assert!(failed.hint_text().unwrap().contains("trefoil runs resume run-1"));
        assert_eq!(bed.history(), expected(n), "step {n}");
        let paused = bed.state.journal("run-1").await.unwrap();
        assert_eq!(paused.state(), RunState::Paused, "step {n}");

        let run = bed.engine().resume("run-1").await.unwrap();
        if n == 8 {
            assert_eq!(run.state(), RunState::Succeeded);
        } else {
            assert_soaks(&bed, &run);
        }
    }
}

#[tokio::test]
async fn abort_undoes_everything_backwards_before_the_switch_and_is_refused_after_it() {
    for n in 1..=7 {
        let bed = Bed::new().await;
        bed.write(&format!("fail-{n}"), "");
        bed.start().await.unwrap_err();
        let before = bed.history().len();
        let aborted = bed.engine().abort("run-1").await;
        if n >= 5 {
            assert_eq!(aborted.unwrap_err().code(), "run_switched");
            assert_eq!(bed.history().len(), before);
            continue;
        }
        assert_eq!(aborted.unwrap().state(), RunState::Aborted);
        let undone: Vec<_> = bed.history()[before..].to_vec();
        let wanted: &[&str] = if n == 1 { &["undo 1"] } else { &["undo done 2", "undo done 1"] };
        let wanted = if n == 2 { &["undo 2", "undo done 1"] } else { wanted };
        assert_eq!(undone, wanted, "step {n}");
        assert!(bed.is_clean());
        let ledger = bed.state.ledger().await.unwrap();
        assert_eq!((ledger.open_run(), ledger.epoch), (None, 0));
        assert_eq!(bed.engine().resume("run-1").await.unwrap_err().code(), "run_closed");
    }
}

#[tokio::test]
async fn a_blocked_step_is_not_begun_and_the_window_before_it_is_undone() {
    let bed = Bed::new().await;
    bed.write("blocked-5", "");
    let error = bed.start().await.unwrap_err();
    assert_eq!(error.code(), "run_paused");
    assert!(error.to_string().contains("no environment serves yet"), "{error}");
    assert_eq!(bed.done(), [1, 2]);
    let run = bed.state.journal("run-1").await.unwrap();
    assert!(!run.switched());
    assert_eq!(bed.state.ledger().await.unwrap().epoch, 0);
    bed.remove("blocked-5");
    assert_soaks(&bed, &bed.engine().resume("run-1").await.unwrap());
}

#[tokio::test]
async fn a_window_that_takes_too_long_is_undone() {
    let bed = Bed::new().await;
    bed.write("slow-4", "60000");
    let mut plan = marked_plan("run-1");
    plan.window_deadline_ms = 300;
    let error = bed.start_plan(&plan).await.unwrap_err();
    assert!(error.source().unwrap().to_string().contains("300 ms"), "{}", error.chain());
    assert_eq!(bed.done(), [1, 2]);
    assert_eq!(bed.history()[4..], ["undo 4", "undo done 3"]);
    bed.remove("slow-4");
    assert_soaks(&bed, &bed.engine().resume("run-1").await.unwrap());
}

#[tokio::test]
async fn the_deadline_covers_the_whole_window_and_ends_with_the_switch() {
    let bed = Bed::new().await;
    let mut plan = marked_plan("run-1");
    plan.window_deadline_ms = 600;
    bed.write("slow-3", "400");
    bed.write("slow-4", "400");
    assert_eq!(bed.start_plan(&plan).await.unwrap_err().code(), "run_paused");
    assert_eq!(bed.done(), [1, 2]);
    bed.remove("slow-3");
    bed.remove("slow-4");
    // From the switch on there is no way back, so time cuts nothing any more.
    bed.write("slow-5", "700");
    bed.write("slow-6", "700");
    assert_soaks(&bed, &bed.engine().resume("run-1").await.unwrap());
}

/// Starts the run and asks it to stop while `slow` is under way.
async fn interrupted(bed: &Bed, slow: usize, ms: u64) -> crate::Result<trefoil_core::journal::Run> {
    bed.write(&format!("slow-{slow}"), &ms.to_string());
    let plan = marked_plan("run-1");
    bed.state.record_plan(&plan).await.unwrap();
    let (handle, stop) = Stop::new();
    let engine = bed.engine_with(stop);
    let observed = observed(&plan);
    let asked = async {
        while !bed.history().contains(&format!("do {slow}")) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        handle.ask();
    };
    tokio::join!(engine.start(&plan, &observed), asked).0
}

#[tokio::test]
async fn an_interruption_before_the_window_pauses_and_keeps_what_is_done() {
    let bed = Bed::new().await;
    let error = interrupted(&bed, 2, 60_000).await.unwrap_err();
    assert_eq!(error.code(), "run_paused");
    assert_eq!(bed.history(), ["do 1", "do 2"]);
    bed.remove("slow-2");
    assert_soaks(&bed, &bed.engine().resume("run-1").await.unwrap());
}

#[tokio::test]
async fn an_interruption_inside_the_window_undoes_it() {
    let bed = Bed::new().await;
    let error = interrupted(&bed, 4, 60_000).await.unwrap_err();
    assert_eq!(error.source().unwrap().to_string(), "it was interrupted");
    assert_eq!(bed.history()[4..], ["undo 4", "undo done 3"]);
}

#[tokio::test]
async fn an_interruption_at_the_switch_waits_until_users_are_served() {
    for slow in [5, 6] {
        let bed = Bed::new().await;
        let error = interrupted(&bed, slow, 300).await.unwrap_err();
        assert!(error.to_string().contains("step 7"), "{error}");
        assert!(error.to_string().contains("`west` is open"), "{error}");
        assert_eq!(bed.done(), [1, 2, 3, 4, 5, 6]);
    }
}

#[tokio::test]
async fn an_executor_that_was_superseded_does_nothing_more() {
    for n in 1..=7 {
        let bed = Bed::new().await;
        bed.write(&format!("steal-{n}"), "");
        let error = bed.start().await.unwrap_err();
        assert_eq!(error.code(), "executor_superseded", "step {n}");
        let lines: Vec<_> = (1..=n).map(|step| format!("do {step}")).collect();
        assert_eq!(bed.history(), lines, "it went on, or undid what is another's");
        let run = bed.state.journal("run-1").await.unwrap();
        assert_eq!(run.steps[&n], StepStatus::Started);
        assert_soaks(&bed, &bed.engine().resume("run-1").await.unwrap());
    }
}

#[tokio::test]
async fn a_step_that_cannot_be_undone_stops_the_way_back_and_can_be_tried_again() {
    let bed = Bed::new().await;
    bed.write("fail-4", "");
    bed.write("undo-fail-3", "");
    let error = bed.start().await.unwrap_err();
    assert_eq!(error.code(), "undo_failed");
    assert!(error.hint_text().unwrap().contains("runs resume run-1"));
    let run = bed.state.journal("run-1").await.unwrap();
    assert!(matches!(run.steps[&3], StepStatus::UndoFailed { .. }));
    assert_eq!(run.writable_side(Some("east")), None);

    assert_eq!(bed.engine().abort("run-1").await.unwrap_err().code(), "undo_failed");
    bed.remove("undo-fail-3");
    // The abort was asked for, so going on means going on with it.
    assert_eq!(bed.engine().resume("run-1").await.unwrap().state(), RunState::Aborted);
    assert!(bed.is_clean());
}

#[tokio::test]
async fn compensation_that_failed_is_ended_before_anything_goes_forward() {
    let bed = Bed::new().await;
    bed.write("fail-4", "");
    bed.write("undo-fail-4", "");
    bed.start().await.unwrap_err();
    bed.remove("undo-fail-4");
    assert_soaks(&bed, &bed.engine().resume("run-1").await.unwrap());
    let run = bed.state.journal("run-1").await.unwrap();
    let undone: Vec<_> = run
        .entries
        .iter()
        .filter_map(|entry| match entry.event {
            Event::UndoFinished { step } => Some(step),
            _ => None,
        })
        .collect();
    assert_eq!(undone, [4, 3]);
}

/// Asked in the log, as another process does it: before the switch everything is undone, and from
/// the switch on nothing is.
#[tokio::test]
async fn whoever_executes_a_run_aborts_it_when_the_log_asks() {
    for n in [1, 2, 4, 6] {
        let bed = Bed::new().await;
        bed.write(&format!("slow-{n}"), "2500");
        let asking = async {
            while !bed.history().contains(&format!("do {n}")) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            bed.state.request_abort("run-1").await.unwrap();
            bed.state.request_abort("run-1").await.unwrap();
        };
        let (ended, ()) = tokio::join!(bed.start(), asking);
        let run = bed.state.journal("run-1").await.unwrap();
        if n < 5 {
            assert_eq!(ended.unwrap_err().code(), "run_aborted", "step {n}");
            assert_eq!(run.state(), RunState::Aborted);
            assert!(bed.is_clean());
        } else {
            assert_soaks(&bed, &ended.unwrap());
        }
    }
}

#[tokio::test]
async fn whoever_goes_on_with_a_run_aborts_it_when_the_log_asked() {
    let bed = Bed::new().await;
    bed.write("fail-2", "");
    bed.start().await.unwrap_err();
    bed.state.request_abort("run-1").await.unwrap();
    let run = bed.engine().resume("run-1").await.unwrap();
    assert_eq!(run.state(), RunState::Aborted);
    assert!(bed.is_clean());
}
