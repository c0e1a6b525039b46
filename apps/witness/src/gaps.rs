//! What a switch looked like to the writers: the gap between acknowledgements, and latencies.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::Result;
use crate::journal::{Line, Stage};
use crate::stats::{RequestCounts, Stats};

/// Length of one piece of the timeline, in milliseconds.
const BUCKET_MS: i64 = 100;
/// The longest timeline, in pieces: two hours.
const BUCKETS_MAX: i64 = 72_000;

/// The gaps around each instant.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Gaps {
    gaps: Vec<Gap>,
}

/// The gaps around one instant, in milliseconds.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Gap {
    /// The instant, in milliseconds since 1970.
    at_ms: i64,
    /// One value for each writer: its last acknowledgement at or before the instant to its first
    /// after it.
    all: Vec<i64>,
    /// The value in the middle.
    median: Option<f64>,
    /// The longest.
    max: Option<i64>,
    /// Writers that have no acknowledgement on one of the two sides.
    without: usize,
}

/// Latencies over time.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Timeline {
    bucket_ms: i64,
    buckets: Vec<Bucket>,
    /// The requests of what was acknowledged in this time.
    requests: RequestCounts,
}

/// The acknowledgements of a tenth of a second.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Bucket {
    /// Its beginning, in milliseconds since 1970.
    t_ms: i64,
    /// How many acknowledgements came.
    count: usize,
    /// The latency in the middle, in microseconds; nothing when none came.
    median_us: Option<u64>,
    /// The longest latency, in microseconds.
    max_us: Option<u64>,
}

/// The gaps of all writers around each of the instants.
pub(crate) fn gaps(lines: &[Line], at_ms: &[i64]) -> Gaps {
    let mut writers: BTreeMap<usize, Vec<i64>> = BTreeMap::new();
    for line in lines {
        let acknowledged_ms = writers.entry(line.writer).or_default();
        if let Stage::Acknowledged(acknowledged) = &line.stage {
            acknowledged_ms.push(acknowledged.acked_ms);
        }
    }
    writers.values_mut().for_each(|times| times.sort_unstable());
    Gaps { gaps: at_ms.iter().map(|at_ms| gap(&writers, *at_ms)).collect() }
}

fn gap(writers: &BTreeMap<usize, Vec<i64>>, at_ms: i64) -> Gap {
    let mut all: Vec<i64> = writers
        .values()
        .filter_map(|times| {
            let after = times.partition_point(|time| *time <= at_ms);
            Some(times.get(after)? - times.get(after.checked_sub(1)?)?)
        })
        .collect();
    all.sort_unstable();
    let median = (!all.is_empty())
        .then(|| (all[(all.len() - 1) / 2] as f64 + all[all.len() / 2] as f64) / 2.0);
    Gap { at_ms, median, max: all.last().copied(), without: writers.len() - all.len(), all }
}

/// The latencies in each piece of the time between two instants, empty pieces included.
pub(crate) fn timeline(lines: &[Line], from: Option<i64>, to: Option<i64>) -> Result<Timeline> {
    let acknowledged: Vec<(i64, u64)> = lines
        .iter()
        .filter_map(|line| match &line.stage {
            Stage::Acknowledged(acknowledged) => {
                Some((acknowledged.acked_ms, acknowledged.attempts.latency_us))
            }
            _ => None,
        })
        .collect();
    let times = || acknowledged.iter().map(|(time, _)| *time);
    let (Some(first), Some(last)) = (from.or(times().min()), to.or(times().max())) else {
        let requests = RequestCounts::default();
        return Ok(Timeline { bucket_ms: BUCKET_MS, buckets: Vec::new(), requests });
    };
    let count = (last - first).div_euclid(BUCKET_MS) + 1;
    if !(0..=BUCKETS_MAX).contains(&count) {
        return Err(format!(
            "{first} to {last} is no span of at most {} s",
            BUCKETS_MAX * BUCKET_MS / 1000
        )
        .into());
    }
    let mut latencies: Vec<Vec<u64>> = vec![Vec::new(); count as usize];
    for (time, latency_us) in acknowledged {
        let piece = usize::try_from((time - first).div_euclid(BUCKET_MS)).ok();
        if let Some(bucket) = piece.and_then(|piece| latencies.get_mut(piece)) {
            bucket.push(latency_us);
        }
    }
    let bucket = |(n, latencies)| bucket(first + n as i64 * BUCKET_MS, latencies);
    let buckets = latencies.into_iter().enumerate().map(bucket).collect();
    Ok(Timeline { bucket_ms: BUCKET_MS, buckets, requests: requests(lines, first, last)? })
}

/// The requests of every operation that was acknowledged between two instants, both included.
fn requests(lines: &[Line], first_ms: i64, last_ms: i64) -> Result<RequestCounts> {
    let mut stats = Stats::new()?;
    for line in lines {
        if let Stage::Acknowledged(acknowledged) = &line.stage
            && (first_ms..=last_ms).contains(&acknowledged.acked_ms)
        {
            stats.add(line)?;
        }
    }
    Ok(stats.requests)
}

fn bucket(t_ms: i64, mut latencies: Vec<u64>) -> Bucket {
    latencies.sort_unstable();
    Bucket {
        t_ms,
        count: latencies.len(),
        median_us: latencies.get(latencies.len() / 2).copied(),
        max_us: latencies.last().copied(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Acknowledged, Attempts, Op};

    fn acknowledged(writer: usize, acked_ms: i64, latency_us: u64) -> Line {
        let attempts = Attempts { latency_us, ..Default::default() };
        let stage = Stage::Acknowledged(Acknowledged { acked_ms, attempts, ..Default::default() });
        let op = Op::DeleteDocument { document: "d".into() };
        Line { t_ms: acked_ms, writer, key: String::new(), op, stage }
    }

    #[test]
    fn a_gap_reaches_from_the_last_before_to_the_first_after() {
        let lines = [
            acknowledged(1, 100, 1),
            acknowledged(1, 200, 1),
            acknowledged(1, 450, 1),
            acknowledged(2, 190, 1),
            acknowledged(2, 290, 1),
            acknowledged(3, 150, 1),
        ];
        let found = gaps(&lines, &[200, 5]);
        let expected = Gap {
            at_ms: 200,
            all: vec![100, 250],
            median: Some(175.0),
            max: Some(250),
            without: 1,
        };
        assert_eq!(found.gaps[0], expected);
        let nothing = Gap { at_ms: 5, all: vec![], median: None, max: None, without: 3 };
        assert_eq!(found.gaps[1], nothing);
    }

    #[test]
    fn a_timeline_shows_empty_pieces() {
        let lines = [acknowledged(1, 1000, 7), acknowledged(1, 1050, 9), acknowledged(1, 1250, 5)];
        let found = timeline(&lines, None, None).unwrap().buckets;
        let counts: Vec<_> = found.iter().map(|bucket| (bucket.t_ms, bucket.count)).collect();
        assert_eq!(counts, [(1000, 2), (1100, 0), (1200, 1)]);
        assert_eq!((found[0].median_us, found[0].max_us), (Some(9), Some(9)));
        assert_eq!(found[1].max_us, None);
    }

    #[test]
    fn a_timeline_without_end_is_refused() {
        let error = timeline(&[], Some(0), Some(i64::MAX / 2)).unwrap_err().to_string();
        assert!(error.contains("at most 7200 s"), "{error}");
    }
}
