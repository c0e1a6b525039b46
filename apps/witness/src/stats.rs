//! Counts over the lines of journals.

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::Result;
use crate::journal::{Attempts, Line, Op, Stage};

/// How many operations of each kind were acknowledged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct AcknowledgedCounts {
    /// Notes inserted.
    pub(crate) notes: u64,
    /// Documents uploaded or overwritten.
    pub(crate) documents: u64,
    /// Those of them that overwrote one.
    pub(crate) overwrites: u64,
    /// Documents deleted.
    pub(crate) deletes: u64,
    /// Sessions created or updated.
    pub(crate) sessions: u64,
    /// Those of them that were updated.
    pub(crate) session_updates: u64,
    /// Sessions deleted.
    pub(crate) session_deletes: u64,
    /// All of them.
    pub(crate) total: u64,
}

/// Requests as the clients saw them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct RequestCounts {
    /// Requests sent, each attempt counted.
    pub(crate) sent: u64,
    /// Requests that got any answer.
    pub(crate) answered: u64,
    /// Requests without an answer, or with one that is no success.
    pub(crate) failed: u64,
    /// Operations whose acknowledgement took longer than a second, all attempts together.
    pub(crate) slower_than_1s: u64,
}

/// How long acknowledgements took, in milliseconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct LatencyMs {
    /// Half of them took no longer.
    pub(crate) p50: f64,
    /// 99 of 100 took no longer.
    pub(crate) p99: f64,
    /// The longest.
    pub(crate) max: f64,
}

/// Counts that grow line by line.
pub(crate) struct Stats {
    pub(crate) acknowledged: AcknowledgedCounts,
    pub(crate) requests: RequestCounts,
    /// Operations that were given up without an acknowledgement.
    pub(crate) unknown: u64,
    latencies_us: Histogram<u64>,
}

impl Stats {
    /// Nothing counted.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            acknowledged: AcknowledgedCounts::default(),
            requests: RequestCounts::default(),
            unknown: 0,
            latencies_us: Histogram::new(3)?,
        })
    }

    /// Counts one line.
    pub(crate) fn add(&mut self, line: &Line) -> Result<()> {
        match &line.stage {
            Stage::Intent => {}
            Stage::Unknown(attempts) => {
                self.add_attempts(attempts);
                self.unknown += 1;
            }
            Stage::Acknowledged(acknowledged) => {
                self.add_attempts(&acknowledged.attempts);
                self.add_operation(&line.op, acknowledged.status);
                self.latencies_us.record(acknowledged.attempts.latency_us)?;
                if acknowledged.attempts.latency_us > 1_000_000 {
                    self.requests.slower_than_1s += 1;
                }
            }
        }
        Ok(())
    }

    /// The latencies so far.
    pub(crate) fn latency_ms(&self) -> LatencyMs {
        let ms = |us: u64| us as f64 / 1000.0;
        LatencyMs {
            p50: ms(self.latencies_us.value_at_quantile(0.5)),
            p99: ms(self.latencies_us.value_at_quantile(0.99)),
            max: ms(self.latencies_us.max()),
        }
    }

    fn add_attempts(&mut self, attempts: &Attempts) {
        self.requests.sent += attempts.attempts;
        self.requests.answered += attempts.answered;
        self.requests.failed += attempts.failed;
    }

    fn add_operation(&mut self, op: &Op, status: u16) {
        let counts = &mut self.acknowledged;
        counts.total += 1;
        match op {
            Op::Note { .. } => counts.notes += 1,
            Op::PutDocument { .. } => {
                counts.documents += 1;
                // 201 is the answer for a new one.
                counts.overwrites += u64::from(status == 200);
            }
            Op::DeleteDocument { .. } => counts.deletes += 1,
            Op::CreateSession { .. } => counts.sessions += 1,
            Op::UpdateSession { .. } => {
                counts.sessions += 1;
                counts.session_updates += 1;
            }
            Op::DeleteSession { .. } => counts.session_deletes += 1,
        }
    }
}
