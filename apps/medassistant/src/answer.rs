//! What a request is answered with.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use trefoil_clouds::{Error, ErrorKind};

/// Marks an answer that was given before, to the same idempotency key.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// When a client may come again after a refusal, in seconds.
const RETRY_AFTER_S: u16 = 1;

/// An answer that can be stored and given again.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
    pub(crate) replayed: bool,
}

impl Answer {
    /// A new answer.
    pub(crate) fn new(status: StatusCode, body: Value) -> Self {
        Self { status, body, replayed: false }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body)).into_response();
        if self.replayed {
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}

/// A request that was not fulfilled.
#[derive(Debug)]
pub(crate) struct Failure {
    status: StatusCode,
    code: &'static str,
    message: String,
}

/// What a handler returns.
pub(crate) type Outcome<T = Answer> = Result<T, Failure>;

impl Failure {
    /// A refusal with a status of the caller's choice.
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// A request that is malformed.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    /// There is no such thing.
    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("there is no such {what}"))
    }

    /// It cannot be done now; the client may come again.
    pub(crate) fn unavailable(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let status = match (error.code(), error.kind()) {
            ("session_conflict", _) => StatusCode::CONFLICT,
            _ if error.is_retryable() => StatusCode::SERVICE_UNAVAILABLE,
            (_, ErrorKind::Usage) => StatusCode::BAD_REQUEST,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(code = error.code(), "{}", error.chain());
        }
        Self::new(status, error.code(), error.to_string())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let error = json!({"error": {"code": self.code, "message": self.message}});
        let mut response = (self.status, Json(error)).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER_S.into());
        }
        response
    }
}

/// Reads a JSON body; what is wrong is said with its line and column.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Outcome<T> {
    serde_json::from_slice(body).map_err(|error| Failure::bad_request(format!("body: {error}")))
}

/// An answer with a body of one of our own types.
pub(crate) fn json_answer<T: Serialize>(status: StatusCode, body: &T) -> Outcome {
    let body = serde_json::to_value(body).map_err(|error| {
        let error = Error::failed("answer", "an answer cannot be written").because(error);
        Failure::from(error)
    })?;
    Ok(Answer::new(status, body))
}
