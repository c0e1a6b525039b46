//! Carrying the schema: tables with their keys before the rows, everything else after them.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use secrecy::ExposeSecret;
use tempfile::TempDir;
use tokio::process::Command;
use tokio_postgres::error::{DbError, SqlState};

use super::connect::{Pair, Server};
use super::fingerprint::{self, Extent};
use super::{access, bookkeeping, catalog, roles};
use crate::postgres_binaries::PostgresBinaries;
use crate::{Error, Result};

/// How long reading a schema may take.
const DUMP_TIMEOUT: Duration = Duration::from_secs(10 * 60);
/// How long writing it, indexes included, may take.
const RESTORE_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);
/// How often a restore is tried: applying changes may end it by a deadlock.
const RESTORE_ATTEMPTS: u32 = 3;
/// How much of a program's last words goes into an error, in bytes.
const LAST_WORDS_BYTES: usize = 2_000;

/// Makes the source's types, functions and tables with primary and unique keys on the target.
pub async fn carry_keys(pair: &Pair) -> Result<()> {
    let missing = fingerprint::differences(pair, Extent::Keys).await?;
    if missing.is_empty() {
        return Ok(());
    }
    if missing.iter().any(|line| line.starts_with('-')) {
        return fingerprint::require_same(pair, Extent::Keys).await;
    }
    let archive = Archive::of(&pair.source).await?;
    let mut entries = archive.entries("pre-data").await?;
    entries.extend(archive.entries("post-data").await?.into_iter().filter(|line| is_key(line)));
    roles::lend_create(pair).await?;
    archive.restore(&pair.target, &entries).await?;
    fingerprint::require_same(pair, Extent::Keys).await
}

/// Makes everything else: other indexes, foreign keys, triggers; fills materialized views and
/// gathers statistics. Changes go on being applied meanwhile.
pub async fn carry_rest(pair: &Pair) -> Result<()> {
    fingerprint::require_same(pair, Extent::Keys).await?;
    if !fingerprint::differences(pair, Extent::Whole).await?.is_empty() {
        let archive = Archive::of(&pair.source).await?;
        let mut entries = archive.entries("post-data").await?;
        entries.retain(|line| !is_key(line));
        archive.restore(&pair.target, &entries).await?;
    }
    fingerprint::require_same(pair, Extent::Whole).await?;
    roles::take_back_create(pair).await?;
    refresh_views(pair).await?;
    pair.target.batch("gather statistics", "ANALYZE").await
}

/// Fills the materialized views of the target that are filled at the source: their content is not
/// replicated.
pub async fn refresh_views(pair: &Pair) -> Result<()> {
    let sql = "SELECT format('%I.%I', schemaname, matviewname) FROM pg_matviews
               WHERE ispopulated ORDER BY 1";
    let mut waiting = pair.source.texts("list materialized views", sql, &[]).await?;
    // One may read from another that is not filled yet; each pass fills at least one.
    while !waiting.is_empty() {
        let mut left = Vec::new();
        for view in &waiting {
            let refresh = format!("REFRESH MATERIALIZED VIEW {view}");
            match pair.target.batch(&format!("refresh {view}"), &refresh).await {
                Ok(()) => {}
                Err(error) if is_unfilled(&error) && waiting.len() > 1 => left.push(view.clone()),
                Err(error) => return Err(error),
            }
        }
        if left.len() == waiting.len() {
            let why = format!("materialized views need each other: {}", left.join(", "));
            return Err(Error::failed("views_not_filled", why));
        }
        waiting = left;
    }
    Ok(())
}

fn is_unfilled(error: &Error) -> bool {
    let told = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<DbError>());
    told.is_some_and(|told| *told.code() == SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE)
}

/// Drops everything that a move made on its target. The target was proven empty before, and
/// nobody but us could enter since: otherwise this refuses.
pub async fn drop_all(target: &Server) -> Result<()> {
    require_ours(target).await?;
    let sql = "
        SELECT format('DROP EXTENSION %I CASCADE', extname) FROM pg_extension
        WHERE extname <> 'plpgsql'
        UNION ALL
        SELECT format('DROP EVENT TRIGGER %I', evtname) FROM pg_event_trigger
        UNION ALL
        SELECT format('DROP SCHEMA %I CASCADE', nspname) FROM pg_namespace
        WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'trefoil', 'public')";
    let outer = target.texts("list what was made", sql, &[]).await?;
    target.batch("drop schemas", &outer.join(";\n")).await?;
    // Every object of a schema depends on it; tables first, for they take others with them.
    let sql = "
        SELECT format('DROP %s IF EXISTS %s CASCADE', i.type, i.identity)
        FROM (SELECT DISTINCT classid, objid FROM pg_depend
              WHERE refclassid = 'pg_namespace'::regclass
                AND refobjid = (SELECT oid FROM pg_namespace WHERE nspname = 'public')
                AND deptype = 'n') d,
             pg_identify_object(d.classid, d.objid, 0) i
        WHERE i.type <> 'default acl'
        ORDER BY i.type <> 'table', i.type = 'sequence'";
    let inner = target.texts("list what was made", sql, &[]).await?;
    target.batch("drop tables", &inner.join(";\n")).await
}

