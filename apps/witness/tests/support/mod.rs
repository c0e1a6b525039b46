//! An application in memory, a PostgreSQL server of its own, and the program under test.

mod application;
mod postgres;

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

pub(crate) use application::{Application, Fault};
pub(crate) use postgres::Postgres;

const PROGRAM: &str = env!("CARGO_BIN_EXE_trefoil-witness");

/// The program under test, with a folder for its journals.
pub(crate) struct Witness {
    folder: TempDir,
    url: String,
}

impl Witness {
    pub(crate) fn new(application: &Application) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), url: application.url.clone() }
    }

    /// Lets four writers write for a while, ends them with SIGTERM, and gives their summary.
    pub(crate) async fn write(&self, duration: Duration) -> Value {
        let mut command = Command::new(PROGRAM);
        command.args(["write", "--url", &self.url, "--writers", "4", "--seed", "7"]);
        command.args(["--rate", "200", "--journal"]).arg(self.folder.path());
        let child =
            command.stdout(Stdio::piped()).kill_on_drop(true).spawn().expect("the program starts");
        tokio::time::sleep(duration).await;
        let pid = child.id().expect("it still runs").to_string();
        assert!(Command::new("kill").arg(pid).status().await.unwrap().success());
        let output = child.wait_with_output().await.unwrap();
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Puts the application's notes into a table and runs the check.
    pub(crate) async fn check(
        &self,
        application: &Application,
        postgres: &Postgres,
    ) -> (i32, Value) {
        postgres.fill(&application.notes()).await;
        let output = Command::new(PROGRAM)
            .args(["check", "--url", &self.url, "--journal"])
            .arg(self.folder.path())
            .env("WITNESS_DATABASE_URL", postgres.url())
            .output()
            .await
            .unwrap();
        let report =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
        (output.status.code().unwrap(), report)
    }

    /// Runs another command of the program on the journals.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Value {
        let folder: &Path = self.folder.path();
        let output =
            Command::new(PROGRAM).args(arguments).arg("--journal").arg(folder).output().await;
        let output = output.unwrap();
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }
}
