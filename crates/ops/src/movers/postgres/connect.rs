//! Connections to the two servers.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use secrecy::ExposeSecret;
use tokio_postgres::error::{DbError, SqlState};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, SimpleQueryMessage};
use trefoil_clouds::database::{Address, is_about_tls};
use trefoil_clouds::operate::Site;
use trefoil_clouds::operate::provision::DatabaseAdmin;

use crate::engine::Context;
use crate::{Error, Result};

/// How long a connection may take, password exchange included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// After how long without an answer a connection counts as lost.
const LOST_AFTER: Duration = Duration::from_secs(30);

/// How soon a session that was kept has to answer to be used again.
const ANSWERS_WITHIN: Duration = Duration::from_secs(1);
/// How many sessions are kept for the next step.
const KEPT_MAX: usize = 4;

/// The settings of every session of ours. A closed database is read-only by default, which would
/// hold for us too; texts of values must be the same on both servers to be compared; names are
/// never looked up in the application's schemas.
const SETTINGS: &[&str] = &[
    "default_transaction_read_only=off",
    "synchronous_commit=on",
    "lock_timeout=5s",
    "statement_timeout=60s",
    "idle_in_transaction_session_timeout=60s",
    "search_path=pg_catalog",
    "DateStyle=ISO",
    "IntervalStyle=postgres",
    "TimeZone=UTC",
    "extra_float_digits=3",
    "bytea_output=hex",
    "lc_monetary=C",
    "client_min_messages=warning",
    "max_parallel_workers_per_gather=0",
    "jit=off",
];

/// Keeps passwords out of the server's log, its statistics and its list of activities, as far as
/// our role may: some of these are a superuser's.
const QUIET: &str = "
    SELECT set_config(v.name, v.value, false)
    FROM (VALUES ('log_statement', 'none'), ('log_min_error_statement', 'panic'),
                 ('log_min_duration_statement', '-1'), ('log_min_duration_sample', '-1'),
                 ('log_duration', 'off'), ('track_activities', 'off'),
                 ('pg_stat_statements.track_utility', 'off'), ('pgaudit.log', 'none'),
                 ('password_encryption', 'scram-sha-256')) v(name, value)
    LEFT JOIN pg_settings s ON s.name = v.name
    WHERE s.context = 'user' OR has_parameter_privilege(session_user, v.name, 'SET')";

/// A session of the administrator in the application's database on one server.
pub struct Server {
    /// The environment's name, for messages.
    pub name: String,
    /// How it is reached.
    pub admin: DatabaseAdmin,
    /// The same, read from its URL.
    pub address: Address,
    client: Client,
}

/// A value of a parameter.
pub type Param<'a> = &'a (dyn ToSql + Sync);

impl Server {
    /// Opens a session.
    pub async fn connect(name: &str, admin: &DatabaseAdmin) -> Result<Server> {
        let address = Address::of(&admin.url).map_err(|error| {
            let hint = error.hint_text().unwrap_or_default().to_owned();
            let why = format!("the database URL of {name} cannot be used");
            Error::refused("postgres_url", why).hint(hint).because(error)
        })?;
        let client = open(name, &address).await?;
        Ok(Server { name: name.to_owned(), admin: admin.clone(), address, client })
    }

    /// Opens a session in an environment's database.
    pub async fn of_site(site: &Site) -> Result<Server> {
        Server::connect(&site.name, &admin_of(site).await?).await
    }

    /// Another session of the same kind.
    pub async fn again(&self) -> Result<Server> {
        Server::connect(&self.name, &self.admin).await
    }

    /// Another session of the same kind, whose statements leave no trace in the server's log, as
    /// far as the server lets us silence it: see the finding `log_not_silent`.
    pub async fn quiet(&self) -> Result<Server> {
        let session = self.again().await?;
        session.query("silence the log", QUIET, &[]).await?;
        Ok(session)
    }

    /// Tries statements in a transaction that is taken back: why they were refused, if they were.
    pub async fn tried(&self, what: &str, sql: &str) -> Result<Option<DbError>> {
        self.batch(what, "BEGIN").await?;
        let tried = self.client.batch_execute(sql).await;
        self.batch(what, "ROLLBACK").await?;
        match tried {
            Ok(()) => Ok(None),
            Err(error) => match error.as_db_error() {
                Some(told) => Ok(Some(told.clone())),
                None => Err(self.failed(what, error)),
            },
        }
    }

