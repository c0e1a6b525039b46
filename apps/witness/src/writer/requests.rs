//! Which operation comes next, and the request for it.

use hyper::Method;
use rand::Rng;
use serde_json::{Value, json};

use super::{LIVE_MAX, Writer};
use crate::client::{Call, digest, digest_of_fields};
use crate::journal::{Acknowledged, Op};

/// How long most sessions live, in seconds: longer than any check is away.
const TTL_LONG_S: u64 = 24 * 3600;
/// How long some sessions live, in seconds: they are never touched again, and must be gone after.
const TTL_SHORT_S: u64 = 20;

/// Takes the version out of an update. An attempt that got no answer may have written the session,
/// and this writer is the only one that writes it: the conflict is with itself.
pub(super) fn forget_version(call: &mut Call) {
    if let Ok(Value::Object(mut fields)) = serde_json::from_slice(&call.body)
        && fields.remove("version").is_some()
    {
        call.body = Value::Object(fields).to_string().into();
    }
}

impl Writer {
    /// Chooses the next operation: half are notes, the rest spread over documents and sessions.
    pub(super) fn choose(&mut self) -> (Op, Call) {
        let dice = self.random.random_range(0..100);
        let documents = self.documents.len();
        let sessions = self.sessions.len();
        match dice {
            50..65 if documents < LIVE_MAX => self.upload(),
            50..75 if documents > 0 => self.overwrite(),
            75..80 if documents > 0 => self.delete_document(),
            80..90 if sessions < LIVE_MAX => self.create_session(),
            80..97 if sessions > 0 => self.update_session(),
            97..100 if sessions > 0 => self.delete_session(),
            _ => self.note(),
        }
    }

    /// Takes over what an acknowledgement says about the keys that this writer owns.
    pub(super) fn remember(&mut self, op: &Op, acknowledged: &Acknowledged) {
        let version = acknowledged.version.unwrap_or(0);
        match op {
            Op::PutDocument { document, .. } if !self.documents.contains(document) => {
                self.documents.push(document.clone());
            }
            Op::DeleteDocument { document } => self.documents.retain(|live| live != document),
            Op::CreateSession { ttl_s, .. } if *ttl_s == TTL_LONG_S => {
                self.sessions.extend(acknowledged.id.clone().map(|id| (id, version)));
            }
            Op::UpdateSession { session, .. } => {
                let gone = acknowledged.status == 404;
                self.sessions.retain(|(id, _)| id != session);
                if !gone {
                    self.sessions.push((session.clone(), version));
                }
            }
            Op::DeleteSession { session } => self.sessions.retain(|(id, _)| id != session),
            Op::Note { .. } | Op::PutDocument { .. } | Op::CreateSession { .. } => {}
        }
    }

    fn note(&mut self) -> (Op, Call) {
        self.seq += 1;
        let words = self.words();
        let text = format!("note {} of {}: {words}", self.seq, self.client);
        let op = Op::Note {
            client: self.client.clone(),
            seq: self.seq,
            digest: digest(text.as_bytes()),
        };
        let body = json!({ "client": self.client, "seq": self.seq, "text": text });
        (op, Call::json(Method::POST, "/notes", &body))
    }

    fn upload(&mut self) -> (Op, Call) {
        self.documents_made += 1;
        let document = format!("{}-d{}", self.client, self.documents_made);
        self.put_document(document)
    }

    fn overwrite(&mut self) -> (Op, Call) {
        let document = self.pick_document();
        self.put_document(document)
    }

    fn put_document(&mut self, document: String) -> (Op, Call) {
        let mut bytes = vec![0; self.random.random_range(0..8 * 1024)];
        self.random.fill(bytes.as_mut_slice());
        let path = format!("/documents/{document}");
        let op = Op::PutDocument { document, digest: digest(&bytes), bytes: bytes.len() as u64 };
        (op, Call { method: Method::PUT, path, json: false, body: bytes.into() })
    }

    fn delete_document(&mut self) -> (Op, Call) {
        let document = self.pick_document();
        let path = format!("/documents/{document}");
        (Op::DeleteDocument { document }, Call::bare(Method::DELETE, path))
    }

    fn create_session(&mut self) -> (Op, Call) {
        let data = self.session_data();
        let ttl_s = if self.random.random_ratio(1, 10) { TTL_SHORT_S } else { TTL_LONG_S };
        let op = Op::CreateSession { digest: digest_of_fields(&data), ttl_s };
        (op, Call::json(Method::POST, "/sessions", &json!({ "data": data, "ttl_s": ttl_s })))
    }

    fn update_session(&mut self) -> (Op, Call) {
        let data = self.session_data();
        let (session, expected) = self.pick_session();
        let path = format!("/sessions/{session}");
        let body = json!({ "data": data, "version": expected });
        let op = Op::UpdateSession { session, digest: digest_of_fields(&data), expected };
        (op, Call::json(Method::PUT, path, &body))
    }

    fn delete_session(&mut self) -> (Op, Call) {
        let (session, _) = self.pick_session();
        let path = format!("/sessions/{session}");
        (Op::DeleteSession { session }, Call::bare(Method::DELETE, path))
    }

    fn session_data(&mut self) -> Value {
        let cart = self.random.random_range(0..1000);
        let text = self.words();
        json!({ "client": self.client, "cart": cart, "text": text })
    }

    fn words(&mut self) -> String {
        let mut bytes = [0; 24];
        self.random.fill(&mut bytes);
        hex::encode(bytes)
    }

    fn pick_document(&mut self) -> String {
        let at = self.random.random_range(0..self.documents.len());
        self.documents[at].clone()
    }

    fn pick_session(&mut self) -> (String, u64) {
        let at = self.random.random_range(0..self.sessions.len());
        self.sessions[at].clone()
    }
}
