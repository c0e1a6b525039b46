//! Unlogged tables: no stream carries their rows. They are copied in the switch, when nothing
//! writes.

use super::catalog::{self, Persistence, Table};
use super::connect::{Pair, Server};
use super::sql::quote_ident;
use crate::Result;

/// How many rows are carried at once.
const PAGE: i64 = 1_000;

/// Replaces the rows of the target's unlogged tables by the source's.
pub async fn carry(pair: &Pair) -> Result<()> {
    let tables = catalog::tables_of(&pair.source, Persistence::Unlogged).await?;
    if tables.is_empty() {
        return Ok(());
    }
    let columns = writable(&pair.source).await?;
    let reader = Server::connect(&pair.source.name, &pair.source.admin).await?.patient().await?;
    let writer = Server::connect(&pair.target.name, &pair.target.admin).await?.patient().await?;
    // Triggers and foreign keys have done their work on the source.
    let begin = "BEGIN READ WRITE; SET LOCAL session_replication_role = replica";
    writer.batch("begin to copy unlogged tables", begin).await?;
    reader.batch("begin to read unlogged tables", "BEGIN READ ONLY").await?;
    for table in &tables {
        let none = Vec::new();
        let columns = columns.iter().find(|(name, _)| *name == table.name);
        one(&reader, &writer, table, columns.map_or(&none, |(_, columns)| columns)).await?;
    }
    writer.batch("copy unlogged tables", "COMMIT").await
}

/// The columns of each unlogged table that are not computed.
async fn writable(server: &Server) -> Result<Vec<(String, Vec<String>)>> {
    let sql = "SELECT format('%I.%I', n.nspname, c.relname),
                      array_agg(a.attname::text ORDER BY a.attnum)
               FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
               JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                 AND a.attgenerated = ''
               WHERE c.relkind = 'r' AND c.relpersistence = 'u' GROUP BY 1";
    let rows = server.query("list columns", sql, &[]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// One table, a page of rows at a time. Rows travel as text, whose form is the same on both sides.
async fn one(reader: &Server, writer: &Server, table: &Table, columns: &[String]) -> Result<()> {
    let name = &table.name;
    let what = format!("copy {name}");
    writer.batch(&what, &format!("TRUNCATE ONLY {name}")).await?;
    let cursor = format!(
        "DECLARE trefoil_rows NO SCROLL CURSOR FOR
         SELECT trefoil_row::text FROM ONLY {name} AS trefoil_row"
    );
    reader.batch(&what, &cursor).await?;
    let listed: Vec<_> = columns.iter().map(|column| quote_ident(column)).collect();
    let taken: Vec<_> = listed.iter().map(|column| format!("(r.v).{column}")).collect();
    let insert = format!(
        "INSERT INTO {name} ({}) OVERRIDING SYSTEM VALUE
         SELECT {} FROM (SELECT v::{name} AS v FROM unnest($1::text[]) v) r",
        listed.join(", "),
        taken.join(", ")
    );
    let fetch = format!("FETCH {PAGE} FROM trefoil_rows");
    loop {
        let rows = reader.texts(&what, &fetch, &[]).await?;
        if rows.is_empty() {
            return reader.batch(&what, "CLOSE trefoil_rows").await;
        }
        writer.query(&what, &insert, &[&rows]).await?;
    }
}
