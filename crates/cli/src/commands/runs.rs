//! `trefoil runs`: the runs; one of them with all that happened; going on with it or undoing it.

use std::path::PathBuf;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use trefoil_core::checklist as checks;
use trefoil_core::journal::{Approval, Entry, Event, Run, RunState, StepStatus};
use trefoil_core::plan::PlanKind;
use trefoil_core::report::MoveReport;
use trefoil_ops::engine::{Engine, World};
use trefoil_ops::facts::{self, WayBack};
use trefoil_ops::rehearsal;
use trefoil_ops::state::{RunSummary, State};
use trefoil_ops::supervisor;

use super::migrate::delete_rehearsal;
use crate::args::{ApproveArgs, Runs, RunsCommand, Supervision};
use crate::runner::{self, next_commands};
use crate::table::{checklist, or_dash, table, time, word};
use crate::{Cx, ExitStatus, Result};

/// What `runs` answers.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Listed {
    /// Every run, oldest first.
    runs: Vec<RunSummary>,
    /// The commands to type next, for all runs that wait for a person.
    next: Vec<String>,
}

/// Lists the runs, or does what the part says.
pub async fn run(cx: &Cx, args: Runs) -> Result<ExitStatus> {
    match args.command {
        None => list(cx, &runner::state_to_read(cx)?).await,
        Some(RunsCommand::Show(arg)) => show(cx, &runner::state_to_read(cx)?, &arg.run).await,
        Some(RunsCommand::Resume(args)) => {
            let way = if args.compensate_only { Way::Compensate } else { Way::Forward };
            go_on(cx, &args.run, way, &args.supervision).await
        }
        Some(RunsCommand::Abort(args)) => go_on(cx, &args.run, Way::Back, &args.supervision).await,
        Some(RunsCommand::Approve(args)) => approve(cx, &args).await,
    }
}

async fn list(cx: &Cx, state: &State) -> Result<ExitStatus> {
    let runs = state.runs().await?;
    let mut next = Vec::new();
    for run in &runs {
        next.extend(next_of(state, run).await?);
    }
    let listed = Listed { runs, next };
    cx.printer.answer(&listed, || {
        let Listed { runs, next } = &listed;
        if runs.is_empty() {
            return "there is no run yet".to_owned();
        }
        let rows = runs.iter().map(|run| {
            let (kind, stands) = (word(&run.kind), word(&run.state));
            [run.run_id.clone(), kind, places(&run.from, &run.to), time(run.made_at), stands]
        });
        let shown = table(["RUN", "KIND", "ENVIRONMENT", "MADE", "STATE"], rows);
        with_next(shown, next)
    })?;
    Ok(ExitStatus::Yes)
}

/// The commands to type next; reads the journal only of a run that waits for one.
async fn next_of(state: &State, run: &RunSummary) -> Result<Vec<String>> {
    let waits = matches!(
        run.state,
        RunState::Planned | RunState::Paused | RunState::Aborting | RunState::Soaking
    );
    if !waits {
        return Ok(Vec::new());
    }
    Ok(next_commands(&state.journal(&run.run_id).await?, run.state))
}

fn places(from: &str, to: &str) -> String {
    if from == to { to.to_owned() } else { format!("{from} to {to}") }
}

fn with_next(mut text: String, next: &[String]) -> String {
    if !next.is_empty() {
        text.push_str("\n\nnext:");
        for command in next {
            text.push_str("\n  ");
            text.push_str(command);
        }
    }
    text
}

