//! A schema as the server's own tools read and write it.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use secrecy::ExposeSecret;
use tempfile::TempDir;
use tokio::process::Command;
use tokio_postgres::types::ToSql;
use trefoil_clouds::operate::process::ProcessId;

use super::catalog;
use super::connect::{Pair, Server};
use crate::postgres_binaries::PostgresBinaries;
use crate::{Error, Result};

/// How long reading a schema may take.
const DUMP_TIMEOUT: Duration = Duration::from_secs(10 * 60);
/// How long writing it, indexes included, may take.
const RESTORE_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);
/// How often a restore is tried: applying changes may end it by a deadlock.
const RESTORE_ATTEMPTS: u32 = 3;
/// How many indexes and constraints are made at the same time.
const JOBS: u32 = 4;
/// How folders of schemas are called; the process that made one and a random part follow.
const FOLDER_PREFIX: &str = "trefoil-schema-";
/// The settings of the programs' sessions.
const OPTIONS: &str = "-c default_transaction_read_only=off -c statement_timeout=0";
/// Sorting for one index never takes more memory than this, unless the server is set so.
const SORT_MEMORY_MAX_KIB: i64 = 2 << 20;
/// How much of a program's last words goes into an error, in bytes.
const LAST_WORDS_BYTES: usize = 2_000;

/// The programs that carry a schema between two servers.
pub(crate) async fn tools(pair: &Pair) -> Result<PostgresBinaries> {
    let (source, target) = futures::future::try_join(
        catalog::major_version(&pair.source),
        catalog::major_version(&pair.target),
    )
    .await?;
    PostgresBinaries::find_between(source.unsigned_abs(), target.unsigned_abs())
}

/// One line of an archive's table of contents, such as
/// `218; 1259 16392 TABLE public customers app`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    line: String,
}

impl Entry {
    /// What it is: its kind, schema, name and owner. Two archives say the same of the same thing.
    pub(super) fn tag(&self) -> &str {
        self.line.splitn(4, ' ').nth(3).unwrap_or_default()
    }

    /// Keys are made before the stream: applying changes looks rows up by them.
    pub(super) fn is_key(&self) -> bool {
        self.tag().starts_with("CONSTRAINT ")
    }

    /// Whether it is rights on something that is not among `made`: what was there has its rights,
    /// and those of the roles of streams are on one side only.
    pub(super) fn is_rights_without(&self, made: &BTreeSet<String>) -> bool {
        // `ACL public TABLE customers app` belongs to `TABLE public customers app`.
        let mut words = self.tag().splitn(4, ' ');
        let (Some("ACL"), Some(schema), Some(_kind), Some(rest)) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return false;
        };
        let end = format!(" {schema} {}", rest.replace('"', ""));
        !made.iter().any(|tag| tag.ends_with(&end))
    }
}

/// A dump of a schema in a folder of its own, which goes with this value.
pub(super) struct Archive {
    folder: TempDir,
    tools: PostgresBinaries,
}

impl Archive {
    /// Reads a server's schema.
    pub(super) async fn of(source: &Server, tools: &PostgresBinaries) -> Result<Archive> {
        let folder = own_folder(&std::env::temp_dir())?;
        let archive = Archive { folder, tools: tools.clone() };
        let mut dump = program(tools, "pg_dump", source)?;
        dump.args(["--format=custom", "--schema-only", "--no-publications", "--no-subscriptions"])
            .args(["--exclude-schema=trefoil", "--lock-wait-timeout=30s", "--file"])
            .arg(archive.file())
            .arg("--dbname")
            .arg(&source.admin.database);
        run(dump, "read the schema", source, DUMP_TIMEOUT).await?;
        Ok(archive)
    }

    fn file(&self) -> std::path::PathBuf {
        self.folder.path().join("schema")
    }

    /// What the archive holds of one section, in the order in which it can be made.
    pub(super) async fn entries(&self, section: &str) -> Result<Vec<Entry>> {
        let mut list = Command::new(self.tools.program("pg_restore"));
        list.arg("--list").arg(format!("--section={section}")).arg(self.file());
        let output = run_plain(list, "list the schema", DUMP_TIMEOUT).await?;
        let lines = output.lines().filter(|line| !line.starts_with(';'));
        Ok(lines.map(|line| Entry { line: line.to_owned() }).collect())
    }

    /// Makes these entries on the target, all or none.
    pub(super) async fn restore_at_once(&self, target: &Server, entries: &[Entry]) -> Result<()> {
        let mut attempt = 1;
        loop {
            match self.restore(target, entries, &["--single-transaction"], OPTIONS).await {
                Err(error) if attempt < RESTORE_ATTEMPTS && error.chain().contains("deadlock") => {
                    attempt += 1;
                }
                ended => return ended,
            }
        }
    }

    /// Makes these entries on the target, several at the same time. What was made stays when one
    /// fails.
    pub(super) async fn restore_in_parallel(
        &self,
        target: &Server,
        entries: &[Entry],
    ) -> Result<()> {
        let memory = sort_memory_kib(target).await?;
        let options = format!("{OPTIONS} -c maintenance_work_mem={memory}kB");
        self.restore(target, entries, &["--jobs", &JOBS.to_string()], &options).await
    }

