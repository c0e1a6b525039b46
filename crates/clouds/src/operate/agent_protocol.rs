//! What is said between Trefoil and the agent of an environment: JSON over HTTP on a Unix socket
//! that only its owner can open. Requests may hold secrets; no answer does.
//!
//! `GET /status` · `POST /database/start` · `POST /database/stop` · `POST /instances/start` ·
//! `POST /instances/stop` · `POST /shutdown`

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::process::ProcessId;

/// Starts the environment's PostgreSQL server, making it first if there is none. Idempotent.
#[derive(Clone, Serialize, Deserialize)]
pub struct StartDatabase {
    /// The database to have, owned by the application's role.
    pub database: String,
    /// The password of the superuser `trefoil`.
    pub admin_password: String,
    /// The application's role, which owns the database.
    pub role: String,
    /// Its password.
    pub password: String,
    /// The major version of PostgreSQL; the newest on this machine when nobody chose.
    #[serde(default)]
    pub version: Option<u32>,
}

/// Starts one instance of a program. Idempotent: a running instance of that name is left alone.
#[derive(Clone, Serialize, Deserialize)]
pub struct StartInstance {
    /// The instance's name.
    pub name: String,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Where it works; a relative program is found from here.
    pub working_dir: String,
    /// Its whole environment but PORT and [`InstanceRecord::MARK`], which the agent adds. May hold
    /// secrets.
    pub environment: BTreeMap<String, String>,
    /// Whether it runs once and its end is awaited, rather than being kept running.
    pub once: bool,
    /// With `once`: how long it may run, in milliseconds.
    pub timeout_ms: u64,
}

/// Stops one instance: a polite signal, then the drain time, then a kill. Idempotent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StopInstance {
    /// The instance's name.
    pub name: String,
    /// How long it may take to end, in milliseconds.
    pub drain_ms: u64,
}

/// What an agent looks after.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AgentStatus {
    /// The agent's process.
    pub pid: u32,
    /// The environment.
    pub environment: String,
    /// When the agent started.
    pub started_at: Timestamp,
    /// The PostgreSQL server, if there is one.
    pub database: Option<DatabaseStatus>,
    /// The instances by name.
    pub instances: Vec<InstanceStatus>,
}

/// A PostgreSQL server.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DatabaseStatus {
    /// The port on 127.0.0.1.
    pub port: u16,
    /// The server's process, when it runs.
    pub pid: Option<u32>,
    /// The server's data folder.
    pub data_dir: String,
    /// The version, such as `15.18`.
    pub version: String,
}

/// An instance of a program.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InstanceStatus {
    /// The instance's name.
    pub name: String,
    /// Its process, while it runs.
    pub pid: Option<u32>,
    /// The port that it was told to listen on, on 127.0.0.1.
    pub port: u16,
    /// How often it was started again after it had ended by itself.
    pub restarts: u32,
    /// When it was started last.
    pub started_at: Timestamp,
    /// How it ended last, since it was started by request; also while it runs again.
    pub last_exit: Option<String>,
    /// The last lines that it wrote to standard error before that.
    pub last_words: Vec<String>,
}

/// `POST /shutdown`.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Shutdown {
    /// Whether all data is deleted next, so that the server need not write it out first.
    pub discard: bool,
}

/// What an agent writes down of an instance, in `instances/NAME.json`, so that the next agent
/// knows it again. Never a secret: the environment's values are not in it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InstanceRecord {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Where it works.
    pub working_dir: String,
    /// The names of its environment variables.
    pub variables: Vec<String>,
    /// The port that it is told to listen on; kept when it is started again.
    pub port: u16,
    /// Whether it runs once.
    pub once: bool,
    /// Its process, when it runs.
    pub process: Option<ProcessId>,
    /// How often it was started again after it had ended by itself.
    pub restarts: u32,
    /// When it was started last.
    pub started_at: Timestamp,
}

impl InstanceRecord {
    /// The environment variable that names the record's file to the instance. An agent that is
    /// killed after it has started an instance, and before it has written down which process
    /// that is, leaves one that is known by this alone.
    pub const MARK: &str = "TREFOIL_INSTANCE";

    /// The instance's process, whoever started it; `file` is the record's, with no link in it.
    pub fn running(&self, file: &Path) -> Option<ProcessId> {
        let written = self.process.filter(|process| process.alive());
        let marked = || ProcessId::find_leader(Self::MARK, file.as_os_str().as_encoded_bytes());
        written.or_else(marked)
    }
}

/// What an agent writes down of its PostgreSQL server, in `postgres.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DatabaseRecord {
    /// The folder that holds all the server has.
    pub folder: PathBuf,
    /// The port on 127.0.0.1, kept when it is started again.
    pub port: u16,
    /// Whether it is to run: it is started again when it ends by itself.
    pub wanted: bool,
}

impl DatabaseRecord {
    /// The name of the file in the environment's folder.
    pub const FILE: &str = "postgres.json";
}

/// An answer that is not 200.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Refusal {
    /// The stable error code.
    pub code: String,
    /// What went wrong.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
}
