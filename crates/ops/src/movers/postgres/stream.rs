//! Streams: publication, slot, subscription and role, all of one name. They carry by themselves, or
//! our client does.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;
use tokio_postgres::types::PgLsn;

use super::access::STREAM_ROLE;
use super::bulk::{self, Copied, Counter, Snapshot};
use super::catalog::{self, Table};
use super::client::{self, progress};
use super::connect::{Pair, Server};
use super::lag::{self, Watch};
use super::paths::{self, Login};
use super::rights::{self, Carrier};
use super::sql::{ident_list, quote_ident, quote_literal};
use super::{publication, roles, slots};
use crate::{Error, Result};

/// How long the password of a stream's role is good: longer than any soak should be.
const PASSWORD_DAYS: u32 = 90;
/// How long a worker may take to end.
const END_WORKER: Duration = Duration::from_secs(10);
/// Between two looks while it ends.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// Between two looks at a copy.
const LOOK_AT_COPY: Duration = Duration::from_millis(200);

/// How often the copy is begun, when it fails of something that may pass.
const COPY_ATTEMPTS: u32 = 3;
/// Before the second attempt; longer before each further one.
const COPY_PAUSE: Duration = Duration::from_secs(1);

/// Has a stream that flows carry further tables: published, readable for its role, copied.
pub async fn add_tables(pair: &Pair, stream: &str, tables: &[Table]) -> Result<()> {
    let (publication, role) = (quote_ident(stream), quote_ident(stream));
    let published = publication::tables(&pair.source, stream).await?;
    for table in tables {
        let (name, schema) = (&table.name, quote_ident(&table.schema));
        let mut sql =
            format!("GRANT USAGE ON SCHEMA {schema} TO {role}; GRANT SELECT ON {name} TO {role}");
        if !published.contains(name) {
            sql.push_str(&format!("; ALTER PUBLICATION {publication} ADD TABLE ONLY {name}"));
        }
        pair.source.batch(&format!("publish {name}"), &sql).await?;
    }
    let sql = format!("ALTER SUBSCRIPTION {publication} REFRESH PUBLICATION");
    pair.target.batch("subscribe to new tables", &sql).await
}

/// The role that the subscriber logs in as. It exists only together with a subscription: before
/// that the schema is copied, and its rights would be copied with it.
async fn make_role(publisher: &Server, stream: &str) -> Result<()> {
    let tables = catalog::tables(publisher).await?;
    let sql = "SELECT 1 FROM pg_roles WHERE rolname = $1";
    let role = quote_ident(stream);
    let mut sql = match publisher.query("look for the role", sql, &[&stream]).await?.first() {
        Some(_) => String::new(),
        None => {
            // Row security would hide rows from the copy; who may not pass it cannot hand it on.
            let sql = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = session_user";
            let passes: bool = publisher.one("read our rights", sql, &[]).await?.get(0);
            let bypass = if passes { " BYPASSRLS" } else { "" };
            let comment = quote_literal(STREAM_ROLE);
            format!(
                "CREATE ROLE {role} LOGIN REPLICATION{bypass}; COMMENT ON ROLE {role} IS {comment};"
            )
        }
    };
    let mut schemas: Vec<&str> = tables.iter().map(|table| table.schema.as_str()).collect();
    schemas.push("trefoil");
    schemas.sort_unstable();
    schemas.dedup();
    let database = quote_ident(&publisher.admin.database);
    sql.push_str(&format!(
        "GRANT CONNECT ON DATABASE {database} TO {role};
         GRANT USAGE ON SCHEMA {} TO {role};
         GRANT SELECT ON {} TO {role}",
        ident_list(schemas),
        publication::with_markers(&tables).join(", ")
    ));
    publisher.batch("make the role of the stream", &sql).await
}

