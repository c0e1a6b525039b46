//! The folder that holds a PostgreSQL server's data: where it is, how it is made, its settings.

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;
use trefoil_clouds::operate::files;
use trefoil_clouds::operate::process::ProcessId;

use crate::postgres_binaries::{PostgresBinaries, RunAs, run_as};
use crate::{Error, Result};

/// The superuser.
pub(super) const SUPERUSER: &str = "trefoil";
/// Where data goes when we are root and the user that runs the server cannot reach the
/// environment's folder.
const SHARED: &str = "/var/lib/trefoil";
/// How long making a data folder may take.
const INITDB_TIMEOUT: Duration = Duration::from_secs(120);
/// Our settings, in the data folder, beside PostgreSQL's own.
const SETTINGS_FILE: &str = "trefoil.conf";

/// Why each is not PostgreSQL's default: the first group keeps the server to this machine and to
/// its owner, the second lets it publish and subscribe in moves of many tables, the third makes
/// a lost peer noticed soon and keeps a forgotten slot from filling the disk, the last keeps
/// statements, which may hold secrets, out of the log.
const SETTINGS: &str = "\
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
password_encryption = 'scram-sha-256'

wal_level = logical
max_replication_slots = 20
max_wal_senders = 20
max_worker_processes = 24
max_logical_replication_workers = 16
max_sync_workers_per_subscription = 4
shared_buffers = '64MB'
fsync = on

wal_receiver_status_interval = '1s'
wal_sender_timeout = '10s'
max_slot_wal_keep_size = '4GB'

logging_collector = off
log_destination = 'stderr'
lc_messages = 'C'
log_statement = 'none'
log_min_error_statement = 'panic'
log_min_duration_statement = -1
";

/// The folder of one server.
#[derive(Debug, Clone)]
pub(super) struct Cluster {
    /// Holds the data folder and what is needed to make it.
    pub(super) folder: PathBuf,
    pub(super) binaries: PostgresBinaries,
    run_as: Option<RunAs>,
}

/// Where the data of the environment in `folder` goes.
pub(super) fn place(folder: &Path) -> Result<PathBuf> {
    let here = folder.join("postgres");
    let user = run_as()?;
    if user.is_none_or(|user| reaches(&user, folder)) {
        return Ok(here);
    }
    let digest = trefoil_core::digest::sha256_hex(folder.as_os_str().as_encoded_bytes());
    Ok(Path::new(SHARED).join(&digest[..16]))
}

fn other_version(written: u32, wanted: u32) -> Error {
    let message = format!(
        "the environment's data was written by PostgreSQL {written}, and `database.version` is \
         {wanted}"
    );
    Error::refused("postgres_data_version", message).hint(
        "data of one version is not opened by another: set the version in an environment of its \
         own (`overrides`), and move there with `trefoil migrate`",
    )
}

/// Whether a user can go through a folder and all those above it.
fn reaches(user: &RunAs, folder: &Path) -> bool {
    folder.ancestors().all(|folder| {
        let Ok(folder) = std::fs::metadata(folder) else { return false };
        let needed = match () {
            () if folder.uid() == user.uid => 0o100,
            () if folder.gid() == user.gid => 0o010,
            () => 0o001,
        };
        folder.mode() & needed != 0
    })
}

impl Cluster {
    /// The server in a folder, with the programs that fit its data. When it has none: those of
    /// the version that is wanted, or the newest.
    pub(super) fn open(folder: &Path, wanted: Option<u32>) -> Result<Self> {
        let version = std::fs::read_to_string(folder.join("data/PG_VERSION")).ok();
        let written = version.and_then(|version| version.trim().parse().ok());
        let binaries = match (written, wanted) {
            (Some(written), Some(wanted)) if written != wanted => {
                return Err(other_version(written, wanted));
            }
            (Some(major), _) | (None, Some(major)) => PostgresBinaries::find_major(major)?,
            (None, None) => PostgresBinaries::find()?,
        };
        Ok(Self { folder: folder.to_path_buf(), binaries, run_as: run_as()? })
    }

