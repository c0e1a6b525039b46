//! Configuration by environment variables.

use std::net::IpAddr;

use secrecy::SecretString;
use tracing::level_filters::LevelFilter;
use trefoil_clouds::chat::ChatOptions;
use trefoil_clouds::database::{Database, DatabaseOptions};
use trefoil_clouds::{Error, Result};

/// How much is logged when LOG_LEVEL is not set.
pub(crate) const DEFAULT_LEVEL: LevelFilter = LevelFilter::INFO;
const DEFAULT_PORT: u16 = 8000;
/// The longest that CHAT_TIMEOUT_MS allows: longer than that nobody waits.
const CHAT_TIMEOUT_MAX_MS: u64 = 600_000;

/// What the environment says.
#[derive(Clone)]
pub(crate) struct Config {
    /// HOST: where to listen; this machine alone when not set.
    pub(crate) host: IpAddr,
    /// PORT: where to listen; 8000 when not set.
    pub(crate) port: u16,
    /// LOG_LEVEL: debug, info, warning or error.
    pub(crate) log_level: LevelFilter,
    /// DATABASE_URL. Holds a password.
    database_url: Option<SecretString>,
    documents_url: Option<String>,
    sessions_url: Option<String>,
    /// CHAT_BASE_URL: an endpoint that speaks OpenAI's protocol. Not logged: it may hold a key.
    chat_url: Option<SecretString>,
    chat_model: Option<String>,
    chat_key: Option<SecretString>,
    chat_api_version: Option<String>,
    chat_timeout_ms: Option<String>,
}

impl Config {
    /// Reads the variables; an empty one counts as not set.
    pub(crate) fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let variable = |name| variable(name).filter(|value| !value.is_empty());
        let port = variable("PORT").map(|port| number(&port)).transpose()?;
        let host = variable("HOST").map(|host| address(&host)).transpose()?;
        let level = variable("LOG_LEVEL").map(|level| log_level(&level)).transpose()?;
        Ok(Self {
            host: host.unwrap_or(IpAddr::from([127, 0, 0, 1])),
            port: port.unwrap_or(DEFAULT_PORT),
            log_level: level.unwrap_or(DEFAULT_LEVEL),
            database_url: variable("DATABASE_URL").map(SecretString::from),
            documents_url: variable("BUCKET_DOCUMENTS_URL"),
            sessions_url: variable("SESSIONS_URL"),
            chat_url: variable("CHAT_BASE_URL").map(SecretString::from),
            chat_model: variable("CHAT_MODEL"),
            chat_key: variable("CHAT_API_KEY").map(SecretString::from),
            chat_api_version: variable("CHAT_API_VERSION"),
            chat_timeout_ms: variable("CHAT_TIMEOUT_MS"),
        })
    }

    /// Whether there is to be a database at all.
    pub(crate) fn has_database(&self) -> bool {
        self.database_url.is_some()
    }

    /// The database, not connected yet.
    pub(crate) fn database(&self) -> Result<Database> {
        let url = self.database_url.as_ref().ok_or_else(|| missing("DATABASE_URL"))?;
        let options = DatabaseOptions {
            max_connections: 10,
            connect_timeout_ms: 2_000,
            statement_timeout_ms: 10_000,
            // An answer is given only for what is on the disk, whatever a role's default says.
            settings: vec![
                ("synchronous_commit", "on".to_owned()),
                ("application_name", "medassistant".to_owned()),
            ],
        };
        Database::open_with(url, &options)
    }

    /// The URL of the language model, if there is one.
    pub(crate) fn chat_url(&self) -> Option<&SecretString> {
        self.chat_url.as_ref()
    }

    /// How the language model is asked, or what stands in for one.
    pub(crate) fn chat_options(&self) -> Result<ChatOptions> {
        let defaults = ChatOptions::default();
        let timeout_ms = self.chat_timeout_ms.as_deref().map(chat_timeout).transpose()?;
        Ok(ChatOptions {
            model: self.chat_model.clone(),
            key: self.chat_key.clone(),
            api_version: self.chat_api_version.clone(),
            timeout_ms: timeout_ms.unwrap_or(defaults.timeout_ms),
            ..defaults
        })
    }

    /// The URL of the bucket of documents.
    pub(crate) fn documents_url(&self) -> Result<&str> {
        self.documents_url.as_deref().ok_or_else(|| missing("BUCKET_DOCUMENTS_URL"))
    }

    /// The URL of the store of sessions.
    pub(crate) fn sessions_url(&self) -> Result<&str> {
        self.sessions_url.as_deref().ok_or_else(|| missing("SESSIONS_URL"))
    }
}