/// A new password of the stream's role, which holds for a while.
async fn set_password(publisher: &Server, stream: &str) -> Result<SecretString> {
    let password = roles::new_password()?;
    let quiet = publisher.quiet().await?;
    // `now() + interval` cannot be written there; an anonymous block can compute it.
    let sql = format!(
        "DO $do$ BEGIN EXECUTE format('ALTER ROLE %I PASSWORD %L VALID UNTIL %L', {}::text,
           {}::text, now() + interval '{PASSWORD_DAYS} days'); END $do$",
        quote_literal(stream),
        quote_literal(password.expose_secret())
    );
    quiet.batch("set the password of the stream", &sql).await?;
    Ok(password)
}

/// Makes the subscription with a role and a password of its own, unless it is there.
async fn subscribe(pair: &Pair, stream: &str, options: &str) -> Result<()> {
    if is_awake(&pair.target, stream).await?.is_some() {
        return Ok(());
    }
    make_role(&pair.source, stream).await?;
    let password = set_password(&pair.source, stream).await?;
    let login = Login { user: stream, password: Some(&password) };
    let path = paths::prove(pair, &login).await?;
    let since_16 = match catalog::major_version(&pair.target).await? {
        ..16 => "",
        _ => newer_options(&pair.target).await?,
    };
    let name = quote_ident(stream);
    let sql = format!(
        "CREATE SUBSCRIPTION {name} CONNECTION {} PUBLICATION {name} WITH ({options}{since_16})",
        quote_literal(path.conninfo.expose_secret())
    );
    pair.target.quiet().await?.batch(&format!("subscribe to {stream}"), &sql).await
}

/// From version 16 on a subscription can leave out what came from another one. It writes as the
/// owners of the tables unless it is told to write as we do: from those, forced row security hides
/// rows.
async fn newer_options(subscriber: &Server) -> Result<&'static str> {
    Ok(match rights::read(subscriber).await?.bypass_rls {
        true => ", origin = none, run_as_owner = true",
        false => ", origin = none",
    })
}

/// Who carries the streams of this move: whoever carries one already, else as the rights are.
async fn carrier(pair: &Pair) -> Result<Carrier> {
    if progress::any(&pair.source).await? || progress::any(&pair.target).await? {
        return Ok(Carrier::Client);
    }
    Ok(rights::carrier(&rights::read(&pair.source).await?, &rights::read(&pair.target).await?))
}

/// Copies the rows and the keys, and begins to carry every change. A stream of ours waits for its
/// process, which copies.
pub async fn begin_copy(pair: &Pair, stream: &str, told: &(dyn Fn(Copied) + Sync)) -> Result<()> {
    if is_awake(&pair.target, stream).await?.is_some() {
        return Ok(());
    }
    if carrier(pair).await? == Carrier::Client {
        return progress::begin(&pair.target, stream).await;
    }
    let mut attempt = 1;
    loop {
        match copy_told(pair, stream, told).await {
            Ok(()) => break,
            Err(error) => {
                let again = bulk::is_worth_another(pair, stream, &error).await;
                if attempt == COPY_ATTEMPTS || !again {
                    return Err(error);
                }
                tracing::warn!(stream, error = error.chain(), "the copy begins again");
            }
        }
        tokio::time::sleep(COPY_PAUSE * attempt).await;
        attempt += 1;
    }
    let slot = quote_literal(stream);
    let options = format!("copy_data = false, create_slot = false, slot_name = {slot}");
    subscribe(pair, stream, &options).await
}

/// One attempt at the copy of a stream that the servers themselves will carry.
async fn copy_told(pair: &Pair, stream: &str, told: &(dyn Fn(Copied) + Sync)) -> Result<()> {
    let counter = Arc::new(Counter::default());
    let mut copy = pin!(bulk::copy(pair, stream, begin_slot(&pair.source, stream), &counter));
    let mut ticks = tokio::time::interval(LOOK_AT_COPY);
    loop {
        tokio::select! {
            ended = &mut copy => return ended,
            _ = ticks.tick() => told(counter.now()),
        }
    }
}

