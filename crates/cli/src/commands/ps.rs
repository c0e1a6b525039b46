//! `trefoil ps`: the environments, and where users' requests go.

use std::fmt::Write;

use schemars::JsonSchema;
use serde::Serialize;
use trefoil_clouds::operate::Site;
use trefoil_clouds::operate::edge_protocol::EdgeStatus;
use trefoil_clouds::operate::provision::Provisioned;
use trefoil_core::journal::RunState;
use trefoil_core::ledger::Ledger;
use trefoil_ops::facts::WayBack;
use trefoil_ops::state::State;
use trefoil_ops::supervisor;

use super::runs::{self, Supervisor};
use crate::table::{or_dash, table, word};
use crate::{Cx, ExitStatus, Result, runner};

/// What is answered.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Answer {
    /// Every environment of the specification.
    environments: Vec<Row>,
    /// What users reach; null when it does not run.
    edge: Option<EdgeStatus>,
    /// Why it is not known how the edge is; null when it is.
    edge_problem: Option<String>,
    /// The processes that watch over whoever executes a run.
    supervisors: Vec<Supervisor>,
    /// The run that waits for its end, if the way back of one is open.
    way_back: Option<RunsWayBack>,
    /// The newest epoch of the log.
    epoch: u64,
    /// The environment that may write.
    active: Option<String>,
}

/// The way back of a run that soaks.
#[derive(Serialize, JsonSchema)]
struct RunsWayBack {
    /// The run.
    run_id: String,
    /// How far the side that served is behind the one that serves; null without a database.
    database: Option<WayBack>,
}

/// One environment.
#[derive(Serialize, JsonSchema)]
struct Row {
    /// Its name.
    name: String,
    /// The cloud that it is on.
    cloud: String,
    /// What exists of it; null when that cannot be found out.
    state: Option<Provisioned>,
    /// Whether it may write.
    active: bool,
    /// Where its application listens.
    application: Option<String>,
    /// The processes or instances of the application.
    instances: Vec<String>,
    /// Host and port of its database server.
    database: Option<String>,
    /// What could not be found out.
    problem: Option<String>,
}

/// Asks every environment of the specification.
pub async fn run(cx: &Cx) -> Result<ExitStatus> {
    let spec = cx.specification().await?.spec;
    let names: Vec<_> = spec.environments.keys().map(String::as_str).collect();
    let world = cx.world(&spec, &names)?;
    let state = runner::state_to_read(cx)?;
    let ledger = state.ledger().await?;
    let mut environments = Vec::with_capacity(world.sites.len());
    let (mut edge, mut edge_problem) = (None, None);
    for site in world.sites.values() {
        environments.push(row(site, &ledger).await);
        if edge.is_none() {
            (edge, edge_problem) = match site.traffic.status().await {
                Ok(status) => (status, None),
                Err(error) => (None, Some(error.chain())),
            };
        }
    }
    let supervisors = supervisor::list(&cx.settings.state)?;
    let supervisors = supervisors.into_iter().filter_map(Supervisor::of).collect();
    let way_back = way_back(cx, &state, &ledger).await?;
    let Ledger { epoch, active, .. } = ledger;
    let answer = Answer { environments, edge, edge_problem, supervisors, way_back, epoch, active };
    cx.printer.answer(&answer, || text(&answer))?;
    Ok(ExitStatus::Yes)
}

/// Asks both servers of the run that soaks.
async fn way_back(cx: &Cx, state: &State, ledger: &Ledger) -> Result<Option<RunsWayBack>> {
    let Some(open) = ledger.open_run() else { return Ok(None) };
    let run = state.journal(open).await?;
    if run.state() != RunState::Soaking {
        return Ok(None);
    }
    let database = runs::way_back(cx, &run).await;
    Ok(Some(RunsWayBack { run_id: open.to_owned(), database }))
}

/// An environment that does not answer is shown with its problem, so that the others are seen.
async fn row(site: &Site, ledger: &Ledger) -> Row {
    let mut row = Row {
        name: site.name.clone(),
        cloud: site.cloud.clone(),
        state: None,
        active: ledger.active.as_ref() == Some(&site.name),
        application: None,
        instances: Vec::new(),
        database: None,
        problem: None,
    };
    if let Err(error) = look(site, &mut row).await {
        row.problem = Some(error.chain());
    }
    row
}

async fn look(site: &Site, row: &mut Row) -> Result<()> {
    let state = site.provision.state().await?;
    row.state = Some(state);
    if state == Provisioned::Absent {
        return Ok(());
    }
    // An application outlives the death of its agent, and may still serve.
    if let Some(running) = site.compute.running().await? {
        row.application = Some(running.address);
        row.instances = running.instances;
    }
    if state == Provisioned::Stopped {
        return Ok(());
    }
    let database = site.provision.database_admin().await?;
    row.database = database.map(|admin| format!("{}:{}", admin.host, admin.port));
    Ok(())
}

fn text(answer: &Answer) -> String {
    let rows = answer.environments.iter().map(|row| {
        [
            row.name.clone(),
            row.cloud.clone(),
            or_dash(row.state.map(|state| word(&state))),
            if row.active { "yes" } else { "-" }.to_owned(),
            or_dash(row.application.as_ref()),
            or_dash(row.database.as_ref()),
        ]
    });
    let header = ["ENVIRONMENT", "CLOUD", "STATE", "ACTIVE", "APPLICATION", "DATABASE"];
    let mut text = table(header, rows);
    for row in &answer.environments {
        if let Some(problem) = &row.problem {
            let _ = write!(text, "\n{}: {problem}", row.name);
        }
    }
    text.push_str("\n\n");
    text.push_str(&edge(answer));
    if let Some(RunsWayBack { run_id, database }) = &answer.way_back {
        let _ = write!(text, "\nrun {run_id} soaks");
        if let Some(database) = database {
            let _ = write!(text, "; {}", runs::way_back_text(database));
        }
    }
    for supervisor in &answer.supervisors {
        let _ = write!(text, "\nsupervisor: {}", supervisor.words());
    }
    text
}

fn edge(answer: &Answer) -> String {
    let edge = match (&answer.edge, &answer.edge_problem) {
        (Some(edge), _) => edge,
        (None, Some(problem)) => return format!("edge: unreachable ({problem})"),
        (None, None) => return "edge: does not run".to_owned(),
    };
    let to = match &edge.upstream {
        Some(upstream) => format!("{} ({})", upstream.environment, upstream.address),
        None => "nothing".to_owned(),
    };
    let holding =
        if edge.holding { format!(", {} requests wait", edge.held) } else { String::new() };
    format!("edge: http://{} -> {to}, epoch {}{holding}", edge.listen, edge.epoch)
}
