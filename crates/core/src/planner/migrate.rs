//! The plan of a move: copy while the source serves, prove equality, switch, keep the way back.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::builder::Steps;
use super::window::{Carried, Switch};
use super::{estimate, mapping};
use crate::checklist;
use crate::finding::Finding;
use crate::inventory::{Inventory, ResourceKind};
use crate::ledger::Ledger;
use crate::plan::*;
use crate::spec::AppSpec;

/// What a move is decided on.
#[derive(Debug, Clone)]
pub struct MoveFacts {
    /// Unique, and sorted by time.
    pub plan_id: String,
    /// The time.
    pub made_at: Timestamp,
    /// The specification.
    pub spec: AppSpec,
    /// The environment that serves.
    pub from: String,
    /// The environment that shall serve.
    pub to: String,
    /// What the source holds.
    pub source: Inventory,
    /// What the target holds.
    pub target: Inventory,
    /// The application's log.
    pub ledger: Ledger,
    /// What a look at both servers found.
    pub findings: Vec<Finding>,
    /// What a look at the buckets found.
    pub buckets: BucketFacts,
    /// How traffic is switched: `edge`, `dns`, or `clients`, who find the new place themselves.
    pub traffic: String,
    /// What the user chose.
    pub options: MoveOptions,
}

/// What a look at the buckets of both sides found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BucketFacts {
    /// Buckets without a record of changes: they are listed while users wait.
    pub listed: Vec<String>,
    /// Keys that are in the way.
    pub blockers: Vec<Blocker>,
}

/// What the user may choose about a move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveOptions {
    /// How long the switch may take before the source serves again, in milliseconds.
    pub window_deadline_ms: u64,
    /// How long the way back stays open, in milliseconds.
    pub soak_ms: u64,
    /// How many people must approve the run before its first step. A rollback asks nobody: it
    /// is what is done when there is no time.
    pub required_approvals: u32,
    /// What no stream carries, and is copied during the switch.
    pub unstreamed: Unstreamed,
    /// The share of one server process that comparing rows may take, in percent.
    pub max_load_percent: u32,
}

impl Default for MoveOptions {
    /// 30 s for the switch: the measured ones end within one, and held requests wait as long.
    /// 24 h for the soak: a working day's traffic has been seen by then.
    fn default() -> Self {
        Self {
            window_deadline_ms: 30_000,
            soak_ms: 24 * 3_600 * 1_000,
            required_approvals: 0,
            unstreamed: Unstreamed::default(),
            max_load_percent: 100,
        }
    }
}

/// The names of the two streams of a move, from the plan's identifier.
pub(super) fn stream_names(plan_id: &str) -> (String, String) {
    let digits: String = plan_id.chars().filter(char::is_ascii_alphanumeric).collect();
    let short = &digits[digits.len().saturating_sub(12)..];
    (format!("tf_{short}"), format!("tfr_{short}"))
}

/// Plans a move. Whatever stands in its way is in the plan's blockers.
pub fn plan_migrate(facts: &MoveFacts) -> Plan {
    let bytes = mapping::bytes(&facts.source);
    let steps = steps(facts, &bytes);
    let mut plan = Plan {
        plan_id: facts.plan_id.clone(),
        kind: PlanKind::Migrate,
        made_at: facts.made_at,
        application: facts.spec.name.clone(),
        from: facts.from.clone(),
        to: facts.to.clone(),
        epoch: facts.ledger.epoch + 1,
        parent: None,
        inputs: Inputs::of(&facts.spec, &facts.source, &facts.target),
        mapping: mapping::map(&facts.source, &facts.target, &facts.buckets),
        blockers: blockers(facts),
        bytes,
        downtime_ms: steps.downtime(),
        traffic: facts.traffic.clone(),
        window_deadline_ms: facts.options.window_deadline_ms,
        soak_ms: facts.options.soak_ms,
        required_approvals: facts.options.required_approvals,
        limits: Limits::default(),
        rehearsed_at: None,
        checklist: Vec::new(),
        steps: steps.done(),
    };
    plan.checklist = checklist::of_plan(&plan, &facts.source);
    plan
}

fn steps(facts: &MoveFacts, bytes: &Bytes) -> Steps {
    let mut steps = Steps::default();
    let (from, to) = (facts.from.as_str(), facts.to.as_str());
    let (stream, return_stream) = stream_names(&facts.plan_id);
    provision(&mut steps, from, to);
    let carried = copy_stores(&mut steps, facts, bytes);
    let (prepared, verified) = copy_database(&mut steps, facts, bytes, &stream);
    let switch = Switch {
        spec: &facts.spec,
        from,
        to,
        epoch: facts.ledger.epoch + 1,
        stream: &stream,
        return_stream: &return_stream,
        source_access: AccessRef::SourceOf(prepared),
        target_access: AccessRef::TargetOf(prepared),
        prepared: Prepared::Step(prepared),
        unstreamed: facts.options.unstreamed,
        verified,
        carried,
        listed: listed(&facts.buckets, bytes),
    };
    switch.add(&mut steps);
    steps
}

/// The buckets that are listed while users wait, each with how long that may take: up to twice.
pub(super) fn listed(buckets: &BucketFacts, bytes: &Bytes) -> BTreeMap<String, Interval> {
    let time = estimate::listing(bytes.objects);
    buckets.listed.iter().map(|bucket| (bucket.clone(), time)).collect()
}

fn provision(steps: &mut Steps, from: &str, to: &str) {
    let look = Action::Preflight(Preflight { from: from.into(), to: to.into() });
    steps.plain(look.clone(), estimate::STATEMENTS);
    let provision = ProvisionEnvironment { environment: to.into() };
    let undo = format!("{to} as it was before: absent, stopped or running");
    steps.undoable(Action::ProvisionEnvironment(provision), estimate::PROVISION, &undo);
    steps.plain(look, estimate::STATEMENTS);
}

