//! The first and the last of a move: what is made and changed on both servers, and put back.

use std::time::Duration;

use trefoil_clouds::secrets::Secrets;
use trefoil_core::plan::{AccessRecord, PrepareOutput, Unstreamed};

use super::connect::{Pair, Server};
use super::{access, bookkeeping, catalog, preflight, publication, roles, stream};
use crate::{Error, Result};

/// What [`bookkeeping`] remembers on the source and on the target.
const SOURCE_ACCESS: &str = "source access";
const TARGET_ACCESS: &str = "target access";
const IDENTITIES: &str = "identities";
/// How often a lock on the application's tables is tried for.
const LOCK_ATTEMPTS: u32 = 10;
/// Between two attempts, so that the application's own statements get their turn.
const LOCK_PAUSE: Duration = Duration::from_millis(500);

/// Makes the bookkeeping on both servers, closes the target, and publishes the source's tables.
/// Refused when something stands in the way.
/// Roles that the target lacks are made; their passwords are in its `secrets`.
pub async fn prepare(
    pair: &Pair,
    name: &str,
    secrets: &Secrets,
    unstreamed: Unstreamed,
) -> Result<PrepareOutput> {
    let begun = bookkeeping::recall::<AccessRecord>(&pair.target, TARGET_ACCESS).await?;
    if begun.is_none() {
        let findings = preflight::of_move(&pair.source, Some(&pair.target), Some(name)).await?;
        preflight::require_none(&preflight::chosen(findings, unstreamed))?;
    }
    bookkeeping::create(&pair.source).await?;
    bookkeeping::create(&pair.target).await?;
    let source_access = remember_access(&pair.source).await?;
    let roles = roles::carry(pair, secrets).await?;
    let target_access = access::close_and_remember(&pair.target, TARGET_ACCESS).await?;
    let identities = identify(&pair.source).await?;
    let tables = catalog::tables(&pair.source).await?;
    publication::publish(&pair.source, name, &tables).await?;
    Ok(PrepareOutput {
        source_access,
        target_access,
        identities,
        tables: catalog::names(&tables),
        source_address: place(&pair.source),
        target_address: place(&pair.target),
        roles,
    })
}

/// Where a server is, without who connects.
fn place(server: &Server) -> String {
    let admin = &server.admin;
    format!("{}:{}/{}", admin.host, admin.port, admin.database)
}

/// Puts both servers back as they were before [`prepare`], as far as it came.
pub async fn undo(pair: &Pair, name: &str) -> Result<()> {
    stream::drop_stream(pair, name).await?;
    if let Some(record) = bookkeeping::recall(&pair.target, TARGET_ACCESS).await? {
        access::open(&pair.target, &record).await?;
    }
    roles::drop_made(&pair.target).await?;
    bookkeeping::drop(&pair.target).await?;
    let before: Option<Vec<_>> = bookkeeping::recall(&pair.source, IDENTITIES).await?;
    if let Some(before) = before {
        restore_identities(&pair.source, &before).await?;
    }
    bookkeeping::drop(&pair.source).await
}

/// Ends the way back: drops the stream that flows from `pair.source` to `pair.target`, puts replica
/// identities back, and drops the bookkeeping. Fails when anything of ours is left.
pub async fn finish(pair: &Pair, return_stream: &str, prepared: &PrepareOutput) -> Result<()> {
    stream::drop_stream(pair, return_stream).await?;
    for server in [&pair.source, &pair.target] {
        restore_identities(server, &prepared.identities).await?;
        roles::leave_made(server).await?;
        bookkeeping::drop(server).await?;
        let left = stream::ours(server).await?;
        if !left.is_empty() {
            let why = format!("{} still has: {}", server.name, left.join(", "));
            return Err(Error::failed("leftovers", why));
        }
    }
    Ok(())
}

async fn remember_access(server: &Server) -> Result<AccessRecord> {
    let record = access::record(server).await?;
    let remember = bookkeeping::remember(SOURCE_ACCESS, &record)?;
    server.batch("remember who may use the database", &remember).await?;
    let known = bookkeeping::recall(server, SOURCE_ACCESS).await?;
    Ok(known.unwrap_or(record))
}

/// Lets tables without a usable key be followed by all their columns: without that the
/// application's own updates of a published table fail. Gives what they had before.
async fn identify(server: &Server) -> Result<Vec<(String, String)>> {
    let tables = catalog::tables(server).await?;
    let lacking = tables.into_iter().filter(|table| !table.identified);
    let before: Vec<_> = lacking.map(|table| (table.name, table.identity)).collect();
    let mut sql = bookkeeping::remember(IDENTITIES, &before)?;
    for (table, _) in &before {
        sql.push_str(&format!("ALTER TABLE {table} REPLICA IDENTITY FULL;\n"));
    }
    patiently(server, "let tables without a key be followed", &sql).await?;
    Ok(bookkeeping::recall(server, IDENTITIES).await?.unwrap_or(before))
}

async fn restore_identities(server: &Server, before: &[(String, String)]) -> Result<()> {
    let tables = catalog::tables(server).await?;
    let mut sql = String::new();
    for (table, identity) in before {
        let word = if identity == "n" { "NOTHING" } else { "DEFAULT" };
        let present = tables.iter().find(|known| known.name == *table);
        // One that became an index since is the application's own change.
        if present.is_some_and(|known| known.identity == "f") {
            sql.push_str(&format!("ALTER TABLE {table} REPLICA IDENTITY {word};\n"));
        }
    }
    patiently(server, "put replica identities back", &sql).await
}

/// Statements that lock the application's tables: with a short wait, for everybody else waits
/// behind it, and several attempts.
async fn patiently(server: &Server, what: &str, sql: &str) -> Result<()> {
    let sql = format!("SET LOCAL lock_timeout = '1s'; {sql}");
    let mut attempt = 1;
    loop {
        match server.batch(what, &sql).await {
            Err(error) if error.is_retryable() && attempt < LOCK_ATTEMPTS => attempt += 1,
            ended => return ended,
        }
        tokio::time::sleep(LOCK_PAUSE).await;
    }
}
