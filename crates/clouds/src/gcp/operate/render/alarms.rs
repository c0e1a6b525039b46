//! Alarms and charts in the words of Cloud Monitoring.

use std::collections::BTreeMap;

use serde::Serialize;
use trefoil_core::deployment::{Deployment, Metric};
use trefoil_core::spec::{Alarm, Comparison, Statistic};
use trefoil_core::units::Period;

use super::names;
use crate::operate::render::seconds;

/// Who is told, and of what.
#[derive(Debug, Serialize)]
pub(super) struct Monitoring {
    channels: Vec<Channel>,
    /// Whether it is asked from outside whether users are served.
    host: bool,
    own_metrics: Vec<OwnMetric>,
    counts_restarts: bool,
    alarms: Vec<Policy>,
}

/// Where somebody is told.
#[derive(Debug, Serialize)]
struct Channel {
    label: String,
    target: String,
    is_email: bool,
}

/// A metric that the application sends itself.
#[derive(Debug, Serialize)]
struct OwnMetric {
    label: String,
    name: String,
}

/// One alarm.
#[derive(Debug, Serialize)]
struct Policy {
    label: String,
    name: String,
    severity: &'static str,
    channel: Option<String>,
    condition: String,
    explanation: String,
    filter: String,
    of_database: bool,
    denominator: Option<String>,
    comparison: &'static str,
    threshold: String,
    is_next_below: bool,
    is_next_above: bool,
    duration_s: u64,
    period_s: u64,
    missing_is_active: bool,
    aligner: &'static str,
    reducer: &'static str,
    needs: Option<String>,
}

/// Where a metric's values are, and how they become one.
struct Series {
    filter: String,
    of_database: bool,
    denominator: Option<String>,
    /// By what a threshold is divided: Google counts shares from 0 to 1.
    scale: f64,
    /// Whether its values are distributions.
    is_distribution: bool,
    /// Whether it counts what happened, so that its sum is the only sense.
    is_count: bool,
    /// Whether its parts add up to the whole: states of instances, databases of a server.
    is_total: bool,
}

/// The charts of the dashboard.
#[derive(Debug, Serialize)]
pub(super) struct Dashboard {
    pub charts: Vec<Chart>,
}

/// One chart.
#[derive(Debug, Serialize)]
pub(super) struct Chart {
    title: &'static str,
    x: usize,
    y: usize,
    filter: String,
    of_database: bool,
    aligner: &'static str,
    reducer: &'static str,
    group_by: &'static str,
    unit: &'static str,
}

/// An alarm that every environment has, unless the specification watches that metric itself.
struct Usual {
    name: &'static str,
    metric: &'static str,
    threshold: f64,
    statistic: Statistic,
    needs_database: bool,
}

const fn usual(
    name: &'static str,
    metric: &'static str,
    threshold: f64,
    needs_database: bool,
) -> Usual {
    Usual { name, metric, threshold, statistic: Statistic::Average, needs_database }
}

/// What no environment should be without: failing, slow, full.
const USUAL: [Usual; 4] = [
    usual("error-rate", "error_rate", 5.0, false),
    Usual {
        statistic: Statistic::Maximum,
        ..usual("response-time", "response_time", 5_000.0, false)
    },
    usual("database-cpu", "database_cpu", 90.0, true),
    usual("database-disk", "database_disk", 90.0, true),
];

impl Monitoring {
    /// What is watched in an environment.
    pub(super) fn of(deployment: &Deployment) -> Self {
        let spec = &deployment.spec;
        let channels = channels(deployment);
        let mut alarms: Vec<_> = spec
            .alarms
            .iter()
            .filter(|(_, alarm)| is_there(deployment, Metric::of(&alarm.metric)))
            .map(|(name, alarm)| policy(deployment, ("alarm", name), alarm, &channels))
            .collect();
        alarms.extend(
            usual_alarms(deployment)
                .iter()
                .map(|(name, alarm)| policy(deployment, ("usual", name), alarm, &channels)),
        );
        let watches =
            |metric| spec.alarms.values().any(|alarm| Metric::of(&alarm.metric) == metric);
        Self {
            own_metrics: own_metrics(deployment),
            counts_restarts: spec.application.is_some() && watches(Metric::Restarts),
            host: spec.application.is_some(),
            channels: channels.into_values().collect(),
            alarms,
        }
    }

