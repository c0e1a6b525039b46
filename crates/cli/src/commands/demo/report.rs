//! What the demonstration found: `report.json`, `report.html`, and the picture for the README.

use std::collections::BTreeMap;
use std::path::Path;

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Value as Template, context};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use trefoil_core::report::MoveReport;

use super::chart::{Chart, Mark};
use super::machine::Machine;
use crate::args::DemoArgs;
use crate::table::or_dash;
use crate::{Error, Result};

/// The demonstration's findings.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct DemoReport {
    /// Writes that the application acknowledged.
    acknowledged: u64,
    /// Acknowledged writes that are not there at the end.
    lost: u64,
    /// Acknowledged writes that are there more than once.
    doubled: u64,
    /// The writers' requests from beginning to end.
    requests: Requests,
    /// The moves, in the order in which they were made.
    moves: Vec<Move>,
    /// What it ran on.
    machine: Machine,
    /// What was real and what stood in.
    conditions: Vec<String>,
    /// Each write that is lost or doubled, in words.
    details: Vec<String>,
    #[serde(skip)]
    chart: Option<Chart>,
}

/// Requests as the writers saw them.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Requests {
    /// Requests sent, each attempt counted.
    sent: u64,
    /// Requests that got any answer.
    answered: u64,
    /// Requests without an answer, or with one that is no success.
    failed: u64,
    /// Operations whose acknowledgement took longer than a second, all attempts together.
    slower_than_1s: u64,
}

impl Requests {
    fn add(&mut self, more: &Requests) {
        self.sent += more.sent;
        self.answered += more.answered;
        self.failed += more.failed;
        self.slower_than_1s += more.slower_than_1s;
    }
}

/// How long writers had no acknowledgement around a switch, in milliseconds: from a writer's last
/// before it to its first after it, time held at the edge included.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct WriteGap {
    /// The value in the middle; null when no writer wrote on both sides of the switch.
    median: Option<f64>,
    /// The longest.
    max: Option<u64>,
    /// One value for each writer.
    all: Vec<u64>,
}

/// One move as its journal and the writers saw it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Move {
    #[serde(flatten)]
    report: MoveReport,
    /// The requests of what was acknowledged while the move ran, from its first step to the
    /// beginning of the soak.
    requests: Requests,
    /// The writers' gaps at the switch.
    write_gap_ms: WriteGap,
    /// Acknowledged writes that were not there when they were counted after the move, with those
    /// that a move before lost.
    lost: Option<u64>,
    /// The same for what was doubled.
    doubled: Option<u64>,
    /// What had been acknowledged of `rows`, `objects` and `sessions`, from the beginning, when it
    /// was counted after the move, and what of it was wrong.
    counted: BTreeMap<String, Kind>,
}

/// What the writers did with one kind of data, and what became of it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Kind {
    /// Acknowledged as made.
    written: u64,
    /// Acknowledged as overwritten.
    overwritten: u64,
    /// Acknowledged as deleted.
    deleted: u64,
    /// Acknowledged, and absent, of another content, or there again.
    lost: u64,
    /// There more than once, or without anybody having asked for it.
    doubled: u64,
}

impl Move {
    /// The move with the witness's answers: the gap at the instant of the switch, and the requests
    /// in the span of the move.
    /// `verdict` is what was counted after the move.
    pub(super) fn new(
        report: MoveReport,
        gap: &Value,
        requests: &Value,
        verdict: &Value,
    ) -> Result<Move> {
        Ok(Move {
            report,
            requests: counted(requests)?,
            write_gap_ms: counted(gap)?,
            lost: counted(&verdict["lost"])?,
            doubled: counted(&verdict["doubled"])?,
            counted: counted(&verdict["kinds"])?,
        })
    }

    /// When the switch began, in milliseconds since 1970.
    pub(super) fn switched_ms(report: &MoveReport) -> Option<i64> {
        let opened = report.timeline.iter().rfind(|line| line.action == "open_database")?;
        Some(opened.started_at.as_millisecond())
    }

