//! The roles that the database's objects belong to: those that the target lacks are made there,
//! with the password that they have where we may read its verifier, else with a new one.

use std::collections::{BTreeMap, BTreeSet};

use rand::TryRngCore;
use rand::rngs::OsRng;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use trefoil_clouds::database::Address;
use trefoil_clouds::secrets::Secrets;
use trefoil_core::plan::RoleSecret;

use super::bookkeeping;
use super::catalog::USER_SCHEMAS;
use super::connect::{Pair, Server};
use super::rights::superuser;
use super::sql::{quote_ident, quote_literal};
use crate::{Error, Result};

/// What [`bookkeeping`] remembers of the roles on the target.
const MADE: &str = "roles";
/// How the verifier of a password begins that a server stores for SCRAM. One of another kind is
/// refused by servers that ask for SCRAM, so it is not carried.
const VERIFIER: &str = "SCRAM-SHA-256$";
/// Below which name the password of a role is kept among the target's own secrets.
const SECRET_PREFIX: &str = "trefoil/database-role";

/// A role as the source has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Whether it is a superuser there; what is made here never is.
    pub superuser: bool,
    /// Whether it logs in.
    pub login: bool,
    connect: bool,
    attributes: String,
    member_of: Vec<String>,
}

/// What was made and granted on the target, to be taken back when the move is undone.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Made {
    roles: Vec<String>,
    /// Those of them that got a new password.
    #[serde(default)]
    new_passwords: BTreeSet<String>,
}

impl Made {
    /// Which secret holds the password of each role that got a new one.
    fn secrets(&self) -> Vec<RoleSecret> {
        let new = self.new_passwords.iter();
        new.map(|role| RoleSecret { role: role.clone(), secret: secret_name(role) }).collect()
    }
}

/// A password that nobody has seen: 256 random bits.
pub fn new_password() -> Result<SecretString> {
    let mut random = [0_u8; 32];
    OsRng.try_fill_bytes(&mut random).map_err(|error| {
        Error::failed("random", "the system gives no random numbers").because(error)
    })?;
    Ok(SecretString::from(hex::encode(random)))
}

/// Roles that own things or have rights in the database, and the members of those: all whom its
/// application may be.
pub async fn in_use(server: &Server) -> Result<Vec<Role>> {
    // The owner that initdb made is in no list of dependencies, so owners are read themselves.
    let sql = format!(
        "WITH RECURSIVE own AS (SELECT oid, datdba, datacl FROM pg_database
                               WHERE datname = current_database()),
        used AS (
          SELECT s.refobjid AS oid FROM pg_shdepend s, own
          WHERE s.refclassid = 'pg_authid'::regclass AND s.deptype IN ('o', 'a', 'r')
            AND (s.dbid = own.oid OR s.classid = 'pg_database'::regclass AND s.objid = own.oid)
          UNION SELECT o.owner FROM (
            SELECT relowner AS owner, relnamespace AS place FROM pg_class
            UNION ALL SELECT proowner, pronamespace FROM pg_proc
            UNION ALL SELECT typowner, typnamespace FROM pg_type
            UNION ALL SELECT nspowner, oid FROM pg_namespace) o
            JOIN pg_namespace n ON n.oid = o.place WHERE {USER_SCHEMAS}
          UNION
          SELECT m.member FROM used JOIN pg_auth_members m ON m.roleid = used.oid),
        connects AS (SELECT g.grantee FROM own, aclexplode(own.datacl) g
                     WHERE g.privilege_type = 'CONNECT')
        SELECT r.rolname::text, r.rolsuper,
               r.rolcanlogin AND NOT r.rolsuper AND r.rolname <> session_user,
               r.oid IN (SELECT grantee FROM connects),
               concat_ws(' ', CASE WHEN NOT r.rolinherit THEN 'NOINHERIT' END,
                 CASE WHEN r.rolconnlimit >= 0 THEN 'CONNECTION LIMIT ' || r.rolconnlimit END,
                 'VALID UNTIL ' || quote_literal(r.rolvaliduntil::text)),
               coalesce((SELECT array_agg(g.rolname::text ORDER BY g.rolname)
                         FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
                         WHERE m.member = r.oid), '{{}}')
        FROM pg_roles r
        WHERE r.oid IN (SELECT oid FROM used) AND r.rolname !~ '^(pg|tfr?)_'
        ORDER BY 1"
    );
    let rows = server.query("list roles in use", &sql, &[]).await?;
    Ok(rows
        .iter()
        .map(|row| Role {
            name: row.get(0),
            superuser: row.get(1),
            login: row.get(2),
            connect: row.get(3),
            attributes: row.get(4),
            member_of: row.get(5),
        })
        .collect())
}

