//! PostgreSQL by URL: a pool that reconnects, queries, health.

mod address;
mod tls;

use std::time::Duration;

use deadpool_postgres::{
    Manager, ManagerConfig, Pool, PoolError, RecyclingMethod, Runtime, TimeoutType,
};
use secrecy::SecretString;

use crate::bounds::within;
use crate::{Error, Result};

pub use address::{Address, Protection};
pub use deadpool_postgres::{Client, Transaction};
pub use tls::is_about_tls;
pub use tokio_postgres::Row;
pub use tokio_postgres::error::SqlState;
pub use tokio_postgres::types::ToSql;

/// A PostgreSQL database. The same on every cloud: what differs is only the URL.
#[derive(Clone)]
pub struct Database {
    pool: Pool,
    statement_limit: Duration,
}

/// How a database is used.
#[derive(Debug, Clone)]
pub struct DatabaseOptions {
    /// The most connections at a time; further callers wait.
    pub max_connections: usize,
    /// How long a caller waits for a connection, in milliseconds: once for its turn, once for a
    /// new connection.
    pub connect_timeout_ms: u64,
    /// How long the server works on one statement, in milliseconds.
    pub statement_timeout_ms: u64,
    /// Further settings of each session, as the server names them. Values without spaces.
    pub settings: Vec<(&'static str, String)>,
}

impl Default for DatabaseOptions {
    fn default() -> Self {
        Self {
            max_connections: 10,
            connect_timeout_ms: 5_000,
            statement_timeout_ms: 30_000,
            settings: Vec::new(),
        }
    }
}

/// The schemes of a database's URL.
pub const SCHEMES: [&str; 2] = ["postgresql", "postgres"];
/// How much longer than the server's own limit a statement's answer may take to arrive.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an answer about health may take.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(5);

impl Database {
    /// The database at a URL (`postgresql://role:password@127.0.0.1:5433/name`). Connects only
    /// when it is used, so it can be opened while the server refuses.
    pub fn open(url: &SecretString) -> Result<Self> {
        Self::open_with(url, &DatabaseOptions::default())
    }

    /// The database at a URL, used in a way of the caller's own.
    pub fn open_with(url: &SecretString, options: &DatabaseOptions) -> Result<Self> {
        let address = Address::of(url)?;
        let mut config = address.config();
        let timeout = Duration::from_millis(options.connect_timeout_ms);
        config.options(session_settings(config.get_options(), options)).connect_timeout(timeout);
        // A connection that a fence has cut is noticed before a caller gets it.
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Verified };
        let pool = Pool::builder(Manager::from_config(config, address.connector()?, recycling))
            .max_size(options.max_connections.max(1))
            .wait_timeout(Some(timeout))
            .create_timeout(Some(timeout))
            .recycle_timeout(Some(timeout))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| Error::failed("database_pool", "no pool").because(error))?;
        let statement_limit = Duration::from_millis(options.statement_timeout_ms) + ANSWER_TIMEOUT;
        Ok(Self { pool, statement_limit })
    }

    /// A connection; one that broke is replaced. Given back when it is dropped.
    pub async fn get(&self) -> Result<Client> {
        self.pool.get().await.map_err(|error| match error {
            // Whatever a server says at login, nobody got in; a fence withdraws the right to.
            PoolError::Backend(error) => match error.as_db_error() {
                Some(refusal) => unreachable_error(&format!(": {}", refusal.message())),
                None => unreachable_error("").because(error),
            },
            PoolError::Timeout(TimeoutType::Wait) => {
                let why = "no connection to the database came free in time";
                Error::missing("database_busy", why).retryable()
            }
            error => unreachable_error("").because(error),
        })
    }

    /// The rows of one statement.
    pub async fn query(&self, sql: &str, params: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>> {
        let client = self.get().await?;
        self.bounded(client.query(sql, params)).await
    }

    /// The row of one statement, if there is one. More than one is an error.
    pub async fn query_opt(
        &self,
        sql: &str,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Option<Row>> {
        let client = self.get().await?;
        self.bounded(client.query_opt(sql, params)).await
    }

    /// Executes one statement; how many rows it changed.
    pub async fn execute(&self, sql: &str, params: &[&(dyn ToSql + Sync)]) -> Result<u64> {
        let client = self.get().await?;
        self.bounded(client.execute(sql, params)).await
    }

    async fn bounded<T>(
        &self,
        call: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T> {
        let call = async { call.await.map_err(failed) };
        within(self.statement_limit, "the database", call).await
    }

    /// Whether it answers, and takes writes.
    pub async fn health(&self) -> Result<()> {
        let ask = "SELECT current_setting('transaction_read_only')";
        let row = within(HEALTH_TIMEOUT, "the database", self.query_opt(ask, &[])).await?;
        match row.map(|row| row.get::<_, String>(0)).as_deref() {
            Some("off") => Ok(()),
            _ => Err(Error::refused("database_read_only", "the database takes no writes")),
        }
    }
}

/// Turns a server's refusal or a broken connection into an error with a code of ours:
/// `database_unreachable` (retry later), `database_read_only` (retry later), else
/// `database_statement`. The server's words are kept, but not its detail, which holds data.
pub fn failed(error: tokio_postgres::Error) -> Error {
    let Some(refusal) = error.as_db_error() else {
        return match error.is_closed() || std::error::Error::source(&error).is_some() {
            true => unreachable_error("").because(error),
            false => Error::failed("database_statement", "the statement failed").because(error),
        };
    };
    let (state, words) = (refusal.code().code(), refusal.message());
    let why = format!("the database refused ({state}): {words}");
    // Classes 08 connection, 28 authorization, 53 resources, 57P administrator; 3D000 no such
    // database; 55000 not accepting connections; 42501 a right was withdrawn, as fences do.
    let gone = ["08", "28", "53", "57P", "3D000", "55000", "42501"];
    match state {
        "25006" => Error::refused("database_read_only", why).retryable(),
        state if gone.iter().any(|class| state.starts_with(class)) => {
            Error::missing("database_unreachable", why).retryable()
        }
        "40001" | "40P01" | "57014" => Error::failed("database_statement", why).retryable(),
        _ => Error::failed("database_statement", why),
    }
}

fn unreachable_error(words: &str) -> Error {
    let why = format!("the database cannot be reached{words}");
    Error::missing("database_unreachable", why).retryable()
}

/// The settings of each session as command-line options of the server.
fn session_settings(given: Option<&str>, options: &DatabaseOptions) -> String {
    let mut all: Vec<String> = given.map(str::to_owned).into_iter().collect();
    all.push(format!("-c statement_timeout={}", options.statement_timeout_ms));
    all.extend(options.settings.iter().map(|(name, value)| format!("-c {name}={value}")));
    all.join(" ")
}
