//! When somebody is told: the alarms of the specification, and the basic ones that every
//! environment has.

use std::collections::BTreeMap;

use serde::Serialize;
use trefoil_core::deployment::{Deployment, Metric};
use trefoil_core::spec::{Alarm, Comparison, Statistic};

use super::names;

/// Windows over which a metric can be judged, in minutes.
const WINDOWS: [(u64, &str); 8] = [
    (1, "PT1M"),
    (5, "PT5M"),
    (15, "PT15M"),
    (30, "PT30M"),
    (60, "PT1H"),
    (360, "PT6H"),
    (720, "PT12H"),
    (1_440, "P1D"),
];
/// The longest of them, in minutes.
pub(super) const LONGEST_WINDOW_MIN: u64 = 1_440;
/// Periods in a row that a question to the logs can look back over.
const MOST_PERIODS: u32 = 6;
const MINUTE_MS: u64 = 60_000;

const APPLICATION: &str = "Microsoft.App/containerApps";
const DATABASE: &str = "Microsoft.DBforPostgreSQL/flexibleServers";
const FRONT_DOOR: &str = "Microsoft.Cdn/profiles";

/// All alarms of an environment.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Alerts {
    /// Those on metrics that Azure keeps.
    pub(super) metrics: Vec<MetricAlert>,
    /// Those on what the application sends to Application Insights.
    pub(super) queries: Vec<QueryAlert>,
    /// Whether any watches the application.
    pub(super) application: bool,
    /// Whether any watches the database.
    pub(super) database: bool,
    /// Whether any watches Front Door.
    pub(super) front_door: bool,
}

/// An alarm on a metric that Azure keeps.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct MetricAlert {
    symbol: String,
    name: String,
    description: String,
    severity: u8,
    scope: &'static str,
    namespace: &'static str,
    metric: &'static str,
    aggregation: &'static str,
    operator: &'static str,
    threshold: i64,
    /// The threshold, where it is no whole number.
    fraction: Option<String>,
    window: &'static str,
    frequency: &'static str,
    dimension: Option<Dimension>,
}

/// What of a metric counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Dimension {
    name: &'static str,
    value: &'static str,
}

/// An alarm on what the application sends to Application Insights.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct QueryAlert {
    symbol: String,
    name: String,
    description: String,
    severity: u8,
    query: String,
    aggregation: &'static str,
    operator: &'static str,
    threshold: i64,
    fraction: Option<String>,
    window: &'static str,
    periods: u32,
}

/// Who is told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Receivers {
    mails: Vec<Receiver>,
    webhooks: Vec<Receiver>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Receiver {
    name: String,
    to: String,
}

/// A metric that Azure keeps, and how it adds up.
#[derive(Clone, Copy)]
struct Kept {
    scope: &'static str,
    metric: &'static str,
    dimension: Option<Dimension>,
    /// The only way in which its values become one, where there is only one.
    aggregation: Option<&'static str>,
}

/// What each alarm of the specification names, each once.
pub(super) fn receivers(deployment: &Deployment) -> Receivers {
    let all = deployment.spec.alarms.values().filter_map(|alarm| alarm.notify.as_ref());
    let (mut mails, mut webhooks) = (BTreeMap::new(), BTreeMap::new());
    for to in all {
        let is_webhook = to.starts_with("https:");
        (if is_webhook { &mut webhooks } else { &mut mails }).insert(to.clone(), ());
    }
    let list = |kind: &str, receivers: &BTreeMap<String, ()>| {
        let numbered = names::numbered(kind, receivers).into_iter();
        numbered.map(|(name, to)| Receiver { name, to }).collect()
    };
    Receivers { mails: list("mail", &mails), webhooks: list("webhook", &webhooks) }
}

/// Whether an alarm needs Application Insights: Azure itself keeps no share of failed requests
/// (but Front Door does), and nothing of the application's own.
pub(super) fn asks_insights(deployment: &Deployment, front_door: bool) -> bool {
    let mut alarms = deployment.spec.alarms.values();
    alarms.any(|alarm| kept(Metric::of(&alarm.metric), front_door).is_none())
}

/// All alarms of an environment.
pub(super) fn alerts(deployment: &Deployment, front_door: bool) -> Alerts {
    let mut alerts = Alerts::default();
    for (name, alarm) in &deployment.spec.alarms {
        match kept(Metric::of(&alarm.metric), front_door) {
            Some(kept) => alerts.metrics.push(given(name, alarm, kept)),
            None => alerts.queries.push(asked(name, alarm)),
        }
    }
    alerts.metrics.extend(basic(deployment, front_door));
    let watches = |scope: &str| alerts.metrics.iter().any(|one| one.scope == scope);
    (alerts.application, alerts.database) = (watches("applicationId"), watches("databaseId"));
    alerts.front_door = watches("frontDoorId");
    alerts
}

