//! The alarms of the specification in the words of CloudWatch, and who is told.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Number;
use trefoil_core::deployment::{Deployment, Metric};
use trefoil_core::spec::{Alarm as Asked, AppSpec, Comparison, Statistic};

use super::names::{fit, identifier, slug};
use crate::operate::render::seconds;

/// An alarm of the specification.
#[derive(Debug, Serialize)]
pub(super) struct Alarm {
    key: String,
    ident: String,
    name: String,
    metric_name: String,
    comparison: &'static str,
    threshold: Number,
    periods: u32,
    period_s: u64,
    missing: &'static str,
    topic: Option<String>,
    /// How the metrics become one value, when they are several.
    formula: Option<String>,
    metrics: Vec<Measured>,
}

/// A metric of CloudWatch.
#[derive(Debug, Serialize)]
struct Measured {
    id: &'static str,
    namespace: String,
    name: String,
    statistic: &'static str,
    /// What it is measured of.
    of: &'static str,
}

/// Somebody who is told.
#[derive(Debug, Serialize)]
pub(super) struct Topic {
    key: String,
    protocol: &'static str,
    endpoint: String,
}

/// The alarms of the specification.
pub(super) fn alarms(deployment: &Deployment, name: &str, storage_gb: u64) -> Vec<Alarm> {
    let spec = &deployment.spec;
    spec.alarms.iter().map(|(key, asked)| alarm(spec, name, key, asked, storage_gb)).collect()
}

/// Everybody who is told by an alarm of the specification.
pub(super) fn topics(spec: &AppSpec) -> Vec<Topic> {
    let told: BTreeMap<_, _> = spec
        .alarms
        .values()
        .filter_map(|one| one.notify.as_ref())
        .map(|to| (slug(to), to))
        .collect();
    let topic = |(key, to): (String, &String)| Topic {
        key,
        protocol: if is_web(to) { "https" } else { "email" },
        endpoint: to.clone(),
    };
    told.into_iter().map(topic).collect()
}

/// Those of them who are told by e-mail.
pub(super) fn emails(spec: &AppSpec) -> Vec<String> {
    let all = spec.alarms.values().filter_map(|one| one.notify.as_ref());
    let mut emails: Vec<String> = all.filter(|to| !is_web(to)).cloned().collect();
    emails.sort();
    emails.dedup();
    emails
}

/// Whether an alarm watches a metric that the application sends itself.
pub(super) fn sends_metrics(spec: &AppSpec) -> bool {
    spec.alarms.values().any(|one| matches!(Metric::of(&one.metric), Metric::Own(_)))
}

/// Whether an alarm counts tasks that ended by themselves.
pub(super) fn counts_restarts(spec: &AppSpec) -> bool {
    spec.alarms.values().any(|one| Metric::of(&one.metric) == Metric::Restarts)
}

fn is_web(to: &str) -> bool {
    to.starts_with("https:")
}

fn alarm(spec: &AppSpec, name: &str, key: &str, asked: &Asked, storage_gb: u64) -> Alarm {
    let metric = Metric::of(&asked.metric);
    let statistic = statistic(asked.statistic);
    Alarm {
        key: key.to_owned(),
        ident: identifier("alarm", key),
        name: fit(&format!("{name}-alarm-{key}"), 255),
        metric_name: asked.metric.clone(),
        comparison: comparison(asked.comparison),
        threshold: threshold(metric, asked.threshold),
        periods: asked.evaluation_periods,
        period_s: seconds(asked.period),
        // Too little of something may well be none of it.
        missing: match asked.comparison {
            Comparison::LessThan | Comparison::LessOrEqual => "breaching",
            _ => "notBreaching",
        },
        topic: asked.notify.as_deref().map(slug),
        formula: match metric {
            Metric::ErrorRate => Some("100 * errors / requests".into()),
            Metric::DatabaseDisk => Some(format!("100 - 100 * free / {}", disk_bytes(storage_gb))),
            _ => None,
        },
        metrics: measured(spec, metric, statistic),
    }
}

/// RDS counts its disks in GiB.
fn disk_bytes(storage_gb: u64) -> u64 {
    storage_gb << 30
}

fn measured(spec: &AppSpec, metric: Metric<'_>, statistic: &'static str) -> Vec<Measured> {
    let of = |id, namespace: &str, name: &str, statistic, of| Measured {
        id,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        statistic,
        of,
    };
    let balancer =
        |name, statistic| of("m", "AWS/ApplicationELB", name, statistic, "load_balancer");
    let service = |name| of("m", "AWS/ECS", name, statistic, "service");
    let database = |name| of("m", "AWS/RDS", name, statistic, "database");
    vec![match metric {
        Metric::ErrorRate => {
            let errors = balancer("HTTPCode_Target_5XX_Count", "Sum");
            let requests = balancer("RequestCount", "Sum");
            return vec![
                Measured { id: "errors", ..errors },
                Measured { id: "requests", ..requests },
            ];
        }
        Metric::ResponseTime => balancer("TargetResponseTime", statistic),
        // CloudWatch has one sample for each request: their number is a sum.
        Metric::Requests => balancer("RequestCount", "Sum"),
        Metric::Cpu => service("CPUUtilization"),
        Metric::Memory => service("MemoryUtilization"),
        Metric::Instances => {
            of("m", "ECS/ContainerInsights", "RunningTaskCount", statistic, "service")
        }
        Metric::Restarts => of("m", "AWS/Events", "MatchedEvents", "Sum", "rule"),
        Metric::DatabaseCpu => database("CPUUtilization"),
        Metric::DatabaseDisk => Measured { id: "free", ..database("FreeStorageSpace") },
        Metric::DatabaseConnections => database("DatabaseConnections"),
        Metric::Own(name) => of("m", &spec.name, name, statistic, "own"),
    }]
}

/// CloudWatch measures how long answers take in seconds.
fn threshold(metric: Metric<'_>, asked: f64) -> Number {
    let value = match metric {
        Metric::ResponseTime => asked / 1_000.0,
        _ => asked,
    };
    let whole = value.fract() == 0.0 && value.abs() < 9.0e15;
    match Number::from_f64(value) {
        Some(_) if whole => Number::from(value as i64),
        Some(number) => number,
        None => Number::from(0),
    }
}

fn comparison(asked: Comparison) -> &'static str {
    match asked {
        Comparison::GreaterThan => "GreaterThanThreshold",
        Comparison::GreaterOrEqual => "GreaterThanOrEqualToThreshold",
        Comparison::LessThan => "LessThanThreshold",
        Comparison::LessOrEqual => "LessThanOrEqualToThreshold",
    }
}

fn statistic(asked: Statistic) -> &'static str {
    match asked {
        Statistic::Average => "Average",
        Statistic::Sum => "Sum",
        Statistic::Minimum => "Minimum",
        Statistic::Maximum => "Maximum",
    }
}
