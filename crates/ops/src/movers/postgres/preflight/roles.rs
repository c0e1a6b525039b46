//! Roles: what ours may do, who could pass a fence, who is carried.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error as _;
use std::time::Duration;

use trefoil_clouds::database::Address;
use trefoil_clouds::operate::provision::DatabaseAdmin;
use trefoil_core::finding::Finding;

use super::{blocker, info, warning, with_command};
use crate::Result;
use crate::movers::postgres::access;
use crate::movers::postgres::catalog::USER_SCHEMAS;
use crate::movers::postgres::connect::{Pair, Server};
use crate::movers::postgres::rights::{self, Rights};
use crate::movers::postgres::roles::{self, Role};
use crate::movers::postgres::sql::quote_ident;

/// How long a session that begins may be without a name.
const BEGINS_WITHIN: Duration = Duration::from_millis(300);

/// Whether we may do what a move needs, and nobody can pass the fence.
pub(super) async fn rights(server: &Server) -> Result<Vec<Finding>> {
    let ours = rights::read(server).await?;
    let mut findings = missing(server, &ours);
    findings.extend(foreign_owners(server, &ours).await?);
    findings.extend(application_role(server, &ours.user).await?);
    findings.extend(own_role_in_use(server, &ours.user).await?);
    findings.extend(superusers(server, &ours).await?);
    findings.extend(forced_row_security(server, &ours).await?);
    findings.extend(not_silent(server, &ours).await?);
    Ok(findings)
}

/// What a role that is no superuser needs, each with the command that an administrator gives.
fn missing(server: &Server, ours: &Rights) -> Vec<Finding> {
    let (name, user) = (&server.name, quote_ident(&ours.user));
    let database = quote_ident(&server.admin.database);
    let needed = [
        (ours.replication, "use replication slots", format!("ALTER ROLE {user} REPLICATION")),
        (ours.signal, "end other sessions", format!("GRANT pg_signal_backend TO {user}")),
        (
            ours.owns_database,
            "close and open the database",
            format!("ALTER DATABASE {database} OWNER TO {user}"),
        ),
    ];
    let lacking = needed.into_iter().filter(|(granted, ..)| !granted);
    lacking
        .map(|(_, what, command)| {
            let why = format!("{} on {name} may not {what}", ours.user);
            with_command(blocker("right_missing", why), command)
        })
        .collect()
}

/// Tables and functions of roles that we are no member of: we could neither publish nor dump them.
async fn foreign_owners(server: &Server, ours: &Rights) -> Result<Vec<Finding>> {
    if ours.superuser {
        return Ok(vec![]);
    }
    let sql = format!(
        "SELECT DISTINCT r.rolname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         JOIN pg_roles r ON r.oid = c.relowner
         WHERE {USER_SCHEMAS} AND NOT pg_has_role(session_user, c.relowner, 'USAGE') ORDER BY 1"
    );
    let owners = server.texts("look for owners", &sql, &[]).await?;
    Ok(owners
        .iter()
        .map(|owner| {
            let why =
                format!("{owner} owns tables on {}, and {} is no member", server.name, ours.user);
            let command = format!("GRANT {} TO {}", quote_ident(owner), quote_ident(&ours.user));
            with_command(blocker("right_missing", why), command)
        })
        .collect())
}

async fn application_role(server: &Server, user: &str) -> Result<Vec<Finding>> {
    if let Some(url) = &server.admin.application_url
        && Address::of(url)?.user() == Some(user)
    {
        let why = format!("the application would be {user} on {}, the administrator", server.name);
        return Ok(vec![blocker("application_role", why)]);
    }
    let Some(role) = &server.admin.application_role else { return Ok(vec![]) };
    let sql = "SELECT rolsuper FROM pg_roles WHERE rolname = $1";
    let found = server.query("look for the application's role", sql, &[role]).await?;
    let why = match found.first().map(|row| row.get::<_, bool>(0)) {
        None => format!("{} has no role {role} for the application", server.name),
        Some(true) => format!("the application's role {role} on {} is superuser", server.name),
        Some(false) if role == user => format!("{role} on {} is the administrator", server.name),
        Some(false) => return Ok(vec![]),
    };
    Ok(vec![blocker("application_role", why)])
}