fn missing(name: &str) -> Error {
    Error::usage("variable_missing", format!("the environment variable {name} is not set"))
}

fn wrong(name: &str, value: &str, allowed: &str) -> Error {
    let why = format!("{name} is `{value}`; {allowed}");
    Error::usage("variable_wrong", why)
}

fn number(value: &str) -> Result<u16> {
    let port = value.parse().ok().filter(|port| *port > 0);
    port.ok_or_else(|| wrong("PORT", value, "1 to 65535 are allowed"))
}

fn chat_timeout(value: &str) -> Result<u64> {
    let timeout = value.parse().ok().filter(|timeout| (1..=CHAT_TIMEOUT_MAX_MS).contains(timeout));
    let allowed = format!("1 to {CHAT_TIMEOUT_MAX_MS} milliseconds are allowed");
    timeout.ok_or_else(|| wrong("CHAT_TIMEOUT_MS", value, &allowed))
}

fn address(value: &str) -> Result<IpAddr> {
    value.parse().map_err(|_| wrong("HOST", value, "write an address, such as 0.0.0.0"))
}

fn log_level(value: &str) -> Result<LevelFilter> {
    match value {
        "debug" => Ok(LevelFilter::DEBUG),
        "info" => Ok(LevelFilter::INFO),
        "warning" => Ok(LevelFilter::WARN),
        "error" => Ok(LevelFilter::ERROR),
        _ => Err(wrong("LOG_LEVEL", value, "debug, info, warning and error are allowed")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(pairs: &[(&str, &str)]) -> Result<Config> {
        Config::from_variables(|name| {
            pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn defaults_and_values() {
        let defaults = config(&[("PORT", "")]).unwrap();
        assert_eq!((defaults.port, defaults.log_level), (8000, LevelFilter::INFO));
        assert!(defaults.host.is_loopback() && !defaults.has_database());
        let set = config(&[("PORT", "81"), ("HOST", "0.0.0.0"), ("LOG_LEVEL", "warning")]).unwrap();
        assert_eq!((set.port, set.log_level), (81, LevelFilter::WARN));
    }

    #[test]
    fn the_language_model_is_configured() {
        let none = config(&[]).unwrap();
        assert!(none.chat_url().is_none());
        assert_eq!(none.chat_options().unwrap().timeout_ms, 60_000);
        let set = [
            ("CHAT_BASE_URL", "http://127.0.0.1/v1"),
            ("CHAT_MODEL", "llama3"),
            ("CHAT_API_KEY", "hidden"),
            ("CHAT_TIMEOUT_MS", "1500"),
        ];
        let set = config(&set).unwrap();
        let options = set.chat_options().unwrap();
        assert!(set.chat_url().is_some() && options.key.is_some());
        assert_eq!((options.model.as_deref(), options.timeout_ms), (Some("llama3"), 1_500));
        assert!(!format!("{options:?}").contains("hidden"));
        for timeout in ["0", "x", "600001", "-1"] {
            let error = config(&[("CHAT_TIMEOUT_MS", timeout)]).unwrap().chat_options();
            assert!(error.unwrap_err().to_string().contains("CHAT_TIMEOUT_MS"), "{timeout}");
        }
    }

    #[test]
    fn a_wrong_or_missing_variable_is_named() {
        for (name, value) in [("PORT", "0"), ("PORT", "x"), ("HOST", "here"), ("LOG_LEVEL", "Info")]
        {
            let error = config(&[(name, value)]).err().unwrap();
            assert!(error.to_string().contains(name) && error.to_string().contains(value));
        }
        let empty = config(&[]).unwrap();
        assert!(empty.documents_url().unwrap_err().to_string().contains("BUCKET_DOCUMENTS_URL"));
        assert!(empty.sessions_url().unwrap_err().to_string().contains("SESSIONS_URL"));
        assert!(empty.database().err().unwrap().to_string().contains("DATABASE_URL"));
    }
}
