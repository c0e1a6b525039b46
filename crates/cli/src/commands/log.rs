//! `trefoil log`: the application's log, with who executed each run and what people decided.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use trefoil_core::journal::{Entry, Event};
use trefoil_core::ledger::{LedgerEntry, LedgerEvent};
use trefoil_ops::state::State;

use crate::table::{table, time, word};
use crate::{Cx, ExitStatus, Result, runner};

/// What is answered.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Answer {
    /// Every entry of the application's log, oldest first.
    entries: Vec<LedgerEntry>,
    /// Who executed each run, and what people decided about it, oldest first.
    runs: Vec<RunEntry>,
}

/// An entry of a run's journal.
#[derive(Serialize, JsonSchema)]
struct RunEntry {
    /// When the process that appended it did so, by its own clock.
    at: Timestamp,
    /// The run.
    run_id: String,
    #[serde(flatten)]
    what: Decision,
}

/// What somebody did about a run; the steps themselves are shown by `runs show`.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Decision {
    /// A process took it over.
    Adopted { executor: String },
    /// A person approved it, or an item of its checklist.
    Approved { by: String, item: Option<String> },
    /// The process that executed it went no further by its own decision.
    Halted { why: String },
    /// A person asked that everything be undone.
    AbortRequested,
    /// A person asked that the move be made final.
    FinishRequested,
}

/// Prints every entry, oldest first.
pub async fn run(cx: &Cx) -> Result<ExitStatus> {
    let state = runner::state_to_read(cx)?;
    let entries = state.ledger_entries().await?;
    let answer = Answer { runs: of_runs(&state, &entries).await?, entries };
    cx.printer.answer(&answer, || {
        if answer.entries.is_empty() {
            return "the log is empty".to_owned();
        }
        let ledger = answer.entries.iter().map(|entry| (entry.at, words(&entry.event)));
        let runs = answer.runs.iter().map(|entry| (entry.at, entry.words()));
        let mut rows: Vec<_> = ledger.chain(runs).collect();
        rows.sort_by_key(|(at, _)| *at);
        table(["TIME", "EVENT"], rows.into_iter().map(|(at, words)| [time(at), words]))
    })?;
    Ok(ExitStatus::Yes)
}

async fn of_runs(state: &State, entries: &[LedgerEntry]) -> Result<Vec<RunEntry>> {
    let mut found = Vec::new();
    for entry in entries {
        let LedgerEvent::RunOpened { run_id } = &entry.event else { continue };
        for Entry { at, event } in state.journal(run_id).await?.entries {
            let entry = |what| RunEntry { at, run_id: run_id.clone(), what };
            found.extend(decision(event).map(entry));
        }
    }
    found.sort_by_key(|entry| entry.at);
    Ok(found)
}

fn decision(event: Event) -> Option<Decision> {
    match event {
        Event::Adopted { executor } => Some(Decision::Adopted { executor }),
        Event::Approved { by, item } => Some(Decision::Approved { by, item }),
        Event::Halted { why } => Some(Decision::Halted { why }),
        Event::AbortRequested => Some(Decision::AbortRequested),
        Event::FinishRequested => Some(Decision::FinishRequested),
        _ => None,
    }
}

impl RunEntry {
    fn words(&self) -> String {
        let run = &self.run_id;
        match &self.what {
            Decision::Adopted { executor } => format!("run {run} is executed by {executor}"),
            Decision::Approved { by, item: None } => format!("run {run} approved by {by}"),
            Decision::Approved { by, item: Some(item) } => {
                format!("run {run}: `{item}` confirmed by {by}")
            }
            Decision::Halted { why } => format!("run {run} stopped: {why}"),
            Decision::AbortRequested => format!("run {run}: its abort was asked for"),
            Decision::FinishRequested => format!("run {run}: its end was asked for"),
        }
    }
}

fn words(event: &LedgerEvent) -> String {
    match event {
        LedgerEvent::PlanMade { plan_id, kind, from, to, .. } if from == to => {
            format!("plan {plan_id} made: {} {to}", word(kind))
        }
        LedgerEvent::PlanMade { plan_id, kind, from, to, .. } => {
            format!("plan {plan_id} made: {} {from} to {to}", word(kind))
        }
        LedgerEvent::RunOpened { run_id } => format!("run {run_id} began"),
        LedgerEvent::EpochOpened { epoch, environment, run_id } => {
            format!("epoch {epoch}: {environment} may write (run {run_id})")
        }
        LedgerEvent::EnvironmentDestroyed { environment, run_id } => {
            format!("{environment} was destroyed (run {run_id})")
        }
        LedgerEvent::RunClosed { run_id, state } => format!("run {run_id} ended: {}", word(state)),
    }
}