/// Makes the slot, and with it the snapshot of exactly what was committed before its changes.
async fn begin_slot(publisher: &Server, stream: &str) -> Result<(Snapshot, ())> {
    let slot = client::make_slot(publisher, stream).await?;
    let session = bulk::session(publisher).await?;
    let begin = format!(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT {}",
        quote_literal(&slot.snapshot)
    );
    session.batch("take the slot's snapshot", &begin).await?;
    let row = session.one("pass the snapshot on", "SELECT pg_export_snapshot()", &[]).await?;
    let name = row.get(0);
    Ok((Snapshot { session, name }, ()))
}

/// Waits until every table is copied. `told` hears how far it is.
pub async fn await_copied(
    pair: &Pair,
    stream: &str,
    told: &(dyn Fn(Copied) + Sync),
) -> Result<Copied> {
    let mut watch = Watch::start(pair, stream).await?;
    let mut looks = 0;
    loop {
        let ours = progress::read(&pair.target, stream).await?;
        let copied = match &ours {
            Some(ours) => ours.rows,
            None => by_the_server(&pair.target, stream).await?,
        };
        told(copied);
        let ready = copied.tables_ready == copied.tables;
        if ours.as_ref().map_or(ready, |ours| ours.copied) {
            return Ok(copied);
        }
        // While our client makes keys nothing is counted, and nothing is wrong.
        looks += 1;
        let moves = if ready { looks } else { copied.bytes + copied.tables_ready };
        watch.look(pair, Some(moves)).await?;
        if ours.is_none() {
            lag::lag(&pair.source, stream).await?;
        }
        tokio::time::sleep(LOOK_AT_COPY).await;
    }
}

/// How far the server's own copy is, of tables that are new.
async fn by_the_server(subscriber: &Server, stream: &str) -> Result<Copied> {
    let sql = "SELECT count(*), count(*) FILTER (WHERE r.srsubstate = 'r'),
                      coalesce(sum(pg_table_size(r.srrelid)), 0)::int8
               FROM pg_subscription s JOIN pg_subscription_rel r ON r.srsubid = s.oid
               WHERE s.subname = $1";
    let row = subscriber.one("read the copy's progress", sql, &[&stream]).await?;
    let [tables, tables_ready, bytes] = [0, 1, 2].map(|n| row.get::<_, i64>(n).unsigned_abs());
    Ok(Copied { bytes, tables_ready, tables })
}

/// Prepares the stream back: `publisher` is the side that will serve, `subscriber` the one that
/// serves now. Publication first, then the slot, for a slot knows only what existed before it;
/// then the subscription, asleep.
pub async fn arm(publisher: &Server, subscriber: &Server, stream: &str) -> Result<()> {
    let tables = catalog::tables(publisher).await?;
    publication::publish(publisher, stream, &tables).await?;
    let sql = "SELECT pg_create_logical_replication_slot($1, 'pgoutput')
               WHERE NOT EXISTS (SELECT 1 FROM pg_replication_slots WHERE slot_name = $1)";
    publisher.query("make the slot of the stream back", sql, &[&stream]).await?;
    let pair = Pair { source: publisher.again().await?, target: subscriber.again().await? };
    if is_awake(subscriber, stream).await?.is_none() && carrier(&pair).await? == Carrier::Client {
        let position = advance(publisher, stream).await?;
        return progress::arm(subscriber, stream, position).await;
    }
    let options = format!(
        "copy_data = false, create_slot = false, enabled = false, slot_name = {}",
        quote_literal(stream)
    );
    subscribe(&pair, stream, &options).await?;
    advance(publisher, stream).await.map(drop)
}

/// Puts the slot of a sleeping stream behind everything that its server has written so far; where
/// that is. A server that crashes before its next checkpoint forgets it.
pub async fn advance(publisher: &Server, stream: &str) -> Result<PgLsn> {
    // A slot goes only as far as the log is on disk; the commits of a subscription may not be.
    lag::flush(publisher).await?;
    let row = publisher.one("read the position", "SELECT pg_current_wal_flush_lsn()", &[]).await?;
    let position: PgLsn = row.get(0);
    let sql = "SELECT pg_replication_slot_advance($1::text::name, $2) FROM pg_replication_slots
               WHERE slot_name = $1::text AND confirmed_flush_lsn < $2";
    publisher.query("advance the slot", sql, &[&stream, &position]).await?;
    let sql = "SELECT confirmed_flush_lsn >= $2 FROM pg_replication_slots WHERE slot_name = $1";
    let rows = publisher.query("read the slot", sql, &[&stream, &position]).await?;
    if rows.first().is_some_and(|row| row.get(0)) {
        return Ok(position);
    }
    let why = format!("the slot of {stream} on {} does not advance", publisher.name);
    Err(Error::failed("slot_lost", why))
}

