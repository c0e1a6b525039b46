//! `trefoil log`: the application's log.

use schemars::JsonSchema;
use serde::Serialize;
use trefoil_core::ledger::{LedgerEntry, LedgerEvent};

use crate::table::{table, time, word};
use crate::{Cx, ExitStatus, Result, runner};

/// What is answered.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Answer {
    /// Every entry, oldest first.
    entries: Vec<LedgerEntry>,
}

/// Prints every entry, oldest first.
pub async fn run(cx: &Cx) -> Result<ExitStatus> {
    let entries = runner::state_to_read(cx)?.ledger_entries().await?;
    let answer = Answer { entries };
    cx.printer.answer(&answer, || {
        if answer.entries.is_empty() {
            return "the log is empty".to_owned();
        }
        let rows = answer.entries.iter().map(|entry| [time(entry.at), words(&entry.event)]);
        table(["TIME", "EVENT"], rows)
    })?;
    Ok(ExitStatus::Yes)
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
