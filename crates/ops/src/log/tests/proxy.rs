//! A network between a log and its store that loses, delays and invents answers.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// What happens to a PUT.
#[derive(Clone)]
pub(super) enum Rule {
    /// It happens, and its answer is lost.
    AnswerLost,
    /// Its answer is lost, and it happens when told.
    Late(Arc<Notify>),
    /// It does not happen, and the answer is this status and code.
    Refused(u16, &'static str),
    /// It happens without its condition, now and from now on.
    Unconditional,
}

type Failed = Box<dyn std::error::Error + Send + Sync>;
type Answer = Response<Full<Bytes>>;

/// A proxy on a port of its own, which ends with the test's runtime.
pub(super) struct Proxy {
    pub(super) endpoint: String,
    rules: Arc<Mutex<VecDeque<Rule>>>,
    /// Tells that a late PUT has arrived at the store, with the status that the store answered.
    pub(super) arrived: Arc<Mutex<Vec<u16>>>,
}

impl Proxy {
    pub(super) async fn before(endpoint: &str) -> Self {
        let upstream: SocketAddr = endpoint.strip_prefix("http://").unwrap().parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let proxy = Self { endpoint, rules: Arc::default(), arrived: Arc::default() };
        let (rules, arrived) = (proxy.rules.clone(), proxy.arrived.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (rules, arrived) = (rules.clone(), arrived.clone());
                let serve = service_fn(move |request| {
                    serve(upstream, request, rules.clone(), arrived.clone())
                });
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), serve);
                tokio::spawn(connection);
            }
        });
        proxy
    }

    /// What happens to the next PUTs, one after the other.
    pub(super) fn next(&self, rules: impl IntoIterator<Item = Rule>) {
        self.rules.lock().unwrap().extend(rules);
    }
}

async fn serve(
    upstream: SocketAddr,
    request: Request<Incoming>,
    rules: Arc<Mutex<VecDeque<Rule>>>,
    arrived: Arc<Mutex<Vec<u16>>>,
) -> Result<Answer, Failed> {
    let (head, body) = request.into_parts();
    let mut request = Request::from_parts(head, Full::new(body.collect().await?.to_bytes()));
    let rule = match *request.method() == Method::PUT {
        true => rules.lock().unwrap().pop_front(),
        false => None,
    };
    match rule {
        None => forward(upstream, request).await,
        Some(Rule::AnswerLost) => {
            forward(upstream, request).await?;
            Err("the answer is lost".into())
        }
        Some(Rule::Late(when)) => {
            tokio::spawn(async move {
                when.notified().await;
                let answer = forward(upstream, request).await.unwrap();
                arrived.lock().unwrap().push(answer.status().as_u16());
            });
            Err("the answer is lost".into())
        }
        Some(Rule::Refused(status, code)) => {
            let body = format!("<Error><Code>{code}</Code><Message>no</Message></Error>");
            Ok(Response::builder().status(status).body(Full::new(body.into()))?)
        }
        Some(Rule::Unconditional) => {
            rules.lock().unwrap().push_back(Rule::Unconditional);
            request.headers_mut().remove("if-none-match");
            forward(upstream, request).await
        }
    }
}

async fn forward(upstream: SocketAddr, request: Request<Full<Bytes>>) -> Result<Answer, Failed> {
    let (mut head, body) = request.into_parts();
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    head.uri = format!("http://{upstream}{path}").parse()?;
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let answer = client.request(Request::from_parts(head, body)).await?;
    let (mut head, body) = answer.into_parts();
    let body = body.collect().await?.to_bytes();
    head.headers.remove("transfer-encoding");
    Ok::<_, Infallible>(Response::from_parts(head, Full::new(body))).map_err(Into::into)
}