/// Empties the tables that a copy has filled; see [`drop_all`] for what protects those of others.
pub async fn empty_tables(target: &Server) -> Result<()> {
    require_ours(target).await?;
    let tables = catalog::names(&catalog::tables(target).await?);
    if tables.is_empty() {
        return Ok(());
    }
    let sql = format!("TRUNCATE {} CASCADE", tables.join(", "));
    target.batch("empty the tables", &sql).await
}

/// Refuses unless the database is closed and kept by a move: only then all in it came from us.
pub async fn require_ours(target: &Server) -> Result<()> {
    if bookkeeping::exists(target).await? && access::is_closed(target).await? {
        return Ok(());
    }
    let why = format!("the database of {} is in use, so nothing in it is deleted", target.name);
    Err(Error::refused("target_in_use", why))
}

/// Keys are made before the rows: applying changes looks rows up by them.
fn is_key(line: &str) -> bool {
    line.split_whitespace().nth(3) == Some("CONSTRAINT")
}

/// A dump of a schema in a folder of its own, which goes with this value.
struct Archive {
    folder: TempDir,
}

impl Archive {
    async fn of(source: &Server) -> Result<Archive> {
        let folder = TempDir::with_prefix("trefoil-schema-").map_err(|error| {
            Error::failed("temporary_folder", "cannot make a temporary folder").because(error)
        })?;
        let archive = Archive { folder };
        let mut dump = program("pg_dump", source)?;
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

    /// The lines of the archive's table of contents, of one section.
    async fn entries(&self, section: &str) -> Result<Vec<String>> {
        let mut list = Command::new(PostgresBinaries::find()?.program("pg_restore"));
        list.arg("--list").arg(format!("--section={section}")).arg(self.file());
        let output = run_plain(list, "list the schema", DUMP_TIMEOUT).await?;
        Ok(output.lines().filter(|line| !line.starts_with(';')).map(str::to_owned).collect())
    }

    /// Makes these entries on the target, all or none.
    async fn restore(&self, target: &Server, entries: &[String]) -> Result<()> {
        let list = self.folder.path().join("list");
        write_list(&list, entries).await?;
        let mut attempt = 1;
        loop {
            let mut restore = program("pg_restore", target)?;
            restore
                .args(["--single-transaction", "--exit-on-error", "--use-list"])
                .arg(&list)
                .arg("--dbname")
                .arg(&target.admin.database)
                .arg(self.file());
            match run(restore, "write the schema", target, RESTORE_TIMEOUT).await {
                Err(error) if attempt < RESTORE_ATTEMPTS && error.chain().contains("deadlock") => {
                    attempt += 1;
                }
                ended => return ended,
            }
        }
    }
}

async fn write_list(file: &Path, entries: &[String]) -> Result<()> {
    tokio::fs::write(file, entries.join("\n") + "\n").await.map_err(|error| {
        Error::failed("temporary_folder", "cannot write a temporary file").because(error)
    })
}

/// A program of PostgreSQL that talks to a server. The password is in its environment: arguments
/// are seen by everybody on the machine.
pub(crate) fn program(name: &str, server: &Server) -> Result<Command> {
    let address = &server.address;
    let user = address.user().ok_or_else(|| {
        let why = format!("the database URL of {} names no role", server.name);
        Error::refused("postgres_url", why)
    })?;
    let password = address.password();
    let password = password.as_ref().map(|password| password.expose_secret()).unwrap_or_default();
    let mut command = Command::new(PostgresBinaries::find()?.program(name));
    command
        .env("PGHOST", address.host())
        .env("PGPORT", address.port().to_string())
        .env("PGUSER", user)
        .env("PGPASSWORD", password)
        .env("PGSSLMODE", address.sslmode())
        .env("PGAPPNAME", "trefoil")
        .env("PGCONNECT_TIMEOUT", "10")
        .env("PGOPTIONS", "-c default_transaction_read_only=off -c statement_timeout=0");
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
