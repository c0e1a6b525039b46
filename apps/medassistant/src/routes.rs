//! The routes of the service, and whether it can serve.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde_json::{Map, Value, json};
use trefoil_clouds::{Error, Result};

use crate::answer::Failure;
use crate::app::{App, Shared};
use crate::{chat, documents, metrics, notes, sessions};

/// How long a request may take, its body included.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// How long each service may take to say that it is ready.
const READY_TIMEOUT: Duration = Duration::from_secs(3);
/// The largest body of JSON, in bytes.
const JSON_MAX_BYTES: usize = 1024 * 1024;

/// The routes of the service.
pub(crate) fn router(app: Arc<App>) -> Router {
    let document = put(documents::write).get(documents::read).delete(documents::delete);
    let session = get(sessions::read).put(sessions::update).delete(sessions::delete);
    Router::new()
        .route("/health", get(health))
        .route("/ready", get(ready))
        .route("/metrics", get(show_metrics))
        .route("/documents", get(documents::list))
        .route(
            "/documents/{id}",
            document.layer(DefaultBodyLimit::max(documents::DOCUMENT_MAX_BYTES)),
        )
        .route("/documents/{id}/info", get(documents::info))
        .route("/notes", post(notes::write).get(notes::list))
        .route("/sessions", post(sessions::create))
        .route("/sessions/{id}", session)
        .layer(from_fn(bound_in_time))
        // An answer may take longer than other requests, and has a limit of its own.
        .route("/chat", post(chat::ask))
        .layer(DefaultBodyLimit::max(JSON_MAX_BYTES))
        .layer(from_fn_with_state(app.metrics.clone(), metrics::measure))
        .with_state(app)
}

async fn bound_in_time(request: Request, next: Next) -> Response {
    let late = |_| {
        let why = format!("the request took longer than {} s", REQUEST_TIMEOUT.as_secs());
        Failure::unavailable("request_timeout", why).into_response()
    };
    tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await.unwrap_or_else(late)
}

/// `GET /health`: the process lives.
async fn health() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

/// `GET /ready`: database, objects and sessions answer, each asked now.
async fn ready(State(app): Shared) -> Response {
    let (database, documents, sessions) = tokio::join!(
        in_time(app.check_database()),
        in_time(app.documents.health()),
        in_time(app.sessions.health()),
    );
    let mut reasons = Map::new();
    for (name, result) in [("database", database), ("documents", documents), ("sessions", sessions)]
    {
        if let Err(error) = result {
            reasons.insert(name.to_owned(), json!(error.to_string()));
        }
    }
    let status = match reasons.is_empty() {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(json!({"ready": reasons.is_empty(), "reasons": reasons}))).into_response()
}

async fn in_time(check: impl Future<Output = Result<()>>) -> Result<()> {
    let late = |_| Error::missing("ready_timeout", "no answer in time");
    tokio::time::timeout(READY_TIMEOUT, check).await.map_err(late)?
}

/// `GET /metrics`: counters as Prometheus reads them.
async fn show_metrics(State(app): Shared) -> Response {
    let text = app.metrics.render(app.database_up.load(Ordering::Relaxed));
    ([("content-type", "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}
