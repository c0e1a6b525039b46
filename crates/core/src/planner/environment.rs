//! Plans that bring one environment up or take it down.

use jiff::Timestamp;

use crate::digest;
use crate::ledger::Ledger;
use crate::plan::{
    Action, AwaitReady, Blocker, Bytes, Inputs, Interval, OpenEdge, Plan, PlanKind,
    ProvisionEnvironment, SetUpApplication, StartApplication, Step, TearDownEnvironment,
};
use crate::spec::{AppSpec, Application};

/// What the two planners decide on.
#[derive(Debug, Clone, Copy)]
pub struct EnvironmentFacts<'a> {
    /// The specification.
    pub spec: &'a AppSpec,
    /// The environment, one of the specification's.
    pub environment: &'a str,
    /// The fold of the application's log.
    pub ledger: &'a Ledger,
    /// The identifier of the plan to make.
    pub plan_id: &'a str,
    /// Now.
    pub made_at: Timestamp,
}

/// A plan, and what a person should know about it.
#[derive(Debug, Clone, PartialEq)]
pub struct EnvironmentPlan {
    /// The plan.
    pub plan: Plan,
    /// Why it does less than its name says.
    pub note: Option<String>,
}

/// Plans `trefoil up`. When no environment is active, this one becomes the active one with the next
/// epoch. The active one is started again under its epoch. Beside another active environment, this
/// one is only provisioned, because two that serve would both be written to.
pub fn plan_up(facts: &EnvironmentFacts<'_>) -> EnvironmentPlan {
    let name = facts.environment;
    let mut actions =
        vec![Action::ProvisionEnvironment(ProvisionEnvironment { environment: name.to_owned() })];
    let mut note = None;
    match &facts.ledger.active {
        Some(active) if active != name => {
            note = Some(format!(
                "`{active}` serves, so `{name}` is provisioned and its application is not started"
            ));
        }
        _ => actions.extend(facts.spec.application.iter().flat_map(|app| serve(facts, app))),
    }
    let mut plan = plan(facts, PlanKind::Up, actions);
    if facts.ledger.active.is_none() {
        // The last step is the one after which users reach the environment.
        plan.steps.iter_mut().rev().take(1).for_each(|step| step.switch = true);
    }
    EnvironmentPlan { plan, note }
}

/// Plans `trefoil down`; `destroy` deletes the environment's data too.
pub fn plan_down(facts: &EnvironmentFacts<'_>, destroy: bool) -> EnvironmentPlan {
    let name = facts.environment;
    let action =
        Action::TearDownEnvironment(TearDownEnvironment { environment: name.to_owned(), destroy });
    let active = facts.ledger.active.as_deref() == Some(name);
    let note = active.then(|| match destroy {
        true => format!("`{name}` serves: users are cut off and what they wrote is deleted"),
        false => format!("`{name}` serves: users are cut off until it is up again"),
    });
    EnvironmentPlan { plan: plan(facts, PlanKind::Down, vec![action]), note }
}

fn serve(facts: &EnvironmentFacts<'_>, application: &Application) -> Vec<Action> {
    let environment = || facts.environment.to_owned();
    let first = facts.ledger.active.is_none();
    let set_up = Action::SetUpApplication(SetUpApplication { environment: environment() });
    let start = StartApplication { environment: environment(), standby: false };
    let ready = AwaitReady {
        environment: environment(),
        timeout_ms: application.health.start_time.as_millis(),
    };
    let edge =
        OpenEdge { environment: environment(), port: application.port, epoch: epoch(facts.ledger) };
    let set_up = (first && !application.setup.is_empty()).then_some(set_up);
    set_up
        .into_iter()
        .chain([Action::StartApplication(start), Action::AwaitReady(ready), Action::OpenEdge(edge)])
        .collect()
}

/// The epoch under which the environment serves: its own while it is active, else the next.
fn epoch(ledger: &Ledger) -> u64 {
    if ledger.active.is_some() { ledger.epoch } else { ledger.epoch + 1 }
}

fn plan(facts: &EnvironmentFacts<'_>, kind: PlanKind, actions: Vec<Action>) -> Plan {
    Plan {
        plan_id: facts.plan_id.to_owned(),
        kind,
        made_at: facts.made_at,
        application: facts.spec.name.clone(),
        from: facts.environment.to_owned(),
        to: facts.environment.to_owned(),
        epoch: epoch(facts.ledger),
        parent: None,
        inputs: inputs(facts.spec),
        steps: (1..).zip(actions).map(|(n, action)| step(n, action)).collect(),
        mapping: Vec::new(),
        blockers: blockers(facts.ledger),
        bytes: Bytes::default(),
        downtime_ms: Interval::default(),
        traffic: "edge".to_owned(),
        window_deadline_ms: 0,
        soak_ms: 0,
        required_approvals: 0,
        checklist: Vec::new(),
    }
}

/// What `up` and `down` are decided on: the specification alone, because their steps find out
/// themselves what is there. The digests of inventories stay empty.
pub fn inputs(spec: &AppSpec) -> Inputs {
    let specification = digest::of_value(spec);
    Inputs { specification, source: String::new(), target: String::new() }
}

fn blockers(ledger: &Ledger) -> Vec<Blocker> {
    let blocker = |run: &str| Blocker {
        code: "run_open".to_owned(),
        message: format!("run {run} has not ended"),
        hint: format!("see `trefoil runs show {run}`"),
    };
    ledger.open_run().map(blocker).into_iter().collect()
}

/// Estimates are what the local environments of the tests take, with room above.
fn step(n: usize, action: Action) -> Step {
    let (undo, low, high) = match &action {
        Action::ProvisionEnvironment(_) => (Some("delete it, if this run made it"), 1_000, 30_000),
        Action::StartApplication(_) => (Some("stop it, if this run started it"), 200, 30_000),
        Action::OpenEdge(_) => (Some("close the edge, if this run opened it"), 100, 5_000),
        _ => (None, 100, 60_000),
    };
    Step {
        n,
        action,
        undo: undo.map(str::to_owned),
        estimate_ms: Interval::new(low, high),
        window: false,
        switch: false,
        finish: false,
    }
}

#[cfg(test)]
mod tests;
