//! What the demonstration found: `report.json`, `report.html`, and the picture for the README.

use std::path::Path;

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Value as Template, context};
use serde::Serialize;
use serde_json::{Value, json};
use trefoil_core::report::MoveReport;

use super::chart::{Chart, Mark};
use super::machine::Machine;
use crate::args::DemoArgs;
use crate::{Error, Result};

/// The demonstration's findings.
#[derive(Debug, Serialize)]
pub(crate) struct DemoReport {
    acknowledged: u64,
    lost: u64,
    doubled: u64,
    requests: Value,
    moves: Vec<Move>,
    machine: Machine,
    conditions: Vec<String>,
    details: Value,
    #[serde(skip)]
    chart: Option<Chart>,
}

/// One move as its journal and the writers saw it.
#[derive(Debug, Serialize)]
pub(crate) struct Move {
    #[serde(flatten)]
    report: MoveReport,
    write_gap_ms: Value,
}

impl Move {
    /// The move with its gap: the witness's answer for the instant of the switch.
    pub(super) fn new(report: MoveReport, gap: &Value) -> Move {
        let write_gap_ms = json!({ "median": gap["median"], "max": gap["max"], "all": gap["all"] });
        Move { report, write_gap_ms }
    }

    /// When the switch began, in milliseconds since 1970.
    pub(super) fn switched_ms(report: &MoveReport) -> Option<i64> {
        let opened = report.timeline.iter().rfind(|line| line.action == "open_database")?;
        Some(opened.started_at.as_millisecond())
    }

    fn mark(&self) -> Option<Mark> {
        let first = self.report.timeline.first()?.started_at.as_millisecond();
        let last = self.report.timeline.iter().rfind(|line| line.action == "start_backflow")?;
        let label = format!("{} → {}", self.report.from, self.report.to);
        Some(Mark { label, from_ms: first, to_ms: last.started_at.as_millisecond() })
    }
}

impl DemoReport {
    /// Puts together what was counted.
    pub(super) fn new(
        machine: Machine,
        args: &DemoArgs,
        moves: Vec<Move>,
        verdict: &Value,
        counted: &Value,
        timeline: &Value,
    ) -> DemoReport {
        let marks: Vec<_> = moves.iter().filter_map(Move::mark).collect();
        DemoReport {
            acknowledged: verdict["acknowledged"]["total"].as_u64().unwrap_or(0),
            lost: verdict["lost"].as_u64().unwrap_or(u64::MAX),
            doubled: verdict["doubled"].as_u64().unwrap_or(u64::MAX),
            requests: counted["requests"].clone(),
            moves,
            machine,
            conditions: conditions(args),
            details: verdict["details"].clone(),
            chart: Chart::of(timeline, &marks),
        }
    }

    /// Whether everything acknowledged is there once, and both sides were equal at each move.
    pub(crate) fn is_clean(&self) -> bool {
        let equal = self.moves.iter().all(|one| one.report.all_equal());
        self.lost == 0 && self.doubled == 0 && self.acknowledged > 0 && equal
    }

    /// Rows for the table at the end: what, and its value.
    pub(crate) fn rows(&self) -> Vec<(String, String)> {
        let mut rows = vec![
            ("acknowledged writes".into(), self.acknowledged.to_string()),
            ("lost".into(), self.lost.to_string()),
            ("doubled".into(), self.doubled.to_string()),
            ("requests sent".into(), self.requests["sent"].to_string()),
            ("requests failed".into(), self.requests["failed"].to_string()),
            ("slower than 1 s".into(), self.requests["slower_than_1s"].to_string()),
        ];
        for one in &self.moves {
            let name = format!("{} -> {}", one.report.from, one.report.to);
            let gap = &one.write_gap_ms;
            let value = format!("median {} ms, max {} ms", gap["median"], gap["max"]);
            rows.push((format!("{name}: write gap"), value));
            let seconds = one.report.duration_ms as f64 / 1_000.0;
            rows.push((format!("{name}: whole move"), format!("{seconds:.1} s")));
            let tables = one.report.tables.len();
            let equal = if one.report.all_equal() { "equal" } else { "NOT EQUAL" };
            rows.push((format!("{name}: {tables} tables and all stores"), equal.into()));
        }
        rows
    }

    /// Writes `report.json`, `report.html` and `latency.svg` into `folder`.
    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        std::fs::create_dir_all(folder).map_err(|error| unwritable(folder, error))?;
        let json = serde_json::to_string_pretty(self).map_err(rendering)?;
        for (name, text) in [
            ("report.json", json),
            ("report.html", self.render("report.html")?),
            ("latency.svg", self.render("latency.svg")?),
        ] {
            let path = folder.join(name);
            std::fs::write(&path, text).map_err(|error| unwritable(&path, error))?;
        }
        Ok(())
    }

    /// Renders a template. Every value in it is escaped by the template engine.
    fn render(&self, template: &str) -> Result<String> {
        let mut environment = Environment::new();
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        environment.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
        for (name, source) in [
            ("report.html", include_str!("../../../templates/report.html")),
            ("latency.svg", include_str!("../../../templates/latency.svg")),
        ] {
            environment.add_template(name, source).map_err(rendering)?;
        }
        let template = environment.get_template(template).map_err(rendering)?;
        let (report, chart) = (Template::from(Serde(self)), Template::from(Serde(&self.chart)));
        let rows = self.rows();
        template.render(context! { report, chart, rows }).map_err(rendering)
    }
}

fn conditions(args: &DemoArgs) -> Vec<String> {
    vec![
        "no real cloud account was used: both environments are local processes on one machine".into(),
        "real: PostgreSQL (one server for each environment), the application, the edge, the writers"
            .into(),
        "objects are files, sessions are SQLite; network between the two clouds is loopback without TLS"
            .into(),
        format!(
            "{} writers, one request at a time each, retried every 10 ms until acknowledged; seed {}",
            args.writers, args.seed
        ),
        format!(
            "{} MiB of rows, {} documents and {} sessions were there before",
            args.database_mib, args.documents, args.sessions
        ),
        "a write gap is a writer's last acknowledgement before the switch to its first after it, as \
         the client saw it, time held at the edge included"
            .into(),
        "built without optimisation (the `dev` profile), features: local only".into(),
    ]
}

fn unwritable(path: &Path, error: std::io::Error) -> Error {
    Error::missing("report_folder", format!("cannot write {}", path.display())).because(error)
}

fn rendering(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::failed("report_rendering", "the report cannot be rendered").because(error)
}
