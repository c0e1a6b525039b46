//! Starting the service and asking it.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::HeaderMap;
use hyper::{Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tempfile::TempDir;
use trefoil_clouds::conformance::postgres::TestPostgres;

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A running service; killed when it is dropped.
pub(crate) struct Service {
    pub(crate) port: u16,
    pub(crate) folder: Arc<TempDir>,
    child: Child,
    client: Client<HttpConnector, Full<Bytes>>,
}

pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {:?}", self.body))
    }

    /// The status and the body; most expectations are about these.
    pub(crate) fn pair(&self) -> (u16, Value) {
        (self.status.as_u16(), self.json())
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// The program with the variables of a service.
pub(crate) fn program(folder: &Path, port: u16, database_url: Option<&str>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_medassistant"));
    command.env_clear().env("PORT", port.to_string()).env("LOG_LEVEL", "info");
    command.env("BUCKET_DOCUMENTS_URL", format!("file://{}/documents", folder.display()));
    command.env("SESSIONS_URL", format!("file://{}/sessions.sqlite", folder.display()));
    if let Some(url) = database_url {
        command.env("DATABASE_URL", url);
    }
    command
}

/// Runs `medassistant migrate` on a database.
pub(crate) fn migrate(database_url: &str) -> Output {
    let mut command = program(Path::new("/nowhere"), 1, Some(database_url));
    command.arg("migrate").output().unwrap()
}

pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// A new, migrated database on the shared server, and a service that is ready.
pub(crate) async fn ready() -> (Arc<TestPostgres>, Service) {
    let server = TestPostgres::shared();
    let url = server.create_database("med").await;
    assert!(migrate(&url).status.success());
    let service = Service::start(Some(&url)).await;
    service.await_ready(StatusCode::OK).await;
    (server, service)
}

impl Service {
    /// Starts a service with stores of its own and waits until it lives.
    pub(crate) async fn start(database_url: Option<&str>) -> Self {
        Self::start_in(Arc::new(tempfile::tempdir().unwrap()), database_url).await
    }

    /// Starts a service on stores that are there.
    pub(crate) async fn start_in(folder: Arc<TempDir>, database_url: Option<&str>) -> Self {
        Self::start_all(folder, database_url, &[]).await
    }

    /// Starts a service with stores of its own and further variables.
    pub(crate) async fn start_with(database_url: Option<&str>, variables: &[(&str, &str)]) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        Self::start_all(folder, database_url, variables).await
    }

    async fn start_all(
        folder: Arc<TempDir>,
        database_url: Option<&str>,
        variables: &[(&str, &str)],
    ) -> Self {
        let port = free_port();
        let mut command = program(folder.path(), port, database_url);
        command.envs(variables.iter().copied());
        let log = File::options().create(true).append(true).open(folder.path().join("log"));
        let child = command.arg("serve").stderr(log.unwrap()).spawn().unwrap();
        let client = Client::builder(TokioExecutor::new()).build_http();
        let service = Self { port, folder, child, client };
        let started = Instant::now();
        while service.try_send(Request::get(service.url("/health"))).await.is_none() {
            assert!(started.elapsed() < PATIENCE, "it does not start: {}", service.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        service
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// What it has written to standard error.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    async fn try_send(&self, request: hyper::http::request::Builder) -> Option<StatusCode> {
        let request = request.body(Full::default()).unwrap();
        self.client.request(request).await.ok().map(|reply| reply.status())
    }

    /// Sends a body of a media type; the status of the answer.
    pub(crate) async fn send_as(
        &self,
        media: &str,
        method: &str,
        path: &str,
        body: &str,
    ) -> StatusCode {
        let request = Request::builder().method(method).uri(self.url(path));
        let request = request.header("content-type", media);
        let body = Bytes::copy_from_slice(body.as_bytes());
        self.exchange(request.body(Full::new(body)).unwrap()).await.status
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        key: Option<&str>,
        body: impl Into<Bytes>,
    ) -> Reply {
        let mut request = Request::builder().method(method).uri(self.url(path));
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        self.exchange(request.body(Full::new(body.into())).unwrap()).await
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Reply {
        let answer = tokio::time::timeout(PATIENCE, self.client.request(request)).await;
        let (head, body) = answer.expect("an answer in time").expect("an answer").into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Reply { status: head.status, headers: head.headers, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, None, Bytes::new()).await
    }

    pub(crate) async fn json(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        self.send(method, path, None, body.to_string()).await.pair()
    }

    /// Waits until `/ready` has that status.
    pub(crate) async fn await_ready(&self, status: StatusCode) {
        let started = Instant::now();
        loop {
            let reply = self.get("/ready").await;
            if reply.status == status {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "{:?} {}", reply.body, self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Asks it to stop (SIGTERM).
    pub(crate) fn terminate(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    }

    /// How it ended.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(started.elapsed() < PATIENCE, "it does not end: {}", self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
