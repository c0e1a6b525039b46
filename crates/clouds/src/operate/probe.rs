//! Asking an application over HTTP how it is.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::{Error, Result};

/// The longest answer whose words are kept: 4 KiB.
const WORDS_MAX_BYTES: usize = 4 << 10;

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body's text, when it is short enough to be shown.
    pub words: String,
}

/// `GET path` at `address` (host and port) over plain HTTP, whole within `timeout`.
pub async fn get(address: &str, path: &str, timeout: Duration) -> Result<Answer> {
    let silent = || format!("http://{address}{path} did not answer");
    let asked = tokio::time::timeout(timeout, ask(address, path)).await;
    let error: Box<dyn std::error::Error + Send + Sync> = match asked {
        Ok(Ok(answer)) => return Ok(answer),
        Ok(Err(error)) => error,
        Err(_) => format!("not within {} s", timeout.as_secs_f64()).into(),
    };
    Err(Error::failed("application_silent", silent()).because(error).retryable())
}

async fn ask(
    address: &str,
    path: &str,
) -> std::result::Result<Answer, Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a probe's connection broke");
        }
    });
    let request = Request::get(path)
        .header(header::HOST, address)
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())?;
    let answer = sender.send_request(request).await?;
    let status = answer.status().as_u16();
    let body = Limited::new(answer.into_body(), WORDS_MAX_BYTES).collect().await;
    let words = body.map(|body| String::from_utf8_lossy(&body.to_bytes()).trim().to_owned());
    Ok(Answer { status, words: words.unwrap_or_default() })
}
