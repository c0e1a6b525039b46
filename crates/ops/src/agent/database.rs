//! The environment's PostgreSQL server: started, watched, started again when it dies.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tokio_util::sync::CancellationToken;
use trefoil_clouds::operate::agent_protocol::{DatabaseRecord, DatabaseStatus, StartDatabase};
use trefoil_clouds::operate::files;
use trefoil_clouds::operate::process::ProcessId;

use super::child::{Child, Logs};
use super::cluster::{Cluster, place};
use super::{ports, roles};
use crate::{Error, Result};

/// The server's log, in the environment's folder.
pub(super) const LOG: &str = "postgres.log";

/// How long the server may take until it accepts connections, recovery after a crash included.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a fast stop may take before it is made an immediate one, and that before it fails.
const STOP_TIMEOUT: Duration = Duration::from_secs(60);
const STOP_NOW_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the processes of a killed server may take to end.
const ORPHANS_TIMEOUT: Duration = Duration::from_secs(10);
/// How often the server is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// The pause before the first restart; it doubles with each up to the longest.
const BACKOFF_FIRST: Duration = Duration::from_millis(200);
const BACKOFF_LONGEST: Duration = Duration::from_secs(5);
/// How many lines of the log an error tells.
const LAST_LINES: usize = 10;

/// The server of one environment.
pub(super) struct DatabaseServer {
    folder: PathBuf,
    /// Held while it is started or stopped; true when nothing is started any more.
    changing: tokio::sync::Mutex<bool>,
    state: Mutex<State>,
}

#[derive(Clone, Default)]
struct State {
    record: Option<DatabaseRecord>,
    cluster: Option<Cluster>,
    process: Option<ProcessId>,
}

impl DatabaseServer {
    /// Takes over the server that an earlier agent has started in this folder, and looks after
    /// it until `watch` ends.
    pub(super) fn take_over(folder: &Path, watch: CancellationToken) -> Result<Arc<Self>> {
        let record: Option<DatabaseRecord> = files::read_json(&folder.join(DatabaseRecord::FILE))?;
        let mut state = State::default();
        if let Some(record) = record {
            let cluster = Cluster::open(&record.folder, None)?;
            state.process = cluster.running();
            state = State { record: Some(record), cluster: Some(cluster), ..state };
        }
        let server = Arc::new(Self {
            folder: folder.to_path_buf(),
            changing: tokio::sync::Mutex::new(false),
            state: Mutex::new(state),
        });
        tokio::spawn(server.clone().look_after(watch));
        Ok(server)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the server if there is none, starts it if it does not run, and gives it the role and
    /// the database.
    pub(super) async fn start(&self, request: &StartDatabase) -> Result<DatabaseStatus> {
        let closed = self.changing.lock().await;
        if *closed {
            return Err(Error::refused("agent_stopping", "the agent is shutting down"));
        }
        let (mut record, cluster) = self.known_or_new(request.version)?;
        cluster.make(&request.admin_password).await?;
        record.wanted = true;
        self.write_down(record.clone())?;
        self.ensure_runs(&cluster, record.port).await?;
        roles::ensure(record.port, request).await?;
        self.status().ok_or_else(|| Error::failed("postgres_failed", "nothing is known of it"))
    }

    /// What is known of the server; a place for it when there is none yet, which is written down
    /// before anything is there.
    fn known_or_new(&self, wanted: Option<u32>) -> Result<(DatabaseRecord, Cluster)> {
        let known = self.lock().clone();
        if let Some(record) = known.record {
            let cluster = Cluster::open(&record.folder, wanted)?;
            self.lock().cluster = Some(cluster.clone());
            return Ok((record, cluster));
        }
        let folder = place(&self.folder)?;
        if folder.exists() {
            let message = format!(
                "{} holds the database of an environment that is no longer known",
                folder.display()
            );
            let hint = format!("if nothing in it is needed: rm -r {}", folder.display());
            return Err(Error::refused("postgres_data", message).hint(hint));
        }
        let cluster = Cluster::open(&folder, wanted)?;
        let record = DatabaseRecord { folder, port: ports::find_free()?, wanted: false };
        self.write_down(record.clone())?;
        self.lock().cluster = Some(cluster.clone());
        Ok((record, cluster))
    }

    fn write_down(&self, record: DatabaseRecord) -> Result<()> {
        files::write_json(&self.folder.join(DatabaseRecord::FILE), &record)?;
        self.lock().record = Some(record);
        Ok(())
    }

    /// Starts the server if it does not run, and waits until it accepts connections.
    async fn ensure_runs(&self, cluster: &Cluster, port: u16) -> Result<()> {
        let process = match cluster.running() {
            Some(process) => process,
            None => {
                orphans_gone(cluster).await;
                self.launch(cluster, port)?
            }
        };
        self.lock().process = Some(process);
        let began = Instant::now();
        while !cluster.accepts(process) {
            if !process.alive() {
                return Err(self.failed("PostgreSQL ended while it was starting"));
            }
            if began.elapsed() > START_TIMEOUT {
                return Err(self.failed("PostgreSQL does not accept connections after 60 s"));
            }
            tokio::time::sleep(LOOK_INTERVAL / 4).await;
        }
        Ok(())
    }

    fn launch(&self, cluster: &Cluster, port: u16) -> Result<ProcessId> {
        if !ports::is_free(port) {
            let message = format!("port {port} of this environment's database is in use");
            return Err(Error::missing("postgres_failed", message)
                .hint("free the port; other environments' streams expect the database there"));
        }
        cluster.configure(port)?;
        cluster.forget_dead()?;
        let log = self.folder.join(LOG);
        let mut command = cluster.command("postgres");
        command.arg("-D").arg(cluster.data());
        let child = Child::start(command, &Logs { out: log.clone(), err: log })?;
        Ok(child.id)
    }

    fn failed(&self, what: &str) -> Error {
        let log = self.folder.join(LOG);
        Error::failed("postgres_failed", what)
            .hint(format!("its log is {}", log.display()))
            .because(files::last_lines(&log, 0, LAST_LINES).join("\n"))
    }

    /// Starts the server again whenever it ends by itself.
    async fn look_after(self: Arc<Self>, watch: CancellationToken) {
        let mut pause = BACKOFF_FIRST;
        while watch.run_until_cancelled(tokio::time::sleep(LOOK_INTERVAL)).await.is_some() {
            if !self.is_missed() {
                continue;
            }
            let again = async {
                let closed = self.changing.lock().await;
                let State { record, cluster, .. } = self.lock().clone();
                match (record, cluster) {
                    (Some(record), Some(cluster)) if record.wanted && !*closed => {
                        tracing::warn!("the database server is gone; it is started again");
                        self.ensure_runs(&cluster, record.port).await
                    }
                    _ => Ok(()),
                }
            };
            match watch.run_until_cancelled(again).await {
                Some(Ok(())) => pause = BACKOFF_FIRST,
                Some(Err(error)) => {
                    tracing::error!(error = error.chain(), "the database server does not start");
                    if watch.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                        return;
                    }
                    pause = (pause * 2).min(BACKOFF_LONGEST);
                }
                None => return,
            }
        }
    }