/// The metric of Azure for what an alarm watches.
fn kept(metric: Metric<'_>, front_door: bool) -> Option<Kept> {
    let simple = |scope, metric| Kept { scope, metric, dimension: None, aggregation: None };
    let total = |kept: Kept| Kept { aggregation: Some("Total"), ..kept };
    Some(match metric {
        Metric::ErrorRate if front_door => simple(FRONT_DOOR, "Percentage5XX"),
        Metric::ErrorRate | Metric::Own(_) => return None,
        Metric::ResponseTime => simple(APPLICATION, "ResponseTime"),
        Metric::Requests => total(simple(APPLICATION, "Requests")),
        Metric::Cpu => simple(APPLICATION, "CpuPercentage"),
        Metric::Memory => simple(APPLICATION, "MemoryPercentage"),
        Metric::Instances => simple(APPLICATION, "Replicas"),
        Metric::Restarts => total(simple(APPLICATION, "RestartCount")),
        Metric::DatabaseCpu => simple(DATABASE, "cpu_percent"),
        Metric::DatabaseDisk => simple(DATABASE, "storage_percent"),
        Metric::DatabaseConnections => simple(DATABASE, "active_connections"),
    })
}

/// Azure judges one window, where the specification has so many periods in a row: the window is as
/// long as they are together, and a sum grows with it.
fn given(name: &str, alarm: &Alarm, kept: Kept) -> MetricAlert {
    let wanted_ms = alarm.period.as_millis().saturating_mul(alarm.evaluation_periods.into());
    let (minutes, window) = window(wanted_ms);
    let aggregation = kept.aggregation.unwrap_or(aggregation(alarm.statistic));
    let scale = match aggregation {
        "Total" => (minutes * MINUTE_MS) as f64 / alarm.period.as_millis() as f64,
        _ => 1.0,
    };
    let (threshold, fraction) = number(alarm.threshold * scale);
    let description = format!("{} {} {}", alarm.metric, words(alarm.comparison), alarm.threshold);
    MetricAlert {
        symbol: names::symbol("alarm", name),
        name: format!("alarm-{name}"),
        description,
        severity: 2,
        aggregation,
        operator: operator(alarm.comparison),
        threshold,
        fraction,
        ..of(kept, window)
    }
}

fn of(kept: Kept, window: &'static str) -> MetricAlert {
    MetricAlert {
        symbol: String::new(),
        name: String::new(),
        description: String::new(),
        severity: 3,
        scope: match kept.scope {
            DATABASE => "databaseId",
            FRONT_DOOR => "frontDoorId",
            _ => "applicationId",
        },
        namespace: kept.scope,
        metric: kept.metric,
        aggregation: "Average",
        operator: "GreaterThan",
        threshold: 0,
        fraction: None,
        window,
        frequency: if window == "PT1M" { "PT1M" } else { "PT5M" },
        dimension: kept.dimension,
    }
}

fn asked(name: &str, alarm: &Alarm) -> QueryAlert {
    let periods = alarm.evaluation_periods;
    // More periods than can be looked back over become fewer, longer ones.
    let longer = u64::from(periods.div_ceil(MOST_PERIODS));
    let (_, window) = window((alarm.period.as_millis().saturating_mul(longer)).max(5 * MINUTE_MS));
    let (threshold, fraction) = number(alarm.threshold);
    QueryAlert {
        symbol: names::symbol("alarm", name),
        name: format!("alarm-{name}"),
        description: format!("{} {} {}", alarm.metric, words(alarm.comparison), alarm.threshold),
        severity: 2,
        query: query(Metric::of(&alarm.metric), alarm.statistic),
        aggregation: aggregation(alarm.statistic),
        operator: operator(alarm.comparison),
        threshold,
        fraction,
        window,
        periods: periods.min(MOST_PERIODS),
    }
}

/// The question that is put to Application Insights; its answer is one `value`.
fn query(metric: Metric<'_>, statistic: Statistic) -> String {
    let Metric::Own(name) = metric else {
        let failed = "100.0 * countif(toint(resultCode) >= 500) / max_of(count(), 1)";
        return format!("requests | summarize value = {failed}");
    };
    let value = match statistic {
        Statistic::Average => "sum(valueSum) / max_of(sum(valueCount), 1)",
        Statistic::Sum => "sum(valueSum)",
        Statistic::Minimum => "min(valueMin)",
        Statistic::Maximum => "max(valueMax)",
    };
    format!("customMetrics | where name == \"{name}\" | summarize value = {value}")
}