    /// Whether the application sends metrics of its own.
    pub(super) fn has_own_metrics(&self) -> bool {
        !self.own_metrics.is_empty()
    }
}

/// Whether there is something in the environment that a metric is about.
fn is_there(deployment: &Deployment, metric: Metric<'_>) -> bool {
    match metric {
        Metric::DatabaseCpu | Metric::DatabaseDisk | Metric::DatabaseConnections => {
            deployment.spec.database.is_some()
        }
        _ => deployment.spec.application.is_some(),
    }
}

/// The places where somebody is told, each once, by who is told.
fn channels(deployment: &Deployment) -> BTreeMap<String, Channel> {
    let notified = deployment.spec.alarms.values().filter_map(|alarm| alarm.notify.clone());
    let targets: std::collections::BTreeSet<String> = notified.collect();
    let channel = |(index, target): (usize, String)| {
        let is_email = !target.starts_with("https:");
        (target.clone(), Channel { label: format!("told_{}", index + 1), target, is_email })
    };
    targets.into_iter().enumerate().map(channel).collect()
}

fn own_metrics(deployment: &Deployment) -> Vec<OwnMetric> {
    let metrics = deployment.spec.alarms.values().filter_map(|alarm| own(&alarm.metric));
    let each: std::collections::BTreeSet<&str> =
        metrics.filter(|_| deployment.spec.application.is_some()).collect();
    each.into_iter()
        .map(|name| OwnMetric { label: own_label(name), name: name.to_owned() })
        .collect()
}

fn own(metric: &str) -> Option<&str> {
    match Metric::of(metric) {
        Metric::Own(name) => Some(name),
        _ => None,
    }
}

/// A label in Terraform; metrics have dots, which labels have not.
fn own_label(metric: &str) -> String {
    let escaped = metric.chars().map(|one| match one {
        '.' => "--".to_owned(),
        other => other.to_string(),
    });
    format!("own_{}", escaped.collect::<String>())
}

/// The alarms that the specification leaves out.
fn usual_alarms(deployment: &Deployment) -> Vec<(&'static str, Alarm)> {
    let spec = &deployment.spec;
    let is_missing = |usual: &&Usual| {
        let has_part =
            if usual.needs_database { spec.database.is_some() } else { spec.application.is_some() };
        has_part && !spec.alarms.values().any(|alarm| alarm.metric == usual.metric)
    };
    USUAL
        .iter()
        .filter(is_missing)
        .map(|usual| {
            let alarm = Alarm {
                metric: usual.metric.to_owned(),
                threshold: usual.threshold,
                comparison: Comparison::GreaterThan,
                statistic: usual.statistic,
                period: Period::from_millis(300_000),
                evaluation_periods: 2,
                notify: None,
            };
            (usual.name, alarm)
        })
        .collect()
}

fn policy(
    deployment: &Deployment,
    (kind, name): (&str, &str),
    alarm: &Alarm,
    channels: &BTreeMap<String, Channel>,
) -> Policy {
    let series = series(deployment, Metric::of(&alarm.metric));
    let (aligner, reducer) = aggregation(&series, alarm.statistic);
    let (comparison, threshold, next) =
        comparison(alarm.comparison, alarm.threshold / series.scale);
    let period_s = seconds(alarm.period);
    let duration_s = period_s * u64::from(alarm.evaluation_periods.saturating_sub(1));
    let is_below = matches!(alarm.comparison, Comparison::LessThan | Comparison::LessOrEqual);
    let channel = alarm.notify.as_ref().and_then(|target| channels.get(target));
    Policy {
        label: names::label(kind, name),
        name: name.to_owned(),
        severity: if alarm.metric == "error_rate" { "CRITICAL" } else { "WARNING" },
        channel: channel.map(|channel| channel.label.clone()),
        condition: condition(alarm),
        explanation: format!("{}: {}.", deployment.spec.name, condition(alarm)),
        filter: series.filter,
        of_database: series.of_database,
        denominator: series.denominator,
        comparison,
        threshold,
        is_next_below: next == Next::Below,
        is_next_above: next == Next::Above,
        duration_s,
        period_s,
        missing_is_active: is_below && series.is_count && duration_s > 0,
        aligner,
        reducer,
        needs: needs(&alarm.metric),
    }
}

