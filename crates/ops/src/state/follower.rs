//! Reads a run's journal again and again, and each time only what is new.

use trefoil_core::journal::Run;

use super::{State, journal};
use crate::Result;
use crate::log::{FencedLog, Tail};

/// A run that is read while others append to it.
#[derive(Debug)]
pub struct Follower {
    log: FencedLog,
    tail: Tail,
    run: Run,
}

impl State {
    /// A run, to be read as it grows.
    ///
    /// # Errors
    /// `run_unknown`, `log_damaged`.
    pub async fn follow(&self, run_id: &str) -> Result<Follower> {
        let (log, tail, run) = self.read_journal(run_id).await?;
        Ok(Follower { log, tail, run })
    }
}

impl Follower {
    /// The run as it was read last.
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// Reads what was appended since.
    ///
    /// # Errors
    /// `log_damaged`, `log_unreachable`.
    pub async fn catch_up(&mut self) -> Result<()> {
        let (entries, tail) = self.log.read(&self.tail).await?;
        for entry in entries {
            self.run.apply(journal::decode(&self.log, entry)?)?;
        }
        self.tail = tail;
        Ok(())
    }
}