fn copy_stores(steps: &mut Steps, facts: &MoveFacts, bytes: &Bytes) -> Carried {
    let (from, to) = (facts.from.clone(), facts.to.clone());
    let secrets = CopySecrets { from: from.clone(), to: to.clone() };
    let undo = format!("delete on {to} what was carried");
    steps.undoable(Action::CopySecrets(secrets), estimate::STATEMENTS, &undo);
    let mut buckets = Vec::new();
    for bucket in facts.spec.buckets.keys() {
        let copy = Action::CopyObjects(CopyObjects {
            from: from.clone(),
            to: to.clone(),
            bucket: bucket.clone(),
            since: Since::Beginning,
            last: false,
        });
        let time = estimate::objects(bytes.objects, bytes.objects_bytes);
        buckets.push((bucket.clone(), steps.undoable(copy, time, &undo)));
    }
    let sessions = facts.spec.sessions.is_some().then(|| {
        let since = Since::Beginning;
        let copy = CopySessions { from, to, since, last: false };
        steps.undoable(Action::CopySessions(copy), estimate::sessions(bytes.sessions), &undo)
    });
    Carried { buckets, sessions }
}

/// Adds the copy of the database; returns the steps that prepared and compared it.
fn copy_database(
    steps: &mut Steps,
    facts: &MoveFacts,
    bytes: &Bytes,
    stream: &str,
) -> (usize, usize) {
    if facts.spec.database.is_none() {
        return (0, 0);
    }
    let (from, to, stream) = (facts.from.clone(), facts.to.clone(), stream.to_owned());
    let prepare = PrepareDatabase {
        from: from.clone(),
        to: to.clone(),
        stream: stream.clone(),
        unstreamed: facts.options.unstreamed,
    };
    let undo = "drop publication, role and marker tables; open the target as it was";
    let prepared = steps.undoable(Action::PrepareDatabase(prepare), estimate::STATEMENTS, undo);
    let schema = CopySchema { from: from.clone(), to: to.clone() };
    let undo = format!("drop on {to} what was made");
    steps.undoable(Action::CopySchema(schema), estimate::STATEMENTS, &undo);
    let rows = CopyRows { from: from.clone(), to: to.clone(), stream: stream.clone() };
    let undo = "drop the subscription and its slots";
    steps.undoable(Action::CopyRows(rows), estimate::rows(bytes), undo);
    let indexes = BuildIndexes { from: from.clone(), to: to.clone() };
    steps.plain(Action::BuildIndexes(indexes), estimate::indexes(bytes));
    let wait = AwaitStream { from: from.clone(), to: to.clone(), stream: stream.clone() };
    steps.plain(Action::AwaitStream(wait), estimate::CATCH_UP);
    let max_load_percent = facts.options.max_load_percent;
    let verify = VerifyDatabase { from, to, stream, max_load_percent };
    let time = estimate::verify(bytes, max_load_percent);
    (prepared, steps.plain(Action::VerifyDatabase(verify), time))
}

fn blockers(facts: &MoveFacts) -> Vec<Blocker> {
    let mut blockers = Vec::new();
    if facts.spec.database.is_none() && facts.spec.application.is_none() {
        blockers.push(Blocker {
            code: "nothing_to_switch".into(),
            message: "the specification has neither an application nor a database".into(),
            hint: "moving stores alone is not built yet".into(),
        });
    }
    blockers.extend(not_active(facts));
    blockers.extend(open_run(facts));
    blockers.extend(not_empty(facts));
    blockers.extend(facts.buckets.blockers.iter().cloned());
    blockers.extend(facts.findings.iter().filter_map(Finding::blocker));
    blockers
}

/// A database that was there before Trefoil serves without ever having been brought up; an
/// application that Trefoil runs does not.
fn not_active(facts: &MoveFacts) -> Option<Blocker> {
    let active = facts.ledger.active.as_deref();
    let existing = facts.spec.environments.get(&facts.from).and_then(|one| one.database.as_ref());
    if active.is_none() && existing.is_some() && facts.spec.application.is_none() {
        return None;
    }
    (active != Some(facts.from.as_str())).then(|| Blocker {
        code: "source_not_active".into(),
        message: match active {
            Some(active) => format!("{} does not serve: {active} does", facts.from),
            None => format!("{} does not serve: nothing does", facts.from),
        },
        hint: match active {
            Some(active) => format!("move from there: --from {active}"),
            None => format!("start it: trefoil up {}", facts.from),
        },
    })
}

fn open_run(facts: &MoveFacts) -> Option<Blocker> {
    facts.ledger.open_run().map(|run| Blocker {
        code: "run_open".into(),
        message: format!("run {run} is still open"),
        hint: format!("end it first: trefoil runs show {run}"),
    })
}

/// A target that holds data of its own is never emptied by a move. Objects of a bucket do not
/// mind their neighbours, as long as no two want the same key.
fn not_empty(facts: &MoveFacts) -> Vec<Blocker> {
    let holds = [(ResourceKind::Database, "tables"), (ResourceKind::Sessions, "sessions")];
    let mut blockers = Vec::new();
    for (kind, unit) in holds {
        for resource in facts.target.of_kind(kind) {
            let count = resource.size.get(unit).copied().unwrap_or(0);
            if count > 0 {
                let place = format!("{} of {}", resource.name, facts.to);
                blockers.push(Blocker {
                    code: "target_not_empty".into(),
                    message: format!("{place} holds {count} {unit}"),
                    hint: format!("if they may go: trefoil down {} --destroy", facts.to),
                });
            }
        }
    }
    blockers
}
