//! What a database's schema consists of, as a set of lines that can be compared.

use std::collections::BTreeSet;

use super::catalog::USER_SCHEMAS;
use super::connect::{Pair, Server};
use crate::{Error, Result};

/// How much of a schema is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// What is there before the rows: tables, types, functions.
    Tables,
    /// What is there before the stream: the same with the tables' keys.
    Keys,
    /// Everything.
    Whole,
}

/// Schemas, types, functions, relations, columns, extensions.
fn before_rows() -> String {
    let not_member = |class: &str, alias: &str| {
        format!(
            "NOT EXISTS (SELECT 1 FROM pg_depend x WHERE x.classid = '{class}'::regclass
               AND x.objid = {alias}.oid AND x.deptype = 'e')"
        )
    };
    let (class, kind, function) =
        (not_member("pg_class", "c"), not_member("pg_type", "t"), not_member("pg_proc", "p"));
    format!(
        "SELECT format('schema %I', n.nspname) FROM pg_namespace n WHERE {USER_SCHEMAS}
         UNION ALL SELECT format('extension %I %s', extname, extversion) FROM pg_extension
         UNION ALL
         SELECT format('relation %I.%I of kind %s', n.nspname, c.relname, c.relkind)
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm', 'S', 'c') AND {USER_SCHEMAS} AND {class}
         UNION ALL
         SELECT format('column %I.%I.%I %s%s%s%s', n.nspname, c.relname, a.attname,
                       format_type(a.atttypid, a.atttypmod),
                       CASE WHEN a.attnotnull THEN ' not null' END,
                       CASE WHEN a.attidentity <> '' THEN ' identity ' || a.attidentity::text END,
                       CASE WHEN a.attgenerated <> '' THEN ' generated' END)
         FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
         JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm', 'c') AND a.attnum > 0 AND NOT a.attisdropped
           AND {USER_SCHEMAS} AND {class}
         UNION ALL
         SELECT format('function %s %s', p.oid::regprocedure, md5(p.prosrc))
         FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
         WHERE {USER_SCHEMAS} AND {function}
         UNION ALL
         SELECT format('type %I.%I %s', n.nspname, t.typname,
                       (SELECT string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder)
                        FROM pg_enum e WHERE e.enumtypid = t.oid))
         FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
         WHERE t.typtype IN ('e', 'd', 'r') AND {USER_SCHEMAS} AND {kind}"
    )
}

/// Primary and unique keys, and what excludes rows.
fn keys() -> String {
    format!(
        "SELECT format('constraint %I on %I.%I', k.conname, n.nspname, c.relname)
         FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
         JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE k.contype IN ('p', 'u', 'x') AND {USER_SCHEMAS}
           AND NOT EXISTS (SELECT 1 FROM pg_depend x WHERE x.classid = 'pg_class'::regclass
                           AND x.objid = c.oid AND x.deptype = 'e')"
    )
}

/// Indexes, foreign keys and other constraints, triggers, rules, policies.
fn after_rows() -> String {
    let from = format!(
        "JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE {USER_SCHEMAS} AND c.relkind IN ('r', 'p', 'm', 'v')
           AND NOT EXISTS (SELECT 1 FROM pg_depend x WHERE x.classid = 'pg_class'::regclass
                           AND x.objid = c.oid AND x.deptype = 'e')"
    );
    format!(
        "SELECT format('index %I on %I.%I', i.relname, n.nspname, c.relname)
         FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
         JOIN pg_class c ON c.oid = x.indrelid {from} AND x.indisvalid
         UNION ALL
         SELECT format('constraint %I on %I.%I', k.conname, n.nspname, c.relname)
         FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid {from} AND k.contype <> 'n'
         UNION ALL
         SELECT format('trigger %I on %I.%I %s', t.tgname, n.nspname, c.relname, t.tgenabled)
         FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid {from} AND NOT t.tgisinternal
         UNION ALL
         SELECT format('rule %I on %I.%I', r.rulename, n.nspname, c.relname)
         FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class {from}
         UNION ALL
         SELECT format('policy %I on %I.%I', p.polname, n.nspname, c.relname)
         FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid {from}"
    )
}

/// What the schema consists of.
pub async fn read(server: &Server, extent: Extent) -> Result<BTreeSet<String>> {
    let sql = match extent {
        Extent::Tables => before_rows(),
        Extent::Keys => format!("{} UNION ALL {}", before_rows(), keys()),
        Extent::Whole => format!("{} UNION ALL {}", before_rows(), after_rows()),
    };
    Ok(server.texts("read the schema", &sql, &[]).await?.into_iter().collect())
}

/// What one side has and the other has not: `+` what only the source has, `-` what only the target
/// has.
pub async fn differences(pair: &Pair, extent: Extent) -> Result<Vec<String>> {
    let (source, target) =
        futures::future::try_join(read(&pair.source, extent), read(&pair.target, extent)).await?;
    let missing = source.difference(&target).map(|line| format!("+ {line}"));
    let more = target.difference(&source).map(|line| format!("- {line}"));
    Ok(missing.chain(more).collect())
}

/// Refuses when the schemas are not the same: somebody changed one of them during the move.
pub async fn require_same(pair: &Pair, extent: Extent) -> Result<()> {
    let differences = differences(pair, extent).await?;
    if differences.is_empty() {
        return Ok(());
    }
    let shown = differences.iter().take(5).map(String::as_str).collect::<Vec<_>>().join("; ");
    let why = format!(
        "the schemas of {} and {} differ in {} places: {shown}",
        pair.source.name,
        pair.target.name,
        differences.len()
    );
    Err(Error::refused("schema_differs", why)
        .hint("make the same change on the other side, or abort the run and begin again"))
}
