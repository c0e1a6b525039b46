//! Numbers steps as they are added, so that a later step can name an earlier one.

use crate::plan::{Action, Interval, Step};

/// Steps in the order in which they were added.
#[derive(Default)]
pub(super) struct Steps {
    steps: Vec<Step>,
    in_window: bool,
}

impl Steps {
    /// Adds a step that changes something, with the words for undoing it; returns its number.
    pub(super) fn undoable(&mut self, action: Action, estimate: Interval, undo: &str) -> usize {
        self.push(action, estimate, Some(undo.to_owned()))
    }

    /// Adds a step that leaves nothing to undo; returns its number.
    pub(super) fn plain(&mut self, action: Action, estimate: Interval) -> usize {
        self.push(action, estimate, None)
    }

    /// Adds the step that opens the other side; the window ends with it.
    pub(super) fn switch(&mut self, action: Action, estimate: Interval) -> usize {
        let n = self.push(action, estimate, None);
        self.in_window = false;
        self.last().window = true;
        self.last().switch = true;
        n
    }

    /// Adds the first step behind the point of no return.
    pub(super) fn finish(&mut self, action: Action, estimate: Interval) -> usize {
        let n = self.push(action, estimate, None);
        if !self.steps[..n - 1].iter().any(|step| step.finish) {
            self.last().finish = true;
        }
        n
    }

    /// From the next step on users wait, until the switch.
    pub(super) fn open_window(&mut self) {
        self.in_window = true;
    }

    /// The steps.
    pub(super) fn done(self) -> Vec<Step> {
        self.steps
    }

    /// How long users wait.
    pub(super) fn downtime(&self) -> Interval {
        downtime(&self.steps)
    }

    fn push(&mut self, action: Action, estimate_ms: Interval, undo: Option<String>) -> usize {
        let n = self.steps.len() + 1;
        let window = self.in_window;
        self.steps.push(Step {
            n,
            action,
            undo,
            estimate_ms,
            window,
            switch: false,
            finish: false,
        });
        n
    }

    fn last(&mut self) -> &mut Step {
        self.steps.last_mut().expect("a step was just added")
    }
}

/// How long users wait: the window, and what follows until traffic is released.
pub(super) fn downtime(steps: &[Step]) -> Interval {
    let released = |step: &Step| matches!(step.action, Action::SwitchTraffic(_));
    let first = steps.iter().position(|step| step.window);
    let last = steps.iter().position(released);
    let (Some(first), Some(last)) = (first, last) else { return Interval::default() };
    let waited = &steps[first..=last];
    waited.iter().fold(Interval::default(), |sum, step| sum.then(step.estimate_ms))
}