/// The roles in use at the source that the target does not have.
pub async fn missing(pair: &Pair) -> Result<Vec<Role>> {
    let known = pair.target.texts("list roles", "SELECT rolname::text FROM pg_roles", &[]).await?;
    let mut roles = in_use(&pair.source).await?;
    roles.retain(|role| !known.contains(&role.name));
    Ok(roles)
}

/// What servers store of the passwords of roles that log in, by role: nobody can log in with it, and
/// another server that has it accepts the same password. Only a superuser may read it; without that
/// there are none. They go nowhere but to the other server.
async fn verifiers(server: &Server, roles: &[Role]) -> Result<BTreeMap<String, SecretString>> {
    let names: Vec<&str> =
        roles.iter().filter(|role| role.login).map(|role| role.name.as_str()).collect();
    if names.is_empty() || !superuser(server).await? {
        return Ok(BTreeMap::new());
    }
    let sql = "SELECT rolname::text, rolpassword FROM pg_authid
               WHERE rolname = ANY($1) AND starts_with(rolpassword, $2)";
    let rows = server.query("read how roles log in", sql, &[&names, &VERIFIER]).await?;
    Ok(rows.iter().map(|row| (row.get(0), SecretString::from(row.get::<_, String>(1)))).collect())
}

/// With what roles are made on the target: with the verifier that they have at the source, and the
/// application that we run with the password that it will use there.
async fn passwords(pair: &Pair, roles: &[Role]) -> Result<BTreeMap<String, SecretString>> {
    let mut known = verifiers(&pair.source, roles).await?;
    if let Some(url) = &pair.target.admin.application_url {
        let address = Address::of(url)?;
        let login = address.user().map(str::to_owned).zip(address.password());
        known.extend(login);
    }
    Ok(known)
}

/// Of `roles`, those that log in and whose password is not known for the target.
pub async fn need_new_password(pair: &Pair, roles: &[Role]) -> Result<BTreeSet<String>> {
    Ok(without_password(roles, &passwords(pair, roles).await?))
}

fn without_password(roles: &[Role], known: &BTreeMap<String, SecretString>) -> BTreeSet<String> {
    let login = roles.iter().filter(|role| role.login && !known.contains_key(&role.name));
    login.map(|role| role.name.clone()).collect()
}

/// Makes the roles that the target lacks. Those that log in keep their password where it can be
/// carried; the others get a new one, which is written to the target's secrets first. Rights that
/// others could not have (superuser, making roles and databases, replication) are not carried.
pub async fn carry(pair: &Pair, secrets: &Secrets) -> Result<Vec<RoleSecret>> {
    let missing = missing(pair).await?;
    let known = passwords(pair, &missing).await?;
    let made = Made {
        roles: missing.iter().map(|role| role.name.clone()).collect(),
        new_passwords: without_password(&missing, &known),
    };
    let remember = bookkeeping::remember(MADE, &made)?;
    pair.target.batch("remember which roles are made", &remember).await?;
    let made: Made = bookkeeping::recall(&pair.target, MADE).await?.unwrap_or(made);
    let quiet = pair.target.quiet().await?;
    let all = superuser(&pair.target).await?;
    for role in &missing {
        let mut sql = format!("CREATE ROLE {} {}", quote_ident(&role.name), role.attributes);
        if role.login {
            let password = match known.get(&role.name) {
                Some(verifier) => verifier.clone(),
                None => password_of(secrets, &role.name).await?,
            };
            sql.push_str(&format!(" LOGIN PASSWORD {}", quote_literal(password.expose_secret())));
        }
        let refused = |error| or_by_hand(error, role, &pair.target.name);
        quiet.batch(&format!("make role {}", role.name), &sql).await.map_err(refused)?;
    }
    let present: BTreeSet<&str> = missing.iter().map(|role| role.name.as_str()).collect();
    for role in &missing {
        quiet.batch("grant what a role has", &grants(pair, role, &present, all)).await?;
    }
    Ok(made.secrets())
}

/// What a person does where a server refuses the password of a role, as some do with what they
/// cannot read: only its owner can say what it shall be then.
fn or_by_hand(refused: Error, role: &Role, target: &str) -> Error {
    if !role.login || refused.is_retryable() {
        return refused;
    }
    let role = quote_ident(&role.name);
    refused.hint(format!(
        "if it is the password, make the role on {target} yourself with one that it takes: \
         CREATE ROLE {role} LOGIN PASSWORD ..."
    ))
}

