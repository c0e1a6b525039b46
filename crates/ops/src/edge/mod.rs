//! The edge: the proxy that users reach, which can hold requests while a switch is under way.

mod body;
mod gate;
mod metrics;
mod proxy;
mod retry;
mod stall;
mod upload;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use trefoil_clouds::operate::control::{EDGE_SOCKET, Refused, listen};
use trefoil_clouds::operate::edge_protocol::{Drain, Drained, EdgeStatus, Hold, Release, Upstream};
use trefoil_clouds::operate::{files, process};

use crate::{Error, Result};
use gate::Gate;

/// How many connections may be open; further ones wait to be accepted. Twice the requests that
/// may be under way, because clients keep connections open between requests.
const CONNECTIONS_MAX: usize = 2 * gate::REQUESTS_MAX;
/// How long a client may take to send the head of a request, and to send the next one.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long connections may take to end when the edge is stopped.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// How long to wait when no connection can be accepted, as when file descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What an edge remembers when it is started again.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct EdgeState {
    /// Never falls.
    epoch: u64,
    /// Where requests go.
    upstream: Option<Upstream>,
    /// The port that users reach.
    port: u16,
}

/// Everything of one edge.
struct Edge {
    gate: Arc<Gate>,
    state_file: PathBuf,
    listen: SocketAddr,
    /// Held while a release is under way, so that the file and what is in effect agree.
    releasing: tokio::sync::Mutex<()>,
    stop: CancellationToken,
}

/// Runs the edge of an application until it is told to shut down: users reach it on `port` of
/// 127.0.0.1, Trefoil on the socket in `folder`. In a session of its own, so that the death of
/// whoever started it does not touch it.
///
/// # Errors
/// `edge_running` when another edge runs in this folder; `edge_port` when the port is taken.
pub async fn run(folder: &Path, port: u16) -> Result<()> {
    process::begin_session();
    serve(folder, port).await
}

/// Does what [`run`] does in the session of the caller.
///
/// # Errors
/// As [`run`].
pub async fn serve(folder: &Path, port: u16) -> Result<()> {
    files::private_folder(folder)?;
    let lock = files::lock(&folder.join("edge.lock"))?;
    let _lock = lock.ok_or_else(|| {
        let message = format!("an edge runs in {} already", folder.display());
        Error::refused("edge_running", message)
    })?;
    raise_file_limit();
    let state_file = folder.join("edge.json");
    let mut state: EdgeState = files::read_json(&state_file)?.unwrap_or_default();
    let users = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| {
        let message = format!("port {port} of 127.0.0.1 cannot be used");
        Error::missing("edge_port", message)
            .because(error)
            .hint("free the port, or give another one as application.port")
    })?;
    let listen_address = users.local_addr().map_err(|error| socket_error(&error))?;
    state.port = listen_address.port();
    files::write_json(&state_file, &state)?;
    let pid_file = folder.join("edge.pid");
    files::write_whole(&pid_file, std::process::id().to_string().as_bytes())?;
    let control = listen(folder, EDGE_SOCKET)?;
    let edge = Arc::new(Edge {
        gate: Gate::new(state.epoch, state.upstream),
        state_file,
        listen: listen_address,
        releasing: tokio::sync::Mutex::new(()),
        stop: CancellationToken::new(),
    });
    let router = router(edge.clone());
    let stopped = edge.stop.clone().cancelled_owned();
    let control = axum::serve(control, router).with_graceful_shutdown(stopped);
    let (served, ()) = tokio::join!(control.into_future(), accept(users, &edge));
    files::remove_file(&pid_file)?;
    served.map_err(|error| socket_error(&error))
}

fn socket_error(error: &std::io::Error) -> Error {
    Error::failed("edge_failed", "the edge's sockets failed").because(error.to_string())
}

/// As many open files as this user may have: each request takes two, and the usual limit of
/// 1,024 is below what the edge promises to hold.
fn raise_file_limit() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard, hard));
    if let Err(error) = raised {
        tracing::warn!(%error, "cannot raise the limit of open files");
    }
}

