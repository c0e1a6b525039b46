//! A PostgreSQL server of a test's own: a free port, a temporary folder, a generated password; gone
//! when it is dropped. It panics where it cannot go on, for only tests use it.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::fs::{OpenOptionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid, User};
use tempfile::TempDir;
use tokio_postgres::NoTls;

/// How long a server may take to start; recovery after a crash is included.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a server may take to end before it is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);
/// How often a start is tried with another port when somebody took the first one meanwhile.
const PORT_ATTEMPTS: u32 = 5;
/// The name of the superuser.
const SUPERUSER: &str = "trefoil";

/// A PostgreSQL server that ends with this value.
pub struct TestPostgres {
    /// The port on 127.0.0.1; it stays the same over restarts.
    pub port: u16,
    /// The superuser's name.
    pub superuser: String,
    /// The superuser's password.
    pub password: String,
    binaries: PathBuf,
    settings: Vec<(String, String)>,
    account: Option<User>,
    server: Mutex<Option<Child>>,
    folder: TempDir,
}

impl TestPostgres {
    /// Makes and starts a server with `settings` (as in `postgresql.conf`) and waits until it
    /// answers. Blocks for a second or two.
    ///
    /// # Panics
    /// When PostgreSQL is not installed or does not start; the message holds the server's log.
    pub fn start(settings: &[(&str, &str)]) -> Self {
        Self::start_with(find_binaries(), settings)
    }

    /// The same with a major version: see [`programs`].
    ///
    /// # Panics
    /// When that version is not installed or does not start.
    pub fn start_version(major: u32, settings: &[(&str, &str)]) -> Self {
        Self::start_with(programs(major), settings)
    }

    fn start_with(binaries: PathBuf, settings: &[(&str, &str)]) -> Self {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let mut server = Self {
            port: 0,
            superuser: SUPERUSER.to_owned(),
            password: uuid::Uuid::new_v4().simple().to_string(),
            binaries,
            settings: settings.iter().map(own).collect(),
            account: account(),
            server: Mutex::new(None),
            folder: tempfile::Builder::new().prefix("trefoil-pg-").tempdir().expect("temp folder"),
        };
        server.give(server.folder.path());
        server.init();
        for _ in 0..PORT_ATTEMPTS {
            server.port = free_port();
            if server.launch() {
                return server;
            }
        }
        panic!("PostgreSQL did not start:\n{}", server.log());
    }

