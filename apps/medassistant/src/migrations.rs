//! The database's schema, version by version. Changed only by `medassistant migrate`.

use trefoil_clouds::database::{Database, Transaction, failed};
use trefoil_clouds::{Error, Result};

/// Each version's name and statements; a version that was given out is never changed.
const MIGRATIONS: &[(i32, &str, &str)] = &[
    (1, "first", include_str!("../migrations/0001_first.sql")),
    (2, "passages", include_str!("../migrations/0002_passages.sql")),
];

/// The number of the lock that lets one migration run at a time: "med" in ASCII.
const LOCK: i64 = 0x006d_6564;

const TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (version int PRIMARY KEY, \
                     name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())";

fn newest() -> i32 {
    MIGRATIONS.iter().map(|(version, _, _)| *version).max().unwrap_or_default()
}

/// Applies what is missing, all of it or nothing. Idempotent.
pub(crate) async fn migrate(database: &Database) -> Result<()> {
    let mut client = database.get().await?;
    let transaction = client.transaction().await.map_err(failed)?;
    let lock = transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await;
    lock.map_err(failed)?;
    transaction.batch_execute(TABLE).await.map_err(failed)?;
    let found = version(&transaction).await?;
    if found > newest() {
        let why = format!("the schema has version {found}; this build knows {}", newest());
        return Err(Error::refused("schema_newer", why).hint("use the newer build"));
    }
    for (number, name, sql) in MIGRATIONS.iter().filter(|(number, _, _)| *number > found) {
        transaction.batch_execute(sql).await.map_err(failed)?;
        let record = "INSERT INTO schema_migrations (version, name) VALUES ($1, $2)";
        transaction.execute(record, &[number, name]).await.map_err(failed)?;
        tracing::info!(version = number, name, "the schema is being migrated");
    }
    transaction.commit().await.map_err(failed)?;
    tracing::info!(before = found, version = newest(), "the schema is migrated");
    Ok(())
}

async fn version(transaction: &Transaction<'_>) -> Result<i32> {
    let ask = "SELECT coalesce(max(version), 0) FROM schema_migrations";
    Ok(transaction.query_one(ask, &[]).await.map_err(failed)?.get(0))
}

/// Whether the schema is one that this build can use.
pub(crate) async fn check(database: &Database) -> Result<()> {
    let missing = || {
        let why = format!("the schema is not migrated to version {}", newest());
        Error::missing("schema_older", why).hint("run `medassistant migrate`")
    };
    let table = "SELECT to_regclass('schema_migrations') IS NOT NULL";
    let there = database.query_opt(table, &[]).await?.is_some_and(|row| row.get(0));
    if !there {
        return Err(missing());
    }
    let ask = "SELECT 1 FROM schema_migrations WHERE version >= $1 LIMIT 1";
    database.query_opt(ask, &[&newest()]).await?.map(drop).ok_or_else(missing)
}
