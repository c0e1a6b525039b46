//! The report of a move, read from its journal alone.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::checklist::{self, Item};
use crate::journal::{Entry, Event, Run};
use crate::plan::{
    Action, Interval, PlanKind, PrepareOutput, Prepared, RoleSecret, StoreProof, SyncOutput,
    TableProof, ValidateOutput, VerifyOutput,
};

/// What a move did and proved. What only a client can count (requests, gaps, losses) is filled in
/// by whoever counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MoveReport {
    /// The run.
    pub run_id: String,
    /// The environment that served before.
    pub from: String,
    /// The environment that serves now.
    pub to: String,
    /// Move or rollback.
    pub kind: PlanKind,
    /// From the first event to the beginning of the soak.
    pub duration_ms: u64,
    /// From the hold to the release, by the tool's clock: how long a request could wait. For a
    /// database that is moved alone, from the fence to the opening: how long clients are refused.
    pub window_ms: Option<u64>,
    /// What the plan expected users to wait.
    pub downtime_estimate_ms: Interval,
    /// Each table's comparison.
    pub tables: Vec<TableProof>,
    /// The objects' comparison.
    pub objects: StoreProof,
    /// The sessions' comparison.
    pub sessions: StoreProof,
    /// The secrets' comparison.
    pub secrets: StoreProof,
    /// What was proven, what a person must confirm, and who did.
    pub checklist: Vec<Item>,
    /// Where whoever uses the database finds it now, when Trefoil runs no application that it
    /// could send there.
    #[serde(default)]
    pub clients: Option<Clients>,
    /// The steps in the order in which they ran.
    pub timeline: Vec<TimelineEntry>,
}

/// What those must know who use a database that was moved alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Clients {
    /// Host, port and database.
    pub address: String,
    /// The roles with new passwords.
    pub roles: Vec<RoleSecret>,
}

/// One step as it ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TimelineEntry {
    /// The step's number.
    pub step: usize,
    /// Its action.
    pub action: String,
    /// When it started.
    pub started_at: Timestamp,
    /// How long it took, or `None` when it never ended.
    pub took_ms: Option<u64>,
    /// `succeeded`, `failed`, `undone` or `interrupted`.
    pub outcome: String,
}

impl MoveReport {
    /// The report of a run, as far as it has come.
    pub fn of(run: &Run) -> MoveReport {
        let plan = &run.plan;
        let timeline = timeline(run);
        let proofs: ValidateOutput =
            output_of(run, |action| matches!(action, Action::Validate(_))).unwrap_or_default();
        MoveReport {
            run_id: plan.plan_id.clone(),
            from: plan.from.clone(),
            to: plan.to.clone(),
            kind: plan.kind,
            duration_ms: duration(run),
            window_ms: window(run),
            downtime_estimate_ms: plan.downtime_ms,
            tables: tables(run),
            objects: proofs.objects,
            sessions: proofs.sessions,
            secrets: proofs.secrets,
            checklist: checklist::of_run(run),
            clients: clients(run),
            timeline,
        }
    }

    /// Whether everything that was compared is equal.
    pub fn all_equal(&self) -> bool {
        let stores = [&self.objects, &self.sessions, &self.secrets];
        self.tables.iter().all(|table| table.equal) && stores.iter().all(|store| store.equal)
    }
}

/// The newest comparison: the one inside the window holds the hot ranges too.
fn tables(run: &Run) -> Vec<TableProof> {
    let synced: Option<SyncOutput> =
        output_of(run, |action| matches!(action, Action::SyncDatabase(_)));
    let verified: Option<VerifyOutput> =
        output_of(run, |action| matches!(action, Action::VerifyDatabase(_)));
    let of_sync = synced.map(|output| output.tables).filter(|tables| !tables.is_empty());
    of_sync.or(verified.map(|output| output.tables)).unwrap_or_default()
}

fn output_of<T: serde::de::DeserializeOwned>(
    run: &Run,
    wanted: impl Fn(&Action) -> bool,
) -> Option<T> {
    let value: &Value = run.output(run.plan.find(wanted)?)?;
    serde_json::from_value(value.clone()).ok()
}

/// Only the database is moved, and it serves at its new place.
fn clients(run: &Run) -> Option<Clients> {
    let switch = run.plan.switch_step()?;
    if !matches!(switch.action, Action::OpenDatabase(_)) || !run.is_done(switch.n) {
        return None;
    }
    if run.plan.find(|action| matches!(action, Action::SwitchTraffic(_))).is_some() {
        return None;
    }
    let prepared = run.plan.steps.iter().find_map(|step| match &step.action {
        Action::FinishDatabase(finish) => Some(&finish.prepared),
        _ => None,
    })?;
    let prepared: PrepareOutput = match prepared {
        Prepared::Step(step) => serde_json::from_value(run.output(*step)?.clone()).ok()?,
        Prepared::Known(known) => (**known).clone(),
    };
    Some(Clients { address: prepared.target_address, roles: prepared.roles })
}

fn duration(run: &Run) -> u64 {
    let finish = run.plan.steps.iter().find(|step| step.finish).map(|step| step.n);
    let before_finish = |entry: &&Entry| match (entry.event.step(), finish) {
        (Some(step), Some(finish)) => step < finish,
        _ => entry.event.step().is_some(),
    };
    let Some(first) = run.entries.first() else { return 0 };
    run.entries.iter().rfind(before_finish).map_or(0, |last| between(first.at, last.at))
}

fn window(run: &Run) -> Option<u64> {
    let hold = run.plan.window_start()?.n;
    let wanted = |action: &Action| matches!(action, Action::SwitchTraffic(_));
    let released = run.plan.find(wanted).or(run.plan.switch_step().map(|step| step.n))?;
    let started = |entry: &&Entry| entry.event.starts(hold);
    let ended =
        |entry: &&Entry| matches!(entry.event, Event::Succeeded { step, .. } if step == released);
    let from = run.entries.iter().rfind(started)?.at;
    Some(between(from, run.entries.iter().rfind(ended)?.at))
}

fn timeline(run: &Run) -> Vec<TimelineEntry> {
    let mut lines: Vec<TimelineEntry> = Vec::new();
    for entry in &run.entries {
        match &entry.event {
            Event::Started { step, .. } => lines.push(begun(run, *step, entry.at)),
            Event::Succeeded { step, .. } => end(&mut lines, *step, entry.at, "succeeded"),
            Event::Failed { step, .. } => end(&mut lines, *step, entry.at, "failed"),
            Event::UndoFinished { step } => end(&mut lines, *step, entry.at, "undone"),
            _ => {}
        }
    }
    lines
}

fn begun(run: &Run, step: usize, started_at: Timestamp) -> TimelineEntry {
    let action = run.plan.step(step).map_or_else(String::new, |step| step.action.name());
    TimelineEntry { step, action, started_at, took_ms: None, outcome: "interrupted".into() }
}

fn end(lines: &mut [TimelineEntry], step: usize, at: Timestamp, outcome: &str) {
    if let Some(line) = lines.iter_mut().rev().find(|line| line.step == step) {
        line.took_ms.get_or_insert(between(line.started_at, at));
        outcome.clone_into(&mut line.outcome);
    }
}

fn between(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.as_millisecond() - from.as_millisecond()).unwrap_or(0)
}
