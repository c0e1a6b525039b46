//! Who may use a database: recording it, closing the database, opening it as it was.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;
use trefoil_core::plan::{AccessRecord, RoleAccess};

use super::bookkeeping;
use super::connect::Server;
use super::sql::{quote_ident, quote_literal};
use crate::state::FencingToken;
use crate::{Error, Result};

/// The comment on the roles that our streams use; they are never part of a record.
pub const STREAM_ROLE: &str = "used by a stream of Trefoil";
/// How long sessions may take to end after they were told to.
const END_SESSIONS: Duration = Duration::from_secs(10);
/// Between two looks at the sessions.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Who may use the database now.
pub async fn record(server: &Server) -> Result<AccessRecord> {
    let sql = "
        WITH own AS (SELECT d.datdba, d.datacl, d.oid FROM pg_database d
                     WHERE d.datname = current_database()),
             granted AS (SELECT g.grantee FROM own,
                         aclexplode(coalesce(own.datacl, acldefault('d', own.datdba))) g
                         WHERE g.privilege_type = 'CONNECT')
        SELECT current_database()::text,
               EXISTS (SELECT 1 FROM granted WHERE grantee = 0),
               (SELECT split_part(item, '=', 2) FROM pg_db_role_setting s, unnest(s.setconfig) item
                WHERE s.setdatabase = (SELECT oid FROM own) AND s.setrole = 0
                  AND item LIKE 'default_transaction_read_only=%'),
               EXISTS (SELECT 1 FROM granted JOIN pg_roles u ON u.oid = granted.grantee
                       WHERE u.rolname = session_user),
               r.rolname::text, r.rolcanlogin, r.oid IN (SELECT grantee FROM granted)
        FROM (SELECT 1) one LEFT JOIN pg_roles r
          ON NOT r.rolsuper AND r.rolname <> session_user
         AND shobj_description(r.oid, 'pg_authid') IS DISTINCT FROM $1
         AND (r.rolcanlogin OR r.oid IN (SELECT grantee FROM granted))
        ORDER BY r.rolname";
    let rows = server.query("read who may use the database", sql, &[&STREAM_ROLE]).await?;
    let mut record = AccessRecord::default();
    for row in rows {
        record.database = row.get(0);
        record.public_connect = row.get(1);
        record.default_read_only = row.get(2);
        record.own_connect = row.get(3);
        if let Some(name) = row.get(4) {
            record.roles.push(RoleAccess { name, login: row.get(5), connect: row.get(6) });
        }
    }
    Ok(record)
}

/// Closes the database to everybody but us, unless another executor has taken this one's run over
/// since. This is the fence: no new session begins, and none that was there stays.
///
/// # Errors
/// `executor_superseded`; `fence_not_held` and `prepared_transactions` when it is not closed.
pub async fn close_as(server: &Server, record: &AccessRecord, token: FencingToken) -> Result<()> {
    let statements = closing(server, record).await?;
    bookkeeping::change_as(server, token, "close the database", &statements).await?;
    end_sessions(server).await
}

/// Closes the database and remembers who could use it, in one transaction; the first memory
/// stands. Gives the memory.
pub async fn close_and_remember(server: &Server, what: &str) -> Result<AccessRecord> {
    let record = match bookkeeping::recall(server, what).await? {
        Some(record) => record,
        None => record(server).await?,
    };
    let statements = closing(server, &record).await?;
    let remember = bookkeeping::remember(what, &record)?;
    server.batch("close the database", &format!("{remember}{statements}")).await?;
    end_sessions(server).await?;
    Ok(record)
}

async fn closing(server: &Server, record: &AccessRecord) -> Result<String> {
    let elsewhere = used_elsewhere(server, record).await?;
    let ours = alterable(server).await?;
    let database = quote_ident(&record.database);
    // What PUBLIC or another role may do must not be all that lets us in.
    let mut sql = format!(
        "GRANT CONNECT ON DATABASE {database} TO SESSION_USER;
         REVOKE CONNECT ON DATABASE {database} FROM PUBLIC;\n"
    );
    for role in present(server, record).await? {
        let name = quote_ident(&role.name);
        if role.login && !elsewhere.contains(&role.name) && ours.contains(&role.name) {
            sql.push_str(&format!("ALTER ROLE {name} NOLOGIN;\n"));
        }
        if role.connect {
            sql.push_str(&format!("REVOKE CONNECT ON DATABASE {database} FROM {name};\n"));
        }
    }
    sql.push_str(&format!("ALTER DATABASE {database} SET default_transaction_read_only = on;\n"));
    Ok(sql)
}

