//! What every database does. These behaviours stop and crash the server, so each has its own.

use std::time::{Duration, Instant};

use secrecy::SecretString;

use super::Fixture;
use super::postgres::TestPostgres;
use crate::Error;
use crate::database::{Database, DatabaseOptions, failed};

/// Makes one test of each behaviour of a database. The fixture's `keep` is a server
/// ([`TestPostgres`]), its handles are of the database `postgres`, and the superuser's.
#[macro_export]
macro_rules! database_conformance {
    ($fresh:path) => {
        $crate::conformance_suite! { database, $fresh,
            statements_are_executed_and_rows_come_back
            a_transaction_is_whole_or_not_at_all
            a_refused_statement_keeps_its_state_and_words
            a_killed_connection_is_replaced
            it_is_used_again_after_a_crash
            it_opens_while_the_server_refuses
            a_withdrawn_login_is_unreachable
            a_read_only_database_is_not_healthy
            connections_are_bounded
            statements_are_bounded_in_time
            a_wrong_password_is_in_no_error
        }
    };
}

type Suite = Fixture<Database>;

fn server(suite: &Suite) -> &TestPostgres {
    suite.keep.downcast_ref().expect("the fixture keeps a server")
}

fn open(url: String) -> Database {
    Database::open(&SecretString::from(url)).expect("the URL can be read")
}

async fn run(database: &Database, sql: &str) {
    database.execute(sql, &[]).await.expect("the statement is executed");
}

async fn count(database: &Database) -> i64 {
    let rows = database.query("SELECT count(*) FROM kept", &[]).await.expect("rows come back");
    rows[0].get(0)
}

