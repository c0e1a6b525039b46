//! What the engine does not begin.

use trefoil_core::journal::RunState;
use trefoil_core::plan::Blocker;

use super::fake::{Bed, marked_plan, observed};
use crate::ErrorKind;

#[tokio::test]
async fn a_plan_with_a_blocker_is_refused() {
    let bed = Bed::new().await;
    let mut plan = marked_plan("run-1");
    plan.blockers.push(Blocker {
        code: "b".into(),
        message: "it is in the way".into(),
        hint: "move it".into(),
    });
    let error = bed.start_plan(&plan).await.unwrap_err();
    assert_eq!((error.code(), error.hint_text()), ("plan_blocked", Some("move it")));
    assert!(error.to_string().contains("it is in the way (b)"), "{error}");
    assert!(bed.history().is_empty());
}

#[tokio::test]
async fn a_changed_input_is_refused_by_name() {
    let bed = Bed::new().await;
    let plan = marked_plan("run-1");
    bed.state.record_plan(&plan).await.unwrap();
    let mut now = observed(&plan);
    now.target = "other".into();
    let error = bed.engine().start(&plan, &now).await.unwrap_err();
    assert_eq!(error.code(), "inventory_changed");
    assert!(error.to_string().contains("the target"), "{error}");
}

#[tokio::test]
async fn an_edited_plan_and_an_unknown_one_are_refused() {
    let bed = Bed::new().await;
    let mut plan = marked_plan("run-1");
    let inputs = observed(&plan);
    let unknown = bed.engine().start(&plan, &inputs).await.unwrap_err();
    assert_eq!(unknown.code(), "plan_unknown");
    bed.state.record_plan(&plan).await.unwrap();
    plan.soak_ms += 1;
    let edited = bed.engine().start(&plan, &inputs).await.unwrap_err();
    assert_eq!(edited.code(), "plan_changed");
    assert!(bed.history().is_empty());
}

#[tokio::test]
async fn a_second_run_is_refused_while_one_is_open() {
    let bed = Bed::new().await;
    bed.write("fail-2", "");
    bed.start().await.unwrap_err();
    let error = bed.start_plan(&marked_plan("run-2")).await.unwrap_err();
    assert_eq!(error.code(), "run_open");
    assert!(error.to_string().contains("run-1"), "{error}");
    let again = bed.start_plan(&marked_plan("run-1")).await.unwrap_err();
    assert_eq!(again.code(), "run_open");
}

#[tokio::test]
async fn a_plan_for_an_epoch_that_has_passed_is_refused() {
    let bed = Bed::new().await;
    bed.state.open_epoch(1, "west", "other").await.unwrap();
    let error = bed.start().await.unwrap_err();
    assert_eq!(error.code(), "epoch_stale");
    assert!(bed.history().is_empty());
}

#[tokio::test]
async fn finish_and_resume_need_a_run_that_fits() {
    let bed = Bed::new().await;
    assert_eq!(bed.engine().resume("run-1").await.unwrap_err().code(), "run_unknown");
    bed.write("fail-2", "");
    bed.start().await.unwrap_err();
    assert_eq!(bed.engine().finish("run-1").await.unwrap_err().code(), "run_not_soaking");
}

#[tokio::test]
async fn a_run_that_needs_approval_is_opened_and_does_nothing_before() {
    let bed = Bed::new().await;
    let mut plan = marked_plan("run-1");
    plan.required_approvals = 2;
    let error = bed.start_plan(&plan).await.unwrap_err();
    assert_eq!((error.code(), error.kind()), ("approval_missing", ErrorKind::Refused));
    assert!(error.to_string().contains("2 people"), "{error}");
    assert!(error.hint_text().unwrap().contains("trefoil runs approve run-1 --as NAME"));
    assert_eq!(bed.state.ledger().await.unwrap().open_run(), Some("run-1"));
    for _ in 0..2 {
        bed.state.approve("run-1", " Ada", None).await.unwrap();
    }
    let run = bed.state.journal("run-1").await.unwrap();
    assert_eq!(run.approvals.len(), 1, "who says the same twice is noted once");
    assert_eq!(bed.engine().resume("run-1").await.unwrap_err().code(), "approval_missing");
    assert!(bed.history().is_empty());
    bed.state.approve("run-1", "Grace", None).await.unwrap();
    let run = bed.engine().resume("run-1").await.unwrap();
    assert_eq!(run.state(), RunState::Soaking);
}

#[tokio::test]
async fn a_run_that_waits_for_approval_can_be_aborted() {
    let bed = Bed::new().await;
    let mut plan = marked_plan("run-1");
    plan.required_approvals = 1;
    bed.start_plan(&plan).await.unwrap_err();
    let run = bed.engine().abort("run-1").await.unwrap();
    assert_eq!(run.state(), RunState::Aborted);
    let late = bed.state.approve("run-1", "Ada", None).await.unwrap_err();
    assert_eq!(late.code(), "run_closed");
    assert!(bed.history().is_empty());
}