/// Ends the stream that has brought everything, and puts the stream back behind it: what the
/// first has brought must not go back. The subscription stays, asleep.
pub async fn detach(pair: &Pair, stream: &str, return_stream: &str) -> Result<()> {
    disable(&pair.target, stream).await?;
    let position = advance(&pair.target, return_stream).await?;
    begin_behind(&pair.source, return_stream, position).await
}

/// Has a sleeping subscription begin behind `position` of its publisher, whatever the slot says:
/// the slot's own position does not survive a crash of the publisher, this one does.
async fn begin_behind(subscriber: &Server, stream: &str, position: PgLsn) -> Result<()> {
    if progress::read(subscriber, stream).await?.is_some() {
        return progress::begin_behind(subscriber, stream, position).await;
    }
    if !rights::superuser(subscriber).await? {
        // Origins are the superuser's. Such a server is of version 16 or newer, where the
        // subscription itself leaves out what came from another one: see `rights::carrier`.
        return Ok(());
    }
    let sql = "SELECT pg_replication_origin_advance('pg_' || oid, $2) FROM pg_subscription
               WHERE subname = $1
                 AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let rows = subscriber.query("note where the stream begins", sql, &[&stream, &position]).await?;
    if rows.is_empty() {
        let why = format!("{} does not subscribe to stream {stream}", subscriber.name);
        return Err(Error::failed("stream_missing", why));
    }
    lag::flush(subscriber).await
}

