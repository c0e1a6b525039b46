//! An edge in this process, and a server behind it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, Response, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use sha2::{Digest, Sha256};
use tokio::task::JoinHandle;
use trefoil_clouds::operate::control::{Control, EDGE_SOCKET};
use trefoil_clouds::operate::edge_protocol::{Drain, Drained, EdgeStatus, Hold, Release, Upstream};
use trefoil_ops::edge;

pub(crate) const LONG: Duration = Duration::from_secs(10);

pub(crate) struct Running {
    pub(crate) task: JoinHandle<trefoil_ops::Result<()>>,
    pub(crate) control: Control,
    pub(crate) address: String,
    pub(crate) _folder: Option<tempfile::TempDir>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) async fn edge_in(folder: &Path, port: u16) -> Running {
    let path = folder.to_path_buf();
    let task = tokio::spawn(async move { edge::serve(&path, port).await });
    let control = Control::new(folder, EDGE_SOCKET);
    let began = Instant::now();
    loop {
        if let Ok(status) = control.get::<EdgeStatus>("/status", LONG).await {
            return Running { task, control, address: status.listen, _folder: None };
        }
        assert!(began.elapsed() < LONG && !task.is_finished(), "the edge did not start");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub(crate) async fn edge() -> Running {
    let folder = tempfile::tempdir().unwrap();
    let mut running = edge_in(folder.path(), 0).await;
    running._folder = Some(folder);
    running
}

impl Running {
    pub(crate) async fn status(&self) -> EdgeStatus {
        self.control.get("/status", LONG).await.unwrap()
    }

    pub(crate) async fn hold(&self, limit_requests: u64, limit_ms: u64) {
        let hold = Hold { limit_requests, limit_ms };
        self.control.post::<_, ()>("/hold", &hold, LONG).await.unwrap();
    }

    pub(crate) async fn drain(&self, deadline_ms: u64) -> trefoil_ops::Result<Drained> {
        self.control.post("/drain", &Drain { deadline_ms }, LONG).await
    }

    pub(crate) async fn release(
        &self,
        epoch: u64,
        environment: &str,
        address: &str,
    ) -> trefoil_ops::Result<()> {
        let upstream =
            Upstream { environment: environment.to_owned(), address: address.to_owned() };
        self.control.post("/release", &Release { epoch, upstream }, LONG).await
    }

    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&EdgeStatus) -> bool) {
        let began = Instant::now();
        while !holds(&self.status().await) {
            assert!(began.elapsed() < LONG, "not within 10 s: {what}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// A server that says who it is and the digest of what it was sent, after a delay.
pub(crate) struct Upstreamed {
    pub(crate) name: &'static str,
    delay: Duration,
    pub(crate) served: AtomicU64,
}

pub(crate) async fn upstream(name: &'static str, delay: Duration) -> (Arc<Upstreamed>, String) {
    let state = Arc::new(Upstreamed { name, delay, served: AtomicU64::new(0) });
    let router = Router::new().fallback(answer).with_state(state.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, router).await });
    (state, address)
}

pub(crate) async fn answer(
    State(state): State<Arc<Upstreamed>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    state.served.fetch_add(1, Ordering::SeqCst);
    tokio::time::sleep(state.delay).await;
    let host = headers.get("host").map_or("", |host| host.to_str().unwrap());
    let from = headers.get("x-forwarded-for").map_or("", |from| from.to_str().unwrap());
    let digest = hex::encode(Sha256::digest(&body));
    let answer = Response::builder().header("x-host", host).header("x-from", from);
    answer.body(Body::from(format!("{}:{digest}", state.name))).unwrap()
}

pub(crate) type Web = Client<HttpConnector, Full<Bytes>>;

pub(crate) fn web() -> Web {
    Client::builder(TokioExecutor::new()).build_http()
}

pub(crate) async fn send(
    web: &Web,
    address: &str,
    body: Vec<u8>,
) -> Result<(StatusCode, String), String> {
    let request = Request::post(format!("http://{address}/notes?x=1"))
        .body(Full::new(Bytes::from(body)))
        .unwrap();
    let answer = web.request(request).await.map_err(|error| error.to_string())?;
    let status = answer.status();
    let body = answer.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
    Ok((status, String::from_utf8(body.to_vec()).unwrap()))
}