    fn is_missed(&self) -> bool {
        let state = self.lock();
        let wanted = state.record.as_ref().is_some_and(|record| record.wanted);
        wanted && !state.process.is_some_and(ProcessId::alive)
    }

    /// Stops the server; its data stays.
    pub(super) async fn stop(&self) -> Result<()> {
        let _changing = self.changing.lock().await;
        self.stop_server(Signal::SIGINT).await
    }

    /// Stops the server and starts none from now on. What it holds is not written out when it is
    /// to be discarded.
    pub(super) async fn shut_down(&self, discard: bool) -> Result<()> {
        let mut closed = self.changing.lock().await;
        *closed = true;
        self.stop_server(if discard { Signal::SIGQUIT } else { Signal::SIGINT }).await
    }

    /// SIGINT is PostgreSQL's fast stop: sessions are ended, data is written. SIGQUIT is its
    /// immediate one: the next start recovers.
    async fn stop_server(&self, how: Signal) -> Result<()> {
        let State { record, cluster, .. } = self.lock().clone();
        let (Some(mut record), Some(cluster)) = (record, cluster) else { return Ok(()) };
        record.wanted = false;
        self.write_down(record)?;
        let Some(process) = cluster.running() else { return Ok(()) };
        process.signal(how);
        if gone_within(process, STOP_TIMEOUT).await {
            return Ok(());
        }
        tracing::warn!("the database server does not stop; its next start will recover");
        process.signal(Signal::SIGQUIT);
        if gone_within(process, STOP_NOW_TIMEOUT).await {
            return Ok(());
        }
        Err(self.failed("PostgreSQL does not stop"))
    }

    /// How the server is; `None` when there is none.
    pub(super) fn status(&self) -> Option<DatabaseStatus> {
        let State { record, cluster, process } = self.lock().clone();
        let (record, cluster) = (record?, cluster?);
        let process = process.filter(|process| process.alive()).or_else(|| cluster.running());
        Some(DatabaseStatus {
            port: record.port,
            pid: process.map(|process| process.pid),
            data_dir: cluster.data().display().to_string(),
            version: cluster.binaries.version().to_owned(),
        })
    }
}

/// Waits until the processes of a server that was killed have noticed. PostgreSQL refuses to start
/// when one does not.
async fn orphans_gone(cluster: &Cluster) {
    let began = Instant::now();
    while cluster.is_worked_in() && began.elapsed() < ORPHANS_TIMEOUT {
        tokio::time::sleep(LOOK_INTERVAL / 4).await;
    }
}

async fn gone_within(process: ProcessId, limit: Duration) -> bool {
    let began = Instant::now();
    while process.alive() {
        if began.elapsed() > limit {
            return false;
        }
        tokio::time::sleep(LOOK_INTERVAL / 4).await;
    }
    true
}
