//! What is around the database: other databases of its server, its log, who may connect, and
//! things to know that change nothing.

use std::time::Duration;

use trefoil_core::finding::Finding;

use super::{blocker, info, warning};
use crate::Result;
use crate::movers::postgres::access;
use crate::movers::postgres::catalog::USER_SCHEMAS;
use crate::movers::postgres::connect::Server;

/// For how long it is measured how much a server writes.
const MEASURED: Duration = Duration::from_millis(500);
/// How fast rows are copied, by a careful guess, in bytes a second.
const COPY_RATE: u64 = 10 << 20;
/// How much more log than by this guess there should be room for.
const MARGIN: u64 = 3;
/// How many names are shown.
const SHOWN: usize = 8;

/// What a person should know of the source.
pub(super) async fn to_know(server: &Server) -> Result<Vec<Finding>> {
    let mut findings = other_databases(server).await?;
    findings.push(who_may_connect(server).await?);
    findings.extend(collation_version(server).await?);
    findings.extend(room_for_log(server).await?);
    for kind in kinds() {
        let found = server.texts("look around", &kind.sql, &[]).await?;
        if !found.is_empty() {
            findings.push(info(kind.code, format!("{}: {}", kind.what, shown(&found))));
        }
    }
    Ok(findings)
}

/// A kind of things that is carried in a way of its own.
struct Kind {
    code: &'static str,
    what: &'static str,
    sql: String,
}

fn kinds() -> [Kind; 2] {
    let unowned = format!(
        "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c
         JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind = 'S' AND {USER_SCHEMAS}
           AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                           AND d.objid = c.oid AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0)"
    );
    let generated = format!(
        "SELECT format('%I.%I.%I', n.nspname, c.relname, a.attname) FROM pg_attribute a
         JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE a.attgenerated <> '' AND {USER_SCHEMAS}"
    );
    [
        Kind {
            code: "sequences_unowned",
            what: "sequences that no column owns, carried like the others",
            sql: unowned,
        },
        Kind {
            code: "generated_columns",
            what: "generated columns, computed again at the target",
            sql: generated,
        },
    ]
}

/// The fence closes one database. A role's LOGIN and the server's log are shared by all.
pub(super) async fn other_databases(server: &Server) -> Result<Vec<Finding>> {
    let sql = "SELECT datname::text FROM pg_database WHERE datname <> current_database()
               AND datallowconn AND NOT datistemplate AND datname <> 'postgres' ORDER BY 1";
    let others = server.texts("list databases", sql, &[]).await?;
    if others.is_empty() {
        return Ok(vec![]);
    }
    let why = format!(
        "{} has other databases, which stay as they are and whose changes fill the same log: {}",
        server.name,
        shown(&others)
    );
    Ok(vec![info("other_databases", why)])
}

async fn who_may_connect(server: &Server) -> Result<Finding> {
    let record = access::record(server).await?;
    let mut names: Vec<String> = record
        .roles
        .iter()
        .filter(|role| role.connect || role.login && record.public_connect)
        .map(|role| role.name.clone())
        .collect();
    if record.public_connect {
        names.insert(0, "PUBLIC".to_owned());
    }
    Ok(info("who_may_connect", format!("the fence on {} closes: {}", server.name, shown(&names))))
}

/// Text that was sorted by an older library may be out of order already.
async fn collation_version(server: &Server) -> Result<Vec<Finding>> {
    let sql = "SELECT datcollversion, pg_database_collation_actual_version(oid) FROM pg_database
               WHERE datname = current_database()
                 AND datcollversion <> pg_database_collation_actual_version(oid)";
    let rows = server.query("read the collation's version", sql, &[]).await?;
    let Some(row) = rows.first() else { return Ok(vec![]) };
    let (then, now): (String, String) = (row.get(0), row.get(1));
    let why = format!(
        "the indexes of {} were sorted by version {then} of its collation, and it has {now} now: \
         unique texts may be double, which the target refuses",
        server.name
    );
    let command = "REINDEX DATABASE, then ALTER DATABASE ... REFRESH COLLATION VERSION".to_owned();
    Ok(vec![super::with_command(warning("collation_version", why), command)])
}

/// While rows are copied the server keeps its log: how much that may be, and whether there is room
/// as far as we see it.
async fn room_for_log(server: &Server) -> Result<Vec<Finding>> {
    let position = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::int8";
    let before: i64 = server.one("read the position of the log", position, &[]).await?.get(0);
    tokio::time::sleep(MEASURED).await;
    let after: i64 = server.one("read the position of the log", position, &[]).await?.get(0);
    let size: i64 = server
        .one("read the size", "SELECT pg_database_size(current_database())", &[])
        .await?
        .get(0);
    let a_second = u128::from((after - before).unsigned_abs()) * 1_000 / MEASURED.as_millis();
    let takes_s = size.unsigned_abs() / COPY_RATE + 1;
    let needed = u64::try_from(a_second).unwrap_or(u64::MAX).saturating_mul(takes_s * MARGIN);
    let name = &server.name;
    let rate = format!("{name} writes {} KiB of log a second now", a_second / 1_024);
    let why = format!("{rate}: copying keeps up to {} MiB of it", needed >> 20);
    match free_bytes(server).await? {
        Some(free) if free < needed => {
            let why = format!("{why}, and its disk has {} MiB free", free >> 20);
            Ok(vec![blocker("disk_full", why)])
        }
        Some(free) => Ok(vec![info("room_for_log", format!("{why}; free: {} MiB", free >> 20))]),
        None => Ok(vec![info("room_for_log", format!("{why}; its disk is not seen from here"))]),
    }
}

/// The free space where the server's log is, if that is a folder of this machine.
async fn free_bytes(server: &Server) -> Result<Option<u64>> {
    let sql = "SELECT setting FROM pg_settings WHERE name = 'data_directory'";
    let folder = server.texts("read the data folder", sql, &[]).await?;
    let here = *server.address.protection() == trefoil_clouds::database::Protection::SameMachine;
    let Some(folder) = folder.first().filter(|_| here) else { return Ok(None) };
    let Ok(seen) = nix::sys::statvfs::statvfs(&std::path::Path::new(folder).join("pg_wal")) else {
        return Ok(None);
    };
    Ok(Some(seen.blocks_available().saturating_mul(seen.fragment_size())))
}

fn shown(names: &[String]) -> String {
    let mut text = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text.push_str(" and more");
    }
    text
}
