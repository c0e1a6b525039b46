//! Counters and latencies by route, as Prometheus reads them.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;

/// The upper ends of the latency buckets, in milliseconds.
const BUCKETS_MS: [u64; 11] = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 5_000];

/// What has been counted since the start. Its size depends on the routes, not on the requests.
#[derive(Default)]
pub(crate) struct Metrics {
    routes: Mutex<BTreeMap<(&'static str, String), Route>>,
}

#[derive(Default)]
struct Route {
    statuses: BTreeMap<u16, u64>,
    buckets: [u64; BUCKETS_MS.len()],
    count: u64,
    sum: Duration,
}

/// Counts each request and how long it took until its answer began.
pub(crate) async fn measure(
    State(metrics): State<Arc<Metrics>>,
    request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let method = name(request.method());
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("unmatched", MatchedPath::as_str).to_owned();
    let response = next.run(request).await;
    let (status, elapsed) = (response.status().as_u16(), started.elapsed());
    tracing::debug!(method, route, status, elapsed_us = elapsed.as_micros() as u64, "request");
    metrics.record(method, route, status, elapsed);
    response
}

/// A method's name; unknown ones share one, so that clients cannot make names.
fn name(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        _ => "OTHER",
    }
}

impl Metrics {
    fn record(&self, method: &'static str, route: String, status: u16, elapsed: Duration) {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        let route = routes.entry((method, route)).or_default();
        *route.statuses.entry(status).or_default() += 1;
        for (limit_ms, bucket) in BUCKETS_MS.iter().zip(&mut route.buckets) {
            *bucket += u64::from(elapsed <= Duration::from_millis(*limit_ms));
        }
        route.count += 1;
        route.sum += elapsed;
    }

    /// Everything in Prometheus' text format.
    pub(crate) fn render(&self, database_up: bool) -> String {
        let mut text = String::new();
        // Writing into a string does not fail.
        let _ = self.write(&mut text, database_up);
        text
    }

    fn write(&self, text: &mut String, database_up: bool) -> std::fmt::Result {
        let routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(text, "# HELP medassistant_database_up Whether the database answers.")?;
        writeln!(text, "# TYPE medassistant_database_up gauge")?;
        writeln!(text, "medassistant_database_up {}", u8::from(database_up))?;
        writeln!(text, "# HELP medassistant_requests_total Requests by route and status.")?;
        writeln!(text, "# TYPE medassistant_requests_total counter")?;
        for ((method, path), route) in routes.iter() {
            for (status, count) in &route.statuses {
                let labels = format!("method=\"{method}\",route=\"{path}\",status=\"{status}\"");
                writeln!(text, "medassistant_requests_total{{{labels}}} {count}")?;
            }
        }
        writeln!(text, "# HELP medassistant_request_seconds Time until an answer begins.")?;
        writeln!(text, "# TYPE medassistant_request_seconds histogram")?;
        for ((method, path), route) in routes.iter() {
            route.write(text, &format!("method=\"{method}\",route=\"{path}\""))?;
        }
        Ok(())
    }
}

impl Route {
    fn write(&self, text: &mut String, labels: &str) -> std::fmt::Result {
        let name = "medassistant_request_seconds";
        for (limit_ms, count) in BUCKETS_MS.iter().zip(self.buckets) {
            let limit_s = Duration::from_millis(*limit_ms).as_secs_f64();
            writeln!(text, "{name}_bucket{{{labels},le=\"{limit_s}\"}} {count}")?;
        }
        writeln!(text, "{name}_bucket{{{labels},le=\"+Inf\"}} {}", self.count)?;
        writeln!(text, "{name}_sum{{{labels}}} {}", self.sum.as_secs_f64())?;
        writeln!(text, "{name}_count{{{labels}}} {}", self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative() {
        let metrics = Metrics::default();
        for elapsed_ms in [1, 4, 40, 9_000] {
            let elapsed = Duration::from_millis(elapsed_ms);
            metrics.record("GET", "/notes".into(), 200, elapsed);
        }
        metrics.record("GET", "/notes".into(), 503, Duration::ZERO);
        let text = metrics.render(true);
        for line in [
            "medassistant_database_up 1",
            r#"medassistant_requests_total{method="GET",route="/notes",status="200"} 4"#,
            r#"medassistant_requests_total{method="GET",route="/notes",status="503"} 1"#,
            r#"medassistant_request_seconds_bucket{method="GET",route="/notes",le="0.001"} 2"#,
            r#"medassistant_request_seconds_bucket{method="GET",route="/notes",le="0.005"} 3"#,
            r#"medassistant_request_seconds_bucket{method="GET",route="/notes",le="5"} 4"#,
            r#"medassistant_request_seconds_bucket{method="GET",route="/notes",le="+Inf"} 5"#,
            r#"medassistant_request_seconds_count{method="GET",route="/notes"} 5"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
    }
}
