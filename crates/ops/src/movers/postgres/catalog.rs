//! The application's tables, as the server's catalogue describes them.

use std::collections::BTreeMap;

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
    /// Whether the order of its key depends on a collation, which two servers may have in
    /// different versions.
    pub collated: bool,
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

/// Which tables are meant: a stream carries those whose changes are logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Persistence {
    /// Those whose changes are logged.
    Logged,
    /// Those whose changes are not.
    Unlogged,
    /// All of them.
    Any,
}

impl Persistence {
    /// The condition on a `pg_class c`. Temporary tables are nobody's.
    fn condition(self) -> &'static str {
        match self {
            Persistence::Logged => "c.relpersistence = 'p'",
            Persistence::Unlogged => "c.relpersistence = 'u'",
            Persistence::Any => "c.relpersistence IN ('p', 'u')",
        }
    }
}

/// The application's tables that a stream carries, sorted by name.
pub async fn tables(server: &Server) -> Result<Vec<Table>> {
    tables_of(server, Persistence::Logged).await
}

/// The application's tables of one kind, sorted by name. Of a partitioned table, those that hold
/// the rows.
pub async fn tables_of(server: &Server, persistence: Persistence) -> Result<Vec<Table>> {
    let persistence = persistence.condition();
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
                                  <> 'pg_catalog'::regnamespace),
                EXISTS (SELECT 1 FROM pg_index i, unnest(i.indkey) k(attnum), pg_attribute a,
                        pg_collation l
                        WHERE i.indrelid = c.oid AND i.indisprimary AND a.attrelid = c.oid
                          AND a.attnum = k.attnum AND l.oid = a.attcollation
                          AND l.collname NOT IN ('C', 'POSIX', 'ucs_basic'))
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind = 'r' AND {persistence} AND {USER_SCHEMAS}
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
                collated: row.get(9),
            }
        })
        .collect())
}

/// The schema and the name, unquoted, of every table, those included that have their rows in
/// partitions.
pub async fn all_names(server: &Server) -> Result<Vec<(String, String)>> {
    let sql = format!(
        "SELECT n.nspname::text, c.relname::text
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'p') AND {USER_SCHEMAS}"
    );
    let rows = server.query("list tables", &sql, &[]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// The columns of each table, both sorted by name; a table's name as in [`Table`].
pub async fn columns(server: &Server) -> Result<BTreeMap<String, Vec<String>>> {
    let sql = format!(
        "SELECT format('%I.%I', n.nspname, c.relname),
                array_agg(a.attname::text ORDER BY a.attname::text COLLATE \"C\")
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
         WHERE c.relkind = 'r' AND {USER_SCHEMAS} GROUP BY 1"
    );
    let rows = server.query("list columns", &sql, &[]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// How the database orders texts, the version of the rules included. Databases with the same
/// words order the same.
pub async fn collation(server: &Server) -> Result<String> {
    // Columns were added and renamed between versions, so the row is read by its names.
    let sql = "SELECT concat_ws('/', r ->> 'datlocprovider', r ->> 'datcollate', r ->> 'datctype',
                      coalesce(r ->> 'daticulocale', r ->> 'datlocale'),
                      pg_database_collation_actual_version((r ->> 'oid')::oid),
                      pg_encoding_to_char((r ->> 'encoding')::int))
               FROM (SELECT to_jsonb(d) AS r FROM pg_database d
                     WHERE d.datname = current_database()) one";
    Ok(server.one("read the collation", sql, &[]).await?.get(0))
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