    /// A server that the tests of one process share, as long as one of them holds it. Each must
    /// use a database of its own ([`TestPostgres::create_database`]).
    pub fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<TestPostgres>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = shared.upgrade() {
            return server;
        }
        let server = Arc::new(Self::start(&[("wal_level", "logical")]));
        *shared = Arc::downgrade(&server);
        server
    }

    /// The superuser's URL of the database `postgres`. Holds the password.
    pub fn admin_url(&self) -> String {
        self.url("postgres")
    }

    /// The superuser's URL of a database. Holds the password.
    pub fn url(&self, database: &str) -> String {
        self.url_as(&self.superuser, &self.password, database)
    }

    /// Another role's URL of a database. Holds the password.
    pub fn url_as(&self, role: &str, password: &str, database: &str) -> String {
        format!("postgresql://{role}:{password}@127.0.0.1:{}/{database}", self.port)
    }

    /// Makes a database with a name of its own that begins with `prefix`; its superuser's URL.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn create_database(&self, prefix: &str) -> String {
        let name = format!("{prefix}_{}", uuid::Uuid::new_v4().simple());
        self.execute("postgres", &format!("CREATE DATABASE {name}")).await;
        self.url(&name)
    }

    /// Executes statements in a database as superuser.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn execute(&self, database: &str, sql: &str) {
        let url = self.url(database);
        let connected = tokio_postgres::connect(&url, NoTls).await;
        let (client, connection) = connected.expect("the test server accepts connections");
        let connection = tokio::spawn(connection);
        client.batch_execute(sql).await.expect("the test server executes the statement");
        drop(client);
        connection.await.expect("the connection ends").expect("the connection ends well");
    }

    /// The server's process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child().as_ref().map(Child::id)
    }

    /// The server's data folder.
    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// What the server wrote to its log.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Kills the server's main process without a warning (SIGKILL). Its other processes end by
    /// themselves a moment later; [`TestPostgres::restart`] waits for them.
    pub fn crash(&self) {
        self.end(Signal::SIGKILL);
    }

    /// Stops the server politely (fast shutdown: sessions are ended, data is written).
    pub fn stop(&self) {
        self.end(Signal::SIGINT);
    }

    /// Starts the server again on the same port and data; stops it first if it runs.
    ///
    /// # Panics
    /// When it does not start; the message holds the server's log.
    pub fn restart(&self) {
        self.stop();
        let started = Instant::now();
        // Processes that outlive a crash for a moment, or a taken port, make a start fail.
        while !self.launch() {
            assert!(started.elapsed() < START_TIMEOUT, "no restart:\n{}", self.log());
            sleep(Duration::from_millis(200));
        }
    }

    fn child(&self) -> MutexGuard<'_, Option<Child>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A command that runs as the account of the server.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.binaries.join(program));
        command.env_clear().env("LC_ALL", "C").current_dir(self.folder.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        if let Some(account) = &self.account {
            command.uid(account.uid.as_raw()).gid(account.gid.as_raw());
        }
        command
    }

    /// Gives a file or folder to the account of the server.
    fn give(&self, path: &Path) {
        if let Some(account) = &self.account {
            let owner = (Some(account.uid.as_raw()), Some(account.gid.as_raw()));
            chown(path, owner.0, owner.1).expect("root may give a file away");
        }
    }

    fn init(&self) {
        let password = self.folder.path().join("password");
        let mut options = File::options();
        let mut file = options.write(true).create_new(true).mode(0o600).open(&password);
        let file = file.as_mut().expect("the password file is new");
        std::io::Write::write_all(file, self.password.as_bytes()).expect("password file");
        self.give(&password);
        let mut initdb = self.command("initdb");
        initdb.arg("--pgdata").arg(self.data_dir()).arg("--pwfile").arg(&password);
        initdb.args(["--username", SUPERUSER, "--auth", "scram-sha-256", "--encoding", "UTF8"]);
        let output = initdb.args(["--no-locale", "--no-sync"]).output().expect("initdb runs");
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "initdb failed: {words}");
        fs::remove_file(&password).expect("the password file can be removed");
    }

    /// Starts the server and waits until it answers; false when it ended instead.
    fn launch(&self) -> bool {
        let mut command = self.command("postgres");
        command.arg("-D").arg(self.data_dir()).arg("-p").arg(self.port.to_string());
        // A crash of the process loses nothing that the kernel has, so fsync would only cost time.
        let basics = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off"];
        for setting in basics {
            command.arg("-c").arg(setting);
        }
        for (name, value) in &self.settings {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        let log = self.folder.path().join("log");
        let log = File::options().create(true).append(true).open(log).expect("log file");
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("log file")).stderr(log);
        let child = command.spawn().expect("postgres can be started");
        *self.child() = Some(child);
        self.await_answer()
    }

    fn await_answer(&self) -> bool {
        let started = Instant::now();
        while started.elapsed() < START_TIMEOUT {
            let ended = self.child().as_mut().is_none_or(|child| {
                child.try_wait().expect("a child process can be asked").is_some()
            });
            if ended {
                *self.child() = None;
                return false;
            }
            if self.answers() {
                return true;
            }
            sleep(Duration::from_millis(20));
        }
        false
    }

    fn answers(&self) -> bool {
        let mut command = self.command("pg_isready");
        command.args(["--quiet", "--host", "127.0.0.1", "--port", &self.port.to_string()]);
        command.status().expect("pg_isready runs").success()
    }

    fn end(&self, signal: Signal) {
        let Some(mut child) = self.child().take() else { return };
        let pid = Pid::from_raw(i32::try_from(child.id()).expect("a process number fits"));
        let _ = kill(pid, signal);
        let started = Instant::now();
        while child.try_wait().is_ok_and(|status| status.is_none()) {
            if started.elapsed() > STOP_TIMEOUT {
                let _ = child.kill();
            }
            sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for TestPostgres {
    fn drop(&mut self) {
        // Immediate: nothing of it is needed any more, but its other processes must end too.
        self.end(Signal::SIGQUIT);
    }
}

/// The folder with the programs: the one in PATH, else the newest of Debian's versioned folders.
fn find_binaries() -> PathBuf {
    let holds = |folder: &PathBuf| {
        ["postgres", "initdb", "pg_isready"].iter().all(|name| folder.join(name).is_file())
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    if let Some(folder) = std::env::split_paths(&path).find(holds) {
        return folder;
    }
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())))
        .map(|(version, folder)| (version, folder.join("bin")))
        .filter(|(_, folder)| holds(folder))
        .collect();
    found.sort();
    found.pop().expect("PostgreSQL is not installed: apt-get install postgresql").1
}

/// The folder with the programs of a major version: Debian's, else a stand-in's.
///
/// # Panics
/// When neither is installed.
pub fn programs(major: u32) -> PathBuf {
    let debian = Path::new("/usr/lib/postgresql").join(major.to_string()).join("bin");
    if debian.join("initdb").is_file() {
        debian
    } else {
        super::stand_ins::postgres_binaries(major)
    }
}

/// Whom the server runs as: PostgreSQL refuses to run as root, so root uses `postgres` or `nobody`.
fn account() -> Option<User> {
    if !Uid::effective().is_root() {
        return None;
    }
    let named = |name| User::from_name(name).ok().flatten();
    Some(named("postgres").or_else(|| named("nobody")).expect("an ordinary user exists"))
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("there is a free port");
    listener.local_addr().expect("a bound socket has an address").port()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn survives_a_crash_and_ends_with_its_value() {
        let server = TestPostgres::start(&[("wal_level", "logical")]);
        server.execute("postgres", "CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)").await;
        server.crash();
        assert!(server.pid().is_none());
        server.restart();
        server.execute("postgres", "INSERT INTO kept VALUES (2)").await;
        let (port, folder) = (server.port, server.data_dir());
        drop(server);
        assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
        assert!(!folder.exists());
    }
}
