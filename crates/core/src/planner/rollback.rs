//! The plan of a rollback: a switch back whose copying the streams back have done already.

use jiff::Timestamp;

use super::builder::Steps;
use super::migrate::{listed, stream_names};
use super::window::{Carried, Switch};
use super::{BucketFacts, MoveOptions, estimate, mapping};
use crate::checklist;
use crate::error::{Error, Result};
use crate::inventory::Inventory;
use crate::journal::{Run, RunState};
use crate::ledger::Ledger;
use crate::plan::*;
use crate::spec::AppSpec;

/// What a rollback is decided on.
#[derive(Debug, Clone)]
pub struct RollbackFacts {
    /// Unique, and sorted by time.
    pub plan_id: String,
    /// The time.
    pub made_at: Timestamp,
    /// The specification.
    pub spec: AppSpec,
    /// The run that is taken back.
    pub parent: Run,
    /// What the environment holds that serves now.
    pub source: Inventory,
    /// What the environment holds that served before.
    pub target: Inventory,
    /// The application's log.
    pub ledger: Ledger,
    /// Who may use the database that serves now.
    pub source_access: AccessRecord,
    /// Why the way back is not open, in words; empty when it is.
    pub obstacles: Vec<Blocker>,
    /// What a look at the buckets found.
    pub buckets: BucketFacts,
    /// How traffic is switched.
    pub traffic: String,
    /// What the user chose.
    pub options: MoveOptions,
}

/// Plans a rollback of a run that soaks. Fails when the run has no way back any more.
pub fn plan_rollback(facts: &RollbackFacts) -> Result<Plan> {
    let parent = &facts.parent.plan;
    if facts.parent.state() != RunState::Soaking {
        return Err(Error::refused(
            "rollback_not_soaking",
            format!("run {} is not in its soak, so there is nothing to take back", parent.plan_id),
        )
        .hint(format!("see `trefoil runs show {}`", parent.plan_id)));
    }
    let bytes = mapping::bytes(&facts.source);
    let steps = steps(facts, &bytes)?;
    let mut plan = Plan {
        plan_id: facts.plan_id.clone(),
        kind: PlanKind::Rollback,
        made_at: facts.made_at,
        application: facts.spec.name.clone(),
        from: parent.to.clone(),
        to: parent.from.clone(),
        epoch: facts.ledger.epoch + 1,
        parent: Some(parent.plan_id.clone()),
        inputs: Inputs::of(&facts.spec, &facts.source, &facts.target),
        mapping: mapping::map(&facts.source, &facts.target, &facts.buckets),
        blockers: facts.obstacles.clone(),
        bytes: Bytes { database_bytes: 0, objects_bytes: 0, ..bytes },
        downtime_ms: steps.downtime(),
        traffic: facts.traffic.clone(),
        window_deadline_ms: facts.options.window_deadline_ms,
        soak_ms: facts.options.soak_ms,
        required_approvals: 0,
        limits: parent.limits,
        rehearsed_at: None,
        checklist: Vec::new(),
        steps: steps.done(),
    };
    plan.checklist = checklist::of_plan(&plan, &facts.source);
    Ok(plan)
}

fn steps(facts: &RollbackFacts, bytes: &Bytes) -> Result<Steps> {
    let parent = &facts.parent.plan;
    let (from, to) = (parent.to.clone(), parent.from.clone());
    let way_back = WayBack::of(&facts.parent)?;
    let (_, return_stream) = stream_names(&facts.plan_id);
    let mut steps = Steps::default();
    let look = Preflight { from: from.clone(), to: to.clone() };
    steps.plain(Action::Preflight(look), estimate::STATEMENTS);
    let secrets = CopySecrets { from: from.clone(), to: to.clone() };
    steps.plain(Action::CopySecrets(secrets), estimate::STATEMENTS);
    let stop = FinishBackflow { from: from.clone(), to: to.clone() };
    let undo = "carry changes back again";
    steps.undoable(Action::FinishBackflow(stop), estimate::STATEMENTS, undo);
    let verified = await_and_verify(&mut steps, facts, bytes, &way_back);
    let carried = way_back.copy_stores(&mut steps, &from, &to);
    let switch = Switch {
        spec: &facts.spec,
        from: &from,
        to: &to,
        epoch: facts.ledger.epoch + 1,
        stream: &way_back.stream,
        return_stream: &return_stream,
        source_access: AccessRef::Known(facts.source_access.clone()),
        target_access: AccessRef::Known(way_back.prepared.source_access.clone()),
        prepared: Prepared::Known(Box::new(way_back.prepared_for_return(facts))),
        verified,
        carried,
        listed: listed(&facts.buckets, bytes),
    };
    switch.add(&mut steps);
    Ok(steps)
}

