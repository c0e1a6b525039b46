//! How one server reaches the other: by a login, as safe as both ends allow.

use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::error::DbError;
use trefoil_clouds::database::Protection;

use super::catalog;
use super::connect::{Pair, Server};
use super::sql::{quote_conninfo, quote_literal};
use crate::{Error, Result};

/// The first version that knows `sslrootcert=system`.
const SYSTEM_ROOTS_FROM: i32 = 16;
/// What libpq says of a file of roots that is not there or may not be read; another way to check
/// the certificate is tried then. Anything else that it says of a certificate is final.
const NO_ROOTS: [&str; 2] = ["root certificate file", "certificate authority"];

/// Who logs in.
pub struct Login<'a> {
    /// The role.
    pub user: &'a str,
    /// Its password, if it has one.
    pub password: Option<&'a SecretString>,
}

/// A way that works.
pub struct Path {
    /// The connection string. Holds the password.
    pub conninfo: SecretString,
    /// How it is protected, in the words of libpq.
    pub protection: String,
    /// Whether the publisher's certificate is checked, where there is one.
    pub verified: bool,
}

/// The way by which `pair.target` logs in to `pair.source`, proven by a login. Changes nothing: the
/// subscription that it is tried with is taken back.
///
/// # Errors
/// `path_closed` with what the server said.
pub async fn prove(pair: &Pair, login: &Login<'_>) -> Result<Path> {
    let session = pair.target.quiet().await?;
    let mut last: Option<DbError> = None;
    for protection in protections(pair).await? {
        let conninfo = conninfo(&pair.source, login, &protection);
        // It connects with `connect`, and needs no publication for that.
        let sql = format!(
            "CREATE SUBSCRIPTION trefoil_probe CONNECTION {} PUBLICATION trefoil_probe
             WITH (copy_data = false, enabled = false, create_slot = false, slot_name = NONE)",
            quote_literal(conninfo.expose_secret())
        );
        match session.tried("try the way between the servers", &sql).await? {
            None => {
                let verified = !protection.contains("require");
                return Ok(Path { conninfo, protection, verified });
            }
            Some(told) if is_about_roots(&told) => last = Some(told),
            Some(told) => return Err(closed(pair, told)),
        }
    }
    Err(last.map_or_else(
        || Error::failed("path_closed", "there is no way between the servers"),
        |told| closed(pair, told),
    ))
}

fn closed(pair: &Pair, told: DbError) -> Error {
    let (from, to) = (&pair.target.name, &pair.source.name);
    let address = &pair.source.address;
    let place = format!("{}:{}", address.host(), address.port());
    Error::refused("path_closed", format!("{from} cannot log in to {to} at {place}"))
        .hint("open the network and pg_hba.conf of that server for the other one, with TLS")
        .because(told)
}

fn is_about_roots(told: &DbError) -> bool {
    let words = told.message();
    NO_ROOTS.iter().any(|phrase| words.contains(phrase)) && !words.contains("verify failed")
}

/// How the connection may be protected, the best first. The file of roots that our own URL names
/// is tried at the server's place too; then what the server has itself.
async fn protections(pair: &Pair) -> Result<Vec<String>> {
    let address = &pair.source.address;
    let Protection::Tls { roots, .. } = address.protection() else {
        return Ok(vec!["sslmode=prefer".to_owned()]);
    };
    let mode = address.sslmode();
    let mut ways = Vec::new();
    if let Some(file) = roots {
        let file = quote_conninfo(&file.display().to_string());
        ways.push(format!("sslmode={mode} sslrootcert={file}"));
    }
    if catalog::major_version(&pair.target).await? >= SYSTEM_ROOTS_FROM && roots.is_none() {
        ways.push("sslmode=verify-full sslrootcert=system".to_owned());
    }
    ways.push(format!("sslmode={mode}"));
    ways.push("sslmode=require".to_owned());
    Ok(ways)
}

fn conninfo(publisher: &Server, login: &Login<'_>, protection: &str) -> SecretString {
    let address = &publisher.address;
    let mut text = format!(
        "host={} port={} dbname={} user={} connect_timeout=10 keepalives_idle=10 {protection}",
        quote_conninfo(&address.host()),
        address.port(),
        quote_conninfo(&publisher.admin.database),
        quote_conninfo(login.user),
    );
    if let Some(password) = login.password {
        text.push_str(" password=");
        text.push_str(&quote_conninfo(password.expose_secret()));
    }
    SecretString::from(text)
}
