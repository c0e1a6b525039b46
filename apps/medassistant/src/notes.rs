//! Notes: rows, each with its client's own number.

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use serde::{Deserialize, Serialize};
use serde_json::json;
use trefoil_clouds::database::{Row, failed};

use crate::answer::{Answer, Failure, Outcome, json_answer, parse};
use crate::app::Shared;
use crate::idempotency::{self, Begun};

/// The longest name of a client, in bytes.
const CLIENT_MAX_BYTES: usize = 200;
/// The most notes or documents of one answer, and how many when not asked.
pub(crate) const PAGE_MAX: i64 = 1_000;
pub(crate) const PAGE_DEFAULT: i64 = 100;

const COLUMNS: &str = "id, client, seq, text, \
    to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewNote {
    client: String,
    seq: i64,
    text: String,
}

#[derive(Serialize)]
struct Note {
    id: i64,
    client: String,
    seq: i64,
    text: String,
    created_at: String,
}

/// Which notes to list.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    client: String,
    #[serde(default = "before_all")]
    after_seq: i64,
    limit: Option<i64>,
}

fn before_all() -> i64 {
    i64::MIN
}

/// `POST /notes`: 201 with the new note's id; 200 when the same note is there already.
pub(crate) async fn write(
    State(app): Shared,
    headers: HeaderMap,
    method: Method,
    uri: Uri,
    body: Bytes,
) -> Outcome {
    let key = idempotency::key(&headers, &method, &uri)?;
    let note: NewNote = parse(&body)?;
    check(&note)?;
    let mut client = app.database()?.get().await?;
    let write = match idempotency::begin(&mut client, key).await? {
        Begun::Repeated(answer) => return Ok(answer),
        Begun::Fresh(write) => write,
    };
    let insert = "INSERT INTO notes (client, seq, text) VALUES ($1, $2, $3) \
                  ON CONFLICT (client, seq) DO NOTHING RETURNING id";
    let row = write.transaction.query_opt(insert, &[&note.client, &note.seq, &note.text]).await;
    let answer = |status, id: i64| {
        Answer::new(status, json!({"id": id, "client": note.client, "seq": note.seq}))
    };
    if let Some(row) = row.map_err(failed)? {
        return write.finish(answer(StatusCode::CREATED, row.get(0))).await;
    }
    let ask = "SELECT id, text FROM notes WHERE client = $1 AND seq = $2";
    let row = write.transaction.query_one(ask, &[&note.client, &note.seq]).await.map_err(failed)?;
    if row.get::<_, String>(1) != note.text {
        let why = "this client has another note of that number";
        return Err(Failure::new(StatusCode::CONFLICT, "note_exists", why));
    }
    write.finish(answer(StatusCode::OK, row.get(0))).await
}

fn check(note: &NewNote) -> Outcome<()> {
    if !(1..=CLIENT_MAX_BYTES).contains(&note.client.len()) {
        let why = format!("client: 1 to {CLIENT_MAX_BYTES} bytes are allowed");
        return Err(Failure::bad_request(why));
    }
    // PostgreSQL's text holds every character but this one.
    if note.client.contains('\0') || note.text.contains('\0') {
        return Err(Failure::bad_request("client, text: the character U+0000 is not allowed"));
    }
    Ok(())
}

/// `GET /notes?client=&after_seq=&limit=`: a client's notes by their number.
pub(crate) async fn list(State(app): Shared, Query(wanted): Query<Wanted>) -> Outcome {
    let limit = check_limit(wanted.limit)?;
    let ask =
        format!("SELECT {COLUMNS} FROM notes WHERE client = $1 AND seq > $2 ORDER BY seq LIMIT $3");
    let rows = app.database()?.query(&ask, &[&wanted.client, &wanted.after_seq, &limit]).await?;
    let notes: Vec<Note> = rows.iter().map(note).collect();
    json_answer(StatusCode::OK, &json!({"notes": notes}))
}

/// How many entries an answer has: refused when out of range.
pub(crate) fn check_limit(limit: Option<i64>) -> Outcome<i64> {
    let limit = limit.unwrap_or(PAGE_DEFAULT);
    match (1..=PAGE_MAX).contains(&limit) {
        true => Ok(limit),
        false => Err(Failure::bad_request(format!("limit: 1 to {PAGE_MAX} are allowed"))),
    }
}

fn note(row: &Row) -> Note {
    Note {
        id: row.get(0),
        client: row.get(1),
        seq: row.get(2),
        text: row.get(3),
        created_at: row.get(4),
    }
}
