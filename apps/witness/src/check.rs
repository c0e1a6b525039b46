//! Asking the application and its database what is there.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use hyper::Method;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio_postgres::NoTls;

use crate::client::{Call, Http, digest, digest_of_fields};
use crate::journal;
use crate::stats::{AcknowledgedCounts, LatencyMs, RequestCounts, Stats};
use crate::verdict::{Expected, Found, FoundNote, Known, Unknown, Verdict};
use crate::{Failure, Result};

/// How many questions are asked at the same time.
const PARALLEL: usize = 8;
/// How often a question is asked before the check is given up.
const ATTEMPTS: u32 = 30;
/// How long to wait before it is asked again.
const PAUSE: Duration = Duration::from_millis(200);
/// How long the database may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the database may take for the whole table.
const QUERY_TIMEOUT: Duration = Duration::from_secs(300);

/// What to check.
#[derive(Args)]
pub(crate) struct CheckArguments {
    /// The folder of the journals.
    #[arg(long)]
    journal: PathBuf,
    /// The address that users reach, such as http://127.0.0.1:8000.
    #[arg(long)]
    url: String,
}

/// The environment variable with the URL of the database that serves now. It holds a password, so
/// it is no argument, which any user of the machine can see.
const DATABASE_URL: &str = "WITNESS_DATABASE_URL";

/// What was found.
#[derive(Serialize)]
pub(crate) struct Report {
    acknowledged: AcknowledgedCounts,
    lost: u64,
    doubled: u64,
    kinds: BTreeMap<&'static str, KindReport>,
    unknown: Unknown,
    requests: RequestCounts,
    latency_ms: LatencyMs,
    checked: Checked,
    details: Vec<String>,
}

/// What was acknowledged of one kind, and what of it is not as it should be.
#[derive(Serialize)]
struct KindReport {
    written: u64,
    overwritten: u64,
    deleted: u64,
    lost: u64,
    doubled: u64,
}

/// What was looked at.
#[derive(Serialize)]
struct Checked {
    notes: usize,
    documents: usize,
    sessions: usize,
}

impl Report {
    /// Whether nothing was lost and nothing doubled.
    pub(crate) fn is_clean(&self) -> bool {
        self.lost == 0 && self.doubled == 0
    }
}

/// Compares the journals with what is there.
pub(crate) async fn check(arguments: &CheckArguments) -> Result<Report> {
    let database_url = std::env::var(DATABASE_URL)
        .map_err(|_| format!("set {DATABASE_URL} to the URL of the application's database"))?;
    let lines = journal::read_folder(&arguments.journal)?;
    let mut stats = Stats::new()?;
    lines.iter().try_for_each(|line| stats.add(line))?;
    let mut expected = Expected::fold(&lines);
    drop(lines);
    let mut verdict = Verdict::begin(&expected);
    let http = Http::new(&arguments.url)?;
    let notes = rows(&database_url, &expected).await?;
    verdict.judge_notes(&expected, &notes);
    let checked = Checked {
        notes: notes.len(),
        documents: expected.documents.len(),
        sessions: expected.sessions.len(),
    };
    let documents = std::mem::take(&mut expected.documents);
    judge_all(&http, Kind::Document, documents, &mut verdict).await?;
    judge_all(&http, Kind::Session, expected.sessions, &mut verdict).await?;
    let kinds = kinds(&stats.acknowledged, &verdict);
    Ok(Report {
        kinds,
        lost: verdict.lost,
        doubled: verdict.doubled,
        unknown: verdict.unknown,
        latency_ms: stats.latency_ms(),
        acknowledged: stats.acknowledged,
        requests: stats.requests,
        checked,
        details: verdict.details,
    })
}

/// The counts of each kind: rows, objects and sessions alike.
fn kinds(counts: &AcknowledgedCounts, verdict: &Verdict) -> BTreeMap<&'static str, KindReport> {
    let of = |name, written, overwritten, deleted| {
        let wrong = verdict.kinds.get(name).copied().unwrap_or_default();
        let (lost, doubled) = (wrong.lost, wrong.doubled);
        (name, KindReport { written, overwritten, deleted, lost, doubled })
    };
    let (objects, sessions) =
        (counts.documents - counts.overwrites, counts.sessions - counts.session_updates);
    BTreeMap::from([
        of("rows", counts.notes, 0, 0),
        of("objects", objects, counts.overwrites, counts.deletes),
        of("sessions", sessions, counts.session_updates, counts.session_deletes),
    ])
}