/// The fence lets our own role in, so nobody else may work as it. Where Trefoil made the
/// application's role that is known.
async fn own_role_in_use(server: &Server, user: &str) -> Result<Vec<Finding>> {
    if server.admin.application_role.is_some() {
        return Ok(vec![]);
    }
    let mut others = sessions_of_our_role(server).await?;
    if !others.is_empty() {
        // A session that is just beginning has no name for a moment, and may be ours.
        tokio::time::sleep(BEGINS_WITHIN).await;
        let again = sessions_of_our_role(server).await?;
        others.retain(|pid, name| again.get(pid) == Some(name));
    }
    if others.is_empty() {
        return Ok(vec![]);
    }
    let names: BTreeSet<_> = others.into_values().collect();
    let why = format!(
        "{user} on {}, which the fence lets in, is used by others too: {}",
        server.name,
        names.into_iter().collect::<Vec<_>>().join(", ")
    );
    let command = format!("end them, and let an application connect as a role other than {user}");
    Ok(vec![with_command(blocker("admin_in_use", why), command)])
}

/// The sessions of our role that do not call themselves ours: their processes and names.
async fn sessions_of_our_role(server: &Server) -> Result<BTreeMap<i32, String>> {
    let sql = "SELECT pid, coalesce(nullif(application_name, ''), 'without a name')
               FROM pg_stat_activity
               WHERE usename = session_user AND datname = current_database()
                 AND backend_type = 'client backend'
                 AND application_name !~ '^trefoil' AND application_name !~ '^tfr?_'";
    let rows = server.query("look for sessions of our role", sql, &[]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// A superuser passes any fence. One that we may not close is the provider's or another person's:
/// it is named, and stops the move when it is there now.
async fn superusers(server: &Server, ours: &Rights) -> Result<Vec<Finding>> {
    let sql = "SELECT r.rolname::text, EXISTS (SELECT 1 FROM pg_stat_activity a
                 WHERE a.usesysid = r.oid AND a.datname = current_database())
               FROM pg_roles r
               WHERE r.rolsuper AND r.rolcanlogin AND r.rolname <> session_user
                 AND r.rolname <> coalesce($1, '') ORDER BY 1";
    let role = &server.admin.application_role;
    let mut findings = Vec::new();
    for row in server.query("list superusers", sql, &[role]).await? {
        let (other, there): (String, bool) = (row.get(0), row.get(1));
        let why = format!("superuser {other} on {} can pass any fence", server.name);
        let command = format!("ALTER ROLE {} NOLOGIN", quote_ident(&other));
        findings.push(match (ours.superuser, there) {
            (true, _) => with_command(blocker("other_superuser", why), command),
            (false, true) => {
                let why = format!("{why}, and is connected to this database");
                with_command(blocker("other_superuser", why), command)
            }
            (false, false) => {
                let why = format!("{why}: nobody may write as it during the switch");
                warning("other_superuser", why)
            }
        });
    }
    Ok(findings)
}

/// Row security that holds for owners too hides rows from us, unless we pass it.
async fn forced_row_security(server: &Server, ours: &Rights) -> Result<Vec<Finding>> {
    if ours.bypass_rls {
        return Ok(vec![]);
    }
    let sql = format!(
        "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c
         JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE {USER_SCHEMAS} AND c.relrowsecurity AND c.relforcerowsecurity ORDER BY 1"
    );
    let tables = server.texts("look for row security", &sql, &[]).await?;
    if tables.is_empty() {
        return Ok(vec![]);
    }
    let why = format!(
        "row security on {} is forced on its owner and hides rows from {}: {}",
        server.name,
        ours.user,
        tables.join(", ")
    );
    let command = format!("ALTER ROLE {} BYPASSRLS", quote_ident(&ours.user));
    Ok(vec![with_command(blocker("row_security_forced", why), command)])
}

/// A server that logs statements logs the passwords in them, unless we may tell it not to.
async fn not_silent(server: &Server, ours: &Rights) -> Result<Vec<Finding>> {
    let sql = "SELECT v.name FROM (VALUES ('log_statement', 'none'),
                 ('log_min_duration_statement', '-1')) v(name, silent)
               WHERE current_setting(v.name) <> v.silent
                 AND NOT has_parameter_privilege(session_user, v.name, 'SET')";
    let logging = server.texts("read what is logged", sql, &[]).await?;
    if logging.is_empty() {
        return Ok(vec![]);
    }
    let why = format!(
        "{} logs statements ({}), new passwords of roles and streams among them, and {} may not \
         silence it",
        server.name,
        logging.join(", "),
        ours.user
    );
    let command =
        format!("GRANT SET ON PARAMETER {} TO {}", logging.join(", "), quote_ident(&ours.user));
    Ok(vec![with_command(warning("log_not_silent", why), command)])
}

