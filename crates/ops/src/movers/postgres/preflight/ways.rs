//! The ways between the servers, each proven by a login, and who carries the changes.

use trefoil_core::finding::Finding;

use super::{blocker, info, warning, with_command};
use crate::movers::postgres::catalog::{Persistence, USER_SCHEMAS, names, tables_of};
use crate::movers::postgres::client;
use crate::movers::postgres::connect::{Pair, Server};
use crate::movers::postgres::paths::{self, Login};
use crate::movers::postgres::rights::{self, Carrier, Rights};
use crate::movers::postgres::sql::quote_ident;
use crate::{Error, Result};

/// How many names are shown.
const SHOWN: usize = 5;

/// Who carries the changes, and whether they get from each server to the other.
pub(super) async fn between(pair: &Pair) -> Result<Vec<Finding>> {
    let (one, other) = (rights::read(&pair.source).await?, rights::read(&pair.target).await?);
    match rights::carrier(&one, &other) {
        Carrier::Subscription => {
            let back =
                Pair { source: pair.target.again().await?, target: pair.source.again().await? };
            let mut findings = vec![way(pair).await?, way(&back).await?];
            // Those we copy ourselves, there and back.
            let unlogged = tables_of(&pair.source, Persistence::Unlogged).await?;
            findings.extend(would_all_fire(pair, [&one, &other], &names(&unlogged)));
            Ok(findings)
        }
        Carrier::Client => by_ourselves(pair, &one, &other).await,
    }
}

/// The servers on which our rows would fire what belongs to `tables`.
fn would_all_fire<'a>(
    pair: &'a Pair,
    [one, other]: [&'a Rights; 2],
    tables: &'a [String],
) -> impl Iterator<Item = Finding> + 'a {
    [(&pair.source, one), (&pair.target, other)]
        .into_iter()
        .filter(move |(_, rights)| !rights.replica_role && !tables.is_empty())
        .map(move |(server, rights)| would_fire(server, rights, tables))
}

/// Our client reads from both servers and writes to both, one after the other.
async fn by_ourselves(pair: &Pair, one: &Rights, other: &Rights) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let may_not: Vec<_> = [(&pair.source, one), (&pair.target, other)]
        .iter()
        .filter(|(_, rights)| !rights.superuser && !rights.subscribe)
        .map(|(server, rights)| format!("{} on {}", rights.user, server.name))
        .collect();
    let why = format!(
        "Trefoil itself carries the changes in both directions, because {} may not subscribe",
        may_not.join(" and ")
    );
    findings.push(info("carried_by_client", why));
    for server in [&pair.source, &pair.target] {
        match client::prove(server).await {
            Ok(()) => {
                let why = format!("changes of {} can be read", server.name);
                findings.push(info("way_open", why));
            }
            Err(error) => findings.push(closed(error)?),
        }
    }
    let mut fires = fires(&pair.source).await?;
    fires.extend(names(&tables_of(&pair.source, Persistence::Unlogged).await?));
    findings.extend(would_all_fire(pair, [one, other], &fires));
    Ok(findings)
}

fn would_fire(server: &Server, rights: &Rights, fires: &[String]) -> Finding {
    let why = format!(
        "{} on {} may not write rows as replication does, without firing triggers and foreign keys \
         a second time: {}",
        rights.user,
        server.name,
        fires.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ")
    );
    let user = quote_ident(&rights.user);
    let command = format!("GRANT SET ON PARAMETER session_replication_role TO {user}");
    with_command(blocker("replica_role_needed", why), command)
}

/// Tables with triggers, foreign keys or rules, which would do again what is in the stream.
async fn fires(server: &Server) -> Result<Vec<String>> {
    let sql = format!(
        "SELECT DISTINCT format('%I.%I', n.nspname, c.relname) FROM pg_class c
         JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE {USER_SCHEMAS} AND c.relkind = 'r'
           AND (EXISTS (SELECT 1 FROM pg_trigger t WHERE t.tgrelid = c.oid)
             OR EXISTS (SELECT 1 FROM pg_rewrite r WHERE r.ev_class = c.oid)) ORDER BY 1"
    );
    server.texts("look for triggers", &sql, &[]).await
}

/// `pair.target` logs in to `pair.source`, as ourselves: the streams' roles are not there yet.
async fn way(pair: &Pair) -> Result<Finding> {
    let (from, to) = (&pair.target.name, &pair.source.name);
    let address = &pair.source.address;
    let password = address.password();
    let user = address.user().unwrap_or_default();
    match paths::prove(pair, &Login { user, password: password.as_ref() }).await {
        Ok(path) if path.verified => {
            let why = format!("{from} logs in to {to} ({})", path.protection);
            Ok(info("way_open", why))
        }
        Ok(path) => Ok(unchecked(pair, &path.protection)),
        Err(error) => closed(error),
    }
}

fn unchecked(pair: &Pair, protection: &str) -> Finding {
    let (from, to) = (&pair.target.name, &pair.source.name);
    let why = format!(
        "{from} logs in to {to} over TLS, but has no root certificate to check it with ({protection})"
    );
    let command = format!(
        "put the authority's certificate where {from} can read it, and name that \
                           path as sslrootcert in the URL of {to}"
    );
    with_command(warning("way_unchecked", why), command)
}

fn closed(error: Error) -> Result<Finding> {
    if error.code() != "path_closed" {
        return Err(error);
    }
    let command = error.hint_text().unwrap_or_default().to_owned();
    Ok(with_command(blocker("way_closed", error.chain()), command))
}
