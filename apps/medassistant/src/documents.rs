//! Documents: an object each, and a row that says that it is there.
//!
//! A write puts the object, then the row; a deletion takes the row, then the object. So a document
//! that has a row has bytes, at every moment and whatever is cut off: those of its last write, or
//! of a later one that was cut off between the two and never acknowledged. The lock of the
//! document's name keeps two writers apart, also those of different instances.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::json;
use trefoil_clouds::database::{Row, failed};
use trefoil_clouds::objects::{Attributes, Condition, ObjectInfo, stream_of};
use trefoil_clouds::{Error, Result};

use crate::answer::{Answer, Failure, Outcome, json_answer};
use crate::app::{App, Shared};
use crate::idempotency::{self, Begun, lock};
use crate::notes::check_limit;
use crate::passages;

/// The largest document.
pub(crate) const DOCUMENT_MAX_BYTES: usize = 16 * 1024 * 1024;
/// The longest identifier of a document, in bytes: its object's key has a prefix.
const ID_MAX_BYTES: usize = 500;

const COLUMNS: &str = "id, digest, size, version, \
    to_char(updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')";

#[derive(Serialize)]
struct Document {
    id: String,
    digest: String,
    size: i64,
    version: i64,
    updated_at: String,
}

/// Which documents to list.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    after: String,
    limit: Option<i64>,
}

/// `PUT /documents/{id}`: 201 for a new one, 200 for a new version, once both are on the disk.
pub(crate) async fn write(
    State(app): Shared,
    Path(id): Path<String>,
    method: Method,
    uri: Uri,
    request: Request,
) -> Outcome {
    check_id(&id)?;
    let key = idempotency::key(request.headers(), &method, &uri)?;
    let (attributes, headers) = (attributes(request.headers())?, request.headers().clone());
    let turn = app.uploads.acquire().await;
    let _turn = turn.map_err(|error| Failure::unavailable("closing", error.to_string()))?;
    let content = Bytes::from_request(request, &()).await.map_err(|rejection| {
        Failure::new(rejection.status(), "bad_request", rejection.body_text())
    })?;
    let mut client = app.database()?.get().await?;
    let write = match idempotency::begin(&mut client, key).await? {
        Begun::Repeated(answer) => return Ok(answer),
        Begun::Fresh(write) => write,
    };
    lock(&write.transaction, "document", &id).await?;
    let passages = passages::passages(&headers, &content);
    let object = put(&app, &id, content, &attributes).await?;
    let size = i64::try_from(object.size_bytes).unwrap_or(i64::MAX);
    let upsert = "INSERT INTO documents AS d (id, digest, size, version) VALUES ($1, $2, $3, 1) \
        ON CONFLICT (id) DO UPDATE SET digest = $2, size = $3, version = d.version + 1, \
        updated_at = now() RETURNING version";
    let row = write.transaction.query_one(upsert, &[&id, &object.digest, &size]).await;
    let version: i64 = row.map_err(failed)?.get(0);
    passages::store(&write.transaction, &id, &passages).await?;
    let body = json!({"id": id, "digest": object.digest, "size": size, "version": version});
    let status = if version == 1 { StatusCode::CREATED } else { StatusCode::OK };
    write.finish(Answer::new(status, body)).await
}

async fn put(app: &App, id: &str, content: Bytes, attributes: &Attributes) -> Result<ObjectInfo> {
    let content = stream_of(content);
    app.documents.put(&object_key(id), content, attributes, &Condition::Always, None).await
}

/// `GET /documents/{id}`: the bytes, with their digest in `x-digest`.
pub(crate) async fn read(State(app): Shared, Path(id): Path<String>) -> Outcome<Response> {
    let document = row_of(&app, &id).await?.ok_or_else(|| Failure::not_found("document"))?;
    let Some((object, content)) = app.documents.get(&object_key(&id), None).await? else {
        return Err(match row_of(&app, &id).await? {
            // Deleted between the two questions.
            None => Failure::not_found("document"),
            Some(_) => Error::failed("document_lost", "a document has lost its bytes").into(),
        });
    };
    let mut response = Response::new(Body::from_stream(content));
    let headers = response.headers_mut();
    let media_type = object.attributes.content_type.as_deref();
    headers.insert(header::CONTENT_TYPE, value(media_type.unwrap_or("application/octet-stream"))?);
    headers.insert(header::CONTENT_LENGTH, object.size_bytes.into());
    if let Some(digest) = &object.digest {
        headers.insert("x-digest", value(digest)?);
    }
    headers.insert("x-version", document.version.into());
    Ok(response)
}

