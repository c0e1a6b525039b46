//! A write with an `Idempotency-Key` happens once: its answer is stored in the transaction of its
//! rows, and given again to whoever repeats it. What is written elsewhere gets its name before, in
//! a transaction of its own, so that a repetition finds it although no answer was stored.

use axum::http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::Value;
use trefoil_clouds::Result;
use trefoil_clouds::database::{Client, Database, ToSql, Transaction, failed};

use crate::answer::{Answer, Failure, Outcome};

/// The longest key, in bytes.
const KEY_MAX_BYTES: usize = 255;
/// How long an answer is kept, as PostgreSQL writes it.
const KEPT_FOR: &str = "24 hours";
/// The status of a key that has no answer yet: no HTTP status is that low.
const RESERVED: i32 = 0;

/// A client's key and the request that it belongs to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Key {
    key: String,
    request: String,
}

/// The key of a request, if it has one.
pub(crate) fn key(headers: &HeaderMap, method: &Method, uri: &Uri) -> Outcome<Option<Key>> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().ok().filter(|key| (1..=KEY_MAX_BYTES).contains(&key.len()));
    let key = key.ok_or_else(|| {
        let allowed = format!("1 to {KEY_MAX_BYTES} visible ASCII characters are allowed");
        Failure::bad_request(format!("Idempotency-Key: {allowed}"))
    })?;
    Ok(Some(Key { key: key.to_owned(), request: format!("{method} {}", uri.path()) }))
}

/// A write that may be a repetition.
pub(crate) enum Begun<'a> {
    /// It has happened already; this was the answer.
    Repeated(Answer),
    /// It has not; it happens in this transaction.
    Fresh(Write<'a>),
}

/// A write in its transaction.
pub(crate) struct Write<'a> {
    /// Where the rows are written. Nothing is, unless the write is finished.
    pub(crate) transaction: Transaction<'a>,
    key: Option<Key>,
}

/// Begins a write. Of two with the same key at once the second waits for the first.
pub(crate) async fn begin(client: &mut Client, key: Option<Key>) -> Outcome<Begun<'_>> {
    let transaction = client.transaction().await.map_err(failed)?;
    if let Some(key) = &key {
        lock(&transaction, "key", &key.key).await?;
        if let Some(answer) = stored(&transaction, key).await? {
            return Ok(Begun::Repeated(answer));
        }
    }
    Ok(Begun::Fresh(Write { transaction, key }))
}

impl Write<'_> {
    /// Stores the answer with the rows. Only what this returns has happened.
    pub(crate) async fn finish(self, answer: Answer) -> Outcome {
        if let Some(key) = &self.key {
            let store = "INSERT INTO idempotency (key, request, status, body) \
                         VALUES ($1, $2, $3, $4) \
                         ON CONFLICT (key) DO UPDATE SET status = $3, body = $4";
            let status = i32::from(answer.status.as_u16());
            let values: [&(dyn ToSql + Sync); 4] = [&key.key, &key.request, &status, &answer.body];
            self.transaction.execute(store, &values).await.map_err(failed)?;
        }
        self.transaction.commit().await.map_err(failed)?;
        Ok(answer)
    }

    /// Ends the transaction with `what` kept under the key until there is an answer; what an
    /// earlier attempt has kept, if there was one.
    pub(crate) async fn reserve(self, what: &Value) -> Outcome<Value> {
        let Some(key) = &self.key else { return Ok(what.clone()) };
        let store = "INSERT INTO idempotency (key, request, status, body) \
                     VALUES ($1, $2, $3, $4) ON CONFLICT (key) DO NOTHING";
        let values: [&(dyn ToSql + Sync); 4] = [&key.key, &key.request, &RESERVED, what];
        self.transaction.execute(store, &values).await.map_err(failed)?;
        let ask = "SELECT body FROM idempotency WHERE key = $1";
        let row = self.transaction.query_one(ask, &[&key.key]).await.map_err(failed)?;
        self.transaction.commit().await.map_err(failed)?;
        Ok(row.get(0))
    }
}

async fn stored(transaction: &Transaction<'_>, key: &Key) -> Outcome<Option<Answer>> {
    let ask = "SELECT request, status, body FROM idempotency WHERE key = $1";
    let row = transaction.query_opt(ask, &[&key.key]).await.map_err(failed)?;
    let Some(row) = row else { return Ok(None) };
    if row.get::<_, String>(0) != key.request {
        let why = "this Idempotency-Key was used for another request";
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return Err(Failure::new(status, "idempotency_key_reused", why));
    }
    if row.get::<_, i32>(1) == RESERVED {
        return Ok(None);
    }
    let status = u16::try_from(row.get::<_, i32>(1)).ok();
    let status = status.and_then(|status| StatusCode::from_u16(status).ok());
    let status = status.unwrap_or(StatusCode::OK);
    Ok(Some(Answer { status, body: row.get(2), replayed: true }))
}

/// Takes the lock of a name until the transaction ends. Names of different kinds do not meet.
pub(crate) async fn lock(transaction: &Transaction<'_>, kind: &str, name: &str) -> Result<()> {
    let take = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))";
    let name = format!("{kind} {name}");
    transaction.execute(take, &[&name]).await.map(drop).map_err(failed)
}

/// Forgets old answers, at most `limit`; how many they were.
pub(crate) async fn forget(database: &Database, limit: usize) -> Result<u64> {
    let forget = format!(
        "DELETE FROM idempotency WHERE key IN (SELECT key FROM idempotency \
         WHERE created_at < now() - interval '{KEPT_FOR}' ORDER BY created_at LIMIT $1)"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    database.execute(&forget, &[&limit]).await
}
