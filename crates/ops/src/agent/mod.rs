//! The agent of an environment: owns its PostgreSQL server and its instances. Both outlive an
//! agent that dies, and the next agent takes them over.

mod child;
mod cluster;
mod database;
mod instance;
mod instances;
mod ports;
mod roles;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use trefoil_clouds::operate::agent_protocol::{
    AgentStatus, DatabaseStatus, InstanceStatus, Shutdown, StartDatabase, StartInstance,
    StopInstance,
};
use trefoil_clouds::operate::control::{AGENT_SOCKET, Refused, listen};
use trefoil_clouds::operate::{files, process};

use crate::{Error, Result};
use database::DatabaseServer;
use instances::Instances;

/// How long instances may take to end when the agent is told to shut down.
const SHUTDOWN_DRAIN: Duration = Duration::from_secs(10);
/// How often the logs' sizes are looked at.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// Everything of one agent.
struct Agent {
    folder: PathBuf,
    environment: String,
    started_at: Timestamp,
    database: Arc<DatabaseServer>,
    instances: Instances,
    stop: CancellationToken,
}

/// Runs the agent of `environment` in its folder until it is told to shut down. In a session of
/// its own, so that the death of whoever started it does not touch it.
///
/// # Errors
/// `agent_running` when another agent runs in this folder.
pub async fn run(folder: &Path, environment: &str) -> Result<()> {
    process::begin_session();
    serve(folder, environment).await
}

/// Does what [`run`] does in the session of the caller.
///
/// # Errors
/// As [`run`].
pub async fn serve(folder: &Path, environment: &str) -> Result<()> {
    files::private_folder(folder)?;
    let folder = folder.canonicalize().map_err(|e| files::file_error("open", folder, e))?;
    let lock = files::lock(&folder.join("agent.lock"))?;
    let _lock = lock.ok_or_else(|| {
        let message = format!("an agent runs in {} already", folder.display());
        Error::refused("agent_running", message)
    })?;
    for written in [&folder, &folder.join("instances")] {
        files::remove_unfinished(written)?;
    }
    let pid_file = folder.join("agent.pid");
    files::write_whole(&pid_file, std::process::id().to_string().as_bytes())?;
    let socket = listen(&folder, AGENT_SOCKET)?;
    let stop = CancellationToken::new();
    // Whatever ends this function ends the tasks that look after the children, never the
    // children themselves.
    let _watchers = stop.clone().drop_guard();
    let agent = Arc::new(Agent {
        environment: environment.to_owned(),
        started_at: Timestamp::now(),
        database: DatabaseServer::take_over(&folder, stop.clone())?,
        instances: Instances::take_over(&folder.join("instances"), stop.clone())?,
        stop: stop.clone(),
        folder,
    });
    tracing::info!(environment, "the agent looks after the environment");
    tokio::spawn(limit_logs(agent.clone()));
    axum::serve(socket, router(agent))
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
        .map_err(|error| {
            Error::failed("agent_failed", "the agent's socket failed").because(error)
        })?;
    files::remove_file(&pid_file)
}

fn router(agent: Arc<Agent>) -> Router {
    Router::new()
        .route("/status", get(status))
        .route("/database/start", post(start_database))
        .route("/database/stop", post(stop_database))
        .route("/instances/start", post(start_instance))
        .route("/instances/stop", post(stop_instance))
        .route("/shutdown", post(shutdown))
        .with_state(agent)
}

type Answer<T> = std::result::Result<Json<T>, Refused>;

/// Does the work in a task of its own, so that it goes to its end when whoever asked has gone.
async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Answer<T> {
    let done = tokio::spawn(work).await;
    let done = done.map_err(|error| {
        Refused(Error::failed("agent_failed", "the work did not end").because(error))
    })?;
    Ok(Json(done?))
}

async fn status(State(agent): State<Arc<Agent>>) -> Json<AgentStatus> {
    Json(AgentStatus {
        pid: std::process::id(),
        environment: agent.environment.clone(),
        started_at: agent.started_at,
        database: agent.database.status(),
        instances: agent.instances.status(),
    })
}

async fn start_database(
    State(agent): State<Arc<Agent>>,
    Json(request): Json<StartDatabase>,
) -> Answer<DatabaseStatus> {
    to_its_end(async move { agent.database.start(&request).await }).await
}

async fn stop_database(State(agent): State<Arc<Agent>>) -> Answer<()> {
    to_its_end(async move { agent.database.stop().await }).await
}

async fn start_instance(
    State(agent): State<Arc<Agent>>,
    Json(request): Json<StartInstance>,
) -> Answer<InstanceStatus> {
    to_its_end(async move { agent.instances.start(request).await }).await
}

async fn stop_instance(
    State(agent): State<Arc<Agent>>,
    Json(request): Json<StopInstance>,
) -> Answer<()> {
    let drain = Duration::from_millis(request.drain_ms);
    to_its_end(async move { agent.instances.stop(&request.name, drain).await }).await
}

async fn shutdown(
    State(agent): State<Arc<Agent>>,
    Json(request): Json<Option<Shutdown>>,
) -> Answer<()> {
    let Shutdown { discard } = request.unwrap_or_default();
    to_its_end(async move {
        agent.instances.shut_down(SHUTDOWN_DRAIN).await?;
        agent.database.shut_down(discard).await?;
        agent.stop.cancel();
        Ok(())
    })
    .await
}

/// Keeps the logs that children write to below their limit until the agent stops.
async fn limit_logs(agent: Arc<Agent>) {
    while agent.stop.run_until_cancelled(tokio::time::sleep(LOG_INTERVAL)).await.is_some() {
        let own = ["agent.log", database::LOG].map(|name| agent.folder.join(name));
        for log in own.into_iter().chain(agent.instances.logs()) {
            if let Err(error) = files::limit_log(&log) {
                tracing::warn!(error = error.chain(), "a log grows");
            }
        }
    }
}
