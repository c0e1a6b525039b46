//! An agent in this process, whose children are gone when the test ends, also by a panic.

#![allow(dead_code, reason = "each test uses a part")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tokio::task::JoinHandle;
use trefoil_clouds::operate::agent_protocol::{
    AgentStatus, DatabaseRecord, InstanceRecord, InstanceStatus,
};
use trefoil_clouds::operate::control::{AGENT_SOCKET, Control};
use trefoil_clouds::operate::files;
use trefoil_clouds::operate::process::ProcessId;
use trefoil_ops::{Result, agent};

pub(crate) const LONG: Duration = Duration::from_secs(120);

/// A folder of an environment that is cleaned of processes and data at the end.
pub(crate) struct Environment {
    pub(crate) folder: PathBuf,
}

impl Drop for Environment {
    fn drop(&mut self) {
        // The agent's task was dropped before this; once it has let go of its lock it starts
        // nothing any more.
        for _ in 0..500 {
            match files::lock(&self.folder.join("agent.lock")) {
                Ok(None) => std::thread::sleep(Duration::from_millis(10)),
                _ => break,
            }
        }
        std::thread::sleep(Duration::from_millis(50));
        for record in instance_records(&self.folder) {
            if let Some(process) = record.process.filter(|process| process.alive()) {
                process.signal_group(Signal::SIGKILL);
            }
        }
        let file = self.folder.join(DatabaseRecord::FILE);
        let Ok(Some(record)) = files::read_json::<DatabaseRecord>(&file) else { return };
        if let Some(process) = postmaster(&record.folder.join("data")) {
            process.signal(Signal::SIGQUIT);
            let began = Instant::now();
            while process.alive() && began.elapsed() < Duration::from_secs(10) {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        let _ = std::fs::remove_dir_all(record.folder);
    }
}

fn instance_records(folder: &Path) -> Vec<InstanceRecord> {
    let entries = std::fs::read_dir(folder.join("instances")).into_iter().flatten().flatten();
    let json =
        entries.map(|entry| entry.path()).filter(|path| path.extension() == Some("json".as_ref()));
    json.filter_map(|path| files::read_json(&path).ok().flatten()).collect()
}

/// The server that runs on a data folder.
pub(crate) fn postmaster(data: &Path) -> Option<ProcessId> {
    let file = std::fs::read_to_string(data.join("postmaster.pid")).ok()?;
    ProcessId::of(file.lines().next()?.parse().ok()?)
}

/// An agent as a task. Dropping it is its death without a word.
pub(crate) struct Agent {
    pub(crate) control: Control,
    task: JoinHandle<Result<()>>,
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) async fn start_agent(folder: &Path) -> Agent {
    let path = folder.to_path_buf();
    let task = tokio::spawn(async move { agent::serve(&path, "east").await });
    let control = Control::new(folder, AGENT_SOCKET);
    until("the agent answers", || async {
        assert!(!task.is_finished(), "the agent ended");
        control.answers().await
    })
    .await;
    Agent { control, task }
}

impl Agent {
    pub(crate) async fn status(&self) -> AgentStatus {
        self.control.get("/status", LONG).await.unwrap()
    }

    pub(crate) async fn instance(&self, name: &str) -> InstanceStatus {
        let status = self.status().await;
        status.instances.into_iter().find(|one| one.name == name).unwrap()
    }

    /// Ends it as kill -9 would: no code of its own runs.
    pub(crate) async fn dies(mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }

    /// Waits for the end that it was told to come to.
    pub(crate) async fn ends(mut self) {
        tokio::time::timeout(LONG, &mut self.task).await.unwrap().unwrap().unwrap();
    }
}

pub(crate) async fn until<F: Future<Output = bool>>(what: &str, holds: impl Fn() -> F) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < Duration::from_secs(30), "not within 30 s: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
