//! A network on a bad day: a proxy before a store of plain HTTP that notes what passes and, by a
//! seed, refuses, delays, cuts connections in the middle of a content, damages bytes, and loses
//! answers. Without faults it only notes.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::stream::{StreamExt, TryStreamExt};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_LENGTH, RETRY_AFTER, TRANSFER_ENCODING};
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::sync::oneshot;

use super::{Fault, Faults};

type Failed = Box<dyn std::error::Error + Send + Sync>;
type Body = UnsyncBoxBody<Bytes, Failed>;

/// How long a store that asks for patience wants to be left alone: the least that the header can say.
const PATIENCE: Duration = Duration::from_secs(1);

/// A request as it came to the proxy.
#[derive(Debug, Clone)]
pub struct Passed {
    /// When.
    pub at: Instant,
    /// Its method.
    pub method: String,
    /// Its path, with the query.
    pub path: String,
    /// How many bytes of content it announced.
    pub bytes: u64,
}

/// A proxy on a port of its own, with a thread of its own; it ends with this value.
pub struct Proxy {
    endpoint: String,
    way: Arc<Way>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// A proxy before the server at an endpoint, which only notes what passes.
    ///
    /// # Panics
    /// When the endpoint is not `http://ADDRESS:PORT`, or no port is free.
    pub fn before(endpoint: &str) -> Self {
        Self::start(endpoint, None)
    }

    /// A proxy before the server at an endpoint, which spoils what passes.
    ///
    /// # Panics
    /// As [`Proxy::before`].
    pub fn spoiled(endpoint: &str, faults: &Faults) -> Self {
        Self::start(endpoint, Some(faults.clone()))
    }

    fn start(endpoint: &str, faults: Option<Faults>) -> Self {
        let upstream = endpoint.strip_prefix("http://").expect("plain HTTP");
        let upstream = upstream.parse().expect("an address and a port");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a socket that does not block");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let client = Client::builder(TokioExecutor::new()).build_http();
        let way = Arc::new(Way { upstream, faults, client, notes: Mutex::default() });
        let (stop, stopped) = oneshot::channel();
        let serving = way.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                tokio::select! {
                    () = serve(listener, serving) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { endpoint, way, stop: Some(stop), thread: Some(thread) }
    }

    /// Where it answers.
    pub fn endpoint(&self) -> String {
        self.endpoint.clone()
    }

    /// What has come so far, in its order.
    pub fn passed(&self) -> Vec<Passed> {
        self.way.notes().passed.clone()
    }

    /// The requests that came again before the time was over for which the store had asked.
    pub fn hasty(&self) -> Vec<String> {
        self.way.notes().hasty.clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // Both fail only when the thread has ended by itself.
        self.stop.take().map(|stop| stop.send(()));
        self.thread.take().map(JoinHandle::join);
    }
}

async fn serve(listener: TcpListener, way: Arc<Way>) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
    while let Ok((stream, _)) = listener.accept().await {
        let way = way.clone();
        let serve = service_fn(move |request| {
            let way = way.clone();
            async move { way.pass(request).await }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), serve);
        tokio::spawn(connection);
    }
}

/// The way to the server.
struct Way {
    upstream: SocketAddr,
    faults: Option<Faults>,
    client: Client<HttpConnector, Body>,
    notes: Mutex<Notes>,
}

#[derive(Default)]
struct Notes {
    passed: Vec<Passed>,
    /// Until when a request was asked not to come again.
    quiet: HashMap<String, Instant>,
    hasty: Vec<String>,
}

impl Way {
    async fn pass(&self, request: Request<Incoming>) -> Result<Response<Body>, Failed> {
        let (head, body) = request.into_parts();
        let body = body.map_err(Into::into).boxed_unsync();
        self.note(&head);
        let able = |fault| match fault {
            Fault::WrongBytes if !carries(&head) => Fault::Cut,
            other => other,
        };
        let fault = self.faults.as_ref().and_then(|faults| faults.draw(head.uri.path(), able));
        match fault {
            None => self.forward(head, body).await,
            Some(Fault::Slow(late)) => {
                tokio::time::sleep(late).await;
                self.forward(head, body).await
            }
            Some(Fault::Throttled(_)) => {
                self.notes().quiet.insert(name(&head), Instant::now() + PATIENCE);
                refused(body, 503, "SlowDown").await
            }
            Some(Fault::Unavailable) => refused(body, 500, "InternalError").await,
            Some(Fault::DiskFull) => refused(body, 507, "InsufficientStorage").await,
            Some(Fault::Ambiguous) => {
                self.forward(head, body).await?.into_body().collect().await?;
                Err("the answer is lost".into())
            }
            Some(fault @ (Fault::Cut | Fault::WrongBytes)) => self.spoil(head, body, fault).await,
        }
    }

