//! Plans that bring one environment up or take it down.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use crate::digest;
use crate::journal::Run;
use crate::ledger::Ledger;
use crate::plan::{
    Action, AwaitReady, Blocker, Bytes, Inputs, Interval, Limits, OpenEdge, Plan, PlanKind,
    ProvisionEnvironment, ResumeBackflow, SetUpApplication, StartApplication, StartFound, Step,
    StopApplication, TearDownEnvironment,
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
    /// The runs that have not ended, oldest first.
    pub open: &'a [OpenRun],
    /// The identifier of the plan to make.
    pub plan_id: &'a str,
    /// Now.
    pub made_at: Timestamp,
}

/// A run that has not ended.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenRun {
    /// The run.
    pub run: Run,
    /// Whether another process, which lives, is executing it now.
    pub executing: bool,
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
/// one is only provisioned, because two that serve would both be written to. Beside a move that
/// waits for a person, what existed is started again as the move has left it, and nothing else.
pub fn plan_up(facts: &EnvironmentFacts<'_>) -> EnvironmentPlan {
    let name = facts.environment;
    let mut actions =
        vec![Action::ProvisionEnvironment(ProvisionEnvironment { environment: name.to_owned() })];
    actions.extend(unready_before(facts).map(Action::StopApplication));
    let (more, note) = match (newest_move(facts.open), &facts.ledger.active) {
        (Some(run), _) => as_left_by(facts, run),
        (None, Some(active)) if active != name => {
            let why = "is provisioned and its application is not started";
            (Vec::new(), Some(format!("`{active}` serves, so `{name}` {why}")))
        }
        _ => (serve(facts), None),
    };
    actions.extend(more);
    actions.extend(carry_back(facts).map(Action::ResumeBackflow));
    let mut plan = plan(facts, PlanKind::Up, actions);
    if facts.ledger.active.is_none() {
        // The last step is the one after which users reach the environment.
        plan.steps.iter_mut().rev().take(1).for_each(|step| step.switch = true);
    }
    EnvironmentPlan { plan, note }
}

/// The application that an earlier `up` has started and that did not get ready: it is started
/// anew, with what was mended since. No user has reached it.
fn unready_before(facts: &EnvironmentFacts<'_>) -> Option<StopApplication> {
    let run = facts
        .open
        .iter()
        .map(|open| &open.run)
        .find(|run| run.plan.kind == PlanKind::Up && run.plan.to == facts.environment)?;
    let started = run.plan.find(|action| matches!(action, Action::StartApplication(_)))?;
    let ready = run.plan.find(|action| matches!(action, Action::AwaitReady(_)))?;
    let ours = StartFound::deserialize(run.found.get(&started)?).is_ok_and(|found| !found.ran);
    let application = facts.spec.application.as_ref()?;
    (ours && !run.is_done(ready)).then(|| StopApplication {
        environment: facts.environment.to_owned(),
        drain_ms: application.drain.as_millis(),
    })
}

fn newest_move(open: &[OpenRun]) -> Option<&Run> {
    open.iter().rev().map(|open| &open.run).find(|run| run.plan.kind.is_move())
}

/// Only the side that may be written to is opened to users. Another side's application is started
/// when the run had started it, or had not stopped it yet: going on or back counts on that.
fn as_left_by(facts: &EnvironmentFacts<'_>, run: &Run) -> (Vec<Action>, Option<String>) {
    let (name, id) = (facts.environment, &run.plan.plan_id);
    if run.writable_side(facts.ledger.active.as_deref()).as_deref() == Some(name) {
        return (serve(facts), None);
    }
    if facts.spec.application.is_some() && run.runs_application(name) {
        let start = StartApplication { environment: name.to_owned(), standby: true };
        let note = format!("run {id} is open: `{name}` is started as it was, and not opened");
        return (vec![Action::StartApplication(start)], Some(note));
    }
    let note = format!("run {id} is open, and the application of `{name}` stays stopped as it was");
    (Vec::new(), Some(note))
}

/// What an open run carries back between this environment and another.
fn carry_back(facts: &EnvironmentFacts<'_>) -> Option<ResumeBackflow> {
    let mut carried = None;
    for OpenRun { run, .. } in facts.open {
        for step in &run.plan.steps {
            match &step.action {
                Action::StartBackflow(start) if run.is_done(step.n) => {
                    let (from, to) = (start.from.clone(), start.to.clone());
                    carried = Some(ResumeBackflow { run: run.plan.plan_id.clone(), from, to });
                }
                Action::FinishBackflow(_) if !run.is_untouched(step.n) => carried = None,
                _ => {}
            }
        }
    }
    carried.filter(|one| [&one.from, &one.to].map(String::as_str).contains(&facts.environment))
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
    let mut plan = plan(facts, PlanKind::Down, vec![action]);
    plan.blockers.extend(others_database(facts).filter(|_| destroy));
    EnvironmentPlan { plan, note }
}

/// What Trefoil did not make it does not delete.
fn others_database(facts: &EnvironmentFacts<'_>) -> Option<Blocker> {
    let name = facts.environment;
    facts.spec.environments.get(name)?.database.as_ref()?;
    Some(Blocker {
        code: "existing_part".to_owned(),
        message: format!("the database of `{name}` was there before Trefoil: it is not deleted"),
        hint: format!("`trefoil down {name}` stops what Trefoil runs there"),
    })
}

fn serve(facts: &EnvironmentFacts<'_>) -> Vec<Action> {
    facts.spec.application.iter().flat_map(|application| start(facts, application)).collect()
}

fn start(facts: &EnvironmentFacts<'_>, application: &Application) -> Vec<Action> {
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
        blockers: blockers(facts, kind),
        bytes: Bytes::default(),
        downtime_ms: Interval::default(),
        traffic: "edge".to_owned(),
        window_deadline_ms: 0,
        soak_ms: 0,
        required_approvals: 0,
        limits: Limits::default(),
        rehearsed_at: None,
        checklist: Vec::new(),
    }
}

/// What `up` and `down` are decided on: the specification alone, because their steps find out
/// themselves what is there. The digests of inventories stay empty.
pub fn inputs(spec: &AppSpec) -> Inputs {
    let specification = digest::of_value(spec);
    Inputs { specification, source: String::new(), target: String::new(), parts: BTreeMap::new() }
}

/// A run that a process executes blocks both, and so does a move when something is taken down. An
/// earlier `up` or `down` that did not end blocks nothing: this run takes its place.
fn blockers(facts: &EnvironmentFacts<'_>, kind: PlanKind) -> Vec<Blocker> {
    let restarts = kind == PlanKind::Up && facts.ledger.active.is_some();
    let blocker = |open: &OpenRun| {
        let (id, is_move) = (&open.run.plan.plan_id, open.run.plan.kind.is_move());
        let (code, message) = match open.executing {
            true => ("run_running", format!("run {id} is being executed")),
            false if is_move && !restarts => ("run_open", format!("run {id} has not ended")),
            false => return None,
        };
        let hint = format!("see `trefoil runs show {id}`");
        Some(Blocker { code: code.to_owned(), message, hint })
    };
    facts.open.iter().filter_map(blocker).collect()
}

/// Estimates are what the local environments of the tests take, with room above.
fn step(n: usize, action: Action) -> Step {
    let (undo, low, high) = match &action {
        Action::ProvisionEnvironment(_) => {
            (Some("as it was before: absent, stopped or running"), 1_000, 30_000)
        }
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
