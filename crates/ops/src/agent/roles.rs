//! The application's role and database on the environment's server.

use std::time::Duration;

use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, NoTls};
use trefoil_clouds::operate::agent_protocol::StartDatabase;

use super::cluster::SUPERUSER;
use crate::{Error, Result};

/// How long all of it may take.
const TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// In this session neither a statement nor a statement that failed is written to the server's
/// log, whatever its settings are, because one of them holds a password.
const QUIET: &str = "SET log_statement = 'none'; SET log_min_error_statement = 'panic'; \
                     SET log_min_duration_statement = -1";

/// Makes the role and the database that are not there. Those that are there are left as they
/// are: a role that a move has closed must not be opened by a restart.
pub(super) async fn ensure(port: u16, request: &StartDatabase) -> Result<()> {
    let (client, connection) = Config::new()
        .host("127.0.0.1")
        .port(port)
        .user(SUPERUSER)
        .password(&request.admin_password)
        .dbname("postgres")
        .application_name("trefoil agent")
        .connect_timeout(CONNECT_TIMEOUT)
        .connect(NoTls)
        .await
        .map_err(|error| refused_or_failed(&error))?;
    let connection = tokio::spawn(connection);
    let made = tokio::time::timeout(TIMEOUT, make(&client, request)).await;
    connection.abort();
    let late = || Error::failed("database_failed", "the database was not made within 30 s");
    made.map_err(|_| late().retryable())?.map_err(|error| {
        Error::failed("database_failed", "the role or the database cannot be made").because(error)
    })
}

fn refused_or_failed(error: &tokio_postgres::Error) -> Error {
    if error.code() == Some(&SqlState::INVALID_PASSWORD) {
        let message = "the server does not accept the password of `trefoil`";
        return Error::refused("database_password", message).hint(
            "the environment's secrets are not those that its database was made with; \
             restore them, or begin anew with `trefoil down ENV --destroy`",
        );
    }
    let chain = std::error::Error::source(error).map(ToString::to_string);
    Error::failed("database_failed", "cannot log in to the database server")
        .because(chain.unwrap_or_else(|| error.to_string()))
        .retryable()
}

async fn make(client: &Client, request: &StartDatabase) -> Result<(), tokio_postgres::Error> {
    client.batch_execute(QUIET).await?;
    let (role, database) = (&request.role, &request.database);
    if client.query_opt("SELECT 1 FROM pg_roles WHERE rolname = $1", &[role]).await?.is_none() {
        let statement = "SELECT format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE \
                         NOREPLICATION PASSWORD %L', $1::text, $2::text)";
        // The server quotes the names and the password, by its own rules.
        let statement = client.query_one(statement, &[role, &request.password]).await?;
        client.batch_execute(statement.get(0)).await?;
    }
    let known = "SELECT 1 FROM pg_database WHERE datname = $1";
    if client.query_opt(known, &[database]).await?.is_none() {
        let statement = "SELECT format('CREATE DATABASE %I OWNER %I', $1::text, $2::text)";
        let statement = client.query_one(statement, &[database, role]).await?;
        client.batch_execute(statement.get(0)).await?;
    }
    Ok(())
}
