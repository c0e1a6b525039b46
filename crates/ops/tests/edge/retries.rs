//! What is sent again when the upstream's connection fails, how often, and what never is.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::http::{Method, Request, Response, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::support::*;

/// What a server does with one connection after it has read the request.
#[derive(Clone, Copy)]
enum Then {
    /// Closes it without a word.
    Close,
    /// Closes it when it has read the head and this many bytes of the body.
    CloseAfter(usize),
    /// Begins an answer and closes.
    Break,
    /// Answers.
    Answer,
}

/// The request line and the body of each request that arrived.
type Seen = Mutex<Vec<(String, Vec<u8>)>>;

/// A server that does as it is told, one connection after another, and keeps what it was sent.
struct Script {
    address: String,
    bodies: Arc<Seen>,
}

impl Script {
    async fn new(script: &[Then]) -> Script {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let bodies = Arc::new(Mutex::new(Vec::new()));
        let (script, seen) = (script.to_vec(), bodies.clone());
        tokio::spawn(async move {
            let mut script = script.into_iter();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let then = script.next().unwrap_or(Then::Answer);
                serve(stream, then, &seen).await;
            }
        });
        Script { address, bodies }
    }

    /// The request lines that arrived, in order.
    fn lines(&self) -> Vec<String> {
        self.bodies.lock().unwrap().iter().map(|(line, _)| line.clone()).collect()
    }

    fn body(&self, n: usize) -> Vec<u8> {
        self.bodies.lock().unwrap()[n].1.clone()
    }
}

async fn serve(mut stream: TcpStream, then: Then, seen: &Seen) {
    let mut read = Vec::new();
    let end = loop {
        if let Some(at) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut read).await.unwrap() == 0 {
            return;
        }
    };
    let head = String::from_utf8(read[..end].to_vec()).unwrap().to_lowercase();
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
    let length = length.map_or(0, |length| length.trim().parse().unwrap());
    let wanted = match then {
        Then::CloseAfter(bytes) => bytes.min(length),
        _ => length,
    };
    while read.len() < end + wanted {
        assert_ne!(stream.read_buf(&mut read).await.unwrap(), 0, "the body ended early");
    }
    let line = head.lines().next().unwrap().to_owned();
    seen.lock().unwrap().push((line, read[end..].to_vec()));
    let answer: &[u8] = match then {
        Then::Close | Then::CloseAfter(_) => b"",
        Then::Break => b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        Then::Answer => b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\ndone",
    };
    stream.write_all(answer).await.unwrap();
    let _ = stream.shutdown().await;
}

async fn send(
    edge: &Running,
    method: Method,
    key: Option<&str>,
    body: Vec<u8>,
) -> Response<Incoming> {
    let mut request = Request::builder().method(method).uri(format!("http://{}/x", edge.address));
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    web().request(request.body(Full::new(Bytes::from(body))).unwrap()).await.unwrap()
}

async fn ask(
    edge: &Running,
    method: Method,
    key: Option<&str>,
    body: Vec<u8>,
) -> (StatusCode, String) {
    let answer = send(edge, method, key, body).await;
    let status = answer.status();
    let body = answer.into_body().collect().await.map(|body| body.to_bytes());
    (status, body.map_or("broken".into(), |body| String::from_utf8(body.to_vec()).unwrap()))
}

async fn before(script: &Script) -> Running {
    let edge = edge().await;
    edge.release(1, "east", &script.address).await.unwrap();
    edge
}

#[tokio::test]
async fn a_read_is_sent_again_until_it_is_answered() {
    let script = Script::new(&[Then::Close, Then::Close]).await;
    let edge = before(&script).await;
    let answer = ask(&edge, Method::GET, None, Vec::new()).await;
    assert_eq!(answer, (StatusCode::OK, "done".into()));
    assert_eq!(script.lines(), ["get /x http/1.1"; 3]);
    let counters = edge.status().await.counters;
    assert_eq!((counters.requests, counters.retried, counters.upstream_errors), (1, 2, 0));
    let metrics = edge.control.text("/metrics", LONG).await.unwrap();
    assert!(metrics.contains("\ntrefoil_edge_retried_total 2\n"), "{metrics}");
}

