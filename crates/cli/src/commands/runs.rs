//! `trefoil runs`: the runs; one of them with all that happened; going on with it or undoing it.

use schemars::JsonSchema;
use serde::Serialize;
use trefoil_core::journal::{Entry, Event, Run, RunState, StepStatus};
use trefoil_core::plan::PlanKind;
use trefoil_core::report::MoveReport;
use trefoil_ops::engine::Engine;
use trefoil_ops::state::{RunSummary, State};

use crate::args::{Runs, RunsCommand};
use crate::runner::{self, next_commands};
use crate::table::{or_dash, table, time, word};
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
    let state = runner::state(cx).await?;
    match args.command {
        None => list(cx, &state).await,
        Some(RunsCommand::Show(arg)) => show(cx, &state, &arg.run).await,
        Some(RunsCommand::Resume(arg)) => go_on(cx, &state, &arg.run, Way::Forward).await,
        Some(RunsCommand::Abort(arg)) => go_on(cx, &state, &arg.run, Way::Back).await,
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
    let switched = state.journal(&run.run_id).await?.switched();
    Ok(next_commands(&run.run_id, run.kind, run.state, switched))
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
    /// The commands to type next.
    next: Vec<String>,
    /// What a move did and proved; null for other kinds.
    report: Option<MoveReport>,
}

async fn show(cx: &Cx, state: &State, wanted: &str) -> Result<ExitStatus> {
    let run_id = state.resolve(wanted).await?;
    let run = state.journal(&run_id).await?;
    let stands = state.runs().await?.into_iter().find(|summary| summary.run_id == run_id);
    let stands = stands.map_or_else(|| run.state(), |summary| summary.state);
    let active = state.ledger().await?.active;
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
        next: next_commands(&run_id, plan.kind, stands, run.switched()),
        report: report(&run),
    };
    cx.printer.answer(&shown, || show_text(&shown, &run))?;
    Ok(ExitStatus::Yes)
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
    text.push_str(&format!("\nexecutor: {}\n\n", or_dash(shown.executor)));
    text.push_str(&table(["STEP", "ACTION", "MARK", "STATUS"], steps));
    text.push_str("\n\n");
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
        Event::Started { step } => format!("step {step} started"),
        Event::Succeeded { step, .. } => format!("step {step} done"),
        Event::Failed { step, error } => format!("step {step} failed: {error}"),
        Event::UndoStarted { step } => format!("undoing step {step}"),
        Event::UndoFinished { step } => format!("step {step} undone"),
        Event::UndoFailed { step, error } => format!("step {step} not undone: {error}"),
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

/// Where to go with a run.
enum Way {
    Forward,
    Back,
}

async fn go_on(cx: &Cx, state: &State, wanted: &str, way: Way) -> Result<ExitStatus> {
    let spec = cx.specification().await?.spec;
    let run_id = state.resolve(wanted).await?;
    let world = runner::world_of(cx, &spec, &state.journal(&run_id).await?.plan)?;
    let progress = cx.progress();
    let engine = Engine::new(state, &world, &*progress, runner::stop(cx));
    let run = match way {
        Way::Forward => engine.resume(&run_id).await?,
        Way::Back => engine.abort(&run_id).await?,
    };
    let stands = Stands { run_id, state: run.state() };
    cx.printer.answer(&stands, || format!("run {}: {}", stands.run_id, word(&stands.state)))?;
    Ok(ExitStatus::Yes)
}
