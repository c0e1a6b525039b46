//! Backwards: compensating a window that failed, and aborting a run.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use trefoil_clouds::operate::provision::Provisioned;
use trefoil_core::journal::{Event, Run, RunState};
use trefoil_core::plan::Step;

use super::{Engine, words};
use crate::state::Journal;
use crate::{Error, Result};

/// How often undoing one step is tried at least.
const ATTEMPTS: u32 = 3;
/// How long it is tried again when the cause may go away by itself: as long as a server that was
/// killed may take to recover.
const PATIENCE: Duration = Duration::from_secs(60);
/// The pause between two attempts.
const PAUSE: Duration = Duration::from_millis(500);
/// How long one attempt may take: as long as an application may need to become ready, twice.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(120);

impl Engine<'_> {
    /// Undoes the window's begun steps, last first, so that the source serves again. Nothing
    /// happens from the switch on. Fails with code `undo_failed` when a step cannot be undone; the
    /// steps before it are then left as they are, because they were undone in this order only.
    pub(super) async fn compensate(&self, journal: &mut Journal) -> Result<()> {
        for step in journal.run().to_compensate() {
            self.undo(journal, &step).await?;
        }
        Ok(())
    }

    /// Notes that the run is aborted, unless that is noted, and does it.
    pub(super) async fn take_back(&self, journal: &mut Journal) -> Result<Run> {
        if !journal.run().abort_requested {
            journal.append(Event::AbortRequested).await?;
        }
        self.unwind(journal).await
    }

    /// Undoes every begun step, last first, and closes the run.
    async fn unwind(&self, journal: &mut Journal) -> Result<Run> {
        for step in journal.run().to_undo() {
            self.undo(journal, &step).await?;
        }
        self.state.close_run(journal, RunState::Aborted).await?;
        Ok(journal.run().clone())
    }

    /// Starts what ran when a move stopped and died since, as when the machine was started again:
    /// the steps that are done already count on it. Nothing that a step had stopped is started.
    pub(super) async fn start_again(&self, run: &Run) -> Result<()> {
        if !run.plan.kind.is_move() {
            return Ok(());
        }
        for environment in [&run.plan.from, &run.plan.to] {
            let Some(site) = self.world.sites.get(environment) else { continue };
            if site.provision.state().await? == Provisioned::Absent {
                continue;
            }
            site.provision.provision().await?;
            let meant = self.world.spec.application.is_some() && run.runs_application(environment);
            if meant && site.compute.running().await?.is_none() {
                site.compute.start().await?;
            }
        }
        Ok(())
    }

    async fn undo(&self, journal: &mut Journal, step: &Step) -> Result<()> {
        self.progress.undoing(step);
        journal.append(Event::UndoStarted { step: step.n }).await?;
        match self.undo_attempts(journal, step).await {
            Ok(()) => journal.append(Event::UndoFinished { step: step.n }).await,
            Err(cause) => {
                let error = cause.chain();
                journal.append(Event::UndoFailed { step: step.n, error }).await?;
                Err(words::stuck(journal.run(), step, cause))
            }
        }
    }

    async fn undo_attempts(&self, journal: &Journal, step: &Step) -> Result<()> {
        let (mut attempt, began) = (1, Instant::now());
        loop {
            let context = self.acting(journal, step);
            let undone = timeout(ATTEMPT_TIMEOUT, self.action(step).undo(&context)).await;
            let failed = match undone {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error)) => error,
                Err(late) => {
                    let limit = ATTEMPT_TIMEOUT.as_secs();
                    Error::failed("undo_timeout", format!("undoing took longer than {limit} s"))
                        .because(late)
                }
            };
            let patient = failed.is_retryable() && began.elapsed() < PATIENCE;
            if attempt >= ATTEMPTS && !patient {
                return Err(failed);
            }
            self.progress.note(&format!("undoing step {} again: {}", step.n, failed.chain()));
            attempt += 1;
            sleep(PAUSE).await;
        }
    }
}