#[tokio::test]
async fn an_answer_says_how_often_it_was_asked_for() {
    let script = Script::new(&[Then::Close]).await;
    let edge = before(&script).await;
    for attempts in [Some("2"), None] {
        let answer = send(&edge, Method::DELETE, Some("k1"), Vec::new()).await;
        let told = answer.headers().get("trefoil-attempts").map(|told| told.to_str().unwrap());
        assert_eq!(told, attempts);
    }
}

#[tokio::test]
async fn three_tries_are_all() {
    let script = Script::new(&[Then::Close; 9]).await;
    let edge = before(&script).await;
    let began = Instant::now();
    assert_eq!(ask(&edge, Method::GET, None, Vec::new()).await.0, StatusCode::BAD_GATEWAY);
    assert!(began.elapsed() < Duration::from_secs(5));
    assert_eq!(script.lines().len(), 3);
    let counters = edge.status().await.counters;
    assert_eq!((counters.retried, counters.upstream_errors), (2, 1));
}

#[tokio::test]
async fn a_write_without_a_key_is_never_sent_twice() {
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        for key in [None, Some("")] {
            let script = Script::new(&[Then::Close]).await;
            let edge = before(&script).await;
            let answer = ask(&edge, method.clone(), key, b"order".to_vec()).await;
            assert_eq!(answer.0, StatusCode::BAD_GATEWAY, "{method}");
            tokio::time::sleep(Duration::from_millis(1_300)).await;
            assert_eq!(script.lines().len(), 1, "{method} was sent again");
            assert_eq!(edge.status().await.counters.retried, 0);
        }
    }
}

#[tokio::test]
async fn a_write_with_a_key_is_sent_again_with_its_whole_body() {
    let body: Vec<u8> = (0..1024 * 1024_u32).map(|n| n as u8).collect();
    for first in [Then::Close, Then::CloseAfter(0), Then::CloseAfter(300_000)] {
        let script = Script::new(&[first]).await;
        let edge = before(&script).await;
        let answer = ask(&edge, Method::POST, Some("k1"), body.clone()).await;
        assert_eq!(answer, (StatusCode::OK, "done".into()));
        assert_eq!(script.lines().len(), 2);
        assert!(script.body(1) == body, "the second try sent another body");
        assert_eq!(edge.status().await.counters.retried, 1);
    }
}

#[tokio::test]
async fn a_body_that_is_not_kept_whole_is_sent_once() {
    let script = Script::new(&[Then::Close]).await;
    let edge = before(&script).await;
    let body = vec![7; 1024 * 1024 + 1];
    assert_eq!(ask(&edge, Method::POST, Some("k1"), body).await.0, StatusCode::BAD_GATEWAY);
    tokio::time::sleep(Duration::from_millis(1_300)).await;
    assert_eq!(script.lines().len(), 1);
}

#[tokio::test]
async fn an_answer_that_has_begun_is_not_asked_for_again() {
    let script = Script::new(&[Then::Break]).await;
    let edge = before(&script).await;
    let answer = ask(&edge, Method::GET, None, Vec::new()).await;
    assert_eq!(answer, (StatusCode::OK, "broken".into()));
    assert_eq!(script.lines().len(), 1);
}

#[tokio::test]
async fn an_upstream_that_starts_late_is_waited_for() {
    let edge = edge().await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    edge.release(1, "east", &address.to_string()).await.unwrap();
    let asked = ask(&edge, Method::GET, None, Vec::new());
    let started = async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        let listener = TcpListener::bind(address).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        serve(stream, Then::Answer, &Seen::default()).await;
    };
    let (answer, ()) = tokio::join!(asked, started);
    assert_eq!(answer, (StatusCode::OK, "done".into()));
}
