//! The application's tables, as the server's catalogue describes them.

use super::connect::Server;
use crate::Result;

/// One table that is carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Schema-qualified and quoted where needed: fit for SQL and for people.
    pub name: String,
    /// Its schema, unquoted.
    pub schema: String,
    /// Columns of the primary key with their types, in the key's order; empty without one.
    pub key: Vec<KeyColumn>,
    /// Whether ranges of the key can be compared with operators of the server itself. A type of an
    /// extension orders with operators that we would have to find in the application's schemas.
    pub ordered: bool,
    /// The replica identity: `d` default, `n` nothing, `f` full, `i` index.
    pub identity: String,
    /// Whether updates and deletions can be published with that identity.
    pub identified: bool,
    /// The server's estimate of its rows.
    pub rows: u64,
    /// Its size on disk.
    pub bytes: u64,
}

/// One column of a primary key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyColumn {
    /// Its name, unquoted.
    pub name: String,
    /// Its type, fit for a cast.
    pub kind: String,
}

/// Which schemas are the application's, for a `pg_namespace n`.
pub const USER_SCHEMAS: &str =
    "n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'trefoil')";

/// The application's tables, sorted by name.
pub async fn tables(server: &Server) -> Result<Vec<Table>> {
    let sql = format!(
        "SELECT format('%I.%I', n.nspname, c.relname), n.nspname::text, c.relreplident::text,
                c.relreplident = 'f'
                  OR c.relreplident = 'd' AND EXISTS (SELECT 1 FROM pg_index i
                       WHERE i.indrelid = c.oid AND i.indisprimary AND i.indimmediate)
                  OR c.relreplident = 'i' AND EXISTS (SELECT 1 FROM pg_index i
                       WHERE i.indrelid = c.oid AND i.indisreplident),
                greatest(c.reltuples, 0)::int8, pg_table_size(c.oid),
                coalesce((SELECT array_agg(a.attname::text ORDER BY k.n)
                          FROM pg_index i, unnest(i.indkey) WITH ORDINALITY k(attnum, n), pg_attribute a
                          WHERE i.indrelid = c.oid AND i.indisprimary
                            AND a.attrelid = c.oid AND a.attnum = k.attnum), '{{}}'),
                coalesce((SELECT array_agg(format_type(a.atttypid, a.atttypmod) ORDER BY k.n)
                          FROM pg_index i, unnest(i.indkey) WITH ORDINALITY k(attnum, n), pg_attribute a
                          WHERE i.indrelid = c.oid AND i.indisprimary
                            AND a.attrelid = c.oid AND a.attnum = k.attnum), '{{}}'),
                NOT EXISTS (SELECT 1 FROM pg_index i, unnest(i.indkey) k(attnum), pg_attribute a,
                            pg_type t LEFT JOIN pg_type b ON b.oid = t.typbasetype
                            WHERE i.indrelid = c.oid AND i.indisprimary
                              AND a.attrelid = c.oid AND a.attnum = k.attnum AND t.oid = a.atttypid
                              AND t.typtype <> 'e' AND coalesce(b.typtype, 'b') <> 'e'
                              AND coalesce(b.typnamespace, t.typnamespace)
                                  <> 'pg_catalog'::regnamespace)
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND {USER_SCHEMAS}
           AND NOT EXISTS (SELECT 1 FROM pg_depend x WHERE x.classid = 'pg_class'::regclass
                           AND x.objid = c.oid AND x.deptype = 'e')
         ORDER BY 1"
    );
    let rows = server.query("list tables", &sql, &[]).await?;
    Ok(rows
        .iter()
        .map(|row| {
            let names: Vec<String> = row.get(6);
            let kinds: Vec<String> = row.get(7);
            let key = names.into_iter().zip(kinds);
            Table {
                name: row.get(0),
                schema: row.get(1),
                identity: row.get(2),
                identified: row.get(3),
                rows: row.get::<_, i64>(4).unsigned_abs(),
                bytes: row.get::<_, i64>(5).unsigned_abs(),
                key: key.map(|(name, kind)| KeyColumn { name, kind }).collect(),
                ordered: row.get(8),
            }
        })
        .collect())
}

/// The names of tables.
pub fn names(tables: &[Table]) -> Vec<String> {
    tables.iter().map(|table| table.name.clone()).collect()
}

/// The server's major version, such as 15.
pub async fn major_version(server: &Server) -> Result<i32> {
    let sql = "SELECT current_setting('server_version_num')::int4 / 10000";
    Ok(server.one("read the version", sql, &[]).await?.get(0))
}

/// The number that initdb gave the server, as text.
pub async fn system_identifier(server: &Server) -> Result<String> {
    let sql = "SELECT system_identifier::text FROM pg_control_system()";
    Ok(server.one("read the system identifier", sql, &[]).await?.get(0))
}
