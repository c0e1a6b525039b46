//! What the log and the journals hold, and who may write to them.

use trefoil_core::journal::{Event, RunState};
use trefoil_core::plan::Plan;

use super::*;
use crate::engine::harness;

fn plan(id: &str) -> Plan {
    let mut plan = harness::plan(vec![]);
    plan.plan_id = id.into();
    plan
}

async fn state() -> (tempfile::TempDir, State) {
    let folder = tempfile::tempdir().unwrap();
    let state = State::open(folder.path()).await.unwrap();
    (folder, state)
}

async fn opened(state: &State, id: &str) -> Journal {
    state.record_plan(&plan(id)).await.unwrap();
    state.open_run(&plan(id)).await.unwrap()
}

#[tokio::test]
async fn a_plan_is_recorded_once_and_never_changed() {
    let (_folder, state) = state().await;
    state.record_plan(&plan("a")).await.unwrap();
    state.record_plan(&plan("a")).await.unwrap();
    assert_eq!(state.ledger_entries().await.unwrap().len(), 1);
    let mut other = plan("a");
    other.epoch = 9;
    assert_eq!(state.record_plan(&other).await.unwrap_err().code(), "plan_changed");
    assert_eq!(state.record_plan(&plan("../a")).await.unwrap_err().code(), "plan_id");
}

#[tokio::test]
async fn many_writers_record_their_plans_at_once() {
    let (_folder, state) = state().await;
    let plans: Vec<_> = (0..12).map(|n| plan(&format!("p{n}"))).collect();
    let recorded =
        futures::future::join_all(plans.iter().map(|plan| state.record_plan(plan))).await;
    assert!(recorded.iter().all(Result::is_ok), "{recorded:?}");
    assert_eq!(state.ledger().await.unwrap().plans.len(), 12);
}

#[tokio::test]
async fn of_two_that_begin_the_same_run_one_goes_on() {
    let (_folder, state) = state().await;
    state.record_plan(&plan("a")).await.unwrap();
    let plan = plan("a");
    let (one, two) = tokio::join!(state.open_run(&plan), state.open_run(&plan));
    let winners = usize::from(one.is_ok()) + usize::from(two.is_ok());
    assert_eq!(winners, 1, "{one:?} {two:?}");
    let loser = if one.is_err() { one } else { two };
    assert_eq!(loser.unwrap_err().code(), "run_open");
}

#[tokio::test]
async fn who_is_adopted_from_fails_at_its_next_append() {
    let (_folder, state) = state().await;
    let mut first = opened(&state, "a").await;
    let mut second = state.adopt("a").await.unwrap();
    let error = first.append(Event::AbortRequested).await.unwrap_err();
    assert_eq!(error.code(), "executor_superseded");
    assert!(!state.journal("a").await.unwrap().abort_requested);
    second.append(Event::AbortRequested).await.unwrap();
    assert!(state.journal("a").await.unwrap().abort_requested);
}

#[tokio::test]
async fn an_illegal_event_never_reaches_the_journal() {
    let (_folder, state) = state().await;
    let mut journal = opened(&state, "a").await;
    let error = journal.append(Event::started(7)).await.unwrap_err();
    assert_eq!(error.code(), "journal_illegal");
    assert_eq!(state.journal("a").await.unwrap().entries.len(), 2);
}

#[tokio::test]
async fn an_epoch_is_opened_once_for_its_run() {
    let (_folder, state) = state().await;
    state.open_epoch(1, "east", "a").await.unwrap();
    state.open_epoch(1, "east", "a").await.unwrap();
    assert_eq!(state.open_epoch(1, "east", "b").await.unwrap_err().code(), "epoch_stale");
    assert_eq!(state.open_epoch(3, "west", "b").await.unwrap_err().code(), "epoch_stale");
    state.open_epoch(2, "west", "b").await.unwrap();
    state.open_epoch(1, "east", "a").await.unwrap();
    assert_eq!(state.ledger().await.unwrap().active.as_deref(), Some("west"));
    state.note_destroyed("west", "c").await.unwrap();
    state.note_destroyed("west", "c").await.unwrap();
    let ledger = state.ledger().await.unwrap();
    assert_eq!((ledger.epoch, ledger.active), (2, None));
}

#[tokio::test]
async fn a_run_closed_in_its_journal_alone_is_closed_in_the_log_by_the_next() {
    let (_folder, state) = state().await;
    let mut journal = opened(&state, "a").await;
    journal.append(Event::Closed { state: RunState::Failed }).await.unwrap();
    assert_eq!(state.ledger().await.unwrap().open_run(), Some("a"));
    opened(&state, "b").await;
    let ledger = state.ledger().await.unwrap();
    assert_eq!(ledger.runs[0], ("a".into(), Some(RunState::Failed)));
    assert_eq!(state.adopt("a").await.unwrap_err().code(), "run_closed");
}

