//! What the database holds: what cannot be carried, and what to know.

use trefoil_core::finding::Finding;

use super::{blocker, info, warning, with_command};
use crate::Result;
use crate::movers::postgres::catalog::{self, USER_SCHEMAS};
use crate::movers::postgres::connect::Server;

/// How many names of one kind are shown.
const SHOWN: usize = 5;
/// Transactions older than this hold up the start of a stream, in seconds.
const LONG_TRANSACTION_S: f64 = 60.0;

/// A kind of thing that this version does not carry.
struct Uncarried {
    code: &'static str,
    what: &'static str,
    /// Lists the names of those that are there.
    sql: String,
}

/// Lists relations of users on a condition.
fn relations(condition: &str) -> String {
    format!(
        "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c
         JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {USER_SCHEMAS} AND {condition}"
    )
}

/// Lists tables of users with something that belongs to them.
fn of_table(from: &str, condition: &str) -> String {
    format!(
        "SELECT DISTINCT format('%I.%I', n.nspname, c.relname) FROM {from}
         JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {USER_SCHEMAS} AND {condition}"
    )
}

/// All kinds of things that this version does not carry.
fn not_carried() -> Vec<Uncarried> {
    // A row without a key is found by comparing all its columns, for which these have no equality.
    let incomparable = "pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
        AND NOT a.attisdropped JOIN pg_type t ON t.oid = a.atttypid";
    let no_equality = "c.relkind = 'r' AND c.relreplident <> 'i' AND ltrim(t.typname, '_') IN
        ('json', 'xml', 'point', 'line', 'lseg', 'box', 'path', 'polygon', 'circle')
        AND NOT EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary
                        AND i.indimmediate)";
    vec![
        Uncarried {
            code: "unlogged",
            what: "unlogged",
            sql: relations("c.relpersistence = 'u' AND c.relkind IN ('r', 'S')"),
        },
        Uncarried {
            code: "foreign_tables",
            what: "foreign tables",
            sql: relations("c.relkind = 'f'"),
        },
        Uncarried {
            code: "triggers_always",
            what: "tables with triggers ENABLE ALWAYS or REPLICA",
            sql: of_table(
                "pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid",
                "NOT t.tgisinternal AND t.tgenabled IN ('A', 'R')",
            ),
        },
        Uncarried {
            code: "rules_always",
            what: "tables with rules ENABLE ALWAYS or REPLICA",
            sql: of_table(
                "pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class",
                "r.ev_enabled IN ('A', 'R')",
            ),
        },
        Uncarried {
            code: "identity_impossible",
            what: "tables without a key whose columns cannot be compared",
            sql: of_table(incomparable, no_equality),
        },
        Uncarried {
            code: "large_objects",
            what: "large objects",
            sql: "SELECT oid::text FROM pg_largeobject_metadata LIMIT 6".to_owned(),
        },
        Uncarried {
            code: "background_writers",
            what: "extensions that write by themselves",
            sql: "SELECT extname::text FROM pg_extension
             WHERE extname IN ('pg_cron', 'pglogical', 'timescaledb')"
                .to_owned(),
        },
        Uncarried {
            code: "event_triggers",
            what: "event triggers",
            sql: "SELECT evtname::text FROM pg_event_trigger".to_owned(),
        },
    ]
}

/// What this version does not carry.
pub(super) async fn cannot_be_carried(server: &Server) -> Result<Vec<Finding>> {
    let mut findings = prepared_transactions(server).await?;
    for Uncarried { code, what, sql } in not_carried() {
        let found = server.texts(&format!("look for {what}"), &sql, &[]).await?;
        if found.is_empty() {
            continue;
        }
        let why = format!("not yet carried: {what} on {}: {}", server.name, shown(&found));
        let found = blocker(code, why);
        findings.push(match code {
            "unlogged" | "large_objects" => {
                let option = code.replace('_', "-");
                with_command(found, format!("trefoil migrate plan --{option} ..."))
            }
            _ => found,
        });
    }
    Ok(findings)
}

/// The first names of a list.
fn shown(names: &[String]) -> String {
    let mut text = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text.push_str(" and more");
    }
    text
}

/// Transactions that wait between prepare and commit: they pass any fence.
pub(super) async fn prepared_transactions(server: &Server) -> Result<Vec<Finding>> {
    let sql = "SELECT gid FROM pg_prepared_xacts WHERE database = current_database()";
    let waiting = server.texts("list prepared transactions", sql, &[]).await?;
    if waiting.is_empty() {
        return Ok(vec![]);
    }
    let why = format!("prepared transactions wait on {}: {}", server.name, shown(&waiting));
    let command = "COMMIT PREPARED or ROLLBACK PREPARED each of them".to_owned();
    Ok(vec![with_command(blocker("prepared_transactions", why), command)])
}

