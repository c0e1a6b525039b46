//! HTTP with a connection that is kept alive, one request at a time.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Method, Request, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::Result;

/// How long one request may take, its answer's body included.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The largest answer that is read, in bytes: far more than a writer ever uploads.
const ANSWER_MAX_BYTES: usize = 16 * 1024 * 1024;

/// A client of the application.
#[derive(Clone)]
pub(crate) struct Http {
    client: Client<HttpConnector, Full<Bytes>>,
    base: String,
}

/// A request.
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) json: bool,
    pub(crate) body: Bytes,
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
    /// How often an edge on the way sent the request again, as far as it says so.
    pub(crate) resent: u64,
}

impl Call {
    /// A request without a body.
    pub(crate) fn bare(method: Method, path: String) -> Self {
        Self { method, path, json: false, body: Bytes::new() }
    }

    /// A request with a JSON body.
    pub(crate) fn json(method: Method, path: impl Into<String>, body: &Value) -> Self {
        Self { method, path: path.into(), json: true, body: body.to_string().into() }
    }
}

impl Answer {
    /// Whether it is a success.
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as JSON; null when it is none.
    pub(crate) fn value(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

impl Http {
    /// A client of the application at `base`, such as `http://127.0.0.1:8000`.
    pub(crate) fn new(base: &str) -> Result<Self> {
        let uri: Uri = base.parse().map_err(|error| format!("`{base}` is no URL: {error}"))?;
        if uri.scheme_str() != Some("http") || uri.host().is_none() {
            return Err(format!("`{base}` is not of the form http://HOST:PORT").into());
        }
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(TIMEOUT));
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { client, base: base.trim_end_matches('/').to_owned() })
    }

    /// Sends one request; the error is in words.
    pub(crate) async fn send(&self, call: &Call, key: Option<&str>) -> Result<Answer, String> {
        let exchange = async {
            let request = self.request(call, key).map_err(|error| error.to_string())?;
            let answer = self.client.request(request).await.map_err(|error| chain(&error))?;
            let status = answer.status().as_u16();
            let attempts = answer.headers().get("trefoil-attempts");
            let attempts = attempts.and_then(|n| n.to_str().ok()?.parse::<u64>().ok());
            let resent = attempts.unwrap_or(1).saturating_sub(1);
            let body = Limited::new(answer.into_body(), ANSWER_MAX_BYTES);
            let body = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
            Ok(Answer { status, body, resent })
        };
        tokio::time::timeout(TIMEOUT, exchange)
            .await
            .unwrap_or_else(|_| Err(format!("timeout after {} s", TIMEOUT.as_secs())))
    }

    fn request(&self, call: &Call, key: Option<&str>) -> Result<Request<Full<Bytes>>> {
        let media = if call.json { "application/json" } else { "application/octet-stream" };
        let mut request = Request::builder()
            .method(call.method.clone())
            .uri(format!("{}{}", self.base, call.path))
            .header("content-type", media);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        Ok(request.body(Full::new(call.body.clone()))?)
    }
}

/// An error followed by its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// The SHA-256 of bytes, hexadecimal.
pub(crate) fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// The digest of a session's data, whatever the order of its fields.
pub(crate) fn digest_of_fields(data: &Value) -> String {
    let fields: BTreeMap<&String, &Value> = data.as_object().into_iter().flatten().collect();
    digest(serde_json::json!(fields).to_string().as_bytes())
}