/// What an alarm waits for, in words.
fn condition(alarm: &Alarm) -> String {
    let comparison = match alarm.comparison {
        Comparison::GreaterThan => "above",
        Comparison::GreaterOrEqual => "at or above",
        Comparison::LessThan => "below",
        Comparison::LessOrEqual => "at or below",
    };
    let (metric, threshold) = (&alarm.metric, alarm.threshold);
    let (periods, period) = (alarm.evaluation_periods, alarm.period);
    format!("{metric} is {comparison} {threshold} for {periods} x {period}")
}

/// What must exist before an alarm on a metric can.
fn needs(metric: &str) -> Option<String> {
    match Metric::of(metric) {
        Metric::Own(name) => {
            Some(format!("google_monitoring_metric_descriptor.{}", own_label(name)))
        }
        Metric::Restarts => Some("google_logging_metric.restarts".to_owned()),
        _ => None,
    }
}

fn series(deployment: &Deployment, metric: Metric<'_>) -> Series {
    let base = names::base(deployment);
    let of_service = |metric: &str| {
        format!(
            "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"{base}\" \
             AND metric.type=\"{metric}\""
        )
    };
    let run = |metric: &str| of_service(&format!("run.googleapis.com/{metric}"));
    let plain = |filter| Series {
        filter,
        of_database: false,
        denominator: None,
        scale: 1.0,
        is_distribution: false,
        is_count: false,
        is_total: false,
    };
    let database = |metric: &str, scale| Series {
        of_database: true,
        scale,
        ..plain(format!(
            "resource.type=\"cloudsql_database\" AND \
             metric.type=\"cloudsql.googleapis.com/database/{metric}\""
        ))
    };
    let distribution = |filter, scale| Series { scale, is_distribution: true, ..plain(filter) };
    match metric {
        Metric::ErrorRate => Series {
            denominator: Some(run("request_count")),
            scale: 100.0,
            is_count: true,
            ..plain(format!(
                "{} AND metric.labels.response_code_class=\"5xx\"",
                run("request_count")
            ))
        },
        Metric::ResponseTime => distribution(run("request_latencies"), 1.0),
        Metric::Requests => Series { is_count: true, ..plain(run("request_count")) },
        Metric::Cpu => distribution(run("container/cpu/utilizations"), 100.0),
        Metric::Memory => distribution(run("container/memory/utilizations"), 100.0),
        Metric::Instances => Series { is_total: true, ..plain(run("container/instance_count")) },
        Metric::Restarts => Series {
            is_count: true,
            ..plain(of_service(&format!("logging.googleapis.com/user/{base}/restarts")))
        },
        Metric::DatabaseCpu => database("cpu/utilization", 100.0),
        Metric::DatabaseDisk => database("disk/utilization", 100.0),
        Metric::DatabaseConnections => {
            Series { is_total: true, ..database("postgresql/num_backends", 1.0) }
        }
        Metric::Own(name) => plain(format!(
            "resource.type=\"generic_task\" AND metric.type=\"custom.googleapis.com/{name}\""
        )),
    }
}

/// How the values of one period become one, and those of all instances too.
fn aggregation(series: &Series, statistic: Statistic) -> (&'static str, &'static str) {
    if series.is_count {
        return ("ALIGN_DELTA", "REDUCE_SUM");
    }
    if series.is_distribution {
        return match statistic {
            Statistic::Average | Statistic::Sum => ("ALIGN_DELTA", "REDUCE_MEAN"),
            Statistic::Minimum => ("ALIGN_PERCENTILE_05", "REDUCE_MIN"),
            Statistic::Maximum => ("ALIGN_PERCENTILE_99", "REDUCE_MAX"),
        };
    }
    let (aligner, reducer) = match statistic {
        Statistic::Average => ("ALIGN_MEAN", "REDUCE_MEAN"),
        Statistic::Sum => ("ALIGN_SUM", "REDUCE_SUM"),
        Statistic::Minimum => ("ALIGN_MIN", "REDUCE_MIN"),
        Statistic::Maximum => ("ALIGN_MAX", "REDUCE_MAX"),
    };
    (aligner, if series.is_total { "REDUCE_SUM" } else { reducer })
}

/// Which neighbour of the threshold stands for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Itself,
    Below,
    Above,
}

