//! What a supervisor makes of what it sees: decisions only, nothing is done here.

use std::time::Duration;

use jiff::Timestamp;
use trefoil_core::journal::Run;

/// How long after the window's deadline an executor that lives may still be at work: it ends the
/// window by itself.
const MARGIN: Duration = Duration::from_secs(5);
/// From when on an executor without a sign of life counts as frozen.
const SILENCE: Duration = Duration::from_secs(10);

/// What is seen of a run and of who executes it.
pub(super) struct Sight<'a> {
    /// The run as its journal tells.
    pub(super) run: &'a Run,
    /// Whether the executor lives; `None` when it is on another host.
    pub(super) alive: Option<bool>,
    /// How long ago the executor gave its last sign of life.
    pub(super) silent: Option<Duration>,
    /// Whether the run that this one takes back is still open.
    pub(super) parent_open: bool,
    /// The time.
    pub(super) now: Timestamp,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing yet.
    Watch,
    /// The executor is frozen while users wait: it is ended, and then the run is taken over.
    End,
    /// The executor is dead: the run is gone on with.
    Resume,
    /// The executor had decided to stop, and died before the source served again: only that.
    Compensate,
    /// There is nothing to watch over any more.
    Over,
}

/// Decides.
pub(super) fn judge(sight: &Sight<'_>) -> Verdict {
    let run = sight.run;
    let soaks = run.soaking() && !run.finish_requested && !sight.parent_open;
    if run.closed.is_some() || soaks {
        return Verdict::Over;
    }
    match sight.alive {
        Some(true) if is_frozen(sight) => Verdict::End,
        Some(true) | None => Verdict::Watch,
        Some(false) if run.approvals_missing() > 0 && !run.abort_requested => Verdict::Over,
        Some(false) if run.halted().is_none() || run.abort_requested => Verdict::Resume,
        Some(false) if run.to_compensate().is_empty() => Verdict::Over,
        Some(false) => Verdict::Compensate,
    }
}

fn is_frozen(sight: &Sight<'_>) -> bool {
    let Some(since) = sight.run.users_wait_since() else { return false };
    let waited = sight.now.duration_since(since);
    let waited = Duration::try_from(waited).unwrap_or_default();
    let limit = Duration::from_millis(sight.run.plan.window_deadline_ms) + MARGIN;
    waited > limit && sight.silent.is_none_or(|silent| silent > SILENCE)
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;
    use serde_json::Value;
    use trefoil_core::journal::{Entry, Event, RunState};
    use trefoil_core::plan::{Action, ProvisionEnvironment};

    use super::*;
    use crate::engine::harness;

    /// Four steps: one before the window, one in it, the switch, the finish.
    fn run(events: &[Event]) -> Run {
        let provision = ProvisionEnvironment { environment: "west".into() };
        let mut plan = harness::plan(vec![Action::ProvisionEnvironment(provision); 4]);
        (plan.steps[1].window, plan.steps[2].window) = (true, true);
        (plan.steps[2].switch, plan.steps[3].finish) = (true, true);
        let opened = Event::Opened { plan: Box::new(plan) };
        let entry = |event: &Event| Entry { at: Timestamp::UNIX_EPOCH, event: event.clone() };
        Run::fold(std::iter::once(&opened).chain(events).map(entry).collect()).unwrap()
    }

    fn done(step: usize) -> [Event; 2] {
        [Event::started(step), Event::Succeeded { step, output: Value::Null }]
    }

    fn sight(run: &Run, alive: Option<bool>) -> Sight<'_> {
        let now = Timestamp::UNIX_EPOCH;
        Sight { run, alive, silent: None, parent_open: false, now }
    }

    #[test]
    fn a_dead_executor_is_followed_wherever_it_died() {
        let events = [done(1), done(2), done(3)].concat();
        for n in 0..events.len() - 1 {
            let run = run(&events[..n]);
            assert_eq!(judge(&sight(&run, Some(false))), Verdict::Resume, "after {n} events");
            assert_eq!(judge(&sight(&run, Some(true))), Verdict::Watch, "after {n} events");
            assert_eq!(judge(&sight(&run, None)), Verdict::Watch, "after {n} events");
        }
        let soaking = run(&events);
        assert_eq!(judge(&sight(&soaking, Some(false))), Verdict::Over);
        let parent = Sight { parent_open: true, ..sight(&soaking, Some(false)) };
        assert_eq!(judge(&parent), Verdict::Resume);
        let finishing = run(&[&events[..], &[Event::FinishRequested]].concat());
        assert_eq!(judge(&sight(&finishing, Some(false))), Verdict::Resume);
        let closed = run(&[Event::Closed { state: RunState::Failed }]);
        assert_eq!(judge(&sight(&closed, Some(true))), Verdict::Over);
    }

    #[test]
    fn who_stopped_on_purpose_is_not_gone_on_with() {
        let failed = Event::Failed { step: 2, error: "broke".into() };
        let halted = Event::Halted { why: "broke".into() };
        let started = [&done(1)[..], &[Event::started(2), failed, halted]].concat();
        let open = run(&started);
        assert_eq!(judge(&sight(&open, Some(false))), Verdict::Compensate);
        let undone = [Event::UndoStarted { step: 2 }, Event::UndoFinished { step: 2 }];
        let closed = run(&[&started[..], &undone].concat());
        assert_eq!(judge(&sight(&closed, Some(false))), Verdict::Over);
        let aborting = run(&[&started[..], &[Event::AbortRequested]].concat());
        assert_eq!(judge(&sight(&aborting, Some(false))), Verdict::Resume);
        let again = run(&[&started[..], &undone, &[Event::started(2)]].concat());
        assert_eq!(judge(&sight(&again, Some(false))), Verdict::Resume);
    }

    #[test]
    fn a_frozen_executor_is_ended_only_while_users_wait_too_long() {
        let waiting = run(&[&done(1)[..], &[Event::started(2)]].concat());
        let late = Timestamp::UNIX_EPOCH + 16.seconds();
        let frozen = Sight { now: late, ..sight(&waiting, Some(true)) };
        assert_eq!(judge(&frozen), Verdict::End);
        let silent = Some(Duration::from_secs(2));
        assert_eq!(judge(&Sight { silent, ..frozen }), Verdict::Watch, "it is slow, not frozen");
        let early = Timestamp::UNIX_EPOCH + 14.seconds();
        let within = Sight { now: early, ..sight(&waiting, Some(true)) };
        assert_eq!(judge(&within), Verdict::Watch, "it has until the deadline and a margin");
        let copying = run(&[Event::started(1)]);
        let idle = Sight { now: late, ..sight(&copying, Some(true)) };
        assert_eq!(judge(&idle), Verdict::Watch, "nobody waits for it");
    }
}