#[tokio::test]
async fn runs_shows_a_living_executor_as_running_and_a_dead_one_as_paused() {
    let (_folder, state) = state().await;
    let mut journal = opened(&state, "a").await;
    assert_eq!(state.runs().await.unwrap()[0].state, RunState::Running);
    let mut dead = std::process::Command::new("true").spawn().unwrap();
    let executor = Executor { pid: dead.id(), ..Executor::current() };
    dead.wait().unwrap();
    journal.append(Event::Adopted { executor: executor.to_string() }).await.unwrap();
    assert_eq!(state.runs().await.unwrap()[0].state, RunState::Planned);
    let elsewhere = Executor { host: "other:0".into(), ..executor };
    assert_eq!(elsewhere.is_alive(), None);
    journal.append(Event::Adopted { executor: elsewhere.to_string() }).await.unwrap();
    assert_eq!(state.runs().await.unwrap()[0].state, RunState::Running);
}

#[test]
fn an_executor_is_told_from_another_with_its_number() {
    let me = Executor::current();
    assert_eq!(me.is_alive(), Some(true));
    assert_eq!(Executor { started: me.started + 1, ..me.clone() }.is_alive(), Some(false));
    assert_eq!(me.to_string().parse(), Ok(me));
    assert!("host 12".parse::<Executor>().is_err());
    assert!("host x 1".parse::<Executor>().is_err());
}

#[tokio::test]
async fn a_run_is_named_by_its_beginning_or_as_the_last() {
    let (_folder, state) = state().await;
    assert_eq!(state.resolve("last").await.unwrap_err().code(), "run_unknown");
    for id in ["ab-1", "ab-2", "ac"] {
        let mut journal = opened(&state, id).await;
        state.close_run(&mut journal, RunState::Failed).await.unwrap();
    }
    assert_eq!(state.resolve("last").await.unwrap(), "ac");
    assert_eq!(state.resolve("ac").await.unwrap(), "ac");
    assert_eq!(state.resolve("ab-1").await.unwrap(), "ab-1");
    let ambiguous = state.resolve("ab").await.unwrap_err();
    assert_eq!(ambiguous.code(), "run_ambiguous");
    assert_eq!(ambiguous.hint_text(), Some("one of: ab-1, ab-2"));
    assert_eq!(state.resolve("zz").await.unwrap_err().code(), "run_unknown");
}

#[tokio::test]
async fn a_folder_that_cannot_hold_the_state_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    for place in [file.join("state"), "/proc/self".into()] {
        let error = State::open(&place).await.unwrap_err();
        assert_eq!((error.code(), error.kind().exit_code()), ("state_folder", 5));
        assert!(error.to_string().contains(&place.display().to_string()), "{error}");
    }
}

#[tokio::test]
async fn a_damaged_journal_is_named() {
    let (folder, state) = state().await;
    opened(&state, "a").await;
    let file = folder.path().join("runs/a/00000000000000000002.json");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("adopted", "adapted")).unwrap();
    let error = state.journal("a").await.unwrap_err();
    assert_eq!(error.code(), "log_damaged");
    assert!(error.to_string().contains("runs/a/00000000000000000002.json"), "{error}");
}

#[tokio::test]
async fn an_approval_never_disturbs_who_executes_the_run() {
    let (_folder, state) = state().await;
    let mut journal = opened(&state, "a").await;
    // Its steps are done, and it is about to close itself.
    let refused = state.approve("a", "Ada", None).await.unwrap_err();
    assert_eq!(refused.code(), "run_running");
    for name in ["", "  ", "a\nb", &"x".repeat(101)] {
        assert_eq!(state.approve("a", name, None).await.unwrap_err().code(), "approver_name");
    }
    let gone = Executor { pid: u32::MAX, ..Executor::current() };
    journal.append(Event::Adopted { executor: gone.to_string() }).await.unwrap();
    for item in [None, Some("cost_analysis")] {
        state.approve("a", "Ada", item).await.unwrap();
    }
    let unknown = state.approve("a", "Ada", Some("nothing")).await.unwrap_err();
    assert_eq!(unknown.code(), "checklist_item_unknown");
    let run = state.journal("a").await.unwrap();
    let given: Vec<_> = run.approvals.iter().map(|one| one.item.as_deref()).collect();
    assert_eq!(given, [None, Some("cost_analysis")]);
}

#[tokio::test]
async fn many_who_approve_at_once_are_all_noted() {
    let (_folder, state) = state().await;
    let mut journal = opened(&state, "a").await;
    let gone = Executor { pid: u32::MAX, ..Executor::current() };
    journal.append(Event::Adopted { executor: gone.to_string() }).await.unwrap();
    let names: Vec<_> = (0..8).map(|n| format!("person {n}")).collect();
    let all = names.iter().map(|name| state.approve("a", name, None));
    for one in futures::future::join_all(all).await {
        one.unwrap();
    }
    assert_eq!(state.journal("a").await.unwrap().approvals.len(), 8);
}

#[tokio::test]
async fn whoever_took_a_run_over_later_has_the_greater_token() {
    let (_folder, state) = state().await;
    let first = opened(&state, "a").await;
    first.require_ours().await.unwrap();
    let second = state.adopt("a").await.unwrap();
    assert!(second.token() > first.token() && first.token() > FencingToken::default());
    assert_eq!(first.require_ours().await.unwrap_err().code(), "executor_superseded");
    second.require_ours().await.unwrap();
    let mut second = second;
    state.close_run(&mut second, RunState::Failed).await.unwrap();
    let other = opened(&state, "b").await;
    assert!(other.token() > second.token(), "a later run comes after all of an earlier one");
}
