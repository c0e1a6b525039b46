//! The run loop against a world of files, with a failure or a crash at every point.

mod actions;
mod crashes;
mod failures;
mod fake;
mod refusals;
mod site;

use trefoil_core::journal::{Run, RunState};

use fake::{Bed, marked_plan};

#[tokio::test]
async fn a_run_goes_to_the_soak_and_finish_ends_it() {
    let bed = Bed::new().await;
    let run = bed.start().await.unwrap();
    assert_eq!(run.state(), RunState::Soaking);
    assert_eq!(bed.done(), [1, 2, 3, 4, 5, 6, 7]);
    let ledger = bed.state.ledger().await.unwrap();
    assert_eq!((ledger.epoch, ledger.active.as_deref()), (1, Some("west")));
    assert_eq!(ledger.open_run(), Some("run-1"));

    let run = bed.engine().finish("run-1").await.unwrap();
    assert_eq!(run.state(), RunState::Succeeded);
    assert_eq!(bed.done(), [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(bed.state.ledger().await.unwrap().open_run(), None);
    assert_eq!(bed.engine().finish("run-1").await.unwrap_err().code(), "run_not_soaking");
}

#[tokio::test]
async fn a_plan_without_a_finish_mark_ends_with_its_last_step() {
    let bed = Bed::new().await;
    let mut plan = marked_plan("run-1");
    plan.steps.pop();
    let run = bed.start_plan(&plan).await.unwrap();
    assert_eq!(run.state(), RunState::Succeeded);
}

#[tokio::test]
async fn what_is_done_already_is_recorded_and_not_performed() {
    let bed = Bed::new().await;
    bed.write("step-2", "done");
    let run = bed.start().await.unwrap();
    assert!(run.is_done(2));
    assert!(!bed.history().contains(&"do 2".to_owned()));
}

#[tokio::test]
async fn a_dry_run_looks_and_changes_nothing() {
    let bed = Bed::new().await;
    bed.write("step-2", "done");
    bed.write("blocked-4", "");
    let before = bed.picture();
    let verdicts = bed.engine().dry_run(&marked_plan("run-1")).await.unwrap();
    let words: Vec<_> = verdicts
        .iter()
        .map(|verdict| match &verdict.check {
            crate::engine::Check::Done(_) => "done",
            crate::engine::Check::Ready => "ready",
            crate::engine::Check::After { .. } => "after",
            crate::engine::Check::Blocked(_) => "blocked",
        })
        .collect();
    // Step 3 sees the output of step 2; what follows step 3 waits for it.
    assert_eq!(words, ["ready", "done", "ready", "blocked", "after", "after", "after", "after"]);
    assert_eq!(bed.picture(), before);
    assert!(bed.state.ledger_entries().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_rollback_runs_beside_its_parent_and_closes_it() {
    let bed = Bed::new().await;
    bed.start().await.unwrap();
    bed.clear();
    let mut back = marked_plan("run-2");
    back.kind = trefoil_core::plan::PlanKind::Rollback;
    back.parent = Some("run-1".into());
    (back.from, back.to, back.epoch) = ("west".into(), "east".into(), 2);
    bed.write("fail-4", "");
    assert_eq!(bed.start_plan(&back).await.unwrap_err().code(), "run_paused");
    assert_eq!(bed.engine().finish("run-1").await.unwrap_err().code(), "run_not_soaking");
    bed.engine().abort("run-2").await.unwrap();
    let parent = bed.state.journal("run-1").await.unwrap();
    assert_eq!(parent.state(), RunState::Soaking, "an aborted rollback leaves the way back open");

    back.plan_id = "run-3".into();
    bed.start_plan(&back).await.unwrap();
    assert_eq!(bed.state.journal("run-1").await.unwrap().state(), RunState::RolledBack);
    let ledger = bed.state.ledger().await.unwrap();
    assert_eq!((ledger.open_run(), ledger.active.as_deref()), (Some("run-3"), Some("east")));
}

fn assert_soaks(bed: &Bed, run: &Run) {
    assert_eq!(run.state(), RunState::Soaking);
    assert_eq!(bed.done(), [1, 2, 3, 4, 5, 6, 7]);
}
