//! Where the demonstration happens: a folder of its own, this program called as a user calls it,
//! and the programs beside it. All of it is gone when the stage is struck.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::process::{Child, Command};
use trefoil_clouds::operate::{OpenSite, Site};
use trefoil_clouds::registry;

use crate::{Error, Result};

/// No single command of the demonstration takes longer.
const COMMAND_MAX: Duration = Duration::from_secs(15 * 60);

/// The folder and the programs of one demonstration.
pub(super) struct Stage {
    folder: PathBuf,
    programs: PathBuf,
    /// The port that users reach.
    pub(super) port: u16,
}

impl Stage {
    /// Makes the folder and the specification in it.
    pub(super) fn set(programs: &Path) -> Result<Stage> {
        let unique = uuid::Uuid::new_v4().simple().to_string();
        let folder = std::env::temp_dir().join(format!("trefoil-demo-{}", &unique[..8]));
        let port = free_port()?;
        let stage = Stage { folder, programs: programs.to_owned(), port };
        for name in ["medassistant", "trefoil-witness"] {
            stage.program(name)?;
        }
        std::fs::create_dir_all(&stage.folder).map_err(|error| stage.unwritable(error))?;
        let spec = include_str!("../../../templates/demo.yaml")
            .replace("{{port}}", &port.to_string())
            .replace("{{medassistant}}", &stage.program("medassistant")?.display().to_string());
        std::fs::write(stage.spec(), spec).map_err(|error| stage.unwritable(error))?;
        Ok(stage)
    }

    /// The specification's file.
    pub(super) fn spec(&self) -> PathBuf {
        self.folder.join("trefoil.yaml")
    }

    /// The folder of the writers' journals.
    pub(super) fn journals(&self) -> PathBuf {
        self.folder.join("witness")
    }

    /// The address that users reach.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Runs this program with `arguments`, as a user would; its answer's `data`.
    pub(super) async fn trefoil(&self, arguments: &[&str]) -> Result<Value> {
        let spec = self.spec();
        let mut all: Vec<&OsStr> = vec!["--json".as_ref(), "--yes".as_ref(), "--file".as_ref()];
        all.push(spec.as_os_str());
        all.extend(arguments.iter().map(OsStr::new));
        let output = self.finished(self.command("trefoil")?.args(all)).await?;
        let answer = json(&output)?;
        if answer["ok"] == Value::Bool(true) {
            return Ok(answer["data"].clone());
        }
        let error = &answer["errors"][0];
        let words = error["message"].as_str().unwrap_or("no words").to_owned();
        let hint = error["hint"].as_str().unwrap_or("run it again with -v").to_owned();
        let code = format!("`trefoil {}` said: {words}", arguments.join(" "));
        Err(Error::failed("demo_step", code).hint(hint))
    }

    /// Runs the witness to its end; what it printed, and whether its answer was yes.
    pub(super) async fn witness(
        &self,
        arguments: &[&str],
        database_url: Option<&str>,
    ) -> Result<(Value, bool)> {
        let mut command = self.command("trefoil-witness")?;
        command.args(arguments);
        if let Some(url) = database_url {
            command.env("WITNESS_DATABASE_URL", url);
        }
        let output = self.finished(&mut command).await?;
        Ok((json(&output)?, output.status.success()))
    }

    /// Starts the writers.
    pub(super) fn start_writers(&self, writers: u16, seed: u64) -> Result<Child> {
        let mut command = self.command("trefoil-witness")?;
        command.args(["write", "--url", &self.url(), "--writers", &writers.to_string()]);
        command.args(["--seed", &seed.to_string(), "--journal"]).arg(self.journals());
        command.stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        command.spawn().map_err(|error| unstartable("trefoil-witness", error))
    }

