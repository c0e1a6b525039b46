//! A run's journal, held by the one process that executes the run.

use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use trefoil_core::journal::{Entry, Event, Run};

use super::FencingToken;
use crate::log::{Appended, FencedLog, LogEntry, Tail};
use crate::{Error, ErrorKind, Result};

/// Aborts the process right after its Nth journal entry is durable. For tests.
pub const CRASH_AFTER_EVENT: &str = "TREFOIL_CRASH_AFTER_EVENT";
/// Aborts the process right before its Nth journal entry is written. For tests.
pub const CRASH_BEFORE_EVENT: &str = "TREFOIL_CRASH_BEFORE_EVENT";

/// How many entries this process has begun to append, in all journals.
static APPENDS: AtomicU64 = AtomicU64::new(0);

/// A journal that this process appends to. Another process that adopts the run ends that.
#[derive(Debug)]
pub struct Journal {
    log: FencedLog,
    tail: Tail,
    run: Run,
    token: FencingToken,
}

impl Journal {
    /// A journal that was read up to `tail`.
    pub(super) fn new(log: FencedLog, tail: Tail, run: Run) -> Self {
        Self { log, tail, run, token: FencingToken::default() }
    }

    /// The journal of the run that is the `run`th of its application, which was taken over just now.
    pub(super) fn taken_over(self, run: u64) -> Self {
        let token = FencingToken { run, takeover: self.tail.n() };
        Self { token, ..self }
    }

    /// What orders this executor among all others.
    pub fn token(&self) -> FencingToken {
        self.token
    }

    /// Asks the log whether this process still executes the run. Fails with code
    /// `executor_superseded` when another has taken it over.
    pub async fn require_ours(&self) -> Result<()> {
        if self.log.continues(&self.tail).await? { Err(self.superseded()) } else { Ok(()) }
    }

    /// The run so far.
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// The run's identifier.
    pub fn run_id(&self) -> &str {
        &self.run.plan.plan_id
    }

    /// Appends an event. Fails with code `journal_illegal` when it may not follow, and with
    /// `executor_superseded` when another process has taken the run over.
    pub async fn append(&mut self, event: Event) -> Result<()> {
        let mut next = self.run.clone();
        next.apply(Entry { at: Timestamp::now(), event: event.clone() })?;
        match append(&self.log, &self.tail, &event).await? {
            Appended::Mine { tail, at } => {
                if let Some(entry) = next.entries.last_mut() {
                    entry.at = at;
                }
                (self.tail, self.run) = (tail, next);
                Ok(())
            }
            Appended::Lost => Err(self.superseded()),
        }
    }

    fn superseded(&self) -> Error {
        let run = self.run_id();
        let why = format!("another process has taken run {run} over; this one stops here");
        Error::new(ErrorKind::Stopped, "executor_superseded", why)
            .hint(format!("see `trefoil runs show {run}`"))
    }
}

/// Appends one event, with the crash points around it.
pub(super) async fn append(log: &FencedLog, tail: &Tail, event: &Event) -> Result<Appended> {
    let body = serde_json::to_value(event).map_err(|error| {
        Error::failed("log_entry", "the event cannot be written").because(error)
    })?;
    let n = APPENDS.fetch_add(1, Ordering::Relaxed) + 1;
    crash_at(CRASH_BEFORE_EVENT, n);
    let appended = log.append(tail, &body).await?;
    crash_at(CRASH_AFTER_EVENT, n);
    Ok(appended)
}

/// The entry that a log entry holds.
pub(super) fn decode(log: &FencedLog, entry: LogEntry) -> Result<Entry> {
    let event = serde_json::from_value(entry.body)
        .map_err(|error| log.damaged(entry.n, "holds no event that is known").because(error))?;
    Ok(Entry { at: entry.at, event })
}

fn crash_at(variable: &str, n: u64) {
    if std::env::var(variable).is_ok_and(|wanted| wanted == n.to_string()) {
        std::process::abort();
    }
}
