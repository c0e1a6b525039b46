//! How long steps take. The figures are from moves between two PostgreSQL 15 servers on one
//! machine of 2 cores without TLS; `migrate rehearse` will replace them by measured ones.

use crate::plan::{Bytes, Interval};

/// Rows and their indexes arrive at 10 to 60 MB a second of database size: half of it is the copy.
pub(super) fn rows(bytes: &Bytes) -> Interval {
    at_rate(bytes.database_bytes, 20_000_000, 120_000_000, 1_000)
}

/// Building what is left of the indexes takes about as long as the copy.
pub(super) fn indexes(bytes: &Bytes) -> Interval {
    at_rate(bytes.database_bytes, 20_000_000, 120_000_000, 200)
}

/// Hashing every row on both sides: 1 GB took 26 s. A limited load takes longer in proportion.
pub(super) fn verify(bytes: &Bytes, max_load_percent: u32) -> Interval {
    let bytes =
        bytes.database_bytes.saturating_mul(100) / u64::from(max_load_percent.clamp(1, 100));
    at_rate(bytes, 20_000_000, 80_000_000, 300)
}

/// An object costs 0.3 to 5 ms, and its bytes pass at 50 to 400 MB a second.
pub(super) fn objects(count: u64, bytes: u64) -> Interval {
    let each = Interval::new(count * 3 / 10, count * 5);
    each.then(at_rate(bytes, 50_000_000, 400_000_000, 20))
}

/// A session costs 0.1 to 2 ms.
pub(super) fn sessions(count: u64) -> Interval {
    Interval::new(count / 10 + 5, count * 2 + 100)
}

/// The last pass inside the window carries what changed within about a second.
pub(super) const LAST_PASS: Interval = Interval::new(5, 250);

/// A page of a thousand keys takes 20 to 400 ms, and a last pass may list twice.
pub(super) fn listing(count: u64) -> Interval {
    let pages = count / 1_000 + 1;
    Interval::new(pages * 20, pages * 2 * 400).then(LAST_PASS)
}

/// Starting a process until its health path answers.
pub(super) const START: Interval = Interval::new(100, 5_000);

/// Making and starting a database server.
pub(super) const PROVISION: Interval = Interval::new(1_500, 20_000);

/// A handful of statements on two servers.
pub(super) const STATEMENTS: Interval = Interval::new(20, 500);

/// Waiting for a stream to bring what is on its way.
pub(super) const CATCH_UP: Interval = Interval::new(50, 5_000);

/// Stopping an application whose requests have ended.
pub(super) const STOP: Interval = Interval::new(20, 500);

/// One call to the edge.
pub(super) const EDGE: Interval = Interval::new(1, 20);

/// Measured inside the window: fence 45 to 69 ms, two empty polls included.
pub(super) const FENCE: Interval = Interval::new(40, 200);

/// Measured inside the window: the marker was seen after 5 to 23 ms.
pub(super) const MARKER: Interval = Interval::new(5, 100);

/// Measured inside the window: sequences 6 to 56 ms, hot ranges 76 to 171 ms.
pub(super) const SYNC: Interval = Interval::new(20, 500);

/// Measured inside the window: stopping the worker 46 to 129 ms, advancing the slot 1 to 36 ms.
pub(super) const DETACH: Interval = Interval::new(50, 300);

/// Measured inside the window: opening took 7 to 234 ms.
pub(super) const OPEN: Interval = Interval::new(5, 250);

/// The application reconnects every 50 ms and its ready path is polled every 100 ms.
pub(super) const READY: Interval = Interval::new(50, 1_000);

fn at_rate(bytes: u64, slow_per_s: u64, fast_per_s: u64, least_ms: u64) -> Interval {
    let low = bytes.saturating_mul(1_000) / fast_per_s;
    let high = bytes.saturating_mul(1_000) / slow_per_s;
    Interval::new(low + least_ms / 4, high + least_ms * 4)
}
