//! One request to an endpoint on this machine, over a connection of its own.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{self, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpStream;
use url::Url;

use super::wire::Reply;
use crate::chat::ChatOptions;
use crate::{Error, Result};

/// The longest body of a refusal that is read.
const REFUSAL_MAX_BYTES: usize = 64 * 1024;
/// How much of an endpoint's own words is repeated, in characters.
const WORDS_MAX: usize = 300;
/// The port of http when the URL names none.
const HTTP_PORT: u16 = 80;

/// Where to ask, and with what key.
pub(super) struct Endpoint {
    host: String,
    port: u16,
    authority: HeaderValue,
    path: String,
    query: String,
    key: Option<SecretString>,
    authorization: Option<HeaderValue>,
    connect_timeout: Duration,
}

/// A request that was not fulfilled, and when it may be tried again.
pub(super) struct Refusal {
    pub(super) error: Error,
    pub(super) retry_after: Option<Duration>,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self { error, retry_after: None }
    }
}

impl Endpoint {
    /// The endpoint at a base URL, such as `http://127.0.0.1:11434/v1`. Connects to nothing.
    pub(super) fn new(url: &Url, options: &ChatOptions, connect_timeout: Duration) -> Result<Self> {
        let host = url.host_str().unwrap_or_default();
        let port = url.port().unwrap_or(HTTP_PORT);
        let authority = HeaderValue::from_str(&format!("{host}:{port}"))
            .map_err(|error| Error::usage("chat_url", "the host cannot be used").because(error))?;
        let mut query: Vec<String> = url.query().map(str::to_owned).into_iter().collect();
        if let Some(version) = &options.api_version {
            let mut encoded = url.clone();
            encoded.query_pairs_mut().clear().append_pair("api-version", version);
            query.extend(encoded.query().map(str::to_owned));
        }
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
            authority,
            path: url.path().trim_end_matches('/').to_owned(),
            query: query.join("&"),
            key: options.key.clone(),
            authorization: options.key.as_ref().map(authorization).transpose()?,
            connect_timeout,
        })
    }

    /// Asks `path` below the base; an answer of success, its body not read yet.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Response<Incoming>, Refusal> {
        let request = self.request(method, path, body)?;
        let stream = self.connect().await?;
        let broken = |error: hyper::Error| {
            let why = "the chat's endpoint broke the connection before its answer";
            Error::missing("chat_unreachable", why).because(error).retryable()
        };
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        // The connection ends with its sender and the answer's body; nobody else drives it.
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to the chat's endpoint broke");
            }
        });
        let response = sender.send_request(request).await.map_err(broken)?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(self.refusal(response).await)
    }

    /// What the endpoint says went wrong, shortened, and without the key that it may repeat.
    pub(super) fn words(&self, words: &str) -> String {
        let words = match &self.key {
            Some(key) if !key.expose_secret().is_empty() => {
                words.replace(key.expose_secret(), "***")
            }
            _ => words.to_owned(),
        };
        let plain = words.chars().map(|c| if c.is_control() { ' ' } else { c });
        plain.take(WORDS_MAX).collect()
    }

    async fn connect(&self) -> Result<TcpStream> {
        let unreachable = || {
            let why = format!("the chat's endpoint {}:{} cannot be reached", self.host, self.port);
            Error::missing("chat_unreachable", why).retryable()
        };
        let connect = TcpStream::connect((self.host.as_str(), self.port));
        let stream = tokio::time::timeout(self.connect_timeout, connect)
            .await
            .map_err(|error| unreachable().because(error))?
            .map_err(|error| unreachable().because(error))?;
        // A name may stand for another machine than it says.
        if !stream.peer_addr().is_ok_and(|address| address.ip().is_loopback()) {
            return Err(super::tls_not_yet(&format!("`{}` is another machine", self.host)));
        }
        Ok(stream)
    }

    fn request(&self, method: Method, path: &str, body: Bytes) -> Result<Request<Full<Bytes>>> {
        let mark = if self.query.is_empty() { "" } else { "?" };
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}{mark}{}", self.path, self.query))
            .header(header::HOST, &self.authority)
            .header(header::ACCEPT, "application/json, text/event-stream")
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(authorization) = &self.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        request.body(Full::new(body)).map_err(|error| {
            Error::usage("chat_url", "the chat's URL cannot be used").because(error)
        })
    }

    async fn refusal(&self, response: Response<Incoming>) -> Refusal {
        let status = response.status();
        let seconds = response.headers().get(header::RETRY_AFTER);
        let seconds = seconds.and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let body = Limited::new(response.into_body(), REFUSAL_MAX_BYTES).collect().await;
        let body = body.map(|body| body.to_bytes()).unwrap_or_default();
        let reply = serde_json::from_slice::<Reply>(&body).ok();
        let words = self.words(reply.as_ref().and_then(Reply::trouble).unwrap_or_default());
        let words = if words.is_empty() { words } else { format!(": {words}") };
        let why = format!("the chat's endpoint answered {}{words}", status.as_u16());
        Refusal { error: error_of(status, why), retry_after: seconds.map(Duration::from_secs) }
    }
}

fn error_of(status: StatusCode, why: String) -> Error {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Error::refused("chat_key", why).hint("give the endpoint's key, and look what it may do")
        }
        StatusCode::TOO_MANY_REQUESTS => Error::missing("chat_busy", why).retryable(),
        StatusCode::REQUEST_TIMEOUT => Error::missing("chat_unavailable", why).retryable(),
        status if status.is_server_error() => Error::missing("chat_unavailable", why).retryable(),
        _ => Error::failed("chat_refused", why),
    }
}

fn authorization(key: &SecretString) -> Result<HeaderValue> {
    let value = format!("Bearer {}", key.expose_secret());
    // No cause: it must not quote the key.
    let mut value = HeaderValue::from_str(&value).map_err(|_| {
        Error::usage("chat_key", "the key of the chat's endpoint cannot be sent")
            .hint("visible ASCII is allowed, without an end of line")
    })?;
    value.set_sensitive(true);
    Ok(value)
}