/// Accepts users' connections until the edge stops, then lets those that are open end.
async fn accept(users: TcpListener, edge: &Edge) {
    let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = async {
            let permit = connections.clone().acquire_owned().await;
            (permit, users.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            accepted = accepted => accepted,
            () = edge.stop.cancelled() => break,
        };
        match (permit, accepted) {
            (Ok(permit), Ok((stream, peer))) => {
                converse(stream, peer, edge.gate.clone(), &graceful, permit);
            }
            (_, Err(error)) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
            (Err(_), _) => break,
        }
    }
    drop(users);
    if tokio::time::timeout(STOP_TIMEOUT, graceful.shutdown()).await.is_err() {
        tracing::warn!("connections were cut at the end");
    }
}

/// Serves one connection. Cutting the connection drops the request that is under way on it.
fn converse(
    stream: TcpStream,
    peer: SocketAddr,
    gate: Arc<Gate>,
    graceful: &GracefulShutdown,
    permit: OwnedSemaphorePermit,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set nodelay");
    }
    let cut = CancellationToken::new();
    let cut_here = cut.clone();
    let service =
        service_fn(move |request| proxy::handle(gate.clone(), cut.clone(), peer.ip(), request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        let _permit = permit;
        tokio::select! {
            ended = connection => if let Err(error) = ended {
                tracing::debug!(%error, "a connection broke");
            },
            () = cut_here.cancelled() => {}
        }
    });
}

fn router(edge: Arc<Edge>) -> Router {
    Router::new()
        .route("/status", get(status))
        .route("/metrics", get(metrics))
        .route("/hold", post(hold))
        .route("/drain", post(drain))
        .route("/release", post(release))
        .route("/shutdown", post(shutdown))
        .with_state(edge)
}

type Answer<T> = std::result::Result<Json<T>, Refused>;

async fn status(State(edge): State<Arc<Edge>>) -> Json<EdgeStatus> {
    Json(edge.gate.status(edge.listen))
}

async fn metrics(State(edge): State<Arc<Edge>>) -> String {
    let gate = &edge.gate;
    gate.metrics.render(&gate.status(edge.listen), gate.limits())
}

async fn hold(State(edge): State<Arc<Edge>>, Json(hold): Json<Hold>) -> Json<()> {
    edge.gate.hold(hold);
    Json(())
}

async fn drain(State(edge): State<Arc<Edge>>, Json(drain): Json<Drain>) -> Answer<Drained> {
    Ok(Json(edge.gate.drain(Duration::from_millis(drain.deadline_ms)).await?))
}

async fn release(State(edge): State<Arc<Edge>>, Json(release): Json<Release>) -> Answer<()> {
    // In a task of its own: it must not stop between writing and taking effect because whoever
    // asked has gone.
    let released = tokio::spawn(async move { edge.release(release).await }).await;
    released.map_err(|error| {
        Refused(Error::failed("edge_failed", "the release did not end").because(error))
    })??;
    Ok(Json(()))
}

async fn shutdown(State(edge): State<Arc<Edge>>) -> Json<()> {
    edge.stop.cancel();
    Json(())
}

impl Edge {
    async fn release(&self, release: Release) -> Result<()> {
        let _releasing = self.releasing.lock().await;
        self.gate.permits(&release)?;
        let address = &release.upstream.address;
        if address.parse::<http::uri::Authority>().is_err() {
            let message = format!("`{address}` is not a host and a port");
            return Err(Error::usage("edge_upstream", message));
        }
        let state = EdgeState {
            epoch: release.epoch,
            upstream: Some(release.upstream.clone()),
            port: self.listen.port(),
        };
        let file = self.state_file.clone();
        tokio::task::spawn_blocking(move || files::write_json(&file, &state)).await.map_err(
            |error| Error::failed("edge_failed", "the state was not written").because(error),
        )??;
        self.gate.release(release);
        Ok(())
    }
}