/// Opens the database to those who could use it, exactly as recorded.
pub async fn open(server: &Server, record: &AccessRecord) -> Result<()> {
    let statements = opening(server, record).await?;
    server.batch("open the database", &statements).await
}

/// The same by an executor, unless another has taken its run over since.
///
/// # Errors
/// `executor_superseded`, and those of [`open`].
pub async fn open_as(server: &Server, record: &AccessRecord, token: FencingToken) -> Result<()> {
    let statements = opening(server, record).await?;
    bookkeeping::change_as(server, token, "open the database", &statements).await
}

async fn opening(server: &Server, record: &AccessRecord) -> Result<String> {
    let database = quote_ident(&record.database);
    let ours = alterable(server).await?;
    let mut sql = match &record.default_read_only {
        Some(value) => format!(
            "ALTER DATABASE {database} SET default_transaction_read_only = {};\n",
            quote_literal(value)
        ),
        None => format!("ALTER DATABASE {database} RESET default_transaction_read_only;\n"),
    };
    for role in present(server, record).await? {
        let name = quote_ident(&role.name);
        if role.connect {
            sql.push_str(&format!("GRANT CONNECT ON DATABASE {database} TO {name};\n"));
        }
        if role.login && ours.contains(&role.name) {
            sql.push_str(&format!("ALTER ROLE {name} LOGIN;\n"));
        }
    }
    if record.public_connect {
        sql.push_str(&format!("GRANT CONNECT ON DATABASE {database} TO PUBLIC;\n"));
    }
    if !record.own_connect {
        sql.push_str(&format!("REVOKE CONNECT ON DATABASE {database} FROM SESSION_USER;\n"));
    }
    Ok(sql)
}

/// The recorded roles that still exist: one that was dropped since cannot enter anyway.
async fn present<'r>(server: &Server, record: &'r AccessRecord) -> Result<Vec<&'r RoleAccess>> {
    let row = server.one("read the database's name", "SELECT current_database()::text", &[]);
    let database: String = row.await?.get(0);
    if database != record.database {
        let why = format!(
            "the record is of database `{}`, but {} serves `{database}`",
            record.database, server.name
        );
        return Err(Error::refused("access_other_database", why));
    }
    let known = server.texts("list roles", "SELECT rolname::text FROM pg_roles", &[]).await?;
    let known: BTreeSet<_> = known.into_iter().collect();
    Ok(record.roles.iter().filter(|role| known.contains(&role.name)).collect())
}

/// The roles whose LOGIN we may change. Of the others CONNECT and the sessions are taken, which
/// closes the database to them too.
async fn alterable(server: &Server) -> Result<BTreeSet<String>> {
    let sql = "
        SELECT r.rolname::text FROM pg_roles r, pg_roles u
        WHERE u.rolname = session_user AND (u.rolsuper OR u.rolcreaterole AND NOT r.rolsuper
          AND (current_setting('server_version_num')::int4 < 160000
               OR pg_has_role(u.oid, r.oid, 'MEMBER WITH ADMIN OPTION')))";
    Ok(server.texts("read which roles we may change", sql, &[]).await?.into_iter().collect())
}

/// Recorded roles that another database of the same server uses: LOGIN is the server's, so they
/// keep it, and only CONNECT and their sessions are taken from them.
pub async fn used_elsewhere(server: &Server, record: &AccessRecord) -> Result<BTreeSet<String>> {
    let names: Vec<&str> = record.roles.iter().map(|role| role.name.as_str()).collect();
    let sql = "
        SELECT r.rolname::text FROM pg_roles r WHERE r.rolname = ANY($1) AND EXISTS (
          SELECT 1 FROM pg_database d
          WHERE d.datname <> current_database() AND d.datallowconn AND NOT d.datistemplate
            AND ((d.datname <> 'postgres' AND has_database_privilege(r.oid, d.oid, 'CONNECT'))
              OR EXISTS (SELECT 1 FROM pg_shdepend s WHERE s.dbid = d.oid
                         AND s.refclassid = 'pg_authid'::regclass AND s.refobjid = r.oid)
              OR EXISTS (SELECT 1 FROM pg_stat_activity a
                         WHERE a.datid = d.oid AND a.usesysid = r.oid)))";
    Ok(server.texts("read where roles are used", sql, &[&names]).await?.into_iter().collect())
}