/// The API knows only above and below: "at or above" is above the next smaller number.
fn comparison(comparison: Comparison, threshold: f64) -> (&'static str, String, Next) {
    let (name, threshold, next) = match comparison {
        Comparison::GreaterThan => ("COMPARISON_GT", threshold, Next::Itself),
        Comparison::GreaterOrEqual => ("COMPARISON_GT", threshold.next_down(), Next::Below),
        Comparison::LessThan => ("COMPARISON_LT", threshold, Next::Itself),
        Comparison::LessOrEqual => ("COMPARISON_LT", threshold.next_up(), Next::Above),
    };
    (name, threshold.to_string(), next)
}

impl Dashboard {
    /// The charts of an environment.
    pub(super) fn of(deployment: &Deployment) -> Self {
        let spec = &deployment.spec;
        let mut charts = Vec::new();
        if spec.application.is_some() {
            charts.extend(SERVICE_CHARTS.iter().map(|chart| chart.of_service(deployment)));
        }
        if spec.database.is_some() {
            charts.extend(DATABASE_CHARTS.iter().map(Plain::of_database));
        }
        for (index, chart) in charts.iter_mut().enumerate() {
            (chart.x, chart.y) = (index % 2 * 6, index / 2 * 4);
        }
        Self { charts }
    }
}

/// A chart before it has its place: title, metric, aligner, reducer, grouping and unit.
struct Plain(&'static str, &'static str, &'static str, &'static str, &'static str, &'static str);

const SERVICE_CHARTS: [Plain; 6] = [
    Plain(
        "Requests by answer",
        "request_count",
        "ALIGN_RATE",
        "REDUCE_SUM",
        "metric.label.response_code_class",
        "1/s",
    ),
    Plain(
        "Response time, 95th percentile",
        "request_latencies",
        "ALIGN_DELTA",
        "REDUCE_PERCENTILE_95",
        "",
        "ms",
    ),
    Plain(
        "Instances",
        "container/instance_count",
        "ALIGN_MAX",
        "REDUCE_SUM",
        "metric.label.state",
        "",
    ),
    Plain(
        "Processor in use, 95th percentile",
        "container/cpu/utilizations",
        "ALIGN_DELTA",
        "REDUCE_PERCENTILE_95",
        "",
        "1 = all",
    ),
    Plain(
        "Memory in use, 95th percentile",
        "container/memory/utilizations",
        "ALIGN_DELTA",
        "REDUCE_PERCENTILE_95",
        "",
        "1 = all",
    ),
    Plain(
        "Start of an instance, 95th percentile",
        "container/startup_latencies",
        "ALIGN_DELTA",
        "REDUCE_PERCENTILE_95",
        "",
        "ms",
    ),
];

const DATABASE_CHARTS: [Plain; 4] = [
    Plain(
        "Database: processor in use",
        "cpu/utilization",
        "ALIGN_MEAN",
        "REDUCE_MEAN",
        "",
        "1 = all",
    ),
    Plain(
        "Database: memory in use",
        "memory/utilization",
        "ALIGN_MEAN",
        "REDUCE_MEAN",
        "",
        "1 = all",
    ),
    Plain("Database: disk in use", "disk/utilization", "ALIGN_MEAN", "REDUCE_MEAN", "", "1 = all"),
    Plain("Database: connections", "postgresql/num_backends", "ALIGN_MEAN", "REDUCE_SUM", "", ""),
];

impl Plain {
    fn of_service(&self, deployment: &Deployment) -> Chart {
        let (service, metric) = (names::base(deployment), self.1);
        self.chart(
            format!(
                "resource.type=\"cloud_run_revision\" resource.label.service_name=\"{service}\" \
                 metric.type=\"run.googleapis.com/{metric}\""
            ),
            false,
        )
    }

    fn of_database(&self) -> Chart {
        let metric = self.1;
        self.chart(
            format!(
                "resource.type=\"cloudsql_database\" \
                 metric.type=\"cloudsql.googleapis.com/database/{metric}\""
            ),
            true,
        )
    }

    fn chart(&self, filter: String, of_database: bool) -> Chart {
        let Plain(title, _, aligner, reducer, group_by, unit) = *self;
        Chart { title, x: 0, y: 0, filter, of_database, aligner, reducer, group_by, unit }
    }
}
