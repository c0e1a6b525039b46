//! What people approve, written into a run's journal beside whoever executes it.

use trefoil_core::checklist;
use trefoil_core::journal::{Event, Run, RunState, is_name};

use super::store::{RACES, contended, run_closed};
use super::{Executor, Journal, State};
use crate::{Error, Result};

impl State {
    /// Notes that a person approves a run, or confirms an item of its checklist; the run
    /// afterwards. A person who says the same twice is noted once.
    ///
    /// # Errors
    /// `approver_name`; `run_closed`; `run_running`, because an entry of ours would end the process
    /// that executes the run; those of [`checklist::may_confirm`].
    pub async fn approve(&self, run_id: &str, by: &str, item: Option<&str>) -> Result<Run> {
        let by = by.trim();
        if !is_name(by) {
            return Err(Error::usage("approver_name", "`--as` needs the name of a person")
                .hint("one line, at most 100 bytes"));
        }
        for _ in 0..RACES {
            let mut journal = self.journal_at_rest(run_id).await?;
            if let Some(item) = item {
                checklist::may_confirm(journal.run(), item)?;
            }
            let known = journal.run().approvals.iter();
            if known.into_iter().any(|one| one.by == by && one.item.as_deref() == item) {
                return Ok(journal.run().clone());
            }
            let event = Event::Approved { by: by.to_owned(), item: item.map(str::to_owned) };
            match journal.append(event).await {
                Err(error) if error.code() == "executor_superseded" => {}
                Err(error) => return Err(error),
                Ok(()) => return Ok(journal.run().clone()),
            }
        }
        Err(contended())
    }

    /// The journal of a run that nobody executes.
    async fn journal_at_rest(&self, run_id: &str) -> Result<Journal> {
        let (log, tail, run) = self.read_journal(run_id).await?;
        if let Some(state) = run.closed {
            return Err(run_closed(run_id, state));
        }
        let waits = run.approvals_missing() > 0 || run.state() == RunState::Soaking;
        let executor = run.executor().and_then(|text| text.parse::<Executor>().ok());
        // On another host it may live: then it is not for us to disturb it.
        let lives = executor.filter(|executor| executor.is_alive() != Some(false));
        if let Some(executor) = lives.filter(|_| !waits) {
            let why = format!("run {run_id} is being executed ({executor})");
            return Err(Error::refused("run_running", why)
                .hint("approve it before it is resumed, or when it soaks"));
        }
        Ok(Journal::new(log, tail, run))
    }
}
