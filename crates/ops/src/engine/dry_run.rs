//! The dry run: the same steps, looked at and not performed.

use trefoil_core::journal::{Entry, Event, Run, StepStatus};
use trefoil_core::plan::{Plan, Step};

use super::{Check, Engine};
use crate::Result;

/// What a look says about one step.
#[derive(Debug)]
pub struct Verdict {
    /// The step.
    pub step: Step,
    /// What was seen; a check that failed is a step that is blocked.
    pub check: Check,
}

impl Engine<'_> {
    /// Checks every step of a plan in order, changing nothing and writing nothing. The outputs of
    /// steps that are done already are there for the checks after them.
    pub async fn dry_run(&self, plan: &Plan) -> Result<Vec<Verdict>> {
        let opened = Event::Opened { plan: Box::new(plan.clone()) };
        let mut run = Run::fold(vec![Entry { at: plan.made_at, event: opened }])?;
        let mut verdicts = Vec::with_capacity(plan.steps.len());
        for step in &plan.steps {
            let check = self.action(step).check(&self.context(&run, step)).await;
            let check = check.unwrap_or_else(Check::Blocked);
            if let Check::Done(output) = &check {
                run.outputs.insert(step.n, output.clone());
                run.steps.insert(step.n, StepStatus::Succeeded { output: output.clone() });
            }
            verdicts.push(Verdict { step: step.clone(), check });
        }
        Ok(verdicts)
    }
}
