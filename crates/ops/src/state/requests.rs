//! What people ask of a run that another process executes: in a log of its own beside the run's
//! journal, because an entry of theirs in the journal would end that process midway.

use serde::{Deserialize, Serialize};
use trefoil_core::journal::Run;

use super::store::{RACES, contended};
use super::{Executor, State};
use crate::log::{Appended, FencedLog, Tail};
use crate::{Error, Result};

/// One entry.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case")]
enum Request {
    /// That the run be stopped and everything of it undone.
    Abort {
        /// The process of whoever asked: `host pid starttime`.
        by: String,
    },
}

impl State {
    /// Asks whoever executes a run to abort it. Asked once, it stays asked: should that process
    /// die, the one that goes on aborts. Idempotent.
    pub async fn request_abort(&self, run_id: &str) -> Result<()> {
        let request = Request::Abort { by: Executor::current().to_string() };
        let body = serde_json::to_value(&request).map_err(|error| {
            Error::failed("log_entry", "the request cannot be written").because(error)
        })?;
        let log = self.request_log(run_id);
        for _ in 0..RACES {
            let (entries, tail) = log.read(&Tail::default()).await?;
            if !entries.is_empty() {
                return Ok(());
            }
            if let Appended::Mine { .. } = log.append(&tail, &body).await? {
                return Ok(());
            }
        }
        Err(contended())
    }

    /// Whether somebody has asked that the run be aborted. One that has switched is not, whoever
    /// asked before.
    pub async fn abort_is_due(&self, run: &Run) -> Result<bool> {
        Ok(!run.switched() && self.abort_is_requested(&run.plan.plan_id).await?)
    }

    /// Whether somebody has asked: one read.
    pub(crate) async fn abort_is_requested(&self, run_id: &str) -> Result<bool> {
        self.request_log(run_id).continues(&Tail::default()).await
    }

    fn request_log(&self, run_id: &str) -> FencedLog {
        FencedLog::new(self.store.clone(), format!("requests/{run_id}"))
    }
}