    /// The data folder.
    pub(super) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// A program of PostgreSQL that runs as the user who owns the data, and knows nothing of
    /// our own environment.
    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.binaries.program(program));
        command.current_dir(&self.folder).env_clear().env("LC_ALL", "C.UTF-8");
        if let Some(user) = &self.run_as {
            command.uid(user.uid).gid(user.gid);
        }
        command
    }

    fn give(&self, path: &Path, mode: u32) -> Result<()> {
        let owner = self.run_as.as_ref().map(|user| (user.uid, user.gid)).unzip();
        std::fs::set_permissions(path, Permissions::from_mode(mode))
            .and_then(|()| if owner.0.is_some() { chown(path, owner.0, owner.1) } else { Ok(()) })
            .map_err(|error| files::file_error("hand over", path, error))
    }

    /// Makes the data folder when there is none. One that was only begun is begun anew.
    pub(super) async fn make(&self, admin_password: &str) -> Result<()> {
        if self.data().is_dir() {
            return Ok(());
        }
        std::fs::create_dir_all(&self.folder)
            .map_err(|error| files::file_error("make the folder", &self.folder, error))?;
        self.give(&self.folder, 0o700)?;
        let begun = self.folder.join("data.new");
        if begun.exists() {
            std::fs::remove_dir_all(&begun)
                .map_err(|error| files::file_error("remove", &begun, error))?;
        }
        let password = PasswordFile(self.folder.join("password.new"));
        files::write_whole(&password.0, admin_password.as_bytes())?;
        self.give(&password.0, 0o600)?;
        self.initdb(&begun, &password.0).await?;
        drop(password);
        let main = begun.join("postgresql.conf");
        let settings = std::fs::read_to_string(&main)
            .map_err(|error| files::file_error("read", &main, error))?;
        let settings = format!("{settings}\ninclude_if_exists = '{SETTINGS_FILE}'\n");
        std::fs::write(&main, settings)
            .and_then(|()| std::fs::File::open(&main)?.sync_all())
            .and_then(|()| std::fs::rename(&begun, self.data()))
            .map_err(|error| files::file_error("write", &main, error))
    }

    async fn initdb(&self, data: &Path, password: &Path) -> Result<()> {
        let mut initdb = self.command("initdb");
        initdb
            .arg("--pgdata")
            .arg(data)
            .arg("--pwfile")
            .arg(password)
            .args(["--username", SUPERUSER, "--encoding", "UTF8", "--locale", "C.UTF-8"])
            .args(["--auth-host", "scram-sha-256", "--auth-local", "scram-sha-256"])
            .arg("--data-checksums")
            .stdin(std::process::Stdio::null())
            .kill_on_drop(true);
        let failed = |why: String| {
            Error::failed("postgres_failed", "PostgreSQL's data folder cannot be made").because(why)
        };
        let output = tokio::time::timeout(INITDB_TIMEOUT, initdb.output()).await;
        let output = output
            .map_err(|_| failed(format!("not within {} s", INITDB_TIMEOUT.as_secs())))?
            .map_err(|error| failed(error.to_string()))?;
        if output.status.success() {
            return Ok(());
        }
        Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
    }

    /// Writes our settings; they take effect when the server is started.
    pub(super) fn configure(&self, port: u16) -> Result<()> {
        let file = self.data().join(SETTINGS_FILE);
        files::write_whole(&file, format!("{SETTINGS}port = {port}\n").as_bytes())?;
        self.give(&file, 0o600)
    }

    /// The server that runs on this data, ours or an earlier agent's.
    pub(super) fn running(&self) -> Option<ProcessId> {
        let pid = self.pid_file()?.lines().next()?.parse().ok()?;
        let process = ProcessId::of(pid)?;
        // A number in a file may belong to anybody by now; the data folder is an argument.
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let data = self.data();
        let data = data.as_os_str().as_encoded_bytes();
        line.split(|byte| *byte == 0).any(|argument| argument == data).then_some(process)
    }

    /// Removes the lock file of a server that died with the machine or was killed. PostgreSQL keeps
    /// to it while its number belongs to anybody: a process that has ended and is not collected
    /// yet, or after a start of the machine another one. Kept while a process of the dead server
    /// still works in the data folder, because two servers on one folder destroy it.
    pub(super) fn forget_dead(&self) -> Result<()> {
        if self.pid_file().is_none() || self.running().is_some() || self.is_worked_in() {
            return Ok(());
        }
        files::remove_file(&self.data().join("postmaster.pid"))
    }

    /// Whether a process has the data folder as its working directory, as all of PostgreSQL's do.
    pub(super) fn is_worked_in(&self) -> bool {
        let Ok(data) = self.data().canonicalize() else { return false };
        let Ok(processes) = std::fs::read_dir("/proc") else { return true };
        processes.flatten().any(|process| {
            std::fs::read_link(process.path().join("cwd")).is_ok_and(|folder| folder == data)
        })
    }

    /// Whether the server says that it accepts connections.
    pub(super) fn accepts(&self, process: ProcessId) -> bool {
        // Line 1 is the process, line 8 its state (PostgreSQL's pidfile.h).
        let Some(file) = self.pid_file() else { return false };
        let mut lines = file.lines();
        lines.next().and_then(|pid| pid.parse().ok()) == Some(process.pid)
            && lines.nth(6).is_some_and(|state| state.trim() == "ready")
    }

    fn pid_file(&self) -> Option<String> {
        std::fs::read_to_string(self.data().join("postmaster.pid")).ok()
    }
}

/// Removed whatever happens.
struct PasswordFile(PathBuf);

impl Drop for PasswordFile {
    fn drop(&mut self) {
        if let Err(error) = files::remove_file(&self.0) {
            tracing::warn!(error = error.chain(), "a password file is left");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_folder_above_is_in_the_way() {
        let root = tempfile::tempdir().unwrap();
        let deep = root.path().join("a/b");
        std::fs::create_dir_all(&deep).unwrap();
        let user = RunAs { name: "somebody".into(), uid: 12_345, gid: 12_345 };
        std::fs::set_permissions(root.path(), Permissions::from_mode(0o711)).unwrap();
        assert!(reaches(&user, &deep));
        std::fs::set_permissions(root.path(), Permissions::from_mode(0o700)).unwrap();
        assert!(!reaches(&user, &deep));
    }
}
