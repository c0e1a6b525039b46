//! `trefoil migrate rehearse`: performs a plan on copies, and measures.

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;
use trefoil_core::plan::{Interval, Plan};
use trefoil_core::report::MoveReport;
use trefoil_core::spec::AppSpec;
use trefoil_ops::engine::World;
use trefoil_ops::rehearsal::{Rehearsal, Rehearsed, Scratch, left};

use super::plan::PlanWithDigest;
use super::session::Session;
use super::{plan_file, view};
use crate::args::RehearseArgs;
use crate::interrupt::interrupted;
use crate::settings::Settings;
use crate::{Cx, Error, ExitStatus, Result, runner, world};

/// What is answered.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Answer<'a> {
    /// The rehearsal.
    rehearsal_id: &'a str,
    /// The plan that was rehearsed.
    rehearsed_plan_id: &'a str,
    /// The new plan, with the measured times for estimates.
    plan: PlanWithDigest<'a>,
    /// The file that holds it.
    file: PathBuf,
    /// Where the new plan's estimates come from.
    estimate_source: String,
    /// How long users would wait, as it was estimated before.
    downtime_before_ms: Interval,
    /// Each step with its estimate before and what it took.
    steps: Vec<MeasuredStep>,
    /// What the move of the copies did and proved.
    report: &'a MoveReport,
}

/// A step and how long it took.
#[derive(Serialize, JsonSchema)]
struct MeasuredStep {
    /// Its number.
    n: usize,
    /// What it does.
    action: String,
    /// The estimate of the plan that was rehearsed.
    estimate_ms: Interval,
    /// What it took; null for a step behind the soak.
    took_ms: Option<u64>,
}

/// Rehearses the plan in a file and writes a new plan beside it.
///
/// Errors: those of `migrate run` before its first step; `rehearsal_running`, `rehearsal_kind`,
/// `rehearsal_elsewhere`, `rehearsal_space`, `rehearsal_failed`, `rehearsal_differs`.
pub(super) async fn run(cx: &Cx, args: &RehearseArgs) -> Result<ExitStatus> {
    let plan = plan_file::read(&args.plan).await?;
    let state = runner::state(cx).await?;
    state.known(&plan).await?;
    let session = Session::open(cx, state, &plan).await?;
    session.looking().admit(&plan, &session.inputs(&plan).await?).await?;
    clean(cx).await?;
    let scratch = Scratch::begin(&cx.settings.state, &plan.plan_id, &plan.from, &plan.to)?;
    let id = scratch.record.rehearsal_id.as_str();
    cx.printer.talk(&format!("rehearsal {id}: {} is copied, and only read", plan.from));
    let rehearsed = perform(cx, &session, &plan, &scratch).await?;
    session.state.record_plan(&rehearsed.plan).await?;
    let file = args.output.clone().unwrap_or_else(|| beside(&args.plan));
    plan_file::write(&file, &rehearsed.plan).await?;
    answer(cx, id, &plan, &rehearsed, file)
}

/// Performs it and deletes all that it made, whatever happens. A person who interrupts waits for
/// the deletion.
async fn perform(cx: &Cx, session: &Session, plan: &Plan, scratch: &Scratch) -> Result<Rehearsed> {
    let spec = with_free_port(&session.world.spec)?;
    let open = || open(cx, &spec, scratch);
    let progress = cx.progress();
    let rehearsal =
        Rehearsal { real: &session.world, plan, scratch, open: &open, progress: &*progress };
    cx.interrupt.take_over();
    let performed = async {
        rehearsal.admit().await?;
        rehearsal.perform().await
    };
    let rehearsed = tokio::select! {
        rehearsed = performed => rehearsed,
        () = cx.interrupt.asked() => Err(interrupted()),
    };
    let torn_down = scratch.tear_down(&open()?).await;
    let rehearsed = rehearsed?;
    torn_down.map(|()| rehearsed)
}

/// The copies of the plan's environments, in the rehearsal's own folder of state.
fn open(cx: &Cx, spec: &AppSpec, scratch: &Scratch) -> Result<World> {
    let settings = Settings { state: scratch.folder().to_owned(), ..cx.settings.clone() };
    let record = &scratch.record;
    world::open(&settings, spec, &[&record.from, &record.to])
}

/// The application's own port is the real edge's.
fn with_free_port(spec: &AppSpec) -> Result<AppSpec> {
    let mut spec = spec.clone();
    if let Some(application) = &mut spec.application {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let free = free.map_err(|error| {
            Error::missing("rehearsal_port", "there is no free port for the copies").because(error)
        })?;
        application.port = free.port();
    }
    Ok(spec)
}

/// Deletes what rehearsals have left behind whose processes were killed.
async fn clean(cx: &Cx) -> Result<()> {
    for record in left(&cx.settings.state)? {
        cx.printer.talk(&format!("deleting what rehearsal {} left", record.rehearsal_id));
        delete(cx, record).await?;
    }
    Ok(())
}

/// Deletes one. Refused while it runs.
pub(crate) async fn delete(cx: &Cx, record: trefoil_ops::rehearsal::Record) -> Result<()> {
    let scratch = Scratch::left_behind(&cx.settings.state, record)?;
    let spec = cx.specification().await?.spec;
    scratch.tear_down(&open(cx, &spec, &scratch)?).await
}

/// `plan.json` becomes `plan.rehearsed.json`.
fn beside(plan: &Path) -> PathBuf {
    let stem = plan.file_stem().unwrap_or_default().to_string_lossy();
    plan.with_file_name(format!("{stem}.rehearsed.json"))
}

fn answer(
    cx: &Cx,
    id: &str,
    plan: &Plan,
    Rehearsed { plan: new, report }: &Rehearsed,
    file: PathBuf,
) -> Result<ExitStatus> {
    let took = |n| report.timeline.iter().rfind(|line| line.step == n)?.took_ms;
    let steps = plan.steps.iter().map(|step| MeasuredStep {
        n: step.n,
        action: step.action.name(),
        estimate_ms: step.estimate_ms,
        took_ms: took(step.n),
    });
    let answer = Answer {
        rehearsal_id: id,
        rehearsed_plan_id: &plan.plan_id,
        plan: PlanWithDigest::new(new),
        file,
        estimate_source: new.estimate_source(),
        downtime_before_ms: plan.downtime_ms,
        steps: steps.collect(),
        report,
    };
    cx.printer.answer(&answer, || {
        let file = answer.file.display();
        format!("{}\n\nMove: trefoil migrate run {file}", view::rehearsed(plan, new))
    })?;
    Ok(ExitStatus::Yes)
}
