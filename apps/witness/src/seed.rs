//! Fills an application before the writers begin: rows, documents, sessions that stay as they are.

use clap::Args;
use hyper::Method;
use serde::Serialize;
use serde_json::json;
use tokio_postgres::NoTls;

use crate::Result;
use crate::client::{Call, Http};

/// How many requests are under way at once.
const IN_FLIGHT: u64 = 8;
/// The bytes of one document.
const DOCUMENT_BYTES: usize = 4 * 1024;
/// The length of a filling row's text; with its header, key and digest about 1 KiB on disk.
const ROW_TEXT_BYTES: usize = 900;
/// Rows of one statement: about 10 MiB.
const ROWS_AT_ONCE: u64 = 10_000;

#[derive(Args)]
pub(crate) struct SeedArguments {
    /// The address that users reach, such as http://127.0.0.1:8000.
    #[arg(long)]
    url: String,
    /// About how much to put into PostgreSQL, in MiB; its address is WITNESS_DATABASE_URL.
    #[arg(long, default_value_t = 0)]
    database_mib: u64,
    /// How many documents.
    #[arg(long, default_value_t = 0)]
    documents: u64,
    /// How many sessions.
    #[arg(long, default_value_t = 0)]
    sessions: u64,
}

/// What was written.
#[derive(Debug, Serialize)]
pub(crate) struct Seeded {
    rows: u64,
    documents: u64,
    sessions: u64,
}

/// Writes everything; fails at the first thing that is refused.
pub(crate) async fn seed(arguments: &SeedArguments) -> Result<Seeded> {
    let rows = seed_rows(arguments.database_mib * 1024).await?;
    let http = Http::new(&arguments.url)?;
    each(arguments.documents, &http, |n| {
        let body = vec![u8::try_from(n % 251).unwrap_or(0); DOCUMENT_BYTES].into();
        Call { method: Method::PUT, path: format!("/documents/seed-{n}"), json: false, body }
    })
    .await?;
    each(arguments.sessions, &http, |n| {
        let body = json!({ "data": { "seed": n }, "ttl_s": 24 * 3600 });
        Call::json(Method::POST, "/sessions", &body)
    })
    .await?;
    Ok(Seeded { rows, documents: arguments.documents, sessions: arguments.sessions })
}

/// Sends `count` calls, a few at a time.
async fn each(count: u64, http: &Http, call: impl Fn(u64) -> Call) -> Result<()> {
    for first in (0..count).step_by(usize::try_from(IN_FLIGHT)?) {
        let calls = (first..count.min(first + IN_FLIGHT)).map(|n| {
            let (call, http) = (call(n), http.clone());
            tokio::spawn(async move { http.send(&call, None).await })
        });
        let calls: Vec<_> = calls.collect();
        for answer in calls {
            let answer = answer.await??;
            if !answer.is_success() {
                let words = String::from_utf8_lossy(&answer.body).into_owned();
                return Err(format!("refused with {}: {words}", answer.status).into());
            }
        }
    }
    Ok(())
}

/// A table of incompressible text, owned by whoever owns `notes`, with two indexes.
async fn seed_rows(rows: u64) -> Result<u64> {
    if rows == 0 {
        return Ok(0);
    }
    let url = std::env::var("WITNESS_DATABASE_URL")
        .map_err(|_| "WITNESS_DATABASE_URL is not set, and --database-mib is not 0")?;
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await?;
    let connection = tokio::spawn(connection);
    let owner: String = client
        .query_one("SELECT tableowner::text FROM pg_tables WHERE tablename = 'notes'", &[])
        .await?
        .get(0);
    client
        .batch_execute(&format!(
            "CREATE TABLE history (id bigint PRIMARY KEY, kind text NOT NULL, body text NOT NULL);
             ALTER TABLE history OWNER TO \"{owner}\";"
        ))
        .await?;
    for first in (0..rows).step_by(usize::try_from(ROWS_AT_ONCE)?) {
        let last = rows.min(first + ROWS_AT_ONCE);
        client
            .execute(
                &format!(
                    "INSERT INTO history SELECT n, 'kind-' || n % 97, left(string_agg(piece, ''), {ROW_TEXT_BYTES})
                     FROM (SELECT n, md5(n::text || ':' || m) AS piece
                           FROM generate_series({first}::bigint, {last} - 1) n,
                                generate_series(1, {}) m) pieces GROUP BY n",
                    ROW_TEXT_BYTES / 32 + 1
                ),
                &[],
            )
            .await?;
    }
    client.batch_execute("CREATE INDEX history_kind ON history (kind); ANALYZE history").await?;
    drop(client);
    connection.await??;
    Ok(rows)
}