/// What every environment is watched for, unless the specification watches it itself.
fn basic(deployment: &Deployment, front_door: bool) -> Vec<MetricAlert> {
    let spec = &deployment.spec;
    let watched =
        |metric: Metric<'_>| spec.alarms.values().any(|alarm| Metric::of(&alarm.metric) == metric);
    let alert = |name: &str, kept: Kept, aggregation, threshold, what: &str| MetricAlert {
        symbol: names::symbol("basic", name),
        name: format!("basic-{name}"),
        description: what.to_owned(),
        aggregation,
        threshold,
        ..of(kept, "PT15M")
    };
    let usual = |name: &str, metric, aggregation, threshold, what: &str| {
        let kept = kept(metric, front_door).filter(|_| !watched(metric))?;
        Some(alert(name, kept, aggregation, threshold, what))
    };
    let own = |name: &str, scope, metric, aggregation, threshold, what: &str| {
        let kept = Kept { scope, metric, dimension: None, aggregation: None };
        Some(alert(name, kept, aggregation, threshold, what))
    };
    let mut all = Vec::new();
    if spec.application.is_some() {
        let most = i64::from(spec.scale.clone().unwrap_or_default().max);
        all.push(Some(failures()));
        all.push(usual(
            "cpu",
            Metric::Cpu,
            "Average",
            85,
            "Replicas use over 85 % of their processors",
        ));
        all.push(usual(
            "memory",
            Metric::Memory,
            "Average",
            90,
            "Replicas use over 90 % of their memory",
        ));
        all.push(usual("restarts", Metric::Restarts, "Total", 3, "Replicas ended by themselves"));
        all.push(usual(
            "replicas",
            Metric::Instances,
            "Maximum",
            most - 1,
            "No more replicas are allowed",
        ));
    }
    if spec.database.is_some() {
        all.push(usual(
            "database-cpu",
            Metric::DatabaseCpu,
            "Average",
            85,
            "The database uses over 85 % of its processors",
        ));
        all.push(usual(
            "database-disk",
            Metric::DatabaseDisk,
            "Maximum",
            85,
            "The disk of the database is over 85 % full",
        ));
        all.push(own(
            "database-memory",
            DATABASE,
            "memory_percent",
            "Average",
            90,
            "The database uses over 90 % of its memory",
        ));
        all.push(own(
            "database-refusals",
            DATABASE,
            "connections_failed",
            "Total",
            20,
            "Connections to the database fail",
        ));
    }
    if spec.database.is_some() && deployment.streams_changes {
        let behind = 1 << 30;
        all.push(own(
            "replication",
            DATABASE,
            "logical_replication_delay_in_bytes",
            "Maximum",
            behind,
            "A reader of the changes is 1 GiB behind",
        ));
    }
    all.into_iter().flatten().collect()
}

/// Requests that were answered with 500 or above.
fn failures() -> MetricAlert {
    let dimension = Some(Dimension { name: "statusCodeCategory", value: "5xx" });
    let kept = Kept { scope: APPLICATION, metric: "Requests", dimension, aggregation: None };
    MetricAlert {
        symbol: "basic_failures".to_owned(),
        name: "basic-failures".to_owned(),
        description: "Requests are answered with 500 or above".to_owned(),
        severity: 1,
        aggregation: "Total",
        threshold: 10,
        ..of(kept, "PT5M")
    }
}

/// The shortest window that is at least so long; the longest there is.
fn window(wanted_ms: u64) -> (u64, &'static str) {
    let fits = WINDOWS.iter().find(|(minutes, _)| minutes * MINUTE_MS >= wanted_ms);
    fits.copied().unwrap_or(WINDOWS[WINDOWS.len() - 1])
}

/// A whole number, or else its text.
fn number(value: f64) -> (i64, Option<String>) {
    let whole = value.trunc();
    if (value - whole).abs() < f64::EPSILON {
        return (whole as i64, None);
    }
    (0, Some(format!("{value}")))
}

fn aggregation(statistic: Statistic) -> &'static str {
    match statistic {
        Statistic::Average => "Average",
        Statistic::Sum => "Total",
        Statistic::Minimum => "Minimum",
        Statistic::Maximum => "Maximum",
    }
}

fn operator(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::GreaterThan => "GreaterThan",
        Comparison::GreaterOrEqual => "GreaterThanOrEqual",
        Comparison::LessThan => "LessThan",
        Comparison::LessOrEqual => "LessThanOrEqual",
    }
}

fn words(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::GreaterThan => "above",
        Comparison::GreaterOrEqual => "at or above",
        Comparison::LessThan => "below",
        Comparison::LessOrEqual => "at or below",
    }
}