/// `GET /documents/{id}/info`: the row.
pub(crate) async fn info(State(app): Shared, Path(id): Path<String>) -> Outcome {
    let document = row_of(&app, &id).await?.ok_or_else(|| Failure::not_found("document"))?;
    json_answer(StatusCode::OK, &document)
}

/// `GET /documents?after=&limit=`: rows in the order of their identifiers' bytes.
pub(crate) async fn list(State(app): Shared, Query(wanted): Query<Wanted>) -> Outcome {
    let limit = check_limit(wanted.limit)?;
    let ask = format!("SELECT {COLUMNS} FROM documents WHERE id > $1 ORDER BY id LIMIT $2");
    let rows = app.database()?.query(&ask, &[&wanted.after, &limit]).await?;
    let documents: Vec<Document> = rows.iter().map(document).collect();
    let full = i64::try_from(documents.len()).is_ok_and(|count| count == limit);
    let next = documents.last().filter(|_| full).map(|document| document.id.as_str());
    json_answer(StatusCode::OK, &json!({"documents": documents, "next": next}))
}

/// `DELETE /documents/{id}`: from the commit on it is gone; its bytes follow.
pub(crate) async fn delete(
    State(app): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
    method: Method,
    uri: Uri,
) -> Outcome {
    check_id(&id)?;
    let key = idempotency::key(&headers, &method, &uri)?;
    let mut client = app.database()?.get().await?;
    let write = match idempotency::begin(&mut client, key).await? {
        Begun::Repeated(answer) => return Ok(answer),
        Begun::Fresh(write) => write,
    };
    lock(&write.transaction, "document", &id).await?;
    let delete = "DELETE FROM documents WHERE id = $1";
    if write.transaction.execute(delete, &[&id]).await.map_err(failed)? == 0 {
        return Err(Failure::not_found("document"));
    }
    passages::delete(&write.transaction, &id).await?;
    let answer = Answer::new(StatusCode::OK, json!({"id": id, "deleted": true}));
    let answer = write.finish(answer).await?;
    drop(client);
    if let Err(error) = remove_object(&app, &id).await {
        // The document is gone all the same: without a row nobody reads the bytes.
        tracing::warn!(code = error.code(), "bytes of a deleted document stay: {}", error.chain());
    }
    Ok(answer)
}

/// Deletes the bytes of a document that has no row, while nobody can write it again.
async fn remove_object(app: &App, id: &str) -> Result<()> {
    let Some(database) = app.known_database() else { return Ok(()) };
    let mut client = database.get().await?;
    let transaction = client.transaction().await.map_err(failed)?;
    lock(&transaction, "document", id).await?;
    let there = transaction.query_opt("SELECT 1 FROM documents WHERE id = $1", &[&id]).await;
    if there.map_err(failed)?.is_none() {
        app.documents.delete(&object_key(id)).await?;
    }
    transaction.commit().await.map_err(failed)
}

async fn row_of(app: &App, id: &str) -> Outcome<Option<Document>> {
    check_id(id)?;
    let ask = format!("SELECT {COLUMNS} FROM documents WHERE id = $1");
    let row = app.database()?.query_opt(&ask, &[&id]).await?;
    Ok(row.as_ref().map(document))
}

fn document(row: &Row) -> Document {
    Document {
        id: row.get(0),
        digest: row.get(1),
        size: row.get(2),
        version: row.get(3),
        updated_at: row.get(4),
    }
}

fn object_key(id: &str) -> String {
    format!("documents/{id}")
}

fn check_id(id: &str) -> Outcome<()> {
    match (1..=ID_MAX_BYTES).contains(&id.len()) && !id.chars().any(char::is_control) {
        true => Ok(()),
        false => Err(Failure::bad_request(format!(
            "id: 1 to {ID_MAX_BYTES} bytes without control characters are allowed"
        ))),
    }
}

fn attributes(headers: &HeaderMap) -> Outcome<Attributes> {
    let text = |value: &HeaderValue| {
        let text = value.to_str().map(str::to_owned);
        text.map_err(|_| Failure::bad_request("Content-Type: visible ASCII is allowed"))
    };
    let content_type = headers.get(header::CONTENT_TYPE).map(text).transpose()?;
    Ok(Attributes { content_type, ..Attributes::default() })
}

fn value(text: &str) -> Result<HeaderValue> {
    HeaderValue::from_str(text)
        .map_err(|error| Error::failed("answer", "a header cannot be written").because(error))
}