/// What `runs show` answers.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Shown<'a> {
    /// The run's identifier.
    run_id: &'a str,
    /// Its plan's identifier: the same.
    plan_id: &'a str,
    /// What it is for.
    kind: PlanKind,
    /// Where it stands.
    state: RunState,
    /// The environment that served before.
    from: &'a str,
    /// The environment that serves afterwards.
    to: &'a str,
    /// Every entry of the journal; the plan stands in the first.
    events: &'a [Entry],
    /// The environment that accepts writes; null inside the window and before the first.
    writable_side: Option<String>,
    /// Host, process and start time of who executes it.
    executor: Option<&'a str>,
    /// Who watches over that process; null when nobody does.
    supervisor: Option<Supervisor>,
    /// Where the supervisor writes what it saw and did; null when the run never had one.
    supervisor_log: Option<PathBuf>,
    /// Who has approved what.
    approvals: Approvals<'a>,
    /// The commands to type next.
    next: Vec<String>,
    /// How the database's stream back is, while the run soaks.
    way_back: Option<WayBack>,
    /// What a move did and proved; null for other kinds.
    report: Option<MoveReport>,
}

/// A process that watches over whoever executes a run.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Supervisor {
    /// The run.
    run_id: String,
    /// Its process.
    pid: u32,
    /// When it began.
    started_at: Timestamp,
    /// How often it has had the run gone on with.
    takeovers: u32,
}

impl Supervisor {
    /// As it is answered; `None` when it has ended.
    pub(crate) fn of(status: supervisor::Status) -> Option<Supervisor> {
        let pid = status.pid()?;
        let supervisor::Status { run_id, started_at, takeovers, .. } = status;
        Some(Supervisor { run_id, pid, started_at, takeovers })
    }

    /// In words.
    pub(crate) fn words(&self) -> String {
        let Supervisor { run_id, pid, takeovers, .. } = self;
        format!("process {pid} watches over run {run_id}, {takeovers} takeovers")
    }
}

/// What people have approved, and how much of it is still missing before the first step.
#[derive(Serialize, JsonSchema)]
struct Approvals<'a> {
    /// How many the plan asks for.
    required: u32,
    /// How many of them are missing.
    missing: u32,
    /// Every one that was given, for the run or for an item.
    given: &'a [Approval],
}

/// What `runs approve` answers.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Approved<'a> {
    /// The run.
    run_id: &'a str,
    /// Where it stands.
    state: RunState,
    /// Who has approved what.
    approvals: Approvals<'a>,
    /// The item that was confirmed; null for the run as a whole.
    item: Option<checks::Item>,
    /// The commands to type next.
    next: Vec<String>,
}

impl Approvals<'_> {
    fn of(run: &Run) -> Approvals<'_> {
        let (required, missing) = (run.plan.required_approvals, run.approvals_missing());
        Approvals { required, missing, given: &run.approvals }
    }
}

/// Where a run stands, with what only this host knows.
async fn stands(state: &State, run: &Run) -> Result<RunState> {
    let summaries = state.runs().await?;
    let this = summaries.into_iter().find(|summary| summary.run_id == run.plan.plan_id);
    Ok(this.map_or_else(|| run.state(), |summary| summary.state))
}

async fn show(cx: &Cx, state: &State, wanted: &str) -> Result<ExitStatus> {
    let run_id = state.resolve(wanted).await?;
    let run = state.journal(&run_id).await?;
    let stands = stands(state, &run).await?;
    let active = state.ledger().await?.active;
    let folder = &cx.settings.state;
    let plan = &run.plan;
    let shown = Shown {
        run_id: &run_id,
        plan_id: &plan.plan_id,
        kind: plan.kind,
        state: stands,
        from: &plan.from,
        to: &plan.to,
        events: &run.entries,
        writable_side: run.writable_side(active.as_deref()),
        executor: run.executor(),
        supervisor: supervisor::running(folder, &run_id)?.and_then(Supervisor::of),
        supervisor_log: Some(supervisor::log_file(folder, &run_id)).filter(|log| log.is_file()),
        approvals: Approvals::of(&run),
        next: next_commands(&run, stands),
        way_back: match stands {
            RunState::Soaking => way_back(cx, &run).await,
            _ => None,
        },
        report: report(&run),
    };
    cx.printer.answer(&shown, || show_text(&shown, &run))?;
    Ok(ExitStatus::Yes)
}

