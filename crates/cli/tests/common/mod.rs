//! An application on two environments of this machine, driven through the real binary.

#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "each test file uses its own part"
)]

pub mod machine;
pub mod servers;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// One test's folder, specification and port. Everything is taken down when it is dropped.
pub struct Town {
    folder: tempfile::TempDir,
    pub port: u16,
    /// What every command finds in its environment, besides what this process has.
    pub variables: Vec<(&'static str, String)>,
}

/// What a command answered.
pub struct Answer {
    pub code: i32,
    pub data: Value,
    pub error: Value,
    pub stderr: String,
}

impl Town {
    /// The example application, with this text added below `application:`.
    pub fn new(application_extra: &str) -> Town {
        let medassistant = program("medassistant");
        Town::with(|port| {
            format!(
                r#"name: medassistant
application:
  command: ["{0}", serve]
  setup: ["{0}", migrate]
  port: {port}
  log_level: warning
{application_extra}
database: {{}}
buckets:
  documents: {{}}
sessions: {{}}
environments:
  east: {{ cloud: local }}
  west: {{ cloud: local }}
"#,
                medassistant.display()
            )
        })
    }

    /// A specification of two environments, `east` and `west`, for a free port.
    pub fn with(spec: impl FnOnce(u16) -> String) -> Town {
        let folder = tempfile::Builder::new().prefix("trefoil-test-").tempdir().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let spec = spec(port);
        std::fs::write(folder.path().join("trefoil.yaml"), spec).unwrap();
        Town { folder, port, variables: Vec::new() }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn environment_folder(&self, environment: &str) -> PathBuf {
        self.path().join(".trefoil/environments").join(environment)
    }

    /// The command line, not yet run.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trefoil"));
        command.current_dir(self.path()).args(["--json", "--yes"]).args(arguments);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Answer {
        self.run_with(arguments, &[])
    }

    /// Runs a command to its end with further environment variables.
    pub fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Answer {
        let mut command = self.command(arguments);
        command.envs(variables.iter().copied());
        Answer::of(&command.output().unwrap())
    }

    /// Runs a command that must succeed; its data.
    pub fn ok(&self, arguments: &[&str]) -> Value {
        let answer = self.run(arguments);
        assert_eq!(
            answer.code, 0,
            "trefoil {arguments:?}: {} {}\n{}",
            answer.error, answer.data, answer.stderr
        );
        answer.data
    }

    /// Makes a plan east -> west; the file and the plan's data.
    pub fn plan(&self, from: &str, to: &str) -> (String, Value) {
        let file = self.path().join("plan.json").display().to_string();
        let data = self.ok(&["migrate", "plan", "--from", from, "--to", to, "--output", &file]);
        (file, data)
    }

    /// Starts writers.
    pub fn writers(&self, count: u16, seed: u64) -> Writers {
        self.writers_with(count, seed, &[])
    }

    /// The same with further arguments.
    pub fn writers_with(&self, count: u16, seed: u64, further: &[&str]) -> Writers {
        let child = Command::new(program("trefoil-witness"))
            .args(["write", "--url", &self.url(), "--writers", &count.to_string()])
            .args(["--seed", &seed.to_string(), "--journal"])
            .arg(self.journals())
            .args(further)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Writers { child: Some(child) }
    }

    pub fn journals(&self) -> PathBuf {
        self.path().join("witness")
    }

    /// Fills the application with documents and sessions.
    pub fn seed(&self, documents: u64, sessions: u64) {
        let output = Command::new(program("trefoil-witness"))
            .args(["seed", "--url", &self.url()])
            .args(["--documents", &documents.to_string(), "--sessions", &sessions.to_string()])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Counts from outside, against the database of `environment`.
    pub fn check(&self, environment: &str) -> Value {
        let output = Command::new(program("trefoil-witness"))
            .args(["check", "--url", &self.url(), "--journal"])
            .arg(self.journals())
            .env("WITNESS_DATABASE_URL", self.database_url(environment))
            .output()
            .unwrap();
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
    }

    /// The administrator's URL of an environment's database.
    pub fn database_url(&self, environment: &str) -> String {
        use secrecy::ExposeSecret;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let admin = self.site(environment).provision;
        let admin = runtime.block_on(admin.database_admin()).unwrap().unwrap();
        admin.url.expose_secret().to_owned()
    }

    /// An environment, opened as the program opens it.
    pub fn site(&self, environment: &str) -> trefoil_clouds::operate::Site {
        let text = std::fs::read_to_string(self.path().join("trefoil.yaml")).unwrap();
        let clouds = trefoil_clouds::registry::known();
        let spec = trefoil_core::spec::parse("trefoil.yaml", &text, &clouds).unwrap().spec;
        let open = trefoil_clouds::operate::OpenSite {
            spec: &spec,
            spec_folder: self.path(),
            environment,
            folder: &self.path().join(".trefoil"),
            program: Path::new(env!("CARGO_BIN_EXE_trefoil")),
        };
        trefoil_clouds::registry::open_site(&open).unwrap()
    }

    /// One value from an environment's database, as text.
    pub fn sql(&self, environment: &str, statement: &str) -> Vec<String> {
        let url = self.database_url(environment);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (client, connection) =
                tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
            tokio::spawn(connection);
            let messages = client.simple_query(statement).await.unwrap();
            let rows = messages.iter().filter_map(|message| match message {
                tokio_postgres::SimpleQueryMessage::Row(row) => {
                    Some(row.get(0).unwrap_or("NULL").to_owned())
                }
                _ => None,
            });
            rows.collect()
        })
    }

