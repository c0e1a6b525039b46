//! A plan whose estimates were measured: the same steps, with how long each took on copies.

use jiff::Timestamp;

use super::builder::downtime;
use crate::error::{Error, Result};
use crate::plan::{Interval, Plan};
use crate::report::MoveReport;

/// What a rehearsal measured.
#[derive(Debug, Clone, Copy)]
pub struct Measured<'a> {
    /// The plan that was performed on copies.
    pub plan: &'a Plan,
    /// What it took.
    pub report: &'a MoveReport,
    /// When.
    pub at: Timestamp,
}

/// The plan with the measured times for estimates: another plan, with an identifier and a digest of
/// its own. Steps behind the soak were not performed and keep what was computed.
///
/// # Errors
/// `rehearsal_differs` when what was performed is not what the plan says.
pub fn rehearsed(plan: &Plan, plan_id: &str, measured: &Measured<'_>) -> Result<Plan> {
    let names = |plan: &Plan| -> Vec<_> {
        plan.steps.iter().map(|step| (step.action.name(), step.window, step.switch)).collect()
    };
    if names(plan) != names(measured.plan) {
        let why = "the copies needed other steps than the plan has, so it was not rehearsed";
        return Err(Error::failed("rehearsal_differs", why)
            .hint("make a new plan: what exists may have changed since"));
    }
    let mut steps = plan.steps.clone();
    for step in &mut steps {
        let took = measured.report.timeline.iter().rfind(|line| line.step == step.n);
        if let Some(took_ms) = took.and_then(|line| line.took_ms) {
            step.estimate_ms = Interval::new(took_ms, took_ms);
        }
    }
    Ok(Plan {
        plan_id: plan_id.to_owned(),
        downtime_ms: downtime(&steps),
        rehearsed_at: Some(measured.at),
        steps,
        ..plan.clone()
    })
}