/// Asks until it succeeds, for at most half a minute.
async fn until_healthy(database: &Database) {
    let started = Instant::now();
    while let Err(error) = database.health().await {
        assert!(started.elapsed() < Duration::from_secs(30), "not healthy again: {error:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn assert_unreachable(error: &Error) {
    assert_eq!(error.code(), "database_unreachable", "{error:?}");
    assert!(error.is_retryable());
}

/// Statements with parameters change rows and return them.
pub async fn statements_are_executed_and_rows_come_back(suite: &Suite) {
    run(&suite.first, "CREATE TABLE kept (n int, word text)").await;
    let insert = "INSERT INTO kept VALUES ($1, $2), ($1 + 1, $2)";
    let changed = suite.first.execute(insert, &[&1, &"Grüße"]).await.expect("executed");
    assert_eq!(changed, 2);
    let rows = suite.second.query("SELECT n, word FROM kept ORDER BY n", &[]).await.expect("rows");
    assert_eq!((rows.len(), rows[1].get::<_, i32>(0)), (2, 2));
    assert_eq!(rows[0].get::<_, String>(1), "Grüße");
    let one = suite.second.query_opt("SELECT word FROM kept WHERE n = $1", &[&7]).await;
    assert!(one.expect("no error").is_none());
    suite.first.health().await.expect("it is healthy");
}

/// What a dropped transaction wrote is not there; what a committed one wrote is.
pub async fn a_transaction_is_whole_or_not_at_all(suite: &Suite) {
    run(&suite.first, "CREATE TABLE kept (n int)").await;
    for commit in [false, true] {
        let mut client = suite.first.get().await.expect("a connection");
        let transaction = client.transaction().await.expect("a transaction");
        transaction.execute("INSERT INTO kept VALUES (1)", &[]).await.expect("executed");
        assert_eq!(count(&suite.second).await, 0, "nobody sees it before it is committed");
        match commit {
            true => transaction.commit().await.expect("committed"),
            false => drop(transaction),
        }
    }
    assert_eq!(count(&suite.second).await, 1);
}

/// A statement that the server refuses says why; the connection can be used again.
pub async fn a_refused_statement_keeps_its_state_and_words(suite: &Suite) {
    let error = suite.first.query("SELECT * FROM missing", &[]).await.expect_err("it is refused");
    assert_eq!(error.code(), "database_statement");
    assert!(error.to_string().contains("42P01") && error.to_string().contains("missing"));
    assert!(!error.is_retryable());
    suite.first.health().await.expect("it is healthy");
}

/// Who is cut off learns it; the next caller gets a new connection.
pub async fn a_killed_connection_is_replaced(suite: &Suite) {
    let client = suite.first.get().await.expect("a connection");
    let all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() \
               AND backend_type = 'client backend'";
    suite.second.query(all, &[]).await.expect("executed");
    let error = client.query("SELECT 1", &[]).await.map_err(failed).expect_err("it was cut off");
    assert_unreachable(&error);
    drop(client);
    for _ in 0..5 {
        run(&suite.first, "SELECT 1").await;
    }
}

/// After a crash of the server the pool connects again by itself.
pub async fn it_is_used_again_after_a_crash(suite: &Suite) {
    run(&suite.first, "CREATE TABLE kept (n int)").await;
    run(&suite.first, "INSERT INTO kept VALUES (1)").await;
    server(suite).crash();
    let error = suite.first.query("SELECT 1", &[]).await.expect_err("nobody answers");
    assert_unreachable(&error);
    server(suite).restart();
    until_healthy(&suite.first).await;
    assert_eq!(count(&suite.first).await, 1);
}

/// It can be opened before its server runs.
pub async fn it_opens_while_the_server_refuses(suite: &Suite) {
    server(suite).stop();
    let database = open(server(suite).admin_url());
    assert_unreachable(&database.health().await.expect_err("nobody answers"));
    server(suite).restart();
    until_healthy(&database).await;
}

/// A role that may not log in, or not connect, finds the database unreachable, and comes back.
pub async fn a_withdrawn_login_is_unreachable(suite: &Suite) {
    for sql in [
        "CREATE ROLE app LOGIN PASSWORD 'hidden'",
        "CREATE DATABASE own OWNER app",
        "REVOKE CONNECT ON DATABASE own FROM PUBLIC",
    ] {
        run(&suite.first, sql).await;
    }
    let database = open(server(suite).url_as("app", "hidden", "own"));
    for (close, reopen) in [
        ("ALTER ROLE app NOLOGIN", "ALTER ROLE app LOGIN"),
        ("REVOKE CONNECT ON DATABASE own FROM app", "GRANT CONNECT ON DATABASE own TO app"),
    ] {
        database.health().await.expect("it is healthy");
        run(&suite.first, close).await;
        let all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'";
        suite.first.query(all, &[]).await.expect("executed");
        let error = database.execute("SELECT 1", &[]).await.expect_err("nobody gets in");
        assert_unreachable(&error);
        run(&suite.first, reopen).await;
        until_healthy(&database).await;
    }
}

/// A database that takes no writes is not healthy, and its refusal has a code of its own.
pub async fn a_read_only_database_is_not_healthy(suite: &Suite) {
    run(&suite.first, "CREATE TABLE kept (n int)").await;
    run(&suite.first, "ALTER DATABASE postgres SET default_transaction_read_only = on").await;
    let database = open(server(suite).admin_url());
    let error = database.health().await.expect_err("it takes no writes");
    assert_eq!(error.code(), "database_read_only");
    let error = database.execute("INSERT INTO kept VALUES (1)", &[]).await;
    assert_eq!(error.expect_err("it takes no writes").code(), "database_read_only");
}

/// No more connections than allowed are opened; who waits too long is told so.
pub async fn connections_are_bounded(suite: &Suite) {
    let options = DatabaseOptions {
        max_connections: 2,
        connect_timeout_ms: 300,
        ..DatabaseOptions::default()
    };
    let url = SecretString::from(server(suite).admin_url());
    let database = Database::open_with(&url, &options).expect("the URL can be read");
    let held = (database.get().await.expect("a connection"), database.get().await);
    let error = database.get().await.expect_err("none is free");
    assert_eq!(error.code(), "database_busy");
    assert!(error.is_retryable());
    drop(held);
    drop(database.get().await.expect("one is free again"));
}

/// The server gives up a statement that works for too long; settings reach the session.
pub async fn statements_are_bounded_in_time(suite: &Suite) {
    let options = DatabaseOptions {
        statement_timeout_ms: 100,
        settings: vec![("application_name", "conformance".to_owned())],
        ..DatabaseOptions::default()
    };
    let url = SecretString::from(server(suite).admin_url());
    let database = Database::open_with(&url, &options).expect("the URL can be read");
    let error = database.query("SELECT pg_sleep(20)", &[]).await.expect_err("it is given up");
    assert!(error.to_string().contains("57014"), "{error}");
    let name = database.query("SHOW application_name", &[]).await.expect("a row");
    assert_eq!(name[0].get::<_, String>(0), "conformance");
}

/// A wrong password is refused without being repeated.
pub async fn a_wrong_password_is_in_no_error(suite: &Suite) {
    let database = open(server(suite).url_as("trefoil", "wrong-hidden", "postgres"));
    let error = database.health().await.expect_err("it is refused");
    assert_unreachable(&error);
    assert!(!format!("{error:?} {}", error.chain()).contains("wrong-hidden"));
}
