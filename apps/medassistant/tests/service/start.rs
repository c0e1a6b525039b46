//! Starting without a database, migrating when told, ending well.

use std::time::{Duration, Instant};

use hyper::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use trefoil_clouds::conformance::postgres::TestPostgres;

use crate::support::{Service, free_port, migrate, program, ready};

#[tokio::test]
async fn it_starts_before_its_database_and_finds_it_later() {
    let server = TestPostgres::start(&[]);
    let url = server.create_database("med").await;
    assert!(migrate(&url).status.success());
    server.stop();
    let service = Service::start(Some(&url)).await;
    let reply = service.get("/ready").await;
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    let reasons = reply.json()["reasons"].clone();
    assert!(reasons["database"].as_str().unwrap().contains("cannot be reached"), "{reasons}");
    assert_eq!(reasons.as_object().unwrap().len(), 1, "only the database is missing");
    let refused = service.send("POST", "/notes", None, r#"{"client":"a","seq":1,"text":""}"#).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.header("retry-after"), Some("1"));
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert!(service.log().lines().count() < 10, "a flood: {}", service.log());
    assert_eq!(service.get("/health").await.status, StatusCode::OK);
    server.restart();
    service.await_ready(StatusCode::OK).await;
    let started = Instant::now();
    while !service.log().contains("answers again") {
        assert!(started.elapsed() < Duration::from_secs(5), "{}", service.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let line =
        service.log().lines().find(|line| line.contains("answers again")).unwrap().to_owned();
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert!(line["fields"]["attempts"].as_u64().unwrap() >= 8, "every 50 ms: {line}");
    assert!(!service.log().contains(&server.password));
}

#[tokio::test]
async fn it_lives_without_any_database() {
    let service = Service::start(None).await;
    assert_eq!(service.get("/health").await.status, StatusCode::OK);
    let reply = service.get("/ready").await;
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(reply.json()["reasons"]["database"], "DATABASE_URL is not set");
    let session = service.send("POST", "/sessions", None, r#"{"data":1}"#).await;
    assert_eq!(session.status, StatusCode::CREATED, "a session needs no database");
}

#[tokio::test]
async fn the_schema_changes_only_when_told_and_only_once() {
    let server = TestPostgres::shared();
    let url = server.create_database("med").await;
    let service = Service::start(Some(&url)).await;
    let reply = service.get("/ready").await;
    assert!(reply.json()["reasons"]["database"].as_str().unwrap().contains("not migrated"));
    for _ in 0..2 {
        let output = migrate(&url);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    service.await_ready(StatusCode::OK).await;
    let database = url.rsplit_once('/').unwrap().1;
    server.execute(database, "INSERT INTO schema_migrations VALUES (1000, 'later')").await;
    let output = migrate(&url);
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("schema_newer"));
    assert_eq!(service.get("/ready").await.status, StatusCode::OK, "a newer schema is served");
}

#[tokio::test]
async fn migrations_at_once_do_not_meet() {
    let server = TestPostgres::shared();
    let url = server.create_database("med").await;
    let migrations = (0..3).map(|_| {
        std::thread::spawn({
            let url = url.clone();
            move || migrate(&url)
        })
    });
    for migration in migrations.collect::<Vec<_>>() {
        let output = migration.join().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[tokio::test]
async fn ready_asks_the_stores_too() {
    let (_server, service) = ready().await;
    let bucket = service.folder.path().join("documents");
    std::fs::rename(&bucket, service.folder.path().join("elsewhere")).unwrap();
    let reply = service.get("/ready").await;
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(reply.json()["reasons"]["documents"].is_string(), "{:?}", reply.body);
    std::fs::rename(service.folder.path().join("elsewhere"), &bucket).unwrap();
    service.await_ready(StatusCode::OK).await;
    std::fs::remove_file(service.folder.path().join("sessions.sqlite")).unwrap();
    let reply = service.get("/ready").await;
    assert!(reply.json()["reasons"]["sessions"].is_string(), "{:?}", reply.body);
}

#[tokio::test]
async fn requests_in_flight_end_and_new_ones_are_not_taken() {
    let (_server, mut service) = ready().await;
    let mut upload = TcpStream::connect(("127.0.0.1", service.port)).await.unwrap();
    let head = "PUT /documents/slow HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n01234";
    upload.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let asked = Instant::now();
    service.terminate();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(TcpStream::connect(("127.0.0.1", service.port)).await.is_err());
    upload.write_all(b"56789").await.unwrap();
    let mut answer = String::new();
    upload.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert_eq!(service.ended().await.code(), Some(0), "{}", service.log());
    assert!(asked.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_request_without_end_is_cut_in_time() {
    let mut service = Service::start(None).await;
    let mut upload = TcpStream::connect(("127.0.0.1", service.port)).await.unwrap();
    let head = "PUT /documents/slow HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n01234";
    upload.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let asked = Instant::now();
    service.terminate();
    assert_eq!(service.ended().await.code(), Some(0), "{}", service.log());
    assert!(asked.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn health_is_asked_by_command() {
    let service = Service::start(None).await;
    let health = |port| {
        let mut command = program(service.folder.path(), port, None);
        command.arg("health").output().unwrap().status.code()
    };
    assert_eq!(health(service.port), Some(0));
    assert_eq!(health(free_port()), Some(1));
}

#[tokio::test]
async fn a_wrong_configuration_ends_the_start() {
    let folder = tempfile::tempdir().unwrap();
    for (name, value, word) in [
        ("PORT", "http", "PORT"),
        ("LOG_LEVEL", "loud", "LOG_LEVEL"),
        ("SESSIONS_URL", "", "SESSIONS_URL"),
        ("BUCKET_DOCUMENTS_URL", "gs://bucket", "file://"),
        (
            "DATABASE_URL",
            "postgresql://a:hidden@db.example.com/x?sslmode=disable",
            "database_tls_needed",
        ),
        ("DATABASE_URL", "postgresql://a:hidden@127.0.0.1:hidden/x", "database_url"),
    ] {
        let mut command = program(folder.path(), free_port(), None);
        let output = command.arg("serve").env(name, value).output().unwrap();
        let words = String::from_utf8(output.stderr).unwrap();
        assert!([Some(2), Some(3)].contains(&output.status.code()), "{name}={value}: {words}");
        assert!(words.contains(word) && !words.contains("hidden"), "{words}");
    }
}

#[tokio::test]
async fn requests_are_counted_by_route() {
    let service = Service::start(None).await;
    for path in ["/sessions/unknown-1", "/sessions/unknown-2", "/no/such/route"] {
        assert_eq!(service.get(path).await.status, StatusCode::NOT_FOUND);
    }
    let reply = service.get("/metrics").await;
    assert!(reply.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"));
    let text = String::from_utf8(reply.body.to_vec()).unwrap();
    let total = "medassistant_requests_total";
    let sessions = format!(r#"{total}{{method="GET",route="/sessions/{{id}}",status="404"}} 2"#);
    assert!(text.contains(&sessions), "{text}");
    assert!(text.contains(&format!(r#"{total}{{method="GET",route="unmatched",status="404"}} 1"#)));
    assert!(!text.contains("unknown-1"), "identifiers are not labels");
}