/// Why the database is not closed: roles that may still enter, or the missing setting. Empty when
/// it is closed; sessions are not looked at.
pub async fn why_open(server: &Server) -> Result<Vec<String>> {
    let sql = "
        SELECT format('role %I may connect', rolname) FROM pg_roles
        WHERE rolcanlogin AND NOT rolsuper AND rolname <> session_user
          AND shobj_description(oid, 'pg_authid') IS DISTINCT FROM $1
          AND has_database_privilege(oid, current_database(), 'CONNECT')
        UNION ALL
        SELECT 'PUBLIC may connect' FROM pg_database d,
               aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) g
        WHERE d.datname = current_database() AND g.grantee = 0 AND g.privilege_type = 'CONNECT'";
    server.texts("read who may enter", sql, &[&STREAM_ROLE]).await
}

/// Whether nobody but us may enter the database.
pub async fn is_closed(server: &Server) -> Result<bool> {
    Ok(why_open(server).await?.is_empty())
}

/// Whether everybody of the record may use the database as recorded.
pub async fn is_open(server: &Server, record: &AccessRecord) -> Result<bool> {
    let now = self::record(server).await?;
    Ok(now.public_connect == record.public_connect
        && now.default_read_only == record.default_read_only
        && record.roles.iter().all(|role| now.roles.contains(role)))
}

/// Ends every session of others in this database until two looks find none, then makes sure that
/// nobody can come back and that no prepared transaction waits to be committed.
async fn end_sessions(server: &Server) -> Result<()> {
    let deadline = Instant::now() + END_SESSIONS;
    let mut empty_looks = 0;
    while empty_looks < 2 {
        let left = end_those_present(server).await?;
        empty_looks = if left.is_empty() { empty_looks + 1 } else { 0 };
        if Instant::now() > deadline {
            let why = format!("sessions on {} do not end: processes {left:?}", server.name);
            return Err(Error::failed("fence_not_held", why).retryable());
        }
        if empty_looks < 2 {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
    let open = why_open(server).await?;
    if !open.is_empty() {
        let why = format!("{} is not closed: {}", server.name, open.join(", "));
        return Err(Error::failed("fence_not_held", why));
    }
    let sql = "SELECT gid FROM pg_prepared_xacts WHERE database = current_database()";
    let prepared = server.texts("list prepared transactions", sql, &[]).await?;
    if !prepared.is_empty() {
        let why = format!("prepared transactions wait on {}: {}", server.name, prepared.join(", "));
        return Err(Error::refused("prepared_transactions", why)
            .hint("end each with COMMIT PREPARED or ROLLBACK PREPARED"));
    }
    Ok(())
}

/// One look: ends what is there, and gives the processes that were.
///
/// A session that is just beginning is in no list of activities yet, but it holds a lock on the
/// database from before CONNECT is checked until it is listed. So locks are read first: whoever
/// passed the check is either in them or listed by then.
async fn end_those_present(server: &Server) -> Result<Vec<i32>> {
    let sql = "
        SELECT DISTINCT l.pid FROM pg_locks l JOIN pg_database d ON d.oid = l.objid
        WHERE l.locktype = 'object' AND l.classid = 'pg_database'::regclass
          AND d.datname = current_database() AND l.pid IS NOT NULL";
    let locks = server.query("look for beginning sessions", sql, &[]).await?;
    let sql = "
        WITH seen AS MATERIALIZED (
          SELECT a.pid, a.datname IS NOT DISTINCT FROM current_database()
             AND a.usename IS NOT NULL AND a.usename <> session_user
             AND shobj_description(a.usesysid, 'pg_authid') IS DISTINCT FROM $1 AS other
          FROM pg_stat_activity a)
        SELECT pid, other, CASE WHEN other THEN pg_terminate_backend(pid) END FROM seen";
    let listed = server.query("end sessions", sql, &[&STREAM_ROLE]).await?;
    let known: BTreeSet<i32> = listed.iter().map(|row| row.get(0)).collect();
    let beginning = locks.iter().map(|row| row.get(0)).filter(|pid: &i32| !known.contains(pid));
    let others = listed.iter().filter(|row| row.get(1)).map(|row| row.get(0));
    Ok(others.chain(beginning).collect())
}
