//! One request: through the gate, to the upstream, and its answer back.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Uri, Version};
use tokio_util::sync::CancellationToken;

use super::body::{Download, Timing};
use super::gate::{Entry, Gate, Pass};
use super::retry;
use super::stall::Progress;
use super::upload::Uploads;

/// How long the upstream may take to answer after it was sent the last byte.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// Headers that concern one connection and are not passed on (RFC 9110, section 7.6.1), besides
/// those that `Connection` names. `Expect` is answered here: the client is told to go on when the
/// upstream takes the body.
const HOP_BY_HOP: [HeaderName; 9] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::EXPECT,
];
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

type Answer = Response<Either<Full<Bytes>, Download>>;

/// Answers one request. `cut` ends the connection that it came on.
pub(super) async fn handle(
    gate: Arc<Gate>,
    cut: CancellationToken,
    client: IpAddr,
    request: Request<Incoming>,
) -> Result<Answer, Infallible> {
    let timing = Timing { metrics: gate.metrics.clone(), began: Instant::now() };
    if request.method() == Method::CONNECT || request.headers().contains_key(header::UPGRADE) {
        let words = "this edge does not pass on CONNECT or Upgrade (such as WebSocket)";
        return Ok(words_only(StatusCode::NOT_IMPLEMENTED, words));
    }
    let refused = |why: &str| {
        gate.metrics.refused.add(1);
        let mut answer = words_only(StatusCode::SERVICE_UNAVAILABLE, why);
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        answer
    };
    // The request's body is not touched before there is a pass.
    let pass = match gate.enter(cut) {
        Entry::Go(pass) => pass,
        Entry::Refused(why) => return Ok(refused(why)),
        Entry::Wait(ticket) => match ticket.wait().await {
            Some(pass) => pass,
            None => return Ok(refused("the switch took longer than a request may wait")),
        },
    };
    Ok(forward(pass, client, request, timing).await)
}

async fn forward(pass: Pass, client: IpAddr, request: Request<Incoming>, timing: Timing) -> Answer {
    let (mut head, body) = request.into_parts();
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let uri = Uri::builder()
        .scheme("http")
        .authority(pass.target.upstream.address.as_str())
        .path_and_query(path)
        .build();
    head.uri = match uri {
        Ok(uri) => uri,
        Err(_) => return words_only(StatusCode::BAD_REQUEST, "not a path"),
    };
    head.version = Version::HTTP_11;
    remove_hop_by_hop(&mut head.headers);
    add_forwarded(&mut head.headers, client);
    let progress = Progress::begin();
    let safe = retry::is_safe(&head);
    let uploads = Uploads::new(body, progress.clone(), safe.then(|| pass.budget()));
    let answered = tokio::select! {
        answered = retry::send(&pass, &head, &uploads, &timing.metrics) => answered,
        () = progress.stalled(ANSWER_TIMEOUT) => {
            timing.metrics.upstream_errors.add(1);
            let words = "the application did not answer in 60 s";
            return words_only(StatusCode::GATEWAY_TIMEOUT, words);
        }
    };
    match answered {
        Ok(answer) => {
            let (mut head, body) = answer.into_parts();
            remove_hop_by_hop(&mut head.headers);
            Response::from_parts(head, Either::Right(Download::new(body, pass, timing)))
        }
        Err(error) => {
            tracing::warn!(%error, connecting = error.is_connect(), "the upstream failed");
            timing.metrics.upstream_errors.add(1);
            words_only(StatusCode::BAD_GATEWAY, "the application cannot be reached")
        }
    }
}

fn words_only(status: StatusCode, words: &str) -> Answer {
    let mut answer = Response::new(Either::Left(Full::new(format!("{words}\n").into())));
    *answer.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(header::CONTENT_TYPE, plain);
    answer
}

fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in HOP_BY_HOP.iter().chain(&named) {
        headers.remove(name);
    }
}

fn add_forwarded(headers: &mut HeaderMap, client: IpAddr) {
    let before = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok());
    let mut chain: Vec<String> = before.map(str::to_owned).collect();
    chain.push(client.to_string());
    if let Ok(value) = HeaderValue::from_str(&chain.join(", ")) {
        headers.insert(FORWARDED_FOR, value);
    }
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static("http"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        pairs.collect()
    }

    #[test]
    fn what_concerns_one_connection_is_not_passed_on() {
        let mut some = headers(&[
            ("connection", "close, x-secret-hop"),
            ("x-secret-hop", "1"),
            ("transfer-encoding", "chunked"),
            ("expect", "100-continue"),
            ("host", "shop.example"),
        ]);
        remove_hop_by_hop(&mut some);
        assert_eq!(some, headers(&[("host", "shop.example")]));
    }

    #[test]
    fn the_client_is_added_to_those_before_it() {
        let mut some = headers(&[("x-forwarded-for", "1.2.3.4"), ("x-forwarded-proto", "https")]);
        add_forwarded(&mut some, IpAddr::from([127, 0, 0, 1]));
        assert_eq!(some[FORWARDED_FOR], "1.2.3.4, 127.0.0.1");
        assert_eq!(some[FORWARDED_PROTO], "http");
    }
}