/// Asks both servers while the run soaks. A specification that cannot be read any more keeps
/// nobody from seeing the run.
pub(crate) async fn way_back(cx: &Cx, run: &Run) -> Option<WayBack> {
    let spec = cx.specification().await.ok()?.spec;
    let world = runner::world_of(cx, &spec, &run.plan).ok()?;
    facts::way_back_now(&world, run).await
}

/// The way back in a few words.
pub(crate) fn way_back_text(way_back: &WayBack) -> String {
    let size = |bytes: Option<u64>| bytes.map_or("?".to_owned(), |bytes| format!("{bytes} bytes"));
    let mut text = format!(
        "way back: {} behind, {} of log kept for it",
        size(way_back.behind_bytes),
        size(way_back.retained_bytes)
    );
    if let Some(problem) = &way_back.problem {
        text.push_str(&format!("; IT DOES NOT FLOW: {problem}"));
    }
    text
}

/// Only moves have a report.
fn report(run: &Run) -> Option<MoveReport> {
    let moves = matches!(run.plan.kind, PlanKind::Migrate | PlanKind::Rollback);
    moves.then(|| MoveReport::of(run))
}

fn show_text(shown: &Shown<'_>, run: &Run) -> String {
    let steps = run.plan.steps.iter().map(|step| {
        let name = step.action.name().replace('_', " ");
        let mark = if step.switch { "switch" } else { "" };
        let mark = if step.finish { "finish" } else { mark };
        [step.n.to_string(), name, mark.to_owned(), status(run.steps.get(&step.n))]
    });
    let (kind, places) = (word(&shown.kind), places(shown.from, shown.to));
    let mut text = format!("run {}: {kind} {places}, {}", shown.run_id, word(&shown.state));
    text.push_str(&format!("\nwritable: {}", or_dash(shown.writable_side.as_ref())));
    if shown.approvals.required > 0 {
        let Approvals { required, missing, .. } = shown.approvals;
        text.push_str(&format!("\napprovals: {required} required, {missing} missing"));
    }
    if let Some(way_back) = &shown.way_back {
        text.push_str(&format!("\n{}", way_back_text(way_back)));
    }
    text.push_str(&format!("\nexecutor: {}", or_dash(shown.executor)));
    if let Some(log) = &shown.supervisor_log {
        let who = or_dash(shown.supervisor.as_ref().map(Supervisor::words));
        text.push_str(&format!("\nsupervisor: {who}, log {}", log.display()));
    }
    text.push_str("\n\n");
    text.push_str(&table(["STEP", "ACTION", "MARK", "STATUS"], steps));
    text.push_str("\n\n");
    if let Some(report) = &shown.report {
        text.push_str(&checklist(&report.checklist));
        text.push_str("\n\n");
    }
    let events = shown.events.iter().map(|entry| [time(entry.at), event(&entry.event)]);
    text.push_str(&table(["TIME", "EVENT"], events));
    with_next(text, &shown.next)
}

fn status(status: Option<&StepStatus>) -> String {
    match status {
        None | Some(StepStatus::Pending) => "-".to_owned(),
        Some(StepStatus::Started) => "started".to_owned(),
        Some(StepStatus::Succeeded { .. }) => "done".to_owned(),
        Some(StepStatus::Failed { error }) => format!("failed: {error}"),
        Some(StepStatus::Undoing) => "being undone".to_owned(),
        Some(StepStatus::UndoFailed { error }) => format!("not undone: {error}"),
    }
}

fn event(event: &Event) -> String {
    match event {
        Event::Opened { plan } => format!("opened with {} steps", plan.steps.len()),
        Event::Adopted { executor } => format!("taken over by {executor}"),
        Event::Started { step, .. } => format!("step {step} started"),
        Event::Succeeded { step, .. } => format!("step {step} done"),
        Event::Failed { step, error } => format!("step {step} failed: {error}"),
        Event::UndoStarted { step } => format!("undoing step {step}"),
        Event::UndoFinished { step } => format!("step {step} undone"),
        Event::UndoFailed { step, error } => format!("step {step} not undone: {error}"),
        Event::Approved { by, item: None } => format!("approved by {by}"),
        Event::Approved { by, item: Some(item) } => format!("{item} confirmed by {by}"),
        Event::Halted { why } => format!("stopped: {why}"),
        Event::AbortRequested => "abort asked for".to_owned(),
        Event::FinishRequested => "finish asked for".to_owned(),
        Event::Closed { state } => format!("ended: {}", word(state)),
    }
}

