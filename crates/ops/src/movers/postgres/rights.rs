//! What our role may do on a server. Managed servers grant and refuse other things than plain
//! PostgreSQL, so what matters is tried, not concluded.

use tokio_postgres::error::SqlState;

use super::catalog;
use super::connect::Server;
use crate::{Error, Result};

/// The first version in which a role that is no superuser may subscribe.
const SUBSCRIBES_FROM: i32 = 16;

/// What our role may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    /// Our role.
    pub user: String,
    /// Everything.
    pub superuser: bool,
    /// Make roles, and change those it made.
    pub create_role: bool,
    /// Use slots.
    pub replication: bool,
    /// Pass row security.
    pub bypass_rls: bool,
    /// End other roles' sessions.
    pub signal: bool,
    /// Close and open the database.
    pub owns_database: bool,
    /// Subscribe to another server.
    pub subscribe: bool,
    /// Write rows as replication does, without firing triggers and checking foreign keys.
    pub replica_role: bool,
    /// The server's major version.
    pub version: i32,
}

/// How changes get from one server to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// The server's own subscription.
    Subscription,
    /// Our client of the replication protocol.
    Client,
}

/// What our role may do on a server. Changes nothing: what is tried is taken back.
pub async fn read(server: &Server) -> Result<Rights> {
    let sql = "
        SELECT session_user::text, r.rolsuper, r.rolcreaterole, r.rolreplication, r.rolbypassrls,
               pg_has_role(r.oid, 'pg_signal_backend', 'USAGE'),
               pg_has_role(r.oid, d.datdba, 'USAGE')
        FROM pg_roles r, pg_database d
        WHERE r.rolname = session_user AND d.datname = current_database()";
    let row = server.one("read our rights", sql, &[]).await?;
    let superuser: bool = row.get(1);
    let granted = |n: usize| superuser || row.get(n);
    Ok(Rights {
        user: row.get(0),
        superuser,
        create_role: granted(2),
        replication: granted(3),
        bypass_rls: granted(4),
        signal: granted(5),
        owns_database: granted(6),
        subscribe: superuser || may_subscribe(server).await?,
        replica_role: superuser || may_write_as_replica(server).await?,
        version: catalog::major_version(server).await?,
    })
}

/// Whether we are superuser.
pub async fn superuser(server: &Server) -> Result<bool> {
    let sql = "SELECT rolsuper FROM pg_roles WHERE rolname = session_user";
    Ok(server.one("read our rights", sql, &[]).await?.get(0))
}

/// How changes get from one to the other in both directions: by the servers themselves where both
/// allow it. One way alone would be no better: a subscription tells its own rows from others by
/// their origin, and our client's rows have none.
pub fn carrier(one: &Rights, other: &Rights) -> Carrier {
    let by_itself = |rights: &Rights| {
        let roles = rights.create_role && rights.replication;
        rights.superuser || rights.subscribe && roles && rights.version >= SUBSCRIBES_FROM
    };
    match by_itself(one) && by_itself(other) {
        true => Carrier::Subscription,
        false => Carrier::Client,
    }
}

async fn may_subscribe(server: &Server) -> Result<bool> {
    let sql = "CREATE SUBSCRIPTION trefoil_probe CONNECTION 'host=127.0.0.1 password=none'
               PUBLICATION trefoil_probe
               WITH (connect = false, slot_name = NONE, enabled = false, create_slot = false)";
    allowed(server, "try to subscribe", sql).await
}

async fn may_write_as_replica(server: &Server) -> Result<bool> {
    let sql = "SET LOCAL session_replication_role = replica";
    allowed(server, "try to write as a replica", sql).await
}

/// Whether our rights suffice for a statement, which is taken back.
async fn allowed(server: &Server, what: &str, sql: &str) -> Result<bool> {
    match server.tried(what, sql).await? {
        None => Ok(true),
        Some(told) if *told.code() == SqlState::INSUFFICIENT_PRIVILEGE => Ok(false),
        Some(told) => {
            let message = format!("could not {what} on {}", server.name);
            Err(Error::failed("postgres_failed", message).because(told))
        }
    }
}
