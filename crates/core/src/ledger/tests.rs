//! Which entries may follow which in the application's log.

use super::*;

fn ledger(events: &[LedgerEvent]) -> Result<Ledger> {
    let entry =
        |event: &LedgerEvent| LedgerEntry { at: Timestamp::UNIX_EPOCH, event: event.clone() };
    let entries: Vec<_> = events.iter().map(entry).collect();
    Ledger::fold(&entries)
}

fn made(id: &str, parent: Option<&str>) -> LedgerEvent {
    LedgerEvent::PlanMade {
        plan_id: id.into(),
        kind: PlanKind::Migrate,
        digest: "d".into(),
        from: "east".into(),
        to: "west".into(),
        parent: parent.map(str::to_owned),
    }
}

fn opened(id: &str) -> LedgerEvent {
    LedgerEvent::RunOpened { run_id: id.into() }
}

fn closed(id: &str) -> LedgerEvent {
    LedgerEvent::RunClosed { run_id: id.into(), state: RunState::Succeeded }
}

fn epoch(epoch: u64, environment: &str) -> LedgerEvent {
    LedgerEvent::EpochOpened { epoch, environment: environment.into(), run_id: "a".into() }
}

fn code(events: &[LedgerEvent]) -> &'static str {
    ledger(events).unwrap_err().code()
}

#[test]
fn one_run_is_open_at_a_time() {
    let (a, b) = (made("a", None), made("b", None));
    assert_eq!(code(&[a.clone(), b.clone(), opened("a"), opened("b")]), "run_open");
    let folded = ledger(&[a, b, opened("a"), closed("a"), opened("b")]).unwrap();
    assert_eq!(folded.open_run(), Some("b"));
}

#[test]
fn a_rollback_opens_beside_the_run_that_it_takes_back() {
    let plans = [made("a", None), made("b", Some("a")), opened("a"), opened("b")];
    assert_eq!(ledger(&plans).unwrap().open_run(), Some("b"));
    let second = [&plans[..], &[made("c", Some("a")), opened("c")]].concat();
    assert_eq!(code(&second), "run_open");
}

#[test]
fn a_start_of_what_exists_opens_beside_a_move_and_nothing_else() {
    let kind = |id: &str, kind: PlanKind| match made(id, None) {
        LedgerEvent::PlanMade { plan_id, digest, from, to, parent, .. } => {
            LedgerEvent::PlanMade { plan_id, kind, digest, from, to, parent }
        }
        other => other,
    };
    let (up, again, down) =
        (kind("up", PlanKind::Up), kind("again", PlanKind::Up), kind("down", PlanKind::Down));
    let plans = [epoch(1, "east"), made("a", None), up, again, down, opened("a"), opened("up")];
    assert_eq!(ledger(&plans).unwrap().open_runs().collect::<Vec<_>>(), ["a", "up"]);
    assert_eq!(code(&[&plans[..], &[opened("again")]].concat()), "run_open");
    assert_eq!(code(&[&plans[..], &[closed("up"), opened("down")]].concat()), "run_open");
    assert_eq!(code(&plans[1..]), "run_open", "the first start of all switches");
}

#[test]
fn unknown_plans_and_second_runs_are_refused() {
    assert_eq!(code(&[opened("a")]), "plan_unknown");
    assert_eq!(code(&[made("a", None), opened("a"), closed("a"), opened("a")]), "run_closed");
    assert_eq!(code(&[closed("a")]), "run_closed");
}

#[test]
fn epochs_rise_by_one() {
    assert_eq!(code(&[epoch(2, "east")]), "epoch_stale");
    assert_eq!(code(&[epoch(1, "east"), epoch(1, "west")]), "epoch_stale");
    let folded = ledger(&[epoch(1, "east"), epoch(2, "west")]).unwrap();
    assert_eq!((folded.epoch, folded.active.as_deref()), (2, Some("west")));
}

#[test]
fn a_destroyed_environment_is_active_no_more_and_the_epoch_stays() {
    let destroyed = |name: &str| LedgerEvent::EnvironmentDestroyed {
        environment: name.into(),
        run_id: "a".into(),
    };
    let kept = ledger(&[epoch(1, "east"), destroyed("west")]).unwrap();
    assert_eq!(kept.active.as_deref(), Some("east"));
    let gone = ledger(&[epoch(1, "east"), destroyed("east")]).unwrap();
    assert_eq!((gone.epoch, gone.active), (1, None));
}
