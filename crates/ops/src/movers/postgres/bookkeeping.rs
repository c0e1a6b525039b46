//! The schema `trefoil` on each server while a move is open: epochs, markers, and how things were.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::connect::Server;
use super::sql::quote_literal;
use crate::state::FencingToken;
use crate::{Error, ErrorKind, Result};

/// Marks the schema as ours; another schema of that name is never touched.
pub const OURS: &str = "kept by Trefoil while a move is open";

/// How far each stream of ours is, kept by its subscriber.
const PROGRESS: &str = "
    CREATE TABLE IF NOT EXISTS trefoil.progress (
      stream text PRIMARY KEY, enabled boolean NOT NULL, copied boolean NOT NULL,
      position pg_lsn NOT NULL, snapshot text, snapshot_end pg_lsn,
      tables bigint NOT NULL DEFAULT 0, tables_ready bigint NOT NULL DEFAULT 0,
      bytes bigint NOT NULL DEFAULT 0,
      errors bigint NOT NULL DEFAULT 0, last_error text)";

/// Makes the schema if it is not there.
///
/// `marker` is published, so that a row in it proves what has arrived. `fence` and `before` stay on
/// their server, and so do `executor` and, where a stream of ours is, `progress`. `before` holds how
/// things were before we changed them, written in the same transaction as the change: a process that
/// dies in between leaves enough to put it back.
pub async fn create(server: &Server) -> Result<()> {
    let sql = format!(
        "CREATE SCHEMA IF NOT EXISTS trefoil;
         COMMENT ON SCHEMA trefoil IS {};
         CREATE TABLE IF NOT EXISTS trefoil.fence (epoch bigint PRIMARY KEY);
         CREATE TABLE IF NOT EXISTS trefoil.marker (run text NOT NULL, id uuid PRIMARY KEY);
         CREATE TABLE IF NOT EXISTS trefoil.before (what text PRIMARY KEY, state jsonb NOT NULL);
         CREATE TABLE IF NOT EXISTS trefoil.executor
           (one boolean PRIMARY KEY CHECK (one), run bigint NOT NULL, takeover bigint NOT NULL)",
        quote_literal(OURS)
    );
    server.batch("make the schema trefoil", &sql).await?;
    server.batch("make the schema trefoil", PROGRESS).await
}

/// Drops it, if it is ours.
pub async fn drop(server: &Server) -> Result<()> {
    if exists(server).await? {
        server.batch("drop the schema trefoil", "DROP SCHEMA trefoil CASCADE").await?;
    }
    Ok(())
}

/// Whether it is there, and ours.
pub async fn exists(server: &Server) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = 'trefoil'
                 AND obj_description(oid, 'pg_namespace') = $1)";
    Ok(server.one("look for the schema trefoil", sql, &[&OURS]).await?.get(0))
}

/// The statement that remembers how something was; the first memory stands.
pub fn remember<T: Serialize>(what: &str, state: &T) -> Result<String> {
    let state = serde_json::to_string(state)
        .map_err(|error| Error::failed("json", format!("cannot write {what}")).because(error))?;
    Ok(format!(
        "INSERT INTO trefoil.before VALUES ({}, {}::jsonb) ON CONFLICT DO NOTHING;",
        quote_literal(what),
        quote_literal(&state)
    ))
}

/// Remembers how something is now, in the place of what was remembered before.
pub async fn note<T: Serialize>(server: &Server, what: &str, state: &T) -> Result<()> {
    let state = serde_json::to_value(state)
        .map_err(|error| Error::failed("json", format!("cannot write {what}")).because(error))?;
    let sql = "INSERT INTO trefoil.before VALUES ($1, $2)
               ON CONFLICT (what) DO UPDATE SET state = excluded.state";
    server.query("remember what is", sql, &[&what, &state]).await.map(|_| ())
}

/// What was remembered, if anything.
pub async fn recall<T: DeserializeOwned>(server: &Server, what: &str) -> Result<Option<T>> {
    if !exists(server).await? {
        return Ok(None);
    }
    let sql = "SELECT state FROM trefoil.before WHERE what = $1";
    let rows = server.query("read what was before", sql, &[&what]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let state = serde_json::from_value(row.get::<_, Value>(0)).map_err(|error| {
        Error::failed("json", format!("trefoil.before on {} is damaged", server.name))
            .because(error)
    })?;
    Ok(Some(state))
}

/// Records the epoch under which this side opens. Refused when it has opened under a later one.
pub async fn raise_epoch(server: &Server, epoch: u64) -> Result<()> {
    let wanted = i64::try_from(epoch)
        .map_err(|error| Error::refused("epoch_stale", "the epoch is too large").because(error))?;
    let sql = "INSERT INTO trefoil.fence SELECT $1
               WHERE NOT EXISTS (SELECT 1 FROM trefoil.fence WHERE epoch >= $1)";
    server.query("record the epoch", sql, &[&wanted]).await?;
    let sql = "SELECT max(epoch) FROM trefoil.fence";
    let newest: i64 = server.one("read the epoch", sql, &[]).await?.get(0);
    if newest > wanted {
        let why = format!("{} was opened under epoch {newest}, later than {epoch}", server.name);
        return Err(Error::refused("epoch_stale", why));
    }
    Ok(())
}

/// Changes a server in one transaction, unless an executor with a greater token has changed it
/// before: then nothing happens. Two at once are put in a row by the server.
///
/// # Errors
/// `executor_superseded`; whatever the statements say.
pub async fn change_as(
    server: &Server,
    token: FencingToken,
    what: &str,
    statements: &str,
) -> Result<()> {
    let FencingToken { run, takeover } = token;
    let claim = format!(
        "BEGIN; INSERT INTO trefoil.executor AS held VALUES (true, {run}, {takeover})
         ON CONFLICT (one) DO UPDATE SET run = excluded.run, takeover = excluded.takeover
         WHERE (held.run, held.takeover) <= (excluded.run, excluded.takeover)"
    );
    let changed = match server.rows_affected("see who executes the run", &claim).await {
        Ok(0) => Err(superseded(server)),
        Ok(_) => server.batch(what, &format!("{statements}; COMMIT")).await,
        Err(error) => Err(error),
    };
    if changed.is_err()
        && let Err(error) = server.batch("end the transaction", "ROLLBACK").await
    {
        // A session that is lost has ended its transaction by that.
        tracing::debug!(error = %error.chain(), "no rollback");
    }
    changed
}

fn superseded(server: &Server) -> Error {
    let why = format!("{} has been changed by a process that took over since", server.name);
    Error::new(ErrorKind::Stopped, "executor_superseded", why)
        .hint("this process stops here; see `trefoil runs`")
}