fn await_and_verify(
    steps: &mut Steps,
    facts: &RollbackFacts,
    bytes: &Bytes,
    way_back: &WayBack,
) -> usize {
    if facts.spec.database.is_none() {
        return 0;
    }
    let (from, to) = (facts.parent.plan.to.clone(), facts.parent.plan.from.clone());
    let stream = way_back.stream.clone();
    let wait = AwaitStream { from: from.clone(), to: to.clone(), stream: stream.clone() };
    steps.plain(Action::AwaitStream(wait), estimate::CATCH_UP);
    let max_load_percent = facts.options.max_load_percent;
    let verify = VerifyDatabase { from, to, stream, max_load_percent };
    steps.plain(Action::VerifyDatabase(verify), estimate::verify(bytes, max_load_percent))
}

/// What the parent run left open for the way back.
struct WayBack {
    stream: String,
    prepared: PrepareOutput,
    buckets: Vec<(String, u64)>,
    sessions: Option<u64>,
}

impl WayBack {
    fn of(parent: &Run) -> Result<Self> {
        let mut way_back = WayBack {
            stream: String::new(),
            prepared: PrepareOutput::default(),
            buckets: Vec::new(),
            sessions: None,
        };
        for step in &parent.plan.steps {
            way_back.read(parent, &step.action)?;
        }
        Ok(way_back)
    }

    fn read(&mut self, parent: &Run, action: &Action) -> Result<()> {
        match action {
            Action::StartReturn(start) => self.stream.clone_from(&start.return_stream),
            Action::FinishDatabase(finish) => {
                self.prepared = match &finish.prepared {
                    Prepared::Step(step) => output(parent, *step)?,
                    Prepared::Known(known) => (**known).clone(),
                }
            }
            Action::StartBackflow(start) => {
                for (bucket, step) in &start.buckets {
                    let copied: CopyOutput = output(parent, *step)?;
                    self.buckets.push((bucket.clone(), copied.target_position));
                }
                if let Some(step) = start.sessions {
                    let copied: CopyOutput = output(parent, step)?;
                    self.sessions = Some(copied.target_position);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Carries what changed since the switch and has not been carried by the backflow.
    fn copy_stores(&self, steps: &mut Steps, from: &str, to: &str) -> Carried {
        let buckets = self.buckets.iter().map(|(bucket, position)| {
            let copy = Action::CopyObjects(CopyObjects {
                from: from.into(),
                to: to.into(),
                bucket: bucket.clone(),
                since: Since::Position(*position),
                last: false,
            });
            (bucket.clone(), steps.plain(copy, estimate::CATCH_UP))
        });
        let buckets = buckets.collect();
        let sessions = self.sessions.map(|position| {
            let since = Since::Position(position);
            let copy = CopySessions { from: from.into(), to: to.into(), since, last: false };
            steps.plain(Action::CopySessions(copy), estimate::CATCH_UP)
        });
        Carried { buckets, sessions }
    }

    /// The same record, seen from the rollback: its source is the parent's target.
    fn prepared_for_return(&self, facts: &RollbackFacts) -> PrepareOutput {
        PrepareOutput {
            source_access: facts.source_access.clone(),
            target_access: self.prepared.source_access.clone(),
            identities: self.prepared.identities.clone(),
            tables: self.prepared.tables.clone(),
            source_address: self.prepared.target_address.clone(),
            target_address: self.prepared.source_address.clone(),
            roles: Vec::new(),
        }
    }
}

fn output<T: serde::de::DeserializeOwned>(run: &Run, step: usize) -> Result<T> {
    let missing =
        || Error::refused("step_output", format!("step {step} of the run has no usable output"));
    let value = run.output(step).ok_or_else(missing)?;
    serde_json::from_value(value.clone()).map_err(|error| missing().because(error))
}