/// Puts the subscription to sleep and waits until no process of it is left.
async fn disable(subscriber: &Server, stream: &str) -> Result<()> {
    if progress::read(subscriber, stream).await?.is_some() {
        return progress::enable(subscriber, stream, false).await;
    }
    let sql = format!("ALTER SUBSCRIPTION {} DISABLE", quote_ident(stream));
    subscriber.batch(&format!("disable {stream}"), &sql).await?;
    let sql = "SELECT pid, pg_terminate_backend(pid) FROM pg_stat_subscription
               WHERE subname = $1 AND pid IS NOT NULL";
    let deadline = Instant::now() + END_WORKER;
    let mut ended: Vec<i32> = Vec::new();
    let mut empty_looks = 0;
    // A worker that was just being started shows up a moment later, finds out and ends.
    while empty_looks < 2 {
        let rows = subscriber.query("end the worker", sql, &[&stream]).await?;
        ended.extend(rows.iter().map(|row| row.get::<_, i32>(0)));
        let alive = "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY($1)";
        let alive: i64 = subscriber.one("look for workers", alive, &[&ended]).await?.get(0);
        empty_looks = if rows.is_empty() && alive == 0 { empty_looks + 1 } else { 0 };
        if Instant::now() > deadline {
            let why = format!("the worker of {stream} on {} does not end", subscriber.name);
            return Err(Error::failed("worker_lives", why).retryable());
        }
        if empty_looks < 2 {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
    Ok(())
}

/// Wakes a subscription.
pub async fn enable(subscriber: &Server, stream: &str) -> Result<()> {
    if progress::read(subscriber, stream).await?.is_some() {
        return progress::enable(subscriber, stream, true).await;
    }
    let sql = format!("ALTER SUBSCRIPTION {} ENABLE", quote_ident(stream));
    subscriber.batch(&format!("enable {stream}"), &sql).await
}

/// Drops the subscription, its slots and its role; the publication stays.
pub async fn unsubscribe(pair: &Pair, stream: &str) -> Result<()> {
    if progress::read(&pair.target, stream).await?.is_some() {
        disable(&pair.target, stream).await?;
        progress::forget(&pair.target, stream).await?;
    }
    if is_awake(&pair.target, stream).await?.is_some() {
        disable(&pair.target, stream).await?;
        let name = quote_ident(stream);
        // The slot is dropped by us: then an unreachable publisher cannot keep a subscription.
        let sql = format!("ALTER SUBSCRIPTION {name} SET (slot_name = NONE)");
        pair.target.batch("let go of the slot", &sql).await?;
        let sql = format!("DROP SUBSCRIPTION {name}");
        pair.target.batch("drop the subscription", &sql).await?;
    }
    slots::drop_all(pair, stream).await?;
    drop_role(&pair.source, stream).await
}

/// Drops a whole stream on both sides: subscription, slots, publication, role.
pub async fn drop_stream(pair: &Pair, stream: &str) -> Result<()> {
    unsubscribe(pair, stream).await?;
    let name = quote_ident(stream);
    let sql = format!("DROP PUBLICATION IF EXISTS {name}");
    pair.source.batch("drop the publication", &sql).await
}

async fn drop_role(publisher: &Server, stream: &str) -> Result<()> {
    let sql = "SELECT 1 FROM pg_roles r WHERE rolname = $1
               AND shobj_description(r.oid, 'pg_authid') = $2";
    let name = quote_ident(stream);
    if !publisher.query("look for the role", sql, &[&stream, &STREAM_ROLE]).await?.is_empty() {
        // Who made a role is not always its member, and only a member may drop what it owns.
        let join = if rights::superuser(publisher).await? {
            String::new()
        } else {
            format!("GRANT {name} TO CURRENT_USER; ")
        };
        let sql = format!("{join}DROP OWNED BY {name}; DROP ROLE {name}");
        publisher.batch("drop the role of the stream", &sql).await?;
    }
    Ok(())
}

/// Whether the server subscribes to the stream, and is awake: `None` without a subscription.
pub async fn is_awake(subscriber: &Server, stream: &str) -> Result<Option<bool>> {
    if let Some(ours) = progress::read(subscriber, stream).await? {
        return Ok(Some(ours.enabled));
    }
    let sql = "SELECT s.subenabled FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid
               WHERE s.subname = $1 AND d.datname = current_database()";
    let rows = subscriber.query("look for the subscription", sql, &[&stream]).await?;
    Ok(rows.first().map(|row| row.get(0)))
}

/// The stream of ours that flows from the first server to the second, if there is one.
pub async fn between(pair: &Pair) -> Result<Option<String>> {
    let sql = "SELECT slot_name::text FROM pg_replication_slots
               WHERE slot_name ~ '^tfr?_' AND database = current_database() ORDER BY 1";
    for slot in pair.source.texts("list slots", sql, &[]).await? {
        if is_awake(&pair.target, &slot).await? == Some(true) {
            return Ok(Some(slot));
        }
    }
    Ok(None)
}

/// Everything of ours on a server, in words: empty when nothing is left.
pub async fn ours(server: &Server) -> Result<Vec<String>> {
    let sql = "
        SELECT 'schema trefoil' FROM pg_namespace WHERE nspname = 'trefoil'
        UNION ALL SELECT 'publication ' || pubname FROM pg_publication
                  WHERE pubname ~ '^tfr?_'
        UNION ALL SELECT 'slot ' || slot_name FROM pg_replication_slots
                  WHERE slot_name ~ '^tfr?_' OR slot_name ~ '^pg_[0-9]+_sync_'
        UNION ALL SELECT 'subscription ' || subname FROM pg_subscription s
                  JOIN pg_database d ON d.oid = s.subdbid
                  WHERE subname ~ '^tfr?_' AND d.datname = current_database()
        UNION ALL SELECT 'role ' || rolname FROM pg_roles
                  WHERE shobj_description(oid, 'pg_authid') = $1
        ORDER BY 1";
    server.texts("list what is ours", sql, &[&STREAM_ROLE]).await
}