    async fn restore(
        &self,
        target: &Server,
        entries: &[Entry],
        how: &[&str],
        options: &str,
    ) -> Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        let list = self.folder.path().join("list");
        write_list(&list, entries).await?;
        let mut restore = program(&self.tools, "pg_restore", target)?;
        restore
            .env("PGOPTIONS", options)
            .args(how)
            .args(["--exit-on-error", "--use-list"])
            .arg(&list)
            .arg("--dbname")
            .arg(&target.admin.database)
            .arg(self.file());
        run(restore, "write the schema", target, RESTORE_TIMEOUT).await
    }
}

/// A folder that says whose it is. Those of processes that were killed go.
fn own_folder(beside: &Path) -> Result<TempDir> {
    let cannot =
        |error| Error::failed("temporary_folder", "cannot make a temporary folder").because(error);
    for entry in std::fs::read_dir(beside).map_err(cannot)?.flatten() {
        let name = entry.file_name();
        let owner =
            name.to_str().and_then(|name| name.strip_prefix(FOLDER_PREFIX)?.split_once('-'));
        let Some(Ok(pid)) = owner.map(|(pid, _)| pid.parse()) else { continue };
        if ProcessId::of(pid).is_none() && std::fs::remove_dir_all(entry.path()).is_err() {
            tracing::debug!(folder = %entry.path().display(), "it is somebody else's");
        }
    }
    let prefix = format!("{FOLDER_PREFIX}{}-", std::process::id());
    TempDir::with_prefix_in(prefix, beside).map_err(cannot)
}

/// The memory that one of several sorts may take: together half of what the server shares among all
/// its sessions, and never less than it is set to.
async fn sort_memory_kib(server: &Server) -> Result<i64> {
    let sql = "SELECT greatest(pg_size_bytes(current_setting('maintenance_work_mem')) / 1024,
                 least($2, pg_size_bytes(current_setting('shared_buffers')) / 2048 / $1))";
    let params: [&(dyn ToSql + Sync); 2] = [&i64::from(JOBS), &SORT_MEMORY_MAX_KIB];
    Ok(server.one("read how much memory there is", sql, &params).await?.get(0))
}

async fn write_list(file: &Path, entries: &[Entry]) -> Result<()> {
    let lines: Vec<_> = entries.iter().map(|entry| entry.line.as_str()).collect();
    tokio::fs::write(file, lines.join("\n") + "\n").await.map_err(|error| {
        Error::failed("temporary_folder", "cannot write a temporary file").because(error)
    })
}

/// A program of PostgreSQL that talks to a server. The password is in its environment: arguments
/// are seen by everybody on the machine.
pub(crate) fn program(tools: &PostgresBinaries, name: &str, server: &Server) -> Result<Command> {
    let address = &server.address;
    let user = address.user().ok_or_else(|| {
        let why = format!("the database URL of {} names no role", server.name);
        Error::refused("postgres_url", why)
    })?;
    let password = address.password();
    let password = password.as_ref().map(|password| password.expose_secret()).unwrap_or_default();
    let mut command = Command::new(tools.program(name));
    command
        .env("PGHOST", address.host())
        .env("PGPORT", address.port().to_string())
        .env("PGUSER", user)
        .env("PGPASSWORD", password)
        .env("PGSSLMODE", address.sslmode())
        .env("PGAPPNAME", "trefoil")
        .env("PGCONNECT_TIMEOUT", "10")
        .env("PGOPTIONS", OPTIONS);
    if let Some(roots) = address.roots() {
        command.env("PGSSLROOTCERT", roots);
    }
    Ok(command)
}

async fn run(command: Command, what: &str, server: &Server, limit: Duration) -> Result<()> {
    let what = format!("{what} of {}", server.name);
    run_plain(command, &what, limit).await.map(drop)
}

/// Runs a program to its end and gives what it printed. It dies with us.
async fn run_plain(mut command: Command, what: &str, limit: Duration) -> Result<String> {
    command.stdin(Stdio::null()).kill_on_drop(true);
    let failed = |why: String| Error::failed("schema_copy", format!("could not {what}: {why}"));
    let output = tokio::time::timeout(limit, command.output())
        .await
        .map_err(|_| failed(format!("it took longer than {} s", limit.as_secs())))?
        .map_err(|error| failed("the program did not start".into()).because(error))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let words: String = words.trim().chars().take(LAST_WORDS_BYTES).collect();
    Err(failed(words.replace('\n', "; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_dead_processes_go_and_no_others() {
        let beside = tempfile::tempdir().unwrap();
        let make = |name: &str| std::fs::create_dir(beside.path().join(name)).unwrap();
        let own = format!("{FOLDER_PREFIX}{}-other", std::process::id());
        // No process has a number beyond four million; see proc(5), `pid_max`.
        let dead = format!("{FOLDER_PREFIX}4194305-a");
        let all = [own.as_str(), &dead, "trefoil-schema-of-mine", "other"];
        all.iter().for_each(|name| make(name));
        let folder = own_folder(beside.path()).unwrap();
        let is_there = |name: &str| beside.path().join(name).is_dir();
        assert_eq!(all.map(is_there), [true, false, true, true]);
        assert!(folder.path().is_dir());
    }
}