    /// Spoils the content on its way there or back. What is no content of an object has no digest
    /// that could tell of a wrong byte: there the connection is cut.
    async fn spoil(&self, head: Parts, body: Body, fault: Fault) -> Result<Response<Body>, Failed> {
        let of_object = is_of_object(&head);
        match head.method {
            Method::PUT if of_object => {
                let length = length(head.headers.get(CONTENT_LENGTH));
                self.forward(head, spoilt(body, length, fault)).await
            }
            Method::GET if of_object => {
                let (head, body) = self.forward(head, body).await?.into_parts();
                let length = length(head.headers.get(CONTENT_LENGTH));
                Ok(Response::from_parts(head, spoilt(body, length, fault)))
            }
            _ => Err("the connection is cut".into()),
        }
    }

    async fn forward(&self, mut head: Parts, body: Body) -> Result<Response<Body>, Failed> {
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        head.uri = format!("http://{}{path}", self.upstream).parse()?;
        let answer = self.client.request(Request::from_parts(head, body)).await?;
        let (mut head, body) = answer.into_parts();
        head.headers.remove(TRANSFER_ENCODING);
        Ok(Response::from_parts(head, body.map_err(Into::into).boxed_unsync()))
    }

    fn note(&self, head: &Parts) {
        let (at, name) = (Instant::now(), name(head));
        let mut notes = self.notes();
        if notes.quiet.remove(&name).is_some_and(|until| at < until) {
            notes.hasty.push(name);
        }
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        let bytes = length(head.headers.get(CONTENT_LENGTH));
        notes.passed.push(Passed { at, method: head.method.to_string(), path, bytes });
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn name(head: &Parts) -> String {
    format!("{} {}", head.method, head.uri)
}

/// Whether a content of an object is on its way, there or back.
fn carries(head: &Parts) -> bool {
    is_of_object(head) && matches!(head.method, Method::PUT | Method::GET)
}

/// Whether it reads or writes the content of an object, or a part of it.
fn is_of_object(head: &Parts) -> bool {
    let named = head.uri.path().trim_matches('/').contains('/');
    let asks = head.uri.query().unwrap_or_default();
    named && !["tagging", "uploads", "versions"].iter().any(|other| asks.contains(other))
}

fn length(header: Option<&hyper::header::HeaderValue>) -> u64 {
    header.and_then(|text| text.to_str().ok()?.parse().ok()).unwrap_or(0)
}

/// A refusal in the store's language.
async fn refused(body: Body, status: u16, code: &str) -> Result<Response<Body>, Failed> {
    // An answer before the end of the content might not be read.
    body.collect().await?;
    let words = format!("<Error><Code>{code}</Code><Message>no</Message></Error>");
    let answer = Response::builder().status(status);
    let answer = match status {
        503 => answer.header(RETRY_AFTER, PATIENCE.as_secs()),
        _ => answer,
    };
    Ok(answer.body(Full::from(words).map_err(Into::into).boxed_unsync())?)
}

/// A content that breaks off in its middle, or whose first byte is another one.
fn spoilt(body: Body, length: u64, fault: Fault) -> Body {
    let mut left = match fault {
        Fault::Cut => usize::try_from(length / 2).unwrap_or(usize::MAX),
        _ => usize::MAX,
    };
    let mut whole = fault != Fault::WrongBytes;
    let pieces = body.into_data_stream().flat_map(move |piece| {
        let spoilt = piece.map(|piece| {
            let mut bytes = piece.to_vec();
            if let Some(byte) = bytes.first_mut().filter(|_| !std::mem::replace(&mut whole, true)) {
                *byte ^= 1;
            }
            let cut = bytes.len() > left;
            bytes.truncate(left);
            left -= bytes.len();
            (Bytes::from(bytes), cut)
        });
        futures::stream::iter(match spoilt {
            Ok((bytes, false)) => vec![Ok(bytes)],
            Ok((bytes, true)) => vec![Ok(bytes), Err("the connection is cut".into())],
            Err(error) => vec![Err(error)],
        })
    });
    StreamBody::new(pieces.map_ok(Frame::data)).boxed_unsync()
}