    /// Lets the writers end their requests; what they counted.
    pub(super) async fn stop_writers(&self, writers: Child) -> Result<Value> {
        if let Some(pid) = writers.id().and_then(|pid| i32::try_from(pid).ok()) {
            let pid = nix::unistd::Pid::from_raw(pid);
            // A writer that has ended already is what was asked for.
            let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        }
        let output = tokio::time::timeout(COMMAND_MAX, writers.wait_with_output()).await;
        let output = output.map_err(|_| Error::failed("demo_step", "the writers do not end"))?;
        json(&output.map_err(|error| unstartable("trefoil-witness", error))?)
    }

    /// An environment, opened as this program opens it.
    pub(super) fn site(&self, environment: &str) -> Result<Site> {
        let text = std::fs::read_to_string(self.spec()).map_err(|error| self.unwritable(error))?;
        let parsed = trefoil_core::spec::parse("trefoil.yaml", &text, &registry::known());
        let wrong = |_| Error::failed("demo_step", "the demonstration's specification is wrong");
        let program = self.program("trefoil")?;
        registry::open_site(&OpenSite {
            spec: &parsed.map_err(wrong)?.spec,
            spec_folder: &self.folder,
            environment,
            folder: &self.folder.join(".trefoil"),
            program: &program,
        })
    }

    /// Ends and deletes everything that the demonstration made, whatever state its runs are in;
    /// what could not be deleted, in words.
    pub(super) async fn strike(&self) -> Vec<String> {
        let mut troubles = Vec::new();
        for environment in ["east", "west"] {
            if let Err(error) = self.destroy(environment).await {
                troubles.push(error.chain());
            }
        }
        if troubles.is_empty()
            && let Err(error) = std::fs::remove_dir_all(&self.folder)
        {
            troubles.push(format!("{} stays: {error}", self.folder.display()));
        }
        troubles
    }

    async fn destroy(&self, environment: &str) -> Result<()> {
        let site = self.site(environment)?;
        for run in trefoil_ops::backflow::list(&self.folder.join(".trefoil"))? {
            trefoil_ops::backflow::stop(&self.folder.join(".trefoil"), &run.run_id).await?;
        }
        site.traffic.close().await?;
        site.provision.destroy().await
    }

    async fn finished(&self, command: &mut Command) -> Result<Output> {
        command.stdin(Stdio::null()).kill_on_drop(true);
        let output = tokio::time::timeout(COMMAND_MAX, command.output()).await;
        let output = output.map_err(|_| Error::failed("demo_step", "a command does not end"))?;
        output.map_err(|error| unstartable("a program of the demonstration", error))
    }

    fn command(&self, name: &str) -> Result<Command> {
        let mut command = Command::new(self.program(name)?);
        command.env_remove("TREFOIL_FILE").env_remove("TREFOIL_STATE").current_dir(&self.folder);
        // An interrupt at the terminal is answered by the demonstration alone, which then strikes
        // the stage; its children must not die half-way.
        command.process_group(0);
        Ok(command)
    }

    fn program(&self, name: &str) -> Result<PathBuf> {
        let path = self.programs.join(name);
        path.is_file().then_some(path).ok_or_else(|| {
            let folder = self.programs.display();
            Error::missing("demo_program", format!("{name} is not beside trefoil in {folder}"))
                .hint("run scripts/demo, which builds all three programs")
        })
    }

    fn unwritable(&self, error: std::io::Error) -> Error {
        let message = format!("cannot write to {}", self.folder.display());
        Error::missing("demo_folder", message).because(error)
    }
}

fn json(output: &Output) -> Result<Value> {
    serde_json::from_slice(&output.stdout).map_err(|error| {
        let words = String::from_utf8_lossy(&output.stderr);
        let last = words.lines().last().unwrap_or("it printed nothing");
        Error::failed("demo_step", format!("a command gave no answer: {last}")).because(error)
    })
}

fn unstartable(name: &str, error: std::io::Error) -> Error {
    Error::missing("demo_program", format!("cannot run {name}")).because(error)
}

fn free_port() -> Result<u16> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0");
    let address = listener.and_then(|listener| listener.local_addr());
    address
        .map(|address| address.port())
        .map_err(|error| Error::missing("demo_port", "no port is free").because(error))
}
