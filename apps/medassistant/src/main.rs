//! MedAssistant: the example application, a small real service on Trefoil's services alone.

mod answer;
mod app;
mod chat;
mod config;
mod documents;
mod idempotency;
mod metrics;
mod migrations;
mod notes;
mod passages;
mod probe;
mod routes;
mod server;
mod sessions;
mod upkeep;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use trefoil_clouds::Result;

use config::Config;

/// Documents, notes, sessions and answers over HTTP. Configured by environment variables: PORT,
/// HOST, DATABASE_URL, BUCKET_DOCUMENTS_URL, SESSIONS_URL, LOG_LEVEL; CHAT_BASE_URL, CHAT_MODEL,
/// CHAT_API_KEY, CHAT_API_VERSION, CHAT_TIMEOUT_MS for a language model, if there is one.
#[derive(Parser)]
#[command(name = "medassistant", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serves until SIGTERM or SIGINT. Starts without a database, and never changes its schema.
    Serve,
    /// Brings the database's schema to this build's version.
    Migrate,
    /// Asks the service on PORT whether it lives; exits with 0 or 1.
    Health,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let config = Config::from_variables(|name| std::env::var(name).ok());
    let level = config.as_ref().map_or(config::DEFAULT_LEVEL, |config| config.log_level);
    // JSON on standard error: standard output belongs to nobody here.
    tracing_subscriber::fmt().json().with_writer(std::io::stderr).with_max_level(level).init();
    let result = match config {
        Ok(config) => run(&arguments.command, config).await,
        Err(error) => Err(error),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(code = error.code(), hint = error.hint_text(), "{}", error.chain());
            ExitCode::from(error.kind().exit_code())
        }
    }
}

async fn run(command: &Command, config: Config) -> Result<()> {
    match command {
        Command::Serve => server::serve(config).await,
        Command::Migrate => migrations::migrate(&config.database()?).await,
        Command::Health => probe::ask(config.port).await,
    }
}