/// What is asked for over HTTP.
#[derive(Clone, Copy)]
enum Kind {
    Document,
    Session,
}

/// Asks for each, a few at the same time, and judges the answers in the order of their names.
async fn judge_all(
    http: &Http,
    kind: Kind,
    known: BTreeMap<String, Known>,
    verdict: &mut Verdict,
) -> Result<()> {
    let names: Arc<[String]> = known.keys().cloned().collect();
    let mut tasks = JoinSet::new();
    for first in 0..PARALLEL {
        let (http, names) = (http.clone(), names.clone());
        tasks.spawn(async move {
            let mut found = Vec::new();
            for name in names.iter().skip(first).step_by(PARALLEL) {
                found.push((name.clone(), look(&http, kind, name).await?));
            }
            Ok::<_, Failure>(found)
        });
    }
    let mut found = BTreeMap::new();
    while let Some(result) = tasks.join_next().await {
        found.extend(result??);
    }
    let word = match kind {
        Kind::Document => "document",
        Kind::Session => "session",
    };
    for (name, found) in &found {
        verdict.judge(word, name, &known[name], found);
    }
    Ok(())
}

/// One document or session as it is now. Anything but 200 and 404 is asked again.
async fn look(http: &Http, kind: Kind, name: &str) -> Result<Found> {
    let path = match kind {
        Kind::Document => format!("/documents/{name}"),
        Kind::Session => format!("/sessions/{name}"),
    };
    let call = Call::bare(Method::GET, path);
    let mut last = String::new();
    for _ in 0..ATTEMPTS {
        let at_ms = Timestamp::now().as_millisecond();
        match http.send(&call, None).await {
            Ok(answer) if answer.status == 404 => return Ok(Found { at_ms, ..Default::default() }),
            Ok(answer) if answer.status == 200 => {
                let body = answer.value();
                return Ok(match kind {
                    Kind::Document => {
                        Found { digest: Some(digest(&answer.body)), version: None, at_ms }
                    }
                    Kind::Session => Found {
                        digest: Some(digest_of_fields(&body["data"])),
                        version: body["version"].as_u64(),
                        at_ms,
                    },
                });
            }
            Ok(answer) => last = format!("status {}", answer.status),
            Err(error) => last = error,
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(format!("GET {} was asked {ATTEMPTS} times without an answer: {last}", call.path).into())
}

/// The rows of the table `notes` that belong to the journals' writers.
async fn rows(database_url: &str, expected: &Expected) -> Result<Vec<FoundNote>> {
    let mut clients: Vec<&str> = expected.notes.keys().map(|(client, _)| &**client).collect();
    clients.sort_unstable();
    clients.dedup();
    let query = async {
        let mut config: tokio_postgres::Config = database_url.parse()?;
        config.connect_timeout(CONNECT_TIMEOUT);
        let (client, connection) = config.connect(NoTls).await?;
        let connection = tokio::spawn(connection);
        // As JSON, so that a column's type and the presence of `text` do not matter.
        let sql = "SELECT to_jsonb(n) FROM notes n WHERE client::text = ANY($1)";
        let rows = client.query(sql, &[&clients]).await?;
        drop(client);
        connection.await??;
        rows.iter().map(|row| note(&row.try_get(0)?)).collect::<Result<Vec<_>>>()
    };
    let rows = tokio::time::timeout(QUERY_TIMEOUT, query)
        .await
        .map_err(|_| format!("the database did not answer within {QUERY_TIMEOUT:?}"))?;
    rows.map_err(|error| {
        // A URL that does not parse is not repeated: it holds a password.
        let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
        format!("cannot read the table `notes`: {error}{cause}").into()
    })
}

fn note(row: &Value) -> Result<FoundNote> {
    let client = row["client"].as_str().ok_or("a note without client")?;
    let seq = row["seq"].as_u64().ok_or("a note without seq")?;
    let digest = row["text"].as_str().map(|text| digest(text.as_bytes()));
    Ok(FoundNote { client: client.to_owned(), seq, digest })
}