    /// The driver's session, for what only it can do.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Lets this session's statements take as long as they need: for work that grows with the
    /// data.
    pub async fn patient(self) -> Result<Server> {
        self.batch("change a setting", "SET statement_timeout = 0").await?;
        Ok(self)
    }

    /// Ends what other sessions of ours have under way in this database: left by a process that
    /// died, or by work that was given up at a deadline.
    pub async fn end_other_work(&self) -> Result<()> {
        let sql = "SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity
                   WHERE datname = current_database() AND usename = session_user
                     AND application_name = 'trefoil' AND pid <> pg_backend_pid()
                     AND backend_type = 'client backend' AND state <> 'idle'";
        let deadline = tokio::time::Instant::now() + LOST_AFTER;
        while !self.query("end earlier work", sql, &[]).await?.is_empty() {
            if tokio::time::Instant::now() > deadline {
                let why = format!("earlier work of ours on {} does not end", self.name);
                return Err(Error::failed("postgres_busy", why).retryable());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Runs a query. `what` completes the sentence "could not ...".
    pub async fn query(&self, what: &str, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>> {
        self.client.query(sql, params).await.map_err(|error| self.failed(what, error))
    }

    /// Runs a query that gives exactly one row.
    pub async fn one(&self, what: &str, sql: &str, params: &[Param<'_>]) -> Result<Row> {
        self.client.query_one(sql, params).await.map_err(|error| self.failed(what, error))
    }

    /// Runs a query whose first column is text, and gives that column.
    pub async fn texts(&self, what: &str, sql: &str, params: &[Param<'_>]) -> Result<Vec<String>> {
        Ok(self.query(what, sql, params).await?.iter().map(|row| row.get(0)).collect())
    }

    /// Runs statements in one transaction.
    pub async fn batch(&self, what: &str, sql: &str) -> Result<()> {
        self.client.batch_execute(sql).await.map_err(|error| self.failed(what, error))
    }

    /// Performs statements; how many rows the last one changed.
    pub async fn rows_affected(&self, what: &str, sql: &str) -> Result<u64> {
        let messages = self.client.simple_query(sql).await;
        let messages = messages.map_err(|error| self.failed(what, error))?;
        let count = messages.iter().rev().find_map(|message| match message {
            SimpleQueryMessage::CommandComplete(count) => Some(*count),
            _ => None,
        });
        Ok(count.unwrap_or(0))
    }

    /// Tells a failed statement with its place, and whether it may succeed later.
    pub(super) fn failed(&self, what: &str, error: tokio_postgres::Error) -> Error {
        let message = format!("could not {what} on {}", self.name);
        let lost = self.client.is_closed() || error.is_closed();
        let shut_down = error.code() == Some(&SqlState::ADMIN_SHUTDOWN);
        let failed = match error.code() {
            Some(state) if *state == SqlState::LOCK_NOT_AVAILABLE => {
                Error::failed("postgres_lock", message).retryable()
            }
            state if shut_down || (state.is_none() && lost) => {
                Error::failed("postgres_lost", message).retryable()
            }
            _ => Error::failed("postgres_failed", message),
        };
        match error.as_db_error() {
            // The driver's own text repeats what its source says.
            Some(told) => failed.because(told.clone()),
            None => failed.because(error),
        }
    }
}

async fn admin_of(site: &Site) -> Result<DatabaseAdmin> {
    let admin = site.provision.database_admin().await?;
    admin
        .ok_or_else(|| Error::missing("database_missing", format!("{} has no database", site.name)))
}

/// Sessions that are kept between steps: while users wait, a login and what a new process of the
/// server reads first are time they wait.
#[derive(Clone, Default)]
pub struct KeptSessions(Arc<Mutex<Vec<Server>>>);

impl KeptSessions {
    /// Those of a run.
    pub fn of(cx: &Context<'_>) -> KeptSessions {
        cx.world.kept.handle()
    }

    /// A session in an environment's database: a kept one if there is one that answers.
    pub async fn lend(&self, site: &Site) -> Result<Server> {
        let admin = admin_of(site).await?;
        while let Some(server) = self.take(&site.name, &admin) {
            let answer = tokio::time::timeout(ANSWERS_WITHIN, server.client.batch_execute(""));
            if answer.await.is_ok_and(|answer| answer.is_ok()) {
                return Ok(server);
            }
        }
        Server::connect(&site.name, &admin).await
    }

    /// Keeps a session for the next step. Only for one that has done its work and changed none of
    /// its settings: nobody looks at its state again.
    pub fn keep(&self, server: Server) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == KEPT_MAX {
            kept.remove(0);
        }
        kept.push(server);
    }

    /// A session of exactly this login.
    fn take(&self, name: &str, admin: &DatabaseAdmin) -> Option<Server> {
        let url = admin.url.expose_secret();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|one| !one.client.is_closed());
        let same = |one: &Server| one.name == name && one.admin.url.expose_secret() == url;
        let place = kept.iter().position(same)?;
        Some(kept.remove(place))
    }
}

async fn open(name: &str, address: &Address) -> Result<Client> {
    let mut config = address.config();
    let settings: Vec<_> = SETTINGS.iter().map(|setting| format!("-c {setting}")).collect();
    config
        .application_name("trefoil")
        .options(settings.join(" "))
        .connect_timeout(CONNECT_TIMEOUT)
        .keepalives(true)
        .keepalives_idle(LOST_AFTER / 3)
        .tcp_user_timeout(LOST_AFTER);
    let unreachable =
        || Error::missing("postgres_unreachable", format!("cannot reach PostgreSQL of {name}"));
    let connect = config.connect(address.connector()?);
    let (client, connection) = tokio::time::timeout(CONNECT_TIMEOUT, connect)
        .await
        .map_err(|late| unreachable().because(late).retryable())?
        .map_err(|error| match error.as_db_error() {
            Some(told) => unreachable().because(told.clone()).retryable(),
            None if is_about_tls(&error) => tls_refused(name, address).because(error),
            None => unreachable().because(error).retryable(),
        })?;
    let name = name.to_owned();
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(server = name, %error, "a PostgreSQL session ended");
        }
    });
    Ok(client)
}

fn tls_refused(name: &str, address: &Address) -> Error {
    let (host, mode) = (address.host(), address.sslmode());
    let why = format!("no TLS to PostgreSQL of {name} at {host} that can be trusted ({mode})");
    Error::refused("postgres_tls", why).hint(
        "its certificate must be of that host name and of an authority that is trusted here; a \
         private authority is named in the URL: sslrootcert=FILE",
    )
}

/// A session on each side of a stream or of a move.
pub struct Pair {
    /// The side that is read: the publisher.
    pub source: Server,
    /// The side that is written: the subscriber.
    pub target: Server,
}

impl Pair {
    /// Opens both, for the environments of an action.
    pub async fn open(cx: &Context<'_>, from: &str, to: &str) -> Result<Pair> {
        let (source, target) = (cx.site(from)?, cx.site(to)?);
        let (source, target) =
            futures::future::try_join(Server::of_site(source), Server::of_site(target)).await?;
        Ok(Pair { source, target })
    }

    /// The same, with sessions that were kept.
    pub async fn lent(cx: &Context<'_>, from: &str, to: &str) -> Result<Pair> {
        let (source, target, kept) = (cx.site(from)?, cx.site(to)?, KeptSessions::of(cx));
        let (source, target) =
            futures::future::try_join(kept.lend(source), kept.lend(target)).await?;
        Ok(Pair { source, target })
    }

    /// Keeps both for the next step: see [`KeptSessions::keep`].
    pub fn keep(self, cx: &Context<'_>) {
        let kept = KeptSessions::of(cx);
        kept.keep(self.source);
        kept.keep(self.target);
    }

    /// Lets statements of both sessions take as long as they need.
    pub async fn patient(self) -> Result<Pair> {
        Ok(Pair { source: self.source.patient().await?, target: self.target.patient().await? })
    }
}
