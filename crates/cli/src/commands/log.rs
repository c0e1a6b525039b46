//! `trefoil log`: the application's log.

use serde_json::json;
use trefoil_core::ledger::LedgerEvent;

use crate::table::{table, time, word};
use crate::{Cx, ExitStatus, Result, runner};

/// Prints every entry, oldest first.
pub async fn run(cx: &Cx) -> Result<ExitStatus> {
    let entries = runner::state_to_read(cx)?.ledger_entries().await?;
    cx.printer.answer(&json!({ "entries": entries }), || {
        if entries.is_empty() {
            return "the log is empty".to_owned();
        }
        let rows = entries.iter().map(|entry| [time(entry.at), words(&entry.event)]);
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
