//! The edge's counts, and their text for Prometheus.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use trefoil_clouds::operate::edge_protocol::{EdgeCounters, EdgeStatus};

/// Upper bounds of the latency histogram, in seconds: a switch of some seconds must be visible
/// as well as ordinary answers of some milliseconds.
const BOUNDS_SECONDS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// A number that only grows.
#[derive(Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How many requests there may be, for the metrics.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// That wait; 0 when requests are not held.
    pub(super) held: u64,
    /// That are under way.
    pub(super) requests: u64,
}

/// What is counted since the edge started.
#[derive(Default)]
pub(super) struct Metrics {
    pub(super) requests: Counter,
    pub(super) held: Counter,
    pub(super) refused: Counter,
    pub(super) upstream_errors: Counter,
    pub(super) cut: Counter,
    pub(super) retried: Counter,
    /// One per bound; those above the last bound are in `observed` alone.
    buckets: [Counter; BOUNDS_SECONDS.len()],
    observed: Counter,
    observed_micros: Counter,
}

impl Metrics {
    /// A request took this long.
    pub(super) fn observe(&self, took: Duration) {
        let bucket = BOUNDS_SECONDS.iter().position(|bound| took.as_secs_f64() <= *bound);
        if let Some(bucket) = bucket {
            self.buckets[bucket].add(1);
        }
        self.observed.add(1);
        self.observed_micros.add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }

    pub(super) fn counters(&self) -> EdgeCounters {
        EdgeCounters {
            requests: self.requests.get(),
            held: self.held.get(),
            refused: self.refused.get(),
            upstream_errors: self.upstream_errors.get(),
            cut: self.cut.get(),
            retried: self.retried.get(),
        }
    }

    /// The text that `GET /metrics` answers, in Prometheus' exposition format 0.0.4.
    pub(super) fn render(&self, status: &EdgeStatus, limits: Limits) -> String {
        let counters = &status.counters;
        let mut text = String::new();
        let mut number = |name: &str, kind: &str, help: &str, value: u64| {
            let name = format!("trefoil_edge_{name}");
            head(&mut text, &name, kind, help);
            line(&mut text, format_args!("{name} {value}"));
        };
        number("requests_total", "counter", "Requests that came in.", counters.requests);
        number("held_total", "counter", "Requests that waited for a switch.", counters.held);
        number("refused_total", "counter", "Requests answered 503.", counters.refused);
        let help = "Requests answered 502 or 504.";
        number("upstream_errors_total", "counter", help, counters.upstream_errors);
        number("cut_total", "counter", "Requests cut at the end of a drain.", counters.cut);
        let help = "Further tries after the upstream's connection had failed.";
        number("retried_total", "counter", help, counters.retried);
        number("held_requests", "gauge", "Requests that wait now.", status.held);
        number(
            "held_requests_limit",
            "gauge",
            "How many may wait; 0 when not holding.",
            limits.held,
        );
        number("in_flight_requests", "gauge", "Requests at the upstream now.", status.in_flight);
        let help = "How many requests may be under way.";
        number("requests_limit", "gauge", help, limits.requests);
        number("holding", "gauge", "1 while new requests wait.", u64::from(status.holding));
        number("epoch", "gauge", "The epoch under which the upstream serves.", status.epoch);
        self.histogram(&mut text);
        text
    }

    fn histogram(&self, text: &mut String) {
        let name = "trefoil_edge_request_duration_seconds";
        head(text, name, "histogram", "From a request's head to its answer's last byte.");
        let mut below = 0;
        for (bound, bucket) in BOUNDS_SECONDS.iter().zip(&self.buckets) {
            below += bucket.get();
            line(text, format_args!("{name}_bucket{{le=\"{bound}\"}} {below}"));
        }
        let all = self.observed.get();
        line(text, format_args!("{name}_bucket{{le=\"+Inf\"}} {all}"));
        let seconds = Duration::from_micros(self.observed_micros.get()).as_secs_f64();
        line(text, format_args!("{name}_sum {seconds}"));
        line(text, format_args!("{name}_count {all}"));
    }
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{line}");
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    line(text, format_args!("# HELP {name} {help}"));
    line(text, format_args!("# TYPE {name} {kind}"));
}
