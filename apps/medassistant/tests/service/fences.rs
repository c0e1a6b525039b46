//! A database that is fenced while it is written to: nothing is claimed that did not happen.

use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use serde_json::json;
use trefoil_clouds::conformance::postgres::TestPostgres;

use crate::support::{Reply, Service, migrate};

const DATABASE: &str = "own";

/// A service whose role can be fenced, on a server of its own.
async fn fenceable() -> (TestPostgres, Service) {
    let server = TestPostgres::start(&[]);
    server.execute("postgres", "CREATE ROLE app LOGIN PASSWORD 'p'").await;
    server.execute("postgres", "CREATE DATABASE own OWNER app").await;
    let url = server.url_as("app", "p", DATABASE);
    assert!(migrate(&url).status.success());
    let service = Service::start(Some(&url)).await;
    service.await_ready(StatusCode::OK).await;
    (server, service)
}

async fn note(service: &Service, seq: usize) -> Reply {
    let note = json!({"client": "a", "seq": seq, "text": "x"});
    service.send("POST", "/notes", Some(&format!("note-{seq}")), note.to_string()).await
}

const CUT: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'";

#[tokio::test]
async fn every_kind_of_fence_is_a_503_and_ends_with_it() {
    let (server, service) = fenceable().await;
    let fences = [
        ("ALTER ROLE app NOLOGIN", "ALTER ROLE app LOGIN"),
        ("ALTER DATABASE own CONNECTION LIMIT 0", "ALTER DATABASE own CONNECTION LIMIT -1"),
        (
            "ALTER ROLE app SET default_transaction_read_only = on",
            "ALTER ROLE app RESET default_transaction_read_only",
        ),
    ];
    for (n, (close, reopen)) in fences.into_iter().enumerate() {
        server.execute("postgres", close).await;
        server.execute("postgres", CUT).await;
        let reply = note(&service, n).await;
        assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE, "{close}: {:?}", reply.body);
        assert_eq!(reply.header("retry-after"), Some("1"));
        let upload = service.send("PUT", "/documents/a", None, "x").await;
        assert_eq!(upload.status, StatusCode::SERVICE_UNAVAILABLE, "{close}");
        service.await_ready(StatusCode::SERVICE_UNAVAILABLE).await;
        server.execute("postgres", reopen).await;
        server.execute("postgres", CUT).await;
        service.await_ready(StatusCode::OK).await;
        assert_eq!(note(&service, n).await.status, StatusCode::CREATED, "{reopen}");
        assert_eq!(service.get("/documents/a").await.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn what_was_acknowledged_around_cuts_is_there_once() {
    let (server, service) = fenceable().await;
    let service = Arc::new(service);
    let writers = (0..4_usize).map(|writer| {
        let service = service.clone();
        tokio::spawn(async move {
            let mut refused = 0;
            for round in 0..40 {
                let seq = writer * 1_000 + round;
                let mut reply = note(&service, seq).await;
                while reply.status == StatusCode::SERVICE_UNAVAILABLE {
                    refused += 1;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    reply = note(&service, seq).await;
                }
                assert_eq!(reply.status, StatusCode::CREATED, "{:?}", reply.body);
            }
            refused
        })
    });
    let writers: Vec<_> = writers.collect();
    for _ in 0..6 {
        tokio::time::sleep(Duration::from_millis(60)).await;
        server.execute("postgres", "ALTER ROLE app NOLOGIN").await;
        server.execute("postgres", CUT).await;
        tokio::time::sleep(Duration::from_millis(60)).await;
        server.execute("postgres", "ALTER ROLE app LOGIN").await;
    }
    let mut refused = 0;
    for writer in writers {
        refused += writer.await.unwrap();
    }
    assert!(refused > 0, "the cuts were felt");
    let notes = service.get("/notes?client=a&limit=1000").await.json();
    assert_eq!(notes["notes"].as_array().unwrap().len(), 160);
}

#[tokio::test]
async fn it_goes_on_after_a_crash_of_the_database() {
    let (server, service) = fenceable().await;
    assert_eq!(note(&service, 1).await.status, StatusCode::CREATED);
    server.crash();
    assert_eq!(note(&service, 2).await.status, StatusCode::SERVICE_UNAVAILABLE);
    server.restart();
    service.await_ready(StatusCode::OK).await;
    assert_eq!(note(&service, 1).await.header("idempotency-replayed"), Some("true"));
    assert_eq!(note(&service, 2).await.status, StatusCode::CREATED);
}

/// The session was made, and the process ended before its answer was stored.
#[tokio::test]
async fn a_session_whose_answer_was_lost_is_found_again() {
    let (server, service) = fenceable().await;
    let body = r#"{"data":{"user":1}}"#;
    let first = service.send("POST", "/sessions", Some("lost"), body).await.pair();
    assert_eq!(first.0, 201);
    let lose = "UPDATE idempotency SET status = 0, body = jsonb_build_object('id', body->'id')";
    server.execute(DATABASE, lose).await;
    let again = service.send("POST", "/sessions", Some("lost"), body).await;
    assert_eq!(again.pair(), first, "the same session, and not a second one");
    assert_eq!(service.send("POST", "/sessions", Some("lost"), body).await.pair(), first);
    let other = service.send("PUT", "/documents/a", Some("lost"), "x").await;
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY);
}
