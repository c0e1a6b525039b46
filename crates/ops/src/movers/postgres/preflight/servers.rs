//! Rights, settings and versions of the servers.

use trefoil_core::finding::Finding;

use super::{blocker, info, warning, with_command};
use crate::Result;
use crate::movers::postgres::connect::Server;
use crate::movers::postgres::{bookkeeping, catalog, stream};

/// The oldest version with row filters and `pg_stat_subscription_stats`.
const VERSION_MIN: i32 = 15;
/// Slots and senders that a move needs on each server: its stream, two for copying tables, and the
/// stream back.
const SLOTS_NEEDED: i64 = 4;
/// Workers that a move needs on each server: one applies, two copy tables.
const WORKERS_NEEDED: i64 = 3;

/// Whether the two are different servers.
pub(super) async fn are_two(source: &Server, target: &Server) -> Result<Vec<Finding>> {
    let numbers =
        (catalog::system_identifier(source).await?, catalog::system_identifier(target).await?);
    if numbers.0 != numbers.1 {
        return Ok(vec![]);
    }
    let why = format!("{} and {} are the same server, or copies of one", source.name, target.name);
    Ok(vec![blocker("same_server", why)])
}

/// Settings that replication needs, and whether there is room for one more stream.
pub(super) async fn ready_to_stream(server: &Server) -> Result<Vec<Finding>> {
    let name = &server.name;
    let mut findings = Vec::new();
    let version = catalog::major_version(server).await?;
    if version < VERSION_MIN {
        let why = format!("{name} runs PostgreSQL {version}; a move needs {VERSION_MIN} or newer");
        findings.push(blocker("postgres_version", why));
    }
    let sql = "SELECT current_setting('wal_level'),
        current_setting('max_replication_slots')::int8 - (SELECT count(*) FROM pg_replication_slots),
        current_setting('max_replication_slots')::int8 - (SELECT count(*) FROM pg_replication_origin),
        current_setting('max_wal_senders')::int8 - (SELECT count(*) FROM pg_stat_replication),
        current_setting('max_logical_replication_workers')::int8
          - (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'logical replication worker'),
        current_setting('max_slot_wal_keep_size') = '-1'";
    let row = server.one("read the settings", sql, &[]).await?;
    if row.get::<_, String>(0) != "logical" {
        let why = format!("wal_level of {name} is not `logical`");
        let command = "ALTER SYSTEM SET wal_level = 'logical'".to_owned();
        let found = with_command(blocker("wal_level", why), command);
        findings.push(Finding { needs_restart: true, ..found });
    }
    let room = [
        ("max_replication_slots", row.get::<_, i64>(1).min(row.get(2)), SLOTS_NEEDED),
        ("max_wal_senders", row.get(3), SLOTS_NEEDED),
        ("max_logical_replication_workers", row.get(4), WORKERS_NEEDED),
    ];
    for (setting, free, needed) in room {
        if free < needed {
            let why = format!("{setting} of {name} leaves {free} free; a move needs {needed}");
            let command = format!("ALTER SYSTEM SET {setting} = 20");
            let found = with_command(blocker("no_room_to_stream", why), command);
            findings.push(Finding { needs_restart: true, ..found });
        }
    }
    if row.get(5) {
        let why = format!(
            "{name} keeps all of its log while the other side is away: watch its disk \
             (max_slot_wal_keep_size is -1)"
        );
        findings.push(info("slot_unbounded", why));
    }
    Ok(findings)
}

/// Streams, and things of ours that another run left.
pub(super) async fn leftovers(server: &Server, own: Option<&str>) -> Result<Vec<Finding>> {
    let name = &server.name;
    let mut findings = Vec::new();
    let own = own.unwrap_or_default();
    for left in stream::ours(server).await? {
        if own.is_empty() || !left.ends_with(own) && left != "schema trefoil" {
            let why = format!("{name} has a {left} that another run of Trefoil left");
            findings.push(blocker("leftovers", why));
        }
    }
    let sql = "SELECT 1 FROM pg_namespace WHERE nspname = 'trefoil'";
    let taken = !server.query("look for the schema", sql, &[]).await?.is_empty();
    if taken && !bookkeeping::exists(server).await? {
        let why = format!("{name} has a schema `trefoil` that is not ours");
        findings.push(blocker("schema_taken", why));
    }
    let sql = "SELECT subname::text FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid
               WHERE d.datname = current_database() AND subname !~ '^tfr?_'";
    for other in server.texts("list subscriptions", sql, &[]).await? {
        let why = format!("{name} subscribes to {other}; such a database is not yet moved");
        findings.push(blocker("subscription_exists", why));
    }
    let sql = "SELECT pubname::text FROM pg_publication WHERE pubname !~ '^tfr?_'";
    for other in server.texts("list publications", sql, &[]).await? {
        let why = format!("publication {other} of {name} is not carried");
        findings.push(warning("publication_exists", why));
    }
    Ok(findings)
}

/// Whether the target can hold what the source holds.
pub(super) async fn fit_together(source: &Server, target: &Server) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let (old, new) = (catalog::major_version(source).await?, catalog::major_version(target).await?);
    if new < old {
        let why = format!(
            "{} runs PostgreSQL {new}, which is older than {old} on {}",
            target.name, source.name
        );
        findings.push(blocker("postgres_version", why));
    }
    // The columns of ICU were renamed between versions, so the row is read by its names.
    let sql = "SELECT pg_encoding_to_char(encoding), datcollate::text, datctype::text,
                      datlocprovider::text,
                      coalesce(to_jsonb(d) ->> 'daticulocale', to_jsonb(d) ->> 'datlocale')
               FROM pg_database d WHERE datname = current_database()";
    let read =
        |row: tokio_postgres::Row| -> Vec<Option<String>> { (0..5).map(|n| row.get(n)).collect() };
    let here = read(source.one("read the encoding", sql, &[]).await?);
    let there = read(target.one("read the encoding", sql, &[]).await?);
    let words = ["encoding", "collation", "character type", "locale provider", "locale"];
    for ((word, here), there) in words.iter().zip(here).zip(there) {
        if here != there {
            let show = |value: Option<String>| value.unwrap_or_else(|| "none".into());
            let why = format!(
                "{word} of {} is {}, of {} {}",
                source.name,
                show(here),
                target.name,
                show(there)
            );
            findings.push(blocker("collation_differs", why));
        }
    }
    Ok(findings)
}
