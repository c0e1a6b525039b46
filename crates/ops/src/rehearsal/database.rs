//! A copy of the source's database as it is at one moment: read in one transaction that only
//! reads, and written straight into the scratch server.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};
use trefoil_clouds::operate::Site;

use crate::movers::postgres::schema::program;
use crate::movers::postgres::{Server, sql};
use crate::{Error, Result};

/// How long the copy may take.
const COPY_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);
/// How much of a program's last words goes into an error, in bytes.
const LAST_WORDS_BYTES: usize = 2_000;

/// Copies the database of `real` into that of `scratch`, which is empty.
pub(super) async fn copy(real: &Site, scratch: &Site) -> Result<()> {
    let (source, target) = (Server::of_site(real).await?, Server::of_site(scratch).await?);
    make_roles(&source, &target).await?;
    let mut dump = program("pg_dump", &source)?;
    dump.args(["--format=custom", "--compress=0", "--no-publications", "--no-subscriptions"])
        .args(["--exclude-schema=trefoil", "--lock-wait-timeout=30s", "--dbname"])
        .arg(&source.admin.database)
        // The transaction that reads must not be able to do anything else.
        .env("PGOPTIONS", "-c default_transaction_read_only=on -c statement_timeout=0");
    let mut dump = start(dump.stdout(Stdio::piped()))?;
    let rows = dump.stdout.take().ok_or_else(|| uncopied("the dump has no output"))?;
    let rows: Stdio = rows.try_into().map_err(|error: std::io::Error| broken(error))?;
    let mut restore = program("pg_restore", &target)?;
    restore.args(["--exit-on-error", "--single-transaction", "--dbname"]);
    let restore = start(restore.arg(&target.admin.database).stdin(rows))?;
    let both = async { tokio::join!(ended("pg_dump", dump), ended("pg_restore", restore)) };
    let (dumped, restored) = tokio::time::timeout(COPY_TIMEOUT, both)
        .await
        .map_err(|late| uncopied("it took longer than a day").because(late))?;
    dumped.and(restored)
}

/// Roles that own something or may do something exist in the copy too, and nobody can enter with
/// them.
async fn make_roles(source: &Server, target: &Server) -> Result<()> {
    let list = "SELECT rolname::text FROM pg_roles WHERE rolname !~ '^pg_'";
    let there = target.texts("list roles", list, &[]).await?;
    let wanted = source.texts("list roles", list, &[]).await?;
    let missing = wanted.iter().filter(|role| !there.contains(role));
    let make: Vec<_> =
        missing.map(|role| format!("CREATE ROLE {} NOLOGIN", sql::quote_ident(role))).collect();
    target.batch("make roles", &make.join(";\n")).await
}

fn start(command: &mut Command) -> Result<Child> {
    command.stderr(Stdio::piped()).kill_on_drop(true).spawn().map_err(broken)
}

async fn ended(name: &str, child: Child) -> Result<()> {
    let output = child.wait_with_output().await.map_err(broken)?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let words: String = words.trim().chars().take(LAST_WORDS_BYTES).collect();
    Err(uncopied(&format!("{name}: {}", words.replace('\n', "; "))))
}

fn broken(error: std::io::Error) -> Error {
    uncopied("a program did not start").because(error)
}

fn uncopied(why: &str) -> Error {
    Error::failed("rehearsal_copy", format!("the database could not be copied: {why}"))
}