/// What `runs resume` and `runs abort` answer.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Stands {
    /// The run.
    run_id: String,
    /// Where it stands now.
    state: RunState,
}

/// Notes who approves a run or confirms an item; says what is still missing.
async fn approve(cx: &Cx, args: &ApproveArgs) -> Result<ExitStatus> {
    let state = &runner::state_with(cx, &args.run).await?;
    let run_id = state.resolve(&args.run).await?;
    let run = state.approve(&run_id, &args.by, args.item.as_deref()).await?;
    let stands = stands(state, &run).await?;
    let item = checks::of_run(&run).into_iter().find(|item| args.item.as_ref() == Some(&item.id));
    let next = next_commands(&run, stands);
    let approvals = Approvals::of(&run);
    let answer = Approved { run_id: &run_id, state: stands, approvals, item, next };
    cx.printer.answer(&answer, || {
        let Approved { approvals, item, next, .. } = &answer;
        let what = item.as_ref().map_or("approved", |_| "confirmed");
        let title = item.as_ref().map_or_else(String::new, |item| format!(", {}", item.title));
        let mut text = format!("run {run_id}{title}: {what} by {}", args.by.trim());
        if approvals.missing > 0 {
            text.push_str(&format!("\nstill missing: {}", approvals.missing));
        }
        with_next(text, next)
    })?;
    Ok(ExitStatus::Yes)
}

/// Where to go with a run.
enum Way {
    Forward,
    Compensate,
    Back,
}

async fn go_on(cx: &Cx, wanted: &str, way: Way, supervision: &Supervision) -> Result<ExitStatus> {
    if matches!(way, Way::Back)
        && let Some(left) = rehearsal::resolve(&cx.settings.state, wanted)?
    {
        delete_rehearsal(cx, left).await?;
        let aborted = Stands { run_id: wanted.to_owned(), state: RunState::Aborted };
        cx.printer.answer(&aborted, || format!("rehearsal {wanted}: all of it is deleted"))?;
        return Ok(ExitStatus::Yes);
    }
    let state = &runner::state_with(cx, wanted).await?;
    let spec = cx.specification().await?.spec;
    let run_id = state.resolve_open(wanted).await?;
    let run = state.journal(&run_id).await?;
    let world = runner::world_of(cx, &spec, &run.plan)?;
    let progress = cx.progress();
    let engine = Engine::new(state, &world, &*progress, runner::stop(cx))
        .supervised(!supervision.no_supervisor);
    let run = match way {
        Way::Forward => {
            admit_again(&engine, &world, &run).await?;
            engine.resume(&run_id).await?
        }
        Way::Compensate => engine.compensate_only(&run_id).await?,
        Way::Back => engine.abort(&run_id).await?,
    };
    let stands = Stands { run_id, state: run.state() };
    cx.printer.answer(&stands, || format!("run {}: {}", stands.run_id, word(&stands.state)))?;
    Ok(ExitStatus::Yes)
}

/// A run that waited for its approval before the first step may have waited for days: what it was
/// decided on must still be so.
async fn admit_again(engine: &Engine<'_>, world: &World, run: &Run) -> Result<()> {
    let waited = run.plan.required_approvals > 0 && run.approvals_missing() == 0;
    let untouched = run.plan.steps.iter().all(|step| run.is_untouched(step.n));
    if !waited || !untouched || run.abort_requested {
        return Ok(());
    }
    engine.admit(&run.plan, &facts::inputs(world, &run.plan).await?).await
}
