//! The application's interface, kept in memory.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::RwLock;

/// What the application does wrong.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Fault {
    None,
    /// One answer of ten is a failure, half of them after the work was done.
    EveryTenthAnswerIs503,
    /// In the first second, one update of a session in five is done and not remembered, and its
    /// answer is a failure.
    UpdatesAreForgotten,
    /// From one second on, the work is done, and no answer says so.
    AnswersAreLostAtTheEnd,
}

#[derive(Clone)]
pub(crate) struct Note {
    pub(crate) client: String,
    pub(crate) seq: i64,
    pub(crate) text: String,
}

#[derive(Default)]
struct Kept {
    notes: Vec<Note>,
    documents: BTreeMap<String, Bytes>,
    sessions: BTreeMap<String, Value>,
    answers: HashMap<String, (String, u16, Value)>,
    keys_with_two_operations: u64,
}

struct State {
    kept: Mutex<Kept>,
    fault: Fault,
    requests: AtomicU64,
    started: std::time::Instant,
    gate: RwLock<()>,
}

pub(crate) struct Application {
    pub(crate) url: String,
    state: Arc<State>,
}

impl Application {
    pub(crate) async fn start(fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State {
            kept: Mutex::default(),
            fault,
            requests: AtomicU64::new(0),
            started: std::time::Instant::now(),
            gate: RwLock::new(()),
        });
        tokio::spawn(serve(listener, state.clone()));
        Self { url, state }
    }

    pub(crate) fn notes(&self) -> Vec<Note> {
        self.state.kept.lock().unwrap().notes.clone()
    }

    pub(crate) fn keys_with_two_operations(&self) -> u64 {
        self.state.kept.lock().unwrap().keys_with_two_operations
    }

    /// Forgets a note, a document and a session, and falsifies another document; their names.
    pub(crate) fn lose_one_of_each(&self) -> Vec<String> {
        let mut kept = self.state.kept.lock().unwrap();
        let note = kept.notes.swap_remove(3);
        let (lost, _) = kept.documents.pop_first().unwrap();
        let (falsified, mut bytes) = kept.documents.pop_first().unwrap();
        bytes = [&bytes[..], b"!"].concat().into();
        kept.documents.insert(falsified.clone(), bytes);
        // Not one that expires before the check: it would not be missed.
        let lives = |session: &Value| session["ttl_s"].as_i64() > Some(3600);
        let (session, _) = kept.sessions.iter().find(|(_, session)| lives(session)).unwrap();
        let session = session.clone();
        kept.sessions.remove(&session);
        vec![format!("note {} {}", note.client, note.seq), lost, falsified, session]
    }

    pub(crate) fn double_a_note(&self) -> (String, i64) {
        let mut kept = self.state.kept.lock().unwrap();
        let note = kept.notes[5].clone();
        kept.notes.push(note.clone());
        (note.client, note.seq)
    }

    /// Answers nothing for a while; an instant in the middle of it.
    pub(crate) async fn pause(&self, duration: Duration) -> i64 {
        let _closed = self.state.gate.write().await;
        tokio::time::sleep(duration / 2).await;
        let middle = Timestamp::now().as_millisecond();
        tokio::time::sleep(duration / 2).await;
        middle
    }
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let state = state.clone();
        let service = service_fn(move |request| answer(state.clone(), request));
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), service);
        tokio::spawn(connection);
    }
}

async fn answer(
    state: Arc<State>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let _open = state.gate.read().await;
    let number = state.requests.fetch_add(1, Ordering::Relaxed);
    let writes = request.method() != Method::GET;
    let fails = writes
        && match state.fault {
            Fault::None => false,
            Fault::EveryTenthAnswerIs503 => number % 10 == 9,
            Fault::UpdatesAreForgotten => {
                number % 5 == 4
                    && state.started.elapsed() < Duration::from_secs(1)
                    && request.method() == Method::PUT
                    && request.uri().path().starts_with("/sessions/")
            }
            Fault::AnswersAreLostAtTheEnd => state.started.elapsed() > Duration::from_secs(1),
        };
    if fails && number % 20 == 9 && state.fault == Fault::EveryTenthAnswerIs503 {
        return Ok(respond(503, Bytes::new()));
    }
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let key = head.headers.get("idempotency-key").map(|key| key.to_str().unwrap().to_owned());
    let (status, body) =
        state.kept.lock().unwrap().once(key.clone(), &head.method, head.uri.path(), body);
    if fails && state.fault == Fault::UpdatesAreForgotten {
        state.kept.lock().unwrap().answers.remove(&key.unwrap());
    }
    Ok(if fails { respond(503, Bytes::new()) } else { respond(status, body) })
}