    /// An HTTP answer of the application, through the edge.
    pub fn get(&self, path: &str) -> (u16, String) {
        http(self.port, path)
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        if std::thread::panicking() {
            keep_for_the_reader(self.path());
        }
        // Not by `trefoil down`: a run that is open refuses that, as it should.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            for environment in ["east", "west"] {
                let site = self.site(environment);
                let _ = site.traffic.close().await;
                if let Err(error) = site.provision.destroy().await {
                    println!("{environment} stays: {}", error.chain());
                }
            }
        });
        kill_all_below(self.path());
    }
}

/// Prints the ends of the logs, since the folder will be gone.
fn keep_for_the_reader(folder: &Path) {
    for environment in ["east", "west"] {
        let root = folder.join(".trefoil/environments").join(environment);
        for log in ["agent.log", "instances/medassistant.log", "postgres.log"] {
            if let Ok(text) = std::fs::read_to_string(root.join(log)) {
                let lines: Vec<_> = text.lines().collect();
                let last = lines[lines.len().saturating_sub(15)..].join("\n");
                println!("--- {environment}/{log}\n{last}");
            }
        }
    }
}

/// Whatever a failed test left running whose command line or folder names the test's folder.
fn kill_all_below(folder: &Path) {
    let needle = folder.display().to_string();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<i32>() else { continue };
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let here = String::from_utf8_lossy(&line).contains(&needle)
            || std::fs::read_link(entry.path().join("cwd"))
                .is_ok_and(|cwd| cwd.starts_with(folder));
        if here && pid != std::process::id() as i32 {
            let pid = nix::unistd::Pid::from_raw(pid);
            let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
        }
    }
}

impl Answer {
    fn of(output: &Output) -> Answer {
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        Answer {
            code: output.status.code().unwrap_or(-1),
            data: answer["data"].clone(),
            error: answer["errors"][0].clone(),
            stderr,
        }
    }

    /// The stable code of the error.
    pub fn error_code(&self) -> &str {
        self.error["code"].as_str().unwrap_or("")
    }
}

/// Running writers; killed when dropped.
pub struct Writers {
    child: Option<Child>,
}

impl Writers {
    /// Lets them end their requests; what they counted.
    pub fn stop(mut self) -> Value {
        let child = self.child.take().unwrap();
        let pid = nix::unistd::Pid::from_raw(child.id() as i32);
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
        let output = child.wait_with_output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

impl Drop for Writers {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
        }
    }
}

/// A program of this workspace, built beside the tests.
pub fn program(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_trefoil")).with_file_name(name);
    assert!(path.is_file(), "{} is not built: cargo build --workspace", path.display());
    path
}

/// One GET without keep-alive.
pub fn http(port: u16, path: &str) -> (u16, String) {
    use std::io::{Read, Write};
    let Ok(mut stream) = std::net::TcpStream::connect(("127.0.0.1", port)) else {
        return (0, String::new());
    };
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    (status, answer.split_once("\r\n\r\n").map_or(String::new(), |(_, body)| body.to_owned()))
}

/// Waits until something holds; panics with `what` after 30 s.
pub fn eventually(what: &str, holds: impl FnMut() -> bool) {
    eventually_within(Duration::from_secs(30), what, holds);
}

/// Waits until something holds; panics with `what` after the limit.
pub fn eventually_within(limit: Duration, what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < limit, "never: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The seed of a test: from TREFOIL_TEST_SEED, or the clock; printed.
pub fn seed() -> u64 {
    let given = std::env::var("TREFOIL_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| {
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
    });
    println!("seed {seed}: run again with TREFOIL_TEST_SEED={seed}");
    seed
}
