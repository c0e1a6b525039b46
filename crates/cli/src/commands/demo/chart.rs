//! The latency picture: each tenth of a second a dot at its slowest answer, and the moves as bands.

use serde::Serialize;
use serde_json::Value;

/// The drawing's size, in its own units.
const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 240.0;
/// Room for the axes.
const LEFT: f64 = 56.0;
const BOTTOM: f64 = 28.0;
const TOP: f64 = 16.0;
const RIGHT: f64 = 12.0;
/// The scale is logarithmic, from this latency up: the gap shows beside answers of a millisecond.
const LATENCY_MS_MIN: f64 = 0.3;

/// The picture's parts, for the template to draw.
#[derive(Debug, Serialize)]
pub(super) struct Chart {
    width: f64,
    height: f64,
    left: f64,
    right: f64,
    top: f64,
    base: f64,
    dots: Vec<Dot>,
    median: String,
    bands: Vec<Band>,
    latencies: Vec<Tick>,
    times: Vec<Tick>,
}

#[derive(Debug, Serialize)]
struct Dot {
    x: f64,
    y: f64,
}

#[derive(Debug, Serialize)]
struct Band {
    x: f64,
    width: f64,
    label: String,
}

#[derive(Debug, Serialize)]
struct Tick {
    at: f64,
    label: String,
}

/// A stretch of time to mark: its name and its two ends, in milliseconds since 1970.
pub(super) struct Mark {
    pub(super) label: String,
    pub(super) from_ms: i64,
    pub(super) to_ms: i64,
}

/// Where milliseconds and latencies lie in the picture.
struct Scale {
    first_ms: i64,
    span_ms: f64,
    latency_ms_max: f64,
}

impl Scale {
    fn x(&self, t_ms: i64) -> f64 {
        let share = (t_ms - self.first_ms) as f64 / self.span_ms;
        round(LEFT + share.clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT))
    }

    fn y(&self, latency_ms: f64) -> f64 {
        let decades = |value: f64| (value.max(LATENCY_MS_MIN) / LATENCY_MS_MIN).log10();
        let share = decades(latency_ms) / decades(self.latency_ms_max);
        round(HEIGHT - BOTTOM - share.min(1.0) * (HEIGHT - BOTTOM - TOP))
    }
}

impl Chart {
    /// Draws the witness's timeline; `None` when there is nothing to draw.
    pub(super) fn of(timeline: &Value, marks: &[Mark]) -> Option<Chart> {
        let buckets = timeline["buckets"].as_array()?;
        let first_ms = buckets.first()?["t_ms"].as_i64()?;
        let last_ms = buckets.last()?["t_ms"].as_i64()?;
        let millis = |bucket: &Value, key: &str| bucket[key].as_f64().map(|us| us / 1_000.0);
        let slowest = buckets.iter().filter_map(|bucket| millis(bucket, "max_us"));
        let latency_ms_max = slowest.fold(1_000.0_f64, f64::max) * 1.2;
        let span_ms = ((last_ms - first_ms) as f64).max(1.0);
        let scale = Scale { first_ms, span_ms, latency_ms_max };
        let point = |bucket: &Value, key: &str| {
            Some(Dot { x: scale.x(bucket["t_ms"].as_i64()?), y: scale.y(millis(bucket, key)?) })
        };
        let median: Vec<_> = buckets.iter().filter_map(|b| point(b, "median_us")).collect();
        Some(Chart {
            width: WIDTH,
            height: HEIGHT,
            left: LEFT,
            right: WIDTH - RIGHT,
            top: TOP,
            base: HEIGHT - BOTTOM,
            dots: buckets.iter().filter_map(|bucket| point(bucket, "max_us")).collect(),
            median: median.iter().map(|dot| format!("{},{} ", dot.x, dot.y)).collect(),
            bands: marks.iter().map(|mark| band(&scale, mark)).collect(),
            latencies: latencies(&scale),
            times: times(&scale, last_ms),
        })
    }
}

fn band(scale: &Scale, mark: &Mark) -> Band {
    let x = scale.x(mark.from_ms);
    let width = (scale.x(mark.to_ms) - x).max(1.5);
    Band { x, width: round(width), label: mark.label.clone() }
}

fn latencies(scale: &Scale) -> Vec<Tick> {
    let labels =
        [(1.0, "1 ms"), (10.0, "10 ms"), (100.0, "100 ms"), (1_000.0, "1 s"), (10_000.0, "10 s")];
    let shown = labels.iter().filter(|(latency, _)| *latency <= scale.latency_ms_max);
    shown.map(|(latency, label)| Tick { at: scale.y(*latency), label: (*label).into() }).collect()
}

fn times(scale: &Scale, last_ms: i64) -> Vec<Tick> {
    let every_s = [5, 10, 20, 30, 60, 120, 300]
        .into_iter()
        .find(|every| scale.span_ms / (f64::from(*every) * 1_000.0) <= 14.0)
        .unwrap_or(600);
    let step_ms = i64::from(every_s) * 1_000;
    let ticks = (0..).map(|n| n * step_ms).take_while(|at| scale.first_ms + at <= last_ms);
    ticks
        .map(|at| Tick { at: scale.x(scale.first_ms + at), label: format!("{} s", at / 1_000) })
        .collect()
}

fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