    /// From its first step to the beginning of the soak, in milliseconds since 1970.
    pub(super) fn span_ms(report: &MoveReport) -> Option<(i64, i64)> {
        let first = report.timeline.first()?.started_at.as_millisecond();
        let last = report.timeline.iter().rfind(|line| line.action == "start_backflow")?;
        Some((first, last.started_at.as_millisecond()))
    }

    fn mark(&self) -> Option<Mark> {
        let (from_ms, to_ms) = Move::span_ms(&self.report)?;
        let label = format!("{} → {}", self.report.from, self.report.to);
        Some(Mark { label, from_ms, to_ms })
    }
}

impl Kind {
    fn words(&self) -> String {
        let Kind { written, overwritten, deleted, lost, doubled } = self;
        let done = match (overwritten, deleted) {
            (0, 0) => format!("{written} written"),
            _ => format!("{written} written, {overwritten} overwritten, {deleted} deleted"),
        };
        format!("{done}; lost {lost}, doubled {doubled}")
    }
}

impl DemoReport {
    /// Puts together what was counted.
    pub(super) fn new(
        machine: Machine,
        args: &DemoArgs,
        moves: Vec<Move>,
        verdicts: &[Value],
        writers: &[Value],
        timeline: &Value,
    ) -> Result<DemoReport> {
        let marks: Vec<_> = moves.iter().filter_map(Move::mark).collect();
        let none = Value::Null;
        let verdict = verdicts.last().unwrap_or(&none);
        let mut requests = Requests::default();
        for one in writers {
            requests.add(&counted(&one["requests"])?);
        }
        let mut details = Vec::new();
        for one in verdicts {
            let found: Vec<String> = counted(&one["details"])?;
            details
                .extend(found.into_iter().filter(|one| !details.contains(one)).collect::<Vec<_>>());
        }
        Ok(DemoReport {
            acknowledged: counted(&verdict["acknowledged"]["total"])?,
            lost: moves.iter().filter_map(|one| one.lost).max().unwrap_or(0),
            doubled: moves.iter().filter_map(|one| one.doubled).max().unwrap_or(0),
            requests,
            moves,
            machine,
            conditions: conditions(args),
            details,
            chart: Chart::of(timeline, &marks),
        })
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
            ("requests sent".into(), self.requests.sent.to_string()),
            ("requests failed".into(), self.requests.failed.to_string()),
            ("slower than 1 s".into(), self.requests.slower_than_1s.to_string()),
        ];
        for one in &self.moves {
            let name = format!("{} -> {}", one.report.from, one.report.to);
            let gap = &one.write_gap_ms;
            let value = format!("median {} ms, max {} ms", or_dash(gap.median), or_dash(gap.max));
            rows.push((format!("{name}: write gap"), value));
            let seconds = one.report.duration_ms as f64 / 1_000.0;
            rows.push((format!("{name}: whole move"), format!("{seconds:.1} s")));
            let tables = one.report.tables.len();
            let equal = if one.report.all_equal() { "equal" } else { "NOT EQUAL" };
            rows.push((format!("{name}: {tables} tables and all stores"), equal.into()));
            for (kind, counted) in &one.counted {
                rows.push((format!("{name}: {kind} counted after it"), counted.words()));
            }
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

/// A count of the witness.
fn counted<T: DeserializeOwned>(value: &Value) -> Result<T> {
    T::deserialize(value).map_err(|error| {
        Error::failed("demo_step", "a count of the writers cannot be read").because(error)
    })
}

fn conditions(args: &DemoArgs) -> Vec<String> {
    vec![
        "no real cloud account was used: both environments are local processes on one machine".into(),
        "real: PostgreSQL (one server for each environment), the application, the edge, the writers"
            .into(),
        "objects are files, sessions are SQLite; network between the two clouds is loopback without TLS"
            .into(),
        format!(
            "{} writers, one request at a time each, retried every 10 ms until acknowledged; seed {}; \
             they rest while it is counted after the first move",
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