/// Who is made on the target, and who uses other databases of the same server.
pub(super) async fn carried(pair: &Pair) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let missing = roles::missing(pair).await?;
    let ours = rights::read(&pair.target).await?;
    if let Some(first) = missing.first().filter(|_| !ours.create_role) {
        let why = format!(
            "{} lacks role {}, and {} may not make it",
            pair.target.name, first.name, ours.user
        );
        let command = format!("ALTER ROLE {} CREATEROLE", quote_ident(&ours.user));
        findings.push(with_command(blocker("role_missing", why), command));
    }
    findings.extend(application_login(&pair.target, &missing).await?);
    let new = roles::need_new_password(pair, &missing).await?;
    for role in missing {
        let how = match (role.superuser, role.login) {
            (true, _) => "without login and as no superuser",
            (false, true) if new.contains(&role.name) => "with a new password",
            (false, true) => "with the password that it has",
            (false, false) => "without login",
        };
        let why = format!("role {} is made on {} {how}", role.name, pair.target.name);
        findings.push(info("role_made", why));
    }
    findings.extend(new.iter().map(|role| new_password(pair, role)));
    for server in [&pair.source, &pair.target] {
        findings.extend(shared(server).await?);
    }
    Ok(findings)
}

/// The application that we run logs in at the target once that is open; as a role that is there
/// already it is tried now.
async fn application_login(target: &Server, made: &[Role]) -> Result<Option<Finding>> {
    let Some(url) = target.admin.application_url.clone() else { return Ok(None) };
    let address = Address::of(&url)?;
    let role = address.user().unwrap_or_default();
    if made.iter().any(|made| made.name == role) {
        return Ok(None);
    }
    let login = DatabaseAdmin { url, ..target.admin.clone() };
    let Err(error) = Server::connect(&target.name, &login).await else { return Ok(None) };
    let why = format!("the application cannot log in to {} as {role}: {error}", target.name);
    let said = error.source().map(|source| format!(" ({source})")).unwrap_or_default();
    Ok(Some(blocker("application_role", format!("{why}{said}"))))
}

fn new_password(pair: &Pair, role: &str) -> Finding {
    let (from, to) = (&pair.source.name, &pair.target.name);
    let why = format!(
        "the password of {role} cannot be carried: only a superuser of {from} may read its \
         verifier, and only one for SCRAM is of use; the role gets a new password, which the \
         secrets of {to} hold"
    );
    let command = format!("on {to}, once it serves: ALTER ROLE {} PASSWORD ...", quote_ident(role));
    with_command(warning("role_password_new", why), command)
}

/// What is different about the fence where a role is used by another database of its server.
async fn shared(server: &Server) -> Result<Vec<Finding>> {
    let record = access::record(server).await?;
    let shared = access::used_elsewhere(server, &record).await?;
    Ok(shared
        .into_iter()
        .map(|role| {
            let why = format!(
                "role {role} on {} is used by another database of that server: it keeps LOGIN, and \
                 loses only CONNECT and its sessions here while this database is closed",
                server.name
            );
            warning("role_shared", why)
        })
        .collect())
}
