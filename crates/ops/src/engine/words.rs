//! The errors with which the engine ends, and the sentences in them.

use trefoil_core::journal::Run;
use trefoil_core::ledger::Ledger;
use trefoil_core::plan::{Plan, PlanKind, Step};

use crate::{Error, ErrorKind};

/// The run stopped midway and nobody's word is needed to go on.
pub(super) fn paused(run: &Run, step: &Step, active: Option<&str>, cause: Error) -> Error {
    let id = &run.plan.plan_id;
    let serves = serves(run, active);
    let message =
        format!("run {id} is paused at step {} ({}); {serves}", step.n, step.action.name());
    let hint = match run.plan.kind {
        PlanKind::Up => format!("`trefoil up {}` goes on", run.plan.to),
        PlanKind::Down => format!("`trefoil down {}` goes on", run.plan.to),
        _ if run.switched() => format!("`trefoil runs resume {id}`"),
        _ => format!("`trefoil runs resume {id}`, or `trefoil runs abort {id}`"),
    };
    let hint = match cause.hint_text() {
        Some(first) => format!("{first}; then {hint}"),
        None if run.plan.kind.is_move() => hint,
        None => format!("remove the cause; then {hint}"),
    };
    // An `up` is simply given again, so what a person needs to know is what was missing.
    if cause.kind() == ErrorKind::Missing && run.plan.kind == PlanKind::Up {
        return cause.within(message).hint(hint);
    }
    Error::new(ErrorKind::Stopped, "run_paused", message).hint(hint).because(cause)
}

/// Which side serves now, in a sentence without a full stop.
fn serves(run: &Run, active: Option<&str>) -> String {
    let plan = &run.plan;
    match run.writable_side(active) {
        Some(side) if run.switched() => format!("`{side}` is open, and the only way is forward"),
        Some(side) => format!("`{side}` serves as before"),
        None if run.switched() => {
            format!("the switch to `{}` has begun and must be gone on with", plan.to)
        }
        None if run.to_compensate().is_empty() => "no environment serves yet".to_owned(),
        None => format!("`{}` does not serve yet", plan.from),
    }
}

/// A step could not be undone.
pub(super) fn stuck(run: &Run, step: &Step, cause: Error) -> Error {
    let (id, n) = (&run.plan.plan_id, step.n);
    let verb = if run.abort_requested { "abort" } else { "resume" };
    let message = format!("run {id}: step {n} ({}) could not be undone", step.action.name());
    Error::new(ErrorKind::Stopped, "undo_failed", message)
        .hint(format!("remove the cause; then `trefoil runs {verb} {id}` tries again"))
        .because(cause)
}

/// A person asked the engine to stop.
pub(super) fn interrupted() -> Error {
    Error::new(ErrorKind::Interrupted, "interrupted", "it was interrupted")
}

/// A person asked for an abort.
pub(super) fn abort_asked() -> Error {
    Error::new(ErrorKind::Interrupted, "interrupted", "a person asked that the run be aborted")
}

/// The run was aborted on a person's word while it was executed.
pub(super) fn aborted(run: &Run) -> Error {
    let (id, from) = (&run.plan.plan_id, &run.plan.from);
    let serves = if run.plan.kind.is_move() { format!("; `{from}` serves") } else { String::new() };
    Error::failed("run_aborted", format!("run {id} was aborted on a person's word{serves}"))
        .hint(format!("see `trefoil runs show {id}`"))
}

/// Whoever executes the run does not do what it was asked to.
pub(super) fn does_not_answer(run_id: &str, executor: &str) -> Error {
    let why = format!("run {run_id} is being executed ({executor}), which does not stop");
    Error::refused("run_running", why).hint(
        "it stays asked; `kill -KILL PID` (PID is the number after its host) ends it, and then the \
         same command goes on",
    )
}

/// The window took longer than the plan allows.
pub(super) fn window_deadline(plan: &Plan) -> Error {
    let after = plan.window_deadline_ms;
    Error::failed("window_deadline", format!("users had waited {after} ms, the plan's limit"))
}

/// The plan has blockers.
pub(super) fn blocked(plan: &Plan) -> Error {
    let list: Vec<_> =
        plan.blockers.iter().map(|b| format!("{} ({})", b.message, b.code)).collect();
    let error =
        Error::refused("plan_blocked", format!("the plan may not run: {}", list.join("; ")));
    match plan.blockers.first() {
        Some(first) => error.hint(first.hint.clone()),
        None => error,
    }
}

/// What the plan was decided on is different now.
pub(super) fn inventory_changed(what: &str, differences: &[String]) -> Error {
    let mut why = format!("{what} has changed since the plan was made");
    if !differences.is_empty() {
        why.push_str(&format!(": {}", differences.join("; ")));
    }
    Error::refused("inventory_changed", why).hint("make a new plan and look at it")
}

/// Something switched after the plan was made.
pub(super) fn epoch_stale(plan: &Plan, ledger: &Ledger) -> Error {
    let why =
        format!("the plan opens epoch {}, but the log stands at {}", plan.epoch, ledger.epoch);
    Error::refused("epoch_stale", why).hint("something else switched meanwhile; make a new plan")
}

/// Too few people have approved the run, so nothing was done.
pub(super) fn approval_missing(run: &Run) -> Error {
    let (id, missing) = (&run.plan.plan_id, run.approvals_missing());
    let people = if missing == 1 { "one person".to_owned() } else { format!("{missing} people") };
    let message = format!("run {id} waits for the approval of {people}; nothing was done");
    Error::refused("approval_missing", message)
        .hint(format!("`trefoil runs approve {id} --as NAME`, then `trefoil runs resume {id}`"))
}

/// Another process executes the run.
pub(super) fn running(run_id: &str, executor: &str) -> Error {
    Error::refused("run_running", format!("run {run_id} is being executed ({executor})"))
        .hint(format!(
            "wait for it, or `trefoil runs abort {run_id}`; `kill -INT PID` (PID is the number after \
             its host) has it stop after the step, and no supervisor follows it"
        ))
}

/// A run that has switched cannot be aborted.
pub(super) fn switched(run: &Run) -> Error {
    let id = &run.plan.plan_id;
    let why = format!("run {id} has switched and cannot be aborted");
    let back = format!("`trefoil migrate rollback {id}`");
    Error::refused("run_switched", why).hint(match run.soaking() {
        true => format!("the way back is {back}"),
        false => format!("`trefoil runs resume {id}` goes on; after that the way back is {back}"),
    })
}

/// A run that does not soak cannot be finished.
pub(super) fn not_soaking(run_id: &str) -> Error {
    Error::refused("run_not_soaking", format!("run {run_id} has no open way back to close"))
        .hint(format!("see `trefoil runs show {run_id}`"))
}