/// Transactions that hold up the start of a stream.
pub(super) async fn long_transactions(server: &Server) -> Result<Vec<Finding>> {
    let sql = "SELECT format('process %s of %s', pid, usename) FROM pg_stat_activity
               WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
                 AND extract(epoch FROM now() - xact_start)::float8 > $1";
    let long = server.texts("list transactions", sql, &[&LONG_TRANSACTION_S]).await?;
    if long.is_empty() {
        return Ok(vec![]);
    }
    let why = format!(
        "transactions on {} are open for more than {LONG_TRANSACTION_S} s, and a stream starts \
         only after them: {}",
        server.name,
        shown(&long)
    );
    let command = "end them, or: SELECT pg_terminate_backend(PROCESS)".to_owned();
    Ok(vec![with_command(warning("long_transactions", why), command)])
}

/// What a person should know of the source.
pub(super) async fn to_know(server: &Server) -> Result<Vec<Finding>> {
    let mut findings = long_transactions(server).await?;
    let tables = catalog::tables(server).await?;
    let keyless = tables.iter().filter(|table| table.key.is_empty());
    let keyless: Vec<String> = keyless.map(|table| table.name.clone()).collect();
    if !keyless.is_empty() {
        let why = format!(
            "tables without a primary key on {} are followed by all their columns, which is slow \
             for updates, and are compared whole: {}",
            server.name,
            shown(&keyless)
        );
        let command = "ALTER TABLE each ADD PRIMARY KEY (...), if updates are frequent".to_owned();
        findings.push(with_command(warning("no_primary_key", why), command));
    }
    let sql = format!(
        "SELECT DISTINCT format('%I.%I', n.nspname, c.relname) FROM pg_class c
         JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE {USER_SCHEMAS} AND c.relkind = 'r' AND c.relrowsecurity"
    );
    let secured = server.texts("look for row security", &sql, &[]).await?;
    if !secured.is_empty() {
        let why = format!("row security is carried and passed by: {}", shown(&secured));
        findings.push(info("row_security", why));
    }
    Ok(findings)
}

/// What of the source the target has no place for.
pub(super) async fn does_not_fit(source: &Server, target: &Server) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let there = holds(target).await?;
    if !there.is_empty() {
        let why = format!("the database of {} is not empty: {}", target.name, shown(&there));
        findings.push(blocker("target_not_empty", why));
    }
    let sql = "SELECT extname::text, extversion FROM pg_extension WHERE extname <> 'plpgsql'";
    for row in source.query("list extensions", sql, &[]).await? {
        let (name, version): (String, String) = (row.get(0), row.get(1));
        let sql = "SELECT 1 FROM pg_available_extension_versions WHERE name = $1 AND version = $2";
        if target.query("look for an extension", sql, &[&name, &version]).await?.is_empty() {
            let why = format!("{} does not offer extension {name} {version}", target.name);
            findings.push(blocker("extension_missing", why));
        }
    }
    findings.extend(without_xml(source, target).await?);
    Ok(findings)
}

/// A server that was built without XML has the type, and refuses its values.
async fn without_xml(source: &Server, target: &Server) -> Result<Option<Finding>> {
    let columns = "pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
        AND NOT a.attisdropped JOIN pg_type t ON t.oid = a.atttypid";
    let sql = of_table(columns, "c.relkind IN ('r', 'p') AND t.typname IN ('xml', '_xml')");
    let tables = source.texts("look for XML", &sql, &[]).await?;
    if tables.is_empty() || target.tried("try XML", "SELECT '<a/>'::xml").await?.is_none() {
        return Ok(None);
    }
    let why = format!("{} was built without XML, and has to hold: {}", target.name, shown(&tables));
    Ok(Some(blocker("xml_missing", why)))
}

/// Anything that a person may have put into the database.
async fn holds(server: &Server) -> Result<Vec<String>> {
    let sql = format!(
        "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c
         JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {USER_SCHEMAS}
         UNION ALL SELECT format('function %s', p.oid::regprocedure) FROM pg_proc p
         JOIN pg_namespace n ON n.oid = p.pronamespace WHERE {USER_SCHEMAS}
         UNION ALL SELECT format('type %I.%I', n.nspname, t.typname) FROM pg_type t
         JOIN pg_namespace n ON n.oid = t.typnamespace
         WHERE {USER_SCHEMAS} AND t.typtype IN ('e', 'd', 'r')
         UNION ALL SELECT format('schema %I', n.nspname) FROM pg_namespace n
         WHERE {USER_SCHEMAS} AND n.nspname <> 'public'
         UNION ALL SELECT format('extension %I', extname) FROM pg_extension
         WHERE extname <> 'plpgsql'
         UNION ALL SELECT format('event trigger %I', evtname) FROM pg_event_trigger
         LIMIT 6"
    );
    server.texts("look for what the target holds", &sql, &[]).await
}
