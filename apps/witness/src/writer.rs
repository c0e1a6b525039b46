//! Writers: each owns its keys, sends one request at a time, and repeats it with the same
//! idempotency key until it is acknowledged.

mod requests;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use clap::Args;
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use uuid::Builder;

use crate::Result;
use crate::client::{Answer, Call, Http};
use crate::journal::{Acknowledged, Attempts, Journal, Line, Op, Stage};
use crate::stats::{AcknowledgedCounts, LatencyMs, RequestCounts, Stats};

/// How long a writer waits before it repeats a request.
const RETRY: Duration = Duration::from_millis(10);
/// How many failures of one operation are kept in words; all are counted.
const FAILURES_KEPT: usize = 20;
/// How many documents, and how many sessions, one writer keeps alive.
const LIVE_MAX: usize = 400;

/// How to write.
#[derive(Args)]
pub(crate) struct WriteArguments {
    /// The address that users reach, such as http://127.0.0.1:8000.
    #[arg(long)]
    url: String,
    /// The folder of the journals; made when it is not there.
    #[arg(long)]
    journal: PathBuf,
    /// How many writers.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    writers: u16,
    /// What the writers' choices grow from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// At most this many operations per second and writer; as fast as they are acknowledged
    /// when left out.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: Option<u32>,
}

/// What was written.
#[derive(Serialize)]
pub(crate) struct Summary {
    acknowledged: AcknowledgedCounts,
    unknown: u64,
    requests: RequestCounts,
    latency_ms: LatencyMs,
}

/// Writes until SIGTERM or SIGINT; requests in flight are ended first.
pub(crate) async fn write(arguments: &WriteArguments) -> Result<Summary> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    std::fs::create_dir_all(&arguments.journal)
        .map_err(|error| format!("cannot make {}: {error}", arguments.journal.display()))?;
    let (stop, stopped) = watch::channel(false);
    let stats = Arc::new(Mutex::new(Stats::new()?));
    let mut writers = JoinSet::new();
    for number in 1..=usize::from(arguments.writers) {
        writers.spawn(Writer::new(arguments, number, stopped.clone(), stats.clone())?.run());
    }
    let mut ended = None;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        // A writer ends by itself only when its journal cannot be written.
        result = writers.join_next() => ended = result,
    }
    stop.send_replace(true);
    if ended.is_none() {
        ended = writers.join_next().await;
    }
    while let Some(result) = ended {
        result??;
        ended = writers.join_next().await;
    }
    let stats = stats.lock().map_err(|_| "a writer panicked")?;
    Ok(Summary {
        acknowledged: stats.acknowledged.clone(),
        unknown: stats.unknown,
        requests: stats.requests.clone(),
        latency_ms: stats.latency_ms(),
    })
}

/// One client of the application.
struct Writer {
    number: usize,
    client: String,
    http: Http,
    journal: Journal,
    random: StdRng,
    stopped: watch::Receiver<bool>,
    stats: Arc<Mutex<Stats>>,
    pace: Duration,
    seq: u64,
    documents_made: u64,
    documents: Vec<String>,
    sessions: Vec<(String, u64)>,
}

impl Writer {
    fn new(
        arguments: &WriteArguments,
        number: usize,
        stopped: watch::Receiver<bool>,
        stats: Arc<Mutex<Stats>>,
    ) -> Result<Self> {
        let started_ms = Timestamp::now().as_millisecond();
        let client = format!("w{number}-s{}-t{started_ms}", arguments.seed);
        Ok(Self {
            number,
            http: Http::new(&arguments.url)?,
            journal: Journal::create(&arguments.journal, &client)?,
            client,
            random: StdRng::seed_from_u64(arguments.seed.wrapping_add((number as u64) << 32)),
            stopped,
            stats,
            pace: arguments.rate.map_or(Duration::ZERO, |rate| Duration::from_secs(1) / rate),
            seq: 0,
            documents_made: 0,
            documents: Vec::new(),
            sessions: Vec::new(),
        })
    }

    /// Does one thing after the other until it is stopped.
    async fn run(mut self) -> Result<()> {
        while !*self.stopped.borrow() {
            let next = Instant::now() + self.pace;
            let (op, call) = self.choose();
            let acknowledged = self.perform(&op, call).await?;
            if let Some(acknowledged) = acknowledged {
                self.remember(&op, &acknowledged);
            }
            tokio::time::sleep_until(next.into()).await;
        }
        Ok(())
    }

    /// Sends one operation until it is acknowledged; `None` when the writer was stopped first.
    async fn perform(&mut self, op: &Op, mut call: Call) -> Result<Option<Acknowledged>> {
        let key = Builder::from_random_bytes(self.random.random()).into_uuid().to_string();
        self.record(&key, op, Stage::Intent)?;
        let started = Instant::now();
        let mut attempts =
            Attempts { started_ms: Timestamp::now().as_millisecond(), ..Default::default() };
        loop {
            let answer = self.http.send(&call, Some(&key)).await;
            attempts.attempts += 1;
            attempts.answered += u64::from(answer.is_ok());
            match answer {
                Ok(answer) if answer.is_success() || means_gone(op, &answer) => {
                    attempts.resent = answer.resent;
                    attempts.latency_us = started.elapsed().as_micros() as u64;
                    let acknowledged = acknowledgement(&answer, attempts);
                    self.record(&key, op, Stage::Acknowledged(acknowledged.clone()))?;
                    return Ok(Some(acknowledged));
                }
                Ok(answer) => {
                    if answer.status == 409 {
                        requests::forget_version(&mut call);
                    }
                    fail(&mut attempts, format!("status {}", answer.status));
                }
                Err(error) => fail(&mut attempts, error),
            }
            if *self.stopped.borrow() {
                attempts.latency_us = started.elapsed().as_micros() as u64;
                self.record(&key, op, Stage::Unknown(attempts))?;
                return Ok(None);
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    fn record(&mut self, key: &str, op: &Op, stage: Stage) -> Result<()> {
        let line = Line {
            t_ms: Timestamp::now().as_millisecond(),
            writer: self.number,
            key: key.to_owned(),
            op: op.clone(),
            stage,
        };
        self.journal.append(&line)?;
        self.stats.lock().map_err(|_| "a writer panicked")?.add(&line)
    }
}

/// Whether the answer says that what was to be changed or deleted is not there. It ends the
/// operation; the checker decides whether something was lost.
fn means_gone(op: &Op, answer: &Answer) -> bool {
    answer.status == 404
        && matches!(
            op,
            Op::DeleteDocument { .. } | Op::UpdateSession { .. } | Op::DeleteSession { .. }
        )
}

fn fail(attempts: &mut Attempts, why: String) {
    attempts.failed += 1;
    if attempts.failures.len() < FAILURES_KEPT {
        attempts.failures.push(why);
    }
}

fn acknowledgement(answer: &Answer, attempts: Attempts) -> Acknowledged {
    let body = answer.value();
    let id = match &body["id"] {
        serde_json::Value::String(id) => Some(id.clone()),
        serde_json::Value::Number(id) => Some(id.to_string()),
        _ => None,
    };
    let expires_at = body["expires_at"].as_str().and_then(|text| text.parse::<Timestamp>().ok());
    Acknowledged {
        acked_ms: Timestamp::now().as_millisecond(),
        status: answer.status,
        id,
        version: body["version"].as_u64(),
        expires_at_ms: expires_at.map(Timestamp::as_millisecond),
        attempts,
    }
}
