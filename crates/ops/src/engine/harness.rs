//! What every action must stand: twice, failed, undone twice. For tests, of this crate and others.

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;
use trefoil_core::journal::{Entry, Event, Run};
use trefoil_core::plan::{Bytes, Inputs, Interval, Limits, Plan, PlanKind, Step};

use super::{Check, Context, Perform, Silent, World};
use crate::{Result, actions};

/// A world in which one action can be tried out.
#[async_trait]
pub trait Bench: Send + Sync {
    /// The world.
    fn world(&self) -> &World;
    /// The actions of the plan with the output of those that are done; the last one, which is not,
    /// is tried out.
    fn steps(&self) -> Vec<(trefoil_core::plan::Action, Option<Value>)>;
    /// Everything that the action changes, in words that are equal when the worlds are.
    async fn picture(&self) -> String;
    /// Makes the next perform fail midway.
    async fn break_once(&self);
    /// Whether undoing brings back the picture of before. Where there is nothing to undo, it
    /// leaves the picture of after.
    fn undoable(&self) -> bool {
        true
    }
}

/// Takes the bench's action through everything: performed, checked, performed again, undone,
/// undone again, failed midway, performed after that.
///
/// # Panics
/// With what the action does not stand.
pub async fn prove(bench: &dyn Bench) {
    let run = run(bench.steps());
    let n = bench.steps().len();
    let Some(step) = run.plan.step(n).cloned() else { panic!("the bench has no steps") };
    let mut trial = Trial { bench, run, step };

    let before = bench.picture().await;
    let check = trial.action().check(&trial.context()).await;
    assert_eq!(bench.picture().await, before, "check changed something");
    drop(check);
    trial.find().await;

    let output = expect("perform", trial.perform().await);
    let after = bench.picture().await;
    trial.performed_again(&after).await;
    trial.undone_twice(&output, &before, &after).await;

    bench.break_once().await;
    assert!(trial.perform().await.is_err(), "the broken perform did not fail");
    expect("perform after a failure", trial.perform().await);
    assert_eq!(bench.picture().await, after, "a failure in between is seen afterwards");
    trial.check_after().await;
}

struct Trial<'a> {
    bench: &'a dyn Bench,
    run: Run,
    step: Step,
}

impl Trial<'_> {
    fn action(&self) -> &dyn Perform {
        actions::of(&self.step.action)
    }

    fn context(&self) -> Context<'_> {
        let world = self.bench.world();
        Context { world, run: &self.run, step: &self.step, progress: &Silent, journal: None }
    }

    /// As the engine does it before a step is begun.
    async fn find(&mut self) {
        let found = expect("find", self.action().find(&self.context()).await);
        self.run.found.extend(found.map(|found| (self.step.n, found)));
    }

    async fn perform(&self) -> Result<Value> {
        self.action().perform(&self.context()).await
    }

    async fn performed_again(&self, after: &str) {
        self.check_after().await;
        expect("the second perform", self.perform().await);
        assert_eq!(self.bench.picture().await, after, "the second perform changed something");
    }

    async fn check_after(&self) {
        let check = expect("check after perform", self.action().check(&self.context()).await);
        assert!(matches!(check, Check::Done(_) | Check::Ready), "after perform: {check:?}");
    }

    /// As the engine does it: what was found and the output are known while the step is undone.
    async fn undone_twice(&mut self, output: &Value, before: &str, after: &str) {
        self.run.outputs.insert(self.step.n, output.clone());
        let wanted = if self.bench.undoable() { before } else { after };
        for time in ["first", "second"] {
            expect(time, self.action().undo(&self.context()).await);
            assert_eq!(self.bench.picture().await, wanted, "after the {time} undo");
        }
        self.run.outputs.remove(&self.step.n);
    }
}

fn expect<T>(what: &str, result: Result<T>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{what}: {}", error.chain()),
    }
}

/// A run of these actions, in which those that have an output are done.
///
/// # Panics
/// When a step after one without an output has one.
pub fn run(steps: Vec<(trefoil_core::plan::Action, Option<Value>)>) -> Run {
    let outputs: Vec<_> = steps.iter().map(|(_, output)| output.clone()).collect();
    let plan = plan(steps.into_iter().map(|(action, _)| action).collect());
    let mut events = vec![Event::Opened { plan: Box::new(plan) }];
    for (n, output) in (1..).zip(outputs) {
        if let Some(output) = output {
            events.push(Event::started(n));
            events.push(Event::Succeeded { step: n, output });
        }
    }
    let entry = |event| Entry { at: Timestamp::UNIX_EPOCH, event };
    expect("fold", Run::fold(events.into_iter().map(entry).collect()))
}

/// A plan of these actions from `east` to `west`, without marks.
pub fn plan(actions: Vec<trefoil_core::plan::Action>) -> Plan {
    let step = |(n, action)| Step {
        n,
        action,
        undo: None,
        estimate_ms: Interval::default(),
        window: false,
        switch: false,
        finish: false,
    };
    Plan {
        plan_id: "harness".into(),
        kind: PlanKind::Migrate,
        made_at: Timestamp::UNIX_EPOCH,
        application: "harness".into(),
        from: "east".into(),
        to: "west".into(),
        epoch: 2,
        parent: None,
        inputs: Inputs {
            specification: String::new(),
            source: String::new(),
            target: String::new(),
            parts: Default::default(),
        },
        steps: (1..).zip(actions).map(step).collect(),
        mapping: vec![],
        blockers: vec![],
        bytes: Bytes::default(),
        downtime_ms: Interval::default(),
        traffic: "edge".into(),
        window_deadline_ms: 10_000,
        soak_ms: 0,
        required_approvals: 0,
        limits: Limits::default(),
        rehearsed_at: None,
        checklist: Vec::new(),
    }
}
