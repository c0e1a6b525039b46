//! The demonstration's course: up, fill, write, move, write, go back, count.

use std::path::{Path, PathBuf};

use secrecy::ExposeSecret;
use serde_json::Value;

use super::machine::Machine;
use super::report::{DemoReport, Move};
use super::stage::Stage;
use crate::args::DemoArgs;
use crate::{Cx, Error, Result, interrupt};

/// Runs the demonstration and writes its report. Whatever happens, an interrupt included,
/// everything that it made is ended and deleted.
pub(super) async fn run(cx: &Cx, args: &DemoArgs) -> Result<DemoReport> {
    let programs = programs()?;
    let stage = Stage::set(&programs)?;
    let outcome = tokio::select! {
        outcome = play(cx, &stage, args) => outcome,
        () = cx.interrupt.asked() => Err(interrupt::interrupted()),
    };
    cx.printer.talk("ending and deleting both clouds");
    for trouble in stage.strike().await {
        cx.printer.talk(&format!("could not clean up: {trouble}"));
    }
    let report = outcome?;
    report.write(&args.report)?;
    Ok(report)
}

/// The folder of this program, where the others stand.
fn programs() -> Result<PathBuf> {
    let program = std::env::current_exe().map_err(|error| {
        Error::missing("program", "cannot find the file of this program").because(error)
    })?;
    Ok(program.parent().map(Path::to_owned).unwrap_or_default())
}

async fn play(cx: &Cx, stage: &Stage, args: &DemoArgs) -> Result<DemoReport> {
    let say = |text: &str| cx.printer.talk(text);
    let machine = Machine::read();
    say("starting east: PostgreSQL, buckets, sessions, the application, and the edge before it");
    stage.trefoil(&["up", "east"]).await?;
    say(&format!(
        "filling it: {} MiB of rows, {} documents, {} sessions",
        args.database_mib, args.documents, args.sessions
    ));
    fill(stage, args).await?;
    say(&format!("{} writers write through {}", args.writers, stage.url()));
    let writers = stage.start_writers(args.writers, args.seed)?;
    let pause = args.pause.as_duration();
    tokio::time::sleep(pause).await;

    say("moving east -> west while they write");
    let there = migrate(stage).await?;
    say(&format!("west serves, and the way back is open; writing there for {}", args.pause));
    tokio::time::sleep(pause).await;
    let mut counted = vec![stage.stop_writers(writers).await?];
    say("counting on west, from outside, what of the acknowledged writes is there");
    let mut verdicts = vec![check(stage, "west").await?];

    let writers = stage.start_writers(args.writers, args.seed.wrapping_add(1))?;
    tokio::time::sleep(pause).await;
    say("going back west -> east while they write, keeping what was written on west");
    let back = roll_back(stage, &there).await?;
    tokio::time::sleep(pause).await;
    counted.push(stage.stop_writers(writers).await?);
    say("counting on east, from outside, what of all acknowledged writes is there");
    verdicts.push(check(stage, "east").await?);
    stage.trefoil(&["migrate", "finish", &back]).await?;
    let mut moves = Vec::new();
    for (run, verdict) in [&there, &back].into_iter().zip(&verdicts) {
        moves.push(observed(stage, run, verdict).await?);
    }
    let journals = stage.journals().display().to_string();
    let (timeline, _) = stage.witness(&["timeline", "--journal", &journals], None).await?;
    DemoReport::new(machine, args, moves, &verdicts, &counted, &timeline)
}

async fn fill(stage: &Stage, args: &DemoArgs) -> Result<()> {
    let database_url = database_url(stage, "east").await?;
    let (mib, documents) = (args.database_mib.to_string(), args.documents.to_string());
    let (sessions, url) = (args.sessions.to_string(), stage.url());
    let amounts = ["--database-mib", &mib, "--documents", &documents, "--sessions", &sessions];
    let arguments = [["seed", "--url", &url].as_slice(), &amounts].concat();
    stage.witness(&arguments, Some(&database_url)).await.map(drop)
}

async fn migrate(stage: &Stage) -> Result<String> {
    let plan = stage.spec().with_file_name("plan.json").display().to_string();
    let made = ["migrate", "plan", "--from", "east", "--to", "west", "--output", &plan];
    stage.trefoil(&made).await?;
    let run = stage.trefoil(&["migrate", "run", &plan]).await?;
    run_id(&run)
}

async fn roll_back(stage: &Stage, run: &str) -> Result<String> {
    run_id(&stage.trefoil(&["migrate", "rollback", run]).await?)
}

fn run_id(data: &Value) -> Result<String> {
    let id = data["run_id"].as_str();
    id.map(str::to_owned).ok_or_else(|| Error::failed("demo_step", "an answer has no run_id"))
}

/// Counts while nobody writes, over HTTP and in the database of the environment that serves.
async fn check(stage: &Stage, environment: &str) -> Result<Value> {
    let database_url = database_url(stage, environment).await?;
    let journals = stage.journals().display().to_string();
    let arguments = ["check", "--journal", &journals, "--url", &stage.url()];
    let (verdict, _) = stage.witness(&arguments, Some(&database_url)).await?;
    Ok(verdict)
}

/// What the run's journal and the writers' journals say of one move.
async fn observed(stage: &Stage, run: &str, verdict: &Value) -> Result<Move> {
    let shown = stage.trefoil(&["runs", "show", run]).await?;
    let report = serde_json::from_value(shown["report"].clone())
        .map_err(|error| Error::failed("demo_step", "a run has no report").because(error))?;
    let not_switched = || Error::failed("demo_step", "a run has not switched");
    let switched_ms = Move::switched_ms(&report).ok_or_else(not_switched)?;
    let (from_ms, to_ms) = Move::span_ms(&report).ok_or_else(not_switched)?;
    let (at, journals) = (switched_ms.to_string(), stage.journals().display().to_string());
    let (gaps, _) = stage.witness(&["gaps", "--journal", &journals, "--at", &at], None).await?;
    let (from, to) = (from_ms.to_string(), to_ms.to_string());
    let during = ["timeline", "--journal", &journals, "--from", &from, "--to", &to];
    let (during, _) = stage.witness(&during, None).await?;
    Move::new(report, &gaps["gaps"][0], &during["requests"], verdict)
}

/// The administrator's address of an environment's database, for counting from outside.
async fn database_url(stage: &Stage, environment: &str) -> Result<String> {
    let site = stage.site(environment)?;
    let admin = site.provision.database_admin().await?;
    let admin = admin.ok_or_else(|| Error::failed("demo_step", "there is no database"))?;
    Ok(admin.url.expose_secret().to_owned())
}