fn respond(status: u16, body: Bytes) -> Response<Full<Bytes>> {
    Response::builder().status(status).body(Full::new(body)).unwrap()
}

impl Kept {
    /// Does what is asked for, once for each key.
    fn once(
        &mut self,
        key: Option<String>,
        method: &Method,
        path: &str,
        body: Bytes,
    ) -> (u16, Bytes) {
        let operation = format!("{method} {path} {}", String::from_utf8_lossy(&body));
        if method == Method::GET {
            return self.get(path);
        }
        let key = key.expect("every write has a key");
        if let Some((before, status, value)) = self.answers.get(&key) {
            self.keys_with_two_operations += u64::from(*before != operation);
            return (*status, value.to_string().into());
        }
        let (status, value) = self.write(method, path, body);
        if status < 300 {
            self.answers.insert(key, (operation, status, value.clone()));
        }
        (status, value.to_string().into())
    }

    fn get(&self, path: &str) -> (u16, Bytes) {
        let found = if let Some(id) = path.strip_prefix("/documents/") {
            self.documents.get(id).cloned()
        } else {
            self.session(path).map(|session| session.to_string().into())
        };
        found.map_or((404, Bytes::new()), |body| (200, body))
    }

    fn session(&self, path: &str) -> Option<&Value> {
        let session = self.sessions.get(path.strip_prefix("/sessions/")?)?;
        let expires_at: Timestamp = session["expires_at"].as_str()?.parse().ok()?;
        (Timestamp::now() < expires_at).then_some(session)
    }

    fn write(&mut self, method: &Method, path: &str, body: Bytes) -> (u16, Value) {
        let value: Value = serde_json::from_slice(&body).unwrap_or_default();
        let id = path.rsplit('/').next().unwrap().to_owned();
        match (method.as_str(), path.split('/').nth(1).unwrap()) {
            ("POST", "notes") => {
                self.notes.push(Note {
                    client: value["client"].as_str().unwrap().into(),
                    seq: value["seq"].as_i64().unwrap(),
                    text: value["text"].as_str().unwrap().into(),
                });
                (201, json!({ "id": self.notes.len() }))
            }
            ("PUT", "documents") => {
                let new = self.documents.insert(id, body).is_none();
                (if new { 201 } else { 200 }, Value::Null)
            }
            ("DELETE", "documents") => gone(self.documents.remove(&id).is_some()),
            ("POST", "sessions") => self.create_session(&value),
            ("PUT", "sessions") => self.update_session(&id, &value),
            ("DELETE", "sessions") => gone(self.sessions.remove(&id).is_some()),
            other => panic!("{other:?} is not known"),
        }
    }

    fn create_session(&mut self, value: &Value) -> (u16, Value) {
        let id = uuid::Uuid::new_v4().to_string();
        let ttl = SignedDuration::from_secs(value["ttl_s"].as_i64().unwrap());
        let expires_at = (Timestamp::now() + ttl).to_string();
        let session = json!({ "id": id, "version": 1, "expires_at": expires_at, "ttl_s": value["ttl_s"], "data": value["data"] });
        self.sessions.insert(id, session.clone());
        (201, session)
    }

    fn update_session(&mut self, id: &str, value: &Value) -> (u16, Value) {
        let Some(session) = self.sessions.get_mut(id) else { return (404, Value::Null) };
        if !value["version"].is_null() && session["version"] != value["version"] {
            return (409, Value::Null);
        }
        session["version"] = (session["version"].as_u64().unwrap() + 1).into();
        session["data"] = value["data"].clone();
        (200, json!({ "version": session["version"] }))
    }
}

fn gone(was_there: bool) -> (u16, Value) {
    (if was_there { 204 } else { 404 }, Value::Null)
}
