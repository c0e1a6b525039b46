//! The state that all requests share.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use axum::extract::State;
use tokio::sync::Semaphore;
use trefoil_clouds::chat::Chat;
use trefoil_clouds::database::Database;
use trefoil_clouds::objects::Objects;
use trefoil_clouds::sessions::Sessions;
use trefoil_clouds::{Error, Result, extractive};

use crate::answer::{Failure, Outcome};
use crate::config::Config;
use crate::metrics::Metrics;
use crate::migrations;

/// How many documents are in memory at a time.
const UPLOADS_MAX: usize = 16;

/// What all requests share.
pub(crate) struct App {
    database: Option<Database>,
    chat: Option<Chat>,
    /// How long an answer may take.
    pub(crate) chat_timeout: Duration,
    /// The bucket of documents.
    pub(crate) documents: Objects,
    /// The store of sessions.
    pub(crate) sessions: Sessions,
    /// Counters for `/metrics`.
    pub(crate) metrics: Arc<Metrics>,
    /// A turn for each document that is in memory.
    pub(crate) uploads: Semaphore,
    /// Whether the database answered when it was asked last.
    pub(crate) database_up: AtomicBool,
}

/// A handler's view of it.
pub(crate) type Shared = State<Arc<App>>;

impl App {
    /// Opens the services. The database need not answer, nor be there.
    pub(crate) fn open(config: &Config) -> Result<Self> {
        let database = match config.has_database() {
            true => Some(config.database()?),
            false => None,
        };
        let options = config.chat_options()?;
        let chat_timeout = Duration::from_millis(options.timeout_ms);
        let chat = match config.chat_url() {
            Some(url) => Some(Chat::open_with(url, &options)?),
            // Without a model the database's search answers, and says that it is none.
            None => database.clone().map(|database| extractive::chat(database, &options)),
        };
        Ok(Self {
            database,
            chat,
            chat_timeout,
            documents: Objects::open(config.documents_url()?)?,
            sessions: Sessions::open(config.sessions_url()?)?,
            metrics: Arc::default(),
            uploads: Semaphore::new(UPLOADS_MAX),
            database_up: AtomicBool::new(false),
        })
    }

    /// The database; without one a request cannot be fulfilled now.
    pub(crate) fn database(&self) -> Outcome<&Database> {
        let none = || Failure::unavailable("database_missing", "DATABASE_URL is not set");
        self.database.as_ref().ok_or_else(none)
    }

    /// What answers questions; without a model and a database nothing does.
    pub(crate) fn chat(&self) -> Outcome<&Chat> {
        let none = || Failure::unavailable("database_missing", "DATABASE_URL is not set");
        self.chat.as_ref().ok_or_else(none)
    }

    /// The database, if there is one.
    pub(crate) fn known_database(&self) -> Option<&Database> {
        self.database.as_ref()
    }

    /// Whether the database answers, with the schema of this build.
    pub(crate) async fn check_database(&self) -> Result<()> {
        let Some(database) = &self.database else {
            return Err(Error::missing("database_missing", "DATABASE_URL is not set"));
        };
        database.health().await?;
        migrations::check(database).await
    }
}
