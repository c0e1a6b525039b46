//! Which requests are sent again when the upstream's connection fails before the answer, and how
//! often. The client sees one request and one answer.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::header::{HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Request, Response};
use hyper_util::client::legacy::Error as ClientError;

use super::gate::Pass;
use super::metrics::Metrics;
use super::upload::Uploads;

/// The pauses before the second and the third try. The first is long enough for a server that is
/// being replaced to listen again, the second for one that is being started.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(1)];
/// No try begins later than this after the first.
const RETRY_LIMIT: Duration = Duration::from_secs(5);
/// The header that says that the application recognises a request which it has had already
/// (draft-ietf-httpapi-idempotency-key-header).
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The header of an answer that was asked for more than once: how often. A client that deletes and
/// is told that nothing is there may have deleted it with the try before.
const ATTEMPTS: HeaderName = HeaderName::from_static("trefoil-attempts");

/// Whether sending the request twice does what sending it once does: GET, HEAD and OPTIONS
/// (RFC 9110, section 9.2.1; TRACE has no use here), and requests with a key.
pub(super) fn is_safe(head: &Parts) -> bool {
    let keyed = head.headers.get(IDEMPOTENCY_KEY).is_some_and(|key| !key.is_empty());
    keyed || matches!(head.method.as_str(), "GET" | "HEAD" | "OPTIONS")
}

/// Sends the request; again, when it is safe and the body is still there, if the connection
/// failed before the head of an answer.
pub(super) async fn send(
    pass: &Pass,
    head: &Parts,
    uploads: &Arc<Uploads>,
    metrics: &Metrics,
) -> Result<Response<Incoming>, ClientError> {
    let began = Instant::now();
    let mut upload = uploads.first();
    let mut pauses = PAUSES.into_iter();
    let mut attempts = 1;
    loop {
        let request = Request::from_parts(head.clone(), upload);
        let error = match pass.target.client.request(request).await {
            Ok(answer) => return Ok(told(answer, attempts)),
            Err(error) if !connection_failed(&error) => return Err(error),
            Err(error) => error,
        };
        let in_time = |pause: &Duration| began.elapsed() + *pause <= RETRY_LIMIT;
        let Some(pause) = pauses.next().filter(in_time) else { return Err(error) };
        let Some(again) = uploads.again() else { return Err(error) };
        tracing::debug!(%error, "the upstream's connection failed; trying again");
        tokio::time::sleep(pause).await;
        metrics.retried.add(1);
        attempts += 1;
        upload = again;
    }
}

fn told(mut answer: Response<Incoming>, attempts: u32) -> Response<Incoming> {
    if attempts > 1 {
        answer.headers_mut().insert(ATTEMPTS, HeaderValue::from(attempts));
    }
    answer
}

/// Whether the connection could not be made, or ended before the head of an answer was whole.
fn connection_failed(error: &ClientError) -> bool {
    if error.is_connect() {
        return true;
    }
    let mut cause = error.source();
    while let Some(one) = cause {
        if let Some(http) = one.downcast_ref::<hyper::Error>() {
            if http.is_user() || http.is_parse() {
                return false;
            }
            if http.is_incomplete_message() || http.is_canceled() || http.is_closed() {
                return true;
            }
        }
        if one.is::<io::Error>() {
            return true;
        }
        cause = one.source();
    }
    false
}