fn grants(pair: &Pair, role: &Role, present: &BTreeSet<&str>, superuser: bool) -> String {
    let name = quote_ident(&role.name);
    let mut sql = String::new();
    for group in role.member_of.iter().filter(|group| present.contains(group.as_str())) {
        sql.push_str(&format!("GRANT {} TO {name};\n", quote_ident(group)));
    }
    if role.connect {
        let database = quote_ident(&pair.target.admin.database);
        sql.push_str(&format!("GRANT CONNECT ON DATABASE {database} TO {name};\n"));
    }
    if !superuser {
        // Only a member may give things to a role.
        sql.push_str(&format!("GRANT {name} TO CURRENT_USER;\n"));
    }
    sql
}

/// Who owns things in the schema `public` of the source, and whether it may make more there.
async fn owners_in_public(source: &Server) -> Result<Vec<(String, bool)>> {
    let sql = "
        SELECT DISTINCT r.rolname::text,
               EXISTS (SELECT 1 FROM aclexplode(n.nspacl) g
                       WHERE g.grantee IN (r.oid, 0) AND g.privilege_type = 'CREATE')
        FROM (SELECT relowner AS owner, relnamespace AS place FROM pg_class
              UNION ALL SELECT proowner, pronamespace FROM pg_proc
              UNION ALL SELECT typowner, typnamespace FROM pg_type) o
        JOIN pg_namespace n ON n.oid = o.place AND n.nspname = 'public'
        JOIN pg_roles r ON r.oid = o.owner WHERE r.rolname <> session_user ORDER BY 1";
    let rows = source.query("list owners", sql, &[]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// Lets those who will own things in the target's schema `public` make things there. A superuser
/// gives things to anybody; everybody else only to who could have made them.
pub(super) async fn lend_create(pair: &Pair) -> Result<()> {
    if superuser(&pair.target).await? {
        return Ok(());
    }
    for (owner, _) in owners_in_public(&pair.source).await? {
        let sql = format!("GRANT CREATE ON SCHEMA public TO {}", quote_ident(&owner));
        pair.target.batch("let an owner make things", &sql).await?;
    }
    Ok(())
}

/// Takes it back from those who may not at the source.
pub(super) async fn take_back_create(pair: &Pair) -> Result<()> {
    if superuser(&pair.target).await? {
        return Ok(());
    }
    let owners = owners_in_public(&pair.source).await?;
    for (owner, _) in owners.into_iter().filter(|(_, may)| !may) {
        let sql = format!("REVOKE CREATE ON SCHEMA public FROM {}", quote_ident(&owner));
        pair.target.batch("let an owner make no more things", &sql).await?;
    }
    Ok(())
}

/// Drops the roles that were made, when the move is undone.
pub async fn drop_made(target: &Server) -> Result<()> {
    let made: Option<Made> = bookkeeping::recall(target, MADE).await?;
    let known = target.texts("list roles", "SELECT rolname::text FROM pg_roles", &[]).await?;
    for role in made.unwrap_or_default().roles.iter().filter(|role| known.contains(role)) {
        let name = quote_ident(role);
        let sql = format!("DROP OWNED BY {name}; DROP ROLE {name}");
        target.batch(&format!("drop role {role}"), &sql).await?;
    }
    Ok(())
}

/// Takes us out of the roles that were made, at the end of a move: their owner alone is left.
pub async fn leave_made(target: &Server) -> Result<()> {
    if superuser(target).await? {
        return Ok(());
    }
    let made: Option<Made> = bookkeeping::recall(target, MADE).await?;
    let member = "SELECT r.rolname::text FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid
                  JOIN pg_roles u ON u.oid = m.member WHERE u.rolname = session_user";
    let member = target.texts("list our roles", member, &[]).await?;
    for role in made.unwrap_or_default().roles.iter().filter(|role| member.contains(role)) {
        let sql = format!("REVOKE {} FROM CURRENT_USER", quote_ident(role));
        target.batch(&format!("leave role {role}"), &sql).await?;
    }
    Ok(())
}

async fn password_of(secrets: &Secrets, role: &str) -> Result<SecretString> {
    let name = secret_name(role);
    if let Some(password) = secrets.get(&name).await? {
        return Ok(password);
    }
    let password = new_password()?;
    secrets.set(&name, &password).await?;
    Ok(password)
}

/// A role's name may hold anything, that of a secret not.
fn secret_name(role: &str) -> String {
    let legal = role.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    match legal {
        true => format!("{SECRET_PREFIX}/{role}"),
        false => format!("{SECRET_PREFIX}-hex/{}", hex::encode(role)),
    }
}
