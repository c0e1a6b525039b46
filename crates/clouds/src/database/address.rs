//! A database's URL: where it is, who connects, and how the connection is protected.

use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;
use url::Url;

use super::{SCHEMES, tls};
use crate::{Error, Result};

/// Where a database is, read from its URL. `Debug` is left out on purpose: it holds a password.
#[derive(Clone)]
pub struct Address {
    config: Config,
    protection: Protection,
}

/// How a connection is protected on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Protection {
    /// Not at all: both ends are this machine.
    SameMachine,
    /// TLS. The server's certificate is checked against these roots; those of the system if none
    /// are named.
    Tls {
        /// The file of the roots, as the URL names it.
        roots: Option<PathBuf>,
        /// Whether the certificate must be of the host's name too.
        host_name: bool,
    },
}

impl Address {
    /// Reads a URL, such as `postgresql://role:password@db.example.com:5432/name?sslrootcert=FILE`.
    ///
    /// TLS with a full check of the certificate is what holds without a word on another machine;
    /// nothing weaker than `verify-ca` is possible there. `sslmode=require` means the full check
    /// too: a certificate that nobody checks protects from nobody.
    ///
    /// # Errors
    /// `database_url`, and `database_tls_needed` for an `sslmode` that may send a password to
    /// another machine in the clear. No part of the URL gets into them but its host and `sslmode`.
    pub fn parse(text: &str) -> Result<Self> {
        let malformed = || {
            Error::usage("database_url", "the database's URL cannot be read")
                .hint("postgresql://role:password@127.0.0.1:5433/name, reserved characters as %XX")
        };
        let mut url = Url::parse(text).map_err(|_| malformed())?;
        if !SCHEMES.contains(&url.scheme()) {
            return Err(crate::schemes::unknown_scheme(url.scheme(), &SCHEMES));
        }
        // The driver knows neither the strict modes nor the file of the roots.
        let (mut mode, mut roots, mut others) = (None, None, Vec::new());
        for (name, value) in url.query_pairs().into_owned() {
            match name.as_str() {
                "sslmode" => mode = Some(value),
                "sslrootcert" => roots = Some(value),
                _ => others.push((name, value)),
            }
        }
        url.set_query(None);
        if !others.is_empty() {
            url.query_pairs_mut().extend_pairs(others);
        }
        let mut config = Config::from_str(url.as_str()).map_err(|_| malformed())?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(Error::usage("database_url", "the database's URL names no host"));
        }
        let roots = roots.filter(|roots| roots != "system").map(PathBuf::from);
        let protection = protection(&config, mode.as_deref(), roots)?;
        config.ssl_mode(match protection {
            Protection::SameMachine => SslMode::Disable,
            Protection::Tls { .. } => SslMode::Require,
        });
        Ok(Self { config, protection })
    }

    /// The same of a URL that is kept as a secret.
    ///
    /// # Errors
    /// As for [`Address::parse`].
    pub fn of(url: &SecretString) -> Result<Self> {
        Self::parse(url.expose_secret())
    }

    /// The driver's settings for it.
    pub fn config(&self) -> Config {
        self.config.clone()
    }

    /// What makes its connections TLS, where they are.
    ///
    /// # Errors
    /// `database_roots` when there are no roots to check a certificate against.
    pub fn connector(&self) -> Result<MakeRustlsConnect> {
        tls::connector(&self.protection)
    }

    /// How its connections are protected.
    pub fn protection(&self) -> &Protection {
        &self.protection
    }

    /// Its mode in the words of libpq.
    pub fn sslmode(&self) -> &'static str {
        match self.protection {
            Protection::SameMachine => "disable",
            Protection::Tls { host_name: false, .. } => "verify-ca",
            Protection::Tls { host_name: true, .. } => "verify-full",
        }
    }

    /// The file with the roots that certificates are checked against; the system's where the URL
    /// names none.
    pub fn roots(&self) -> Option<PathBuf> {
        match &self.protection {
            Protection::SameMachine => None,
            Protection::Tls { roots, .. } => roots.clone().or_else(tls::system_roots),
        }
    }

    /// The host: a name, an address, or the folder of a Unix socket.
    pub fn host(&self) -> String {
        match (self.config.get_hosts().first(), self.config.get_hostaddrs().first()) {
            (Some(Host::Tcp(name)), _) => name.trim_matches(['[', ']']).to_owned(),
            (Some(Host::Unix(folder)), _) => folder.display().to_string(),
            (None, address) => address.map(ToString::to_string).unwrap_or_default(),
        }
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.config.get_ports().first().copied().unwrap_or(5432)
    }

    /// The role that connects, if the URL names one.
    pub fn user(&self) -> Option<&str> {
        self.config.get_user()
    }

    /// Its password, if the URL holds one.
    pub fn password(&self) -> Option<SecretString> {
        let bytes = self.config.get_password()?;
        Some(SecretString::from(String::from_utf8_lossy(bytes).into_owned()))
    }

    /// The database; what libpq takes when the URL names none is the role's name.
    pub fn database(&self) -> Option<&str> {
        self.config.get_dbname().or_else(|| self.config.get_user())
    }
}

