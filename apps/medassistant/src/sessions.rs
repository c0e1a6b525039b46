//! Sessions: no row, unless an idempotency key asks for one.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use trefoil_clouds::sessions::{DEFAULT_TTL, Session};
use uuid::Uuid;

use crate::answer::{Answer, Failure, Outcome, json_answer, parse};
use crate::app::{App, Shared};
use crate::idempotency::{self, Begun, Key};

/// The longest life of a session, in seconds: a year.
const TTL_MAX_S: u64 = 366 * 24 * 60 * 60;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewSession {
    data: Value,
    ttl_s: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangedSession {
    data: Value,
    version: Option<u64>,
    ttl_s: Option<u64>,
}

/// What a write of a session does.
enum Change {
    Create { id: Option<String>, data: Value, ttl: Duration },
    Update { id: String, data: Value, version: Option<u64>, ttl: Option<Duration> },
    Delete { id: String },
}

/// `POST /sessions`: 201 with the new session.
pub(crate) async fn create(
    State(app): Shared,
    headers: HeaderMap,
    method: Method,
    uri: Uri,
    body: Bytes,
) -> Outcome {
    let key = idempotency::key(&headers, &method, &uri)?;
    let NewSession { data, ttl_s } = parse(&body)?;
    let ttl = ttl_s.map(check_ttl).transpose()?.unwrap_or(DEFAULT_TTL);
    once(&app, key, Change::Create { id: None, data, ttl }).await
}

/// `GET /sessions/{id}`: the session, unless it has expired.
pub(crate) async fn read(State(app): Shared, Path(id): Path<String>) -> Outcome {
    let session = app.sessions.get(&id, Timestamp::now()).await?;
    json_answer(StatusCode::OK, &session.ok_or_else(|| Failure::not_found("session"))?)
}

/// `PUT /sessions/{id}`: new data; 409 when it has another version than the one that was given.
pub(crate) async fn update(
    State(app): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
    method: Method,
    uri: Uri,
    body: Bytes,
) -> Outcome {
    let key = idempotency::key(&headers, &method, &uri)?;
    let ChangedSession { data, version, ttl_s } = parse(&body)?;
    let ttl = ttl_s.map(check_ttl).transpose()?;
    once(&app, key, Change::Update { id, data, version, ttl }).await
}

/// `DELETE /sessions/{id}`: it ends now.
pub(crate) async fn delete(
    State(app): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
    method: Method,
    uri: Uri,
) -> Outcome {
    let key = idempotency::key(&headers, &method, &uri)?;
    once(&app, key, Change::Delete { id }).await
}

/// Makes a change; with a key once. Sessions are in another store than keys, so a new one has its
/// identifier in the key's row before it is made: a repetition after a lost answer finds it.
async fn once(app: &App, key: Option<Key>, mut change: Change) -> Outcome {
    let Some(key) = key else { return perform(app, change).await };
    let mut client = app.database()?.get().await?;
    if let Change::Create { id, .. } = &mut change {
        let write = match idempotency::begin(&mut client, Some(key.clone())).await? {
            Begun::Repeated(answer) => return Ok(answer),
            Begun::Fresh(write) => write,
        };
        let kept = write.reserve(&json!({ "id": Uuid::new_v4() })).await?;
        *id = kept["id"].as_str().map(str::to_owned);
    }
    match idempotency::begin(&mut client, Some(key)).await? {
        Begun::Repeated(answer) => Ok(answer),
        Begun::Fresh(write) => {
            let answer = perform(app, change).await?;
            write.finish(answer).await
        }
    }
}

async fn perform(app: &App, change: Change) -> Outcome {
    let now = Timestamp::now();
    let none = || Failure::not_found("session");
    let written = |status, session: Session| json_answer(status, &session);
    match change {
        Change::Create { id, data, ttl } => {
            // Nobody else has an identifier that was reserved: what is there, an earlier attempt
            // has made.
            let made = match &id {
                Some(id) => app.sessions.get(id, now).await?,
                None => None,
            };
            let session = match made {
                Some(session) => session,
                None => app.sessions.create(id.as_deref(), data, ttl, now).await?,
            };
            written(StatusCode::CREATED, session)
        }
        Change::Update { id, data, version, ttl } => {
            let session = app.sessions.update(&id, data, version, ttl, now).await?;
            written(StatusCode::OK, session.ok_or_else(none)?)
        }
        Change::Delete { id } => match app.sessions.delete(&id).await? {
            true => Ok(Answer::new(StatusCode::OK, json!({"id": id, "deleted": true}))),
            false => Err(none()),
        },
    }
}

fn check_ttl(ttl_s: u64) -> Outcome<Duration> {
    match (1..=TTL_MAX_S).contains(&ttl_s) {
        true => Ok(Duration::from_secs(ttl_s)),
        false => Err(Failure::bad_request(format!("ttl_s: 1 to {TTL_MAX_S} are allowed"))),
    }
}