fn protection(config: &Config, mode: Option<&str>, roots: Option<PathBuf>) -> Result<Protection> {
    let elsewhere = elsewhere(config);
    let tls = |host_name| Ok(Protection::Tls { roots: roots.clone(), host_name });
    match (mode, elsewhere) {
        (None | Some("disable" | "allow" | "prefer"), None) => Ok(Protection::SameMachine),
        (None | Some("require" | "verify-full"), _) => tls(true),
        (Some("verify-ca"), _) => tls(false),
        (Some(weak @ ("disable" | "allow" | "prefer")), Some(host)) => {
            let message =
                format!("`{host}` is another machine, and sslmode={weak} may go without TLS");
            Err(Error::refused("database_tls_needed", message)
                .hint("leave sslmode out, which means verify-full, and give sslrootcert=FILE if its certificate is of a private authority"))
        }
        (Some(_), _) => {
            Err(Error::usage("database_url", "the database's URL has an unknown sslmode").hint(
                "disable, allow, prefer (this machine only), require, verify-ca, verify-full",
            ))
        }
    }
}

/// A host of the URL that is not this machine for sure: names are not looked up, for what they
/// mean can change.
fn elsewhere(config: &Config) -> Option<String> {
    if let Some(address) = config.get_hostaddrs().iter().find(|address| !address.is_loopback()) {
        return Some(address.to_string());
    }
    config.get_hosts().iter().find_map(|host| match host {
        Host::Tcp(name) if !is_this_machine(name) => Some(name.clone()),
        _ => None,
    })
}

fn is_this_machine(name: &str) -> bool {
    let address = name.trim_matches(['[', ']']).parse::<IpAddr>();
    name == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn protection_of(url: &str) -> Protection {
        Address::parse(url).unwrap().protection().clone()
    }

    fn code_of(url: &str) -> &'static str {
        let Err(error) = Address::parse(url) else { panic!("{url} was read") };
        assert!(!format!("{error:?}").contains("hidden"), "{error:?}");
        error.code()
    }

    #[test]
    fn this_machine_needs_no_tls_and_another_does() {
        let strict = |roots: Option<&str>| Protection::Tls {
            roots: roots.map(PathBuf::from),
            host_name: true,
        };
        for local in ["127.0.0.1", "localhost", "[::1]", "%2Frun%2Fpostgresql"] {
            let url = format!("postgresql://a:hidden@{local}:5433/x");
            assert_eq!(protection_of(&url), Protection::SameMachine, "{url}");
            assert_eq!(protection_of(&format!("{url}?sslmode=verify-full")), strict(None));
        }
        for (url, expected) in [
            ("postgresql://a:hidden@db.example.com/x", strict(None)),
            ("postgresql://a:hidden@10.1.2.3/x?sslmode=require", strict(None)),
            ("postgresql://a:hidden@127.0.0.1,db.example.com/x", strict(None)),
            ("postgresql://a:hidden@localhost/x?hostaddr=10.1.2.3", strict(None)),
            ("postgresql://a:hidden@db/x?sslrootcert=/etc/ca.pem", strict(Some("/etc/ca.pem"))),
            ("postgresql://a:hidden@db/x?sslrootcert=system", strict(None)),
        ] {
            assert_eq!(protection_of(url), expected, "{url}");
        }
        let lax = Protection::Tls { roots: None, host_name: false };
        assert_eq!(protection_of("postgresql://a:hidden@db/x?sslmode=verify-ca"), lax);
    }

    #[test]
    fn a_password_never_goes_to_another_machine_in_the_clear() {
        for mode in ["disable", "allow", "prefer"] {
            let url = format!("postgresql://a:hidden@db.example.com/x?sslmode={mode}");
            assert_eq!(code_of(&url), "database_tls_needed");
        }
        assert_eq!(code_of("postgresql://a:hidden@db/x?sslmode=maybe"), "database_url");
    }

    #[test]
    fn a_password_is_never_in_an_error() {
        for url in [
            "postgresql://a:hidden@127.0.0.1:port/x",
            "postgresql://a:hidden@127.0.0.1/x?unknown=1",
            "postgresql://a:hid%zzden@127.0.0.1/x?hidden",
            "mysql://a:hidden@127.0.0.1/x",
            "postgresql://",
            "hidden",
        ] {
            code_of(url);
        }
    }

    #[test]
    fn parts_are_read_as_libpq_reads_them() {
        let address = Address::parse(
            "postgresql://r%40b:p%3A1@db:6000/n?sslmode=require&options=-cjit%3Doff",
        )
        .unwrap();
        assert_eq!((address.host().as_str(), address.port()), ("db", 6000));
        assert_eq!((address.user(), address.database()), (Some("r@b"), Some("n")));
        assert_eq!(address.password().unwrap().expose_secret(), "p:1");
        assert_eq!(address.sslmode(), "verify-full");
        assert_eq!(address.config().get_options(), Some("-cjit=off"));
    }
}
