//! Deciding what was lost and what was doubled: what the journals say against what is there.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use crate::journal::{Line, Op, Stage};

/// How many findings are named; all are counted.
const DETAILS_MAX: usize = 100;
/// Around its expiry a session may or may not be there, in milliseconds: the clocks of two
/// processes on one machine, and the way of an answer.
const EXPIRY_MARGIN_MS: i64 = 2_000;

/// What something must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// There, with this digest.
    Present(String),
    /// Not there.
    Gone,
}

/// What is known of one document or session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Known {
    /// The last acknowledged state.
    pub(crate) acknowledged: Option<State>,
    /// What an operation without acknowledgement may have made of it since.
    pub(crate) maybe: Option<State>,
    /// The version that was acknowledged last.
    pub(crate) version: Option<u64>,
    /// When it expires, in milliseconds since 1970.
    pub(crate) expires_at_ms: Option<i64>,
}

/// What is known of one note: its digest, and whether it was acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KnownNote {
    pub(crate) digest: String,
    pub(crate) acknowledged: bool,
}

/// What must be there, by the journals.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    /// Notes by client and number.
    pub(crate) notes: HashMap<(String, u64), KnownNote>,
    /// Documents by name.
    pub(crate) documents: BTreeMap<String, Known>,
    /// Sessions by identifier.
    pub(crate) sessions: BTreeMap<String, Known>,
    /// Sessions whose creation was not acknowledged: nobody knows their identifier.
    pub(crate) nameless_sessions: u64,
    /// What the writers found missing themselves.
    pub(crate) missed: Vec<String>,
}

/// What was found of one document or session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// The digest of its content; `None` when it is not there.
    pub(crate) digest: Option<String>,
    /// Its version, where the application tells it.
    pub(crate) version: Option<u64>,
    /// When it was looked at, in milliseconds since 1970.
    pub(crate) at_ms: i64,
}

/// A note found in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FoundNote {
    pub(crate) client: String,
    pub(crate) seq: u64,
    /// The digest of its text, where the table has the text.
    pub(crate) digest: Option<String>,
}

/// The outcome of operations without acknowledgement.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Unknown {
    /// All of them.
    pub(crate) total: u64,
    /// Those that turned out to have happened.
    pub(crate) happened: u64,
    /// Those that turned out not to have happened.
    pub(crate) absent: u64,
    /// Those that cannot be told: sessions whose identifier never arrived, and operations that
    /// would have changed nothing.
    pub(crate) unresolved: u64,
}

/// What was found wrong with one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Wrong {
    /// Acknowledged, and absent or of another content.
    pub(crate) lost: u64,
    /// There more than once, or there without anybody having asked for it.
    pub(crate) doubled: u64,
}

/// What was decided.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Verdict {
    /// Acknowledged, and absent or of another content.
    pub(crate) lost: u64,
    /// There more than once, or there without anybody having asked for it.
    pub(crate) doubled: u64,
    /// The same for each kind: `rows`, `objects`, `sessions`.
    pub(crate) kinds: BTreeMap<&'static str, Wrong>,
    /// Operations without acknowledgement.
    pub(crate) unknown: Unknown,
    /// The first findings in words.
    pub(crate) details: Vec<String>,
}

impl Expected {
    /// Folds the lines of all journals; the lines of one writer are in their order.
    pub(crate) fn fold(lines: &[Line]) -> Self {
        let mut expected = Expected::default();
        for line in lines {
            match &line.stage {
                Stage::Intent => expected.intend(&line.op),
                Stage::Unknown(_) => {}
                Stage::Acknowledged(acknowledged) => {
                    if acknowledged.status == 404 {
                        let sent = &acknowledged.attempts;
                        expected.miss(&line.op, sent.attempts + sent.resent);
                    }
                    expected.acknowledge(&line.op, acknowledged);
                }
            }
        }
        expected
    }

    fn intend(&mut self, op: &Op) {
        match op {
            Op::Note { client, seq, digest } => {
                let note = KnownNote { digest: digest.clone(), acknowledged: false };
                self.notes.insert((client.clone(), *seq), note);
            }
            Op::PutDocument { document, digest, .. } => {
                self.document(document).maybe = Some(State::Present(digest.clone()));
            }
            Op::DeleteDocument { document } => self.document(document).maybe = Some(State::Gone),
            Op::CreateSession { .. } => self.nameless_sessions += 1,
            Op::UpdateSession { session, digest, .. } => {
                self.session(session).maybe = Some(State::Present(digest.clone()));
            }
            Op::DeleteSession { session } => self.session(session).maybe = Some(State::Gone),
        }
    }

    fn acknowledge(&mut self, op: &Op, acknowledged: &crate::journal::Acknowledged) {
        match op {
            Op::Note { client, seq, .. } => {
                if let Some(note) = self.notes.get_mut(&(client.clone(), *seq)) {
                    note.acknowledged = true;
                }
            }
            Op::PutDocument { document, .. } | Op::DeleteDocument { document } => {
                self.document(document).settle();
            }
            Op::CreateSession { digest, .. } => {
                let Some(id) = &acknowledged.id else { return };
                self.nameless_sessions -= 1;
                let session = self.session(id);
                session.maybe = Some(State::Present(digest.clone()));
                session.settle();
                session.version = acknowledged.version;
                session.expires_at_ms = acknowledged.expires_at_ms;
            }
            Op::UpdateSession { session, .. } | Op::DeleteSession { session } => {
                let session = self.session(session);
                session.settle();
                session.version = acknowledged.version;
                if acknowledged.status == 404 {
                    // Named as missed already; that it is gone is no second loss.
                    session.acknowledged = Some(State::Gone);
                }
            }
        }
    }

    /// An update that found nothing has lost something; so has a deletion, unless an earlier
    /// attempt may have done it.
    fn miss(&mut self, op: &Op, attempts: u64) {
        let what = match op {
            Op::UpdateSession { session, .. } => format!("session {session}: gone when updated"),
            Op::DeleteSession { session } if attempts == 1 => {
                format!("session {session}: gone before it was deleted")
            }
            Op::DeleteDocument { document } if attempts == 1 => {
                format!("document {document}: gone before it was deleted")
            }
            _ => return,
        };
        self.missed.push(what);
    }

    fn document(&mut self, name: &str) -> &mut Known {
        self.documents.entry(name.to_owned()).or_default()
    }

    fn session(&mut self, id: &str) -> &mut Known {
        self.sessions.entry(id.to_owned()).or_default()
    }
}

impl Known {
    fn settle(&mut self) {
        self.acknowledged = self.maybe.take();
    }

    /// Whether it is gone by its expiry at that time; `None` around that instant.
    fn expired(&self, at_ms: i64) -> Option<bool> {
        let Some(expires_at_ms) = self.expires_at_ms else { return Some(false) };
        let late_ms = at_ms - expires_at_ms;
        if late_ms.abs() < EXPIRY_MARGIN_MS { None } else { Some(late_ms > 0) }
    }
}

impl State {
    fn is(&self, digest: Option<&str>) -> bool {
        match self {
            State::Present(expected) => digest == Some(expected),
            State::Gone => digest.is_none(),
        }
    }

    fn words(&self) -> &'static str {
        match self {
            State::Present(_) => "there",
            State::Gone => "deleted",
        }
    }
}

impl Verdict {
    /// Begins with what the writers found missing themselves.
    pub(crate) fn begin(expected: &Expected) -> Self {
        let mut verdict = Verdict::default();
        expected.missed.iter().for_each(|what| verdict.lose(what.clone()));
        verdict.unknown.total = expected.nameless_sessions;
        verdict.unknown.unresolved = expected.nameless_sessions;
        verdict
    }

    /// Compares one document or session. `kind` is for the words.
    pub(crate) fn judge(&mut self, kind: &str, name: &str, known: &Known, found: &Found) {
        let digest = found.digest.as_deref();
        match known.expired(found.at_ms) {
            None => return,
            Some(true) if digest.is_some() => {
                return self.lose(format!("{kind} {name}: still there after its expiry"));
            }
            Some(true) => return,
            Some(false) => {}
        }
        if let Some(maybe) = &known.maybe {
            return self.judge_unknown(kind, name, known, maybe, digest);
        }
        let Some(state) = &known.acknowledged else { return };
        if !state.is(digest) {
            let found = if digest.is_some() { "has another content" } else { "is absent" };
            return self.lose(format!(
                "{kind} {name}: acknowledged as {}, and {}",
                state.words(),
                if *state == State::Gone { "is there again" } else { found }
            ));
        }
        if let (Some(acknowledged), Some(version)) = (known.version, found.version)
            && acknowledged != version
        {
            self.lose(format!(
                "{kind} {name}: version {acknowledged} was acknowledged, and is {version}"
            ));
        }
    }

    fn judge_unknown(
        &mut self,
        kind: &str,
        name: &str,
        known: &Known,
        maybe: &State,
        digest: Option<&str>,
    ) {
        self.unknown.total += 1;
        let before = known.acknowledged.as_ref().unwrap_or(&State::Gone);
        match (maybe.is(digest), before.is(digest)) {
            (true, true) => self.unknown.unresolved += 1,
            (true, false) => self.unknown.happened += 1,
            (false, true) => self.unknown.absent += 1,
            (false, false) => self.lose(format!(
                "{kind} {name}: neither as acknowledged last nor as asked for after that"
            )),
        }
    }

    /// Compares all notes with the rows of the table.
    pub(crate) fn judge_notes(&mut self, expected: &Expected, rows: &[FoundNote]) {
        let mut seen: HashMap<(&str, u64), u64> = HashMap::new();
        for row in rows {
            *seen.entry((&row.client, row.seq)).or_default() += 1;
            match expected.notes.get(&(row.client.clone(), row.seq)) {
                None => self.double(format!("note {} {}: nobody wrote it", row.client, row.seq)),
                Some(note) if row.digest.as_ref().is_some_and(|digest| *digest != note.digest) => {
                    self.lose(format!("note {} {}: has another text", row.client, row.seq));
                }
                Some(_) => {}
            }
        }
        let mut notes: Vec<_> = expected.notes.iter().collect();
        notes.sort_by_key(|(key, _)| *key);
        for ((client, seq), note) in notes {
            let count = seen.get(&(client.as_str(), *seq)).copied().unwrap_or(0);
            if count > 1 {
                self.double(format!("note {client} {seq}: there {count} times"));
            }
            match (note.acknowledged, count) {
                (true, 0) => self.lose(format!("note {client} {seq}: acknowledged, and absent")),
                (true, _) => {}
                (false, 0) => self.resolve(false),
                (false, _) => self.resolve(true),
            }
        }
    }

    fn resolve(&mut self, happened: bool) {
        self.unknown.total += 1;
        if happened { self.unknown.happened += 1 } else { self.unknown.absent += 1 }
    }

    /// Each finding begins with the word for what it is about.
    fn lose(&mut self, what: String) {
        self.lost += 1;
        self.kinds.entry(kind_of(&what)).or_default().lost += 1;
        self.detail(what);
    }

    fn double(&mut self, what: String) {
        self.doubled += 1;
        self.kinds.entry(kind_of(&what)).or_default().doubled += 1;
        self.detail(what);
    }

    fn detail(&mut self, what: String) {
        if self.details.len() < DETAILS_MAX {
            self.details.push(what);
        }
    }
}

/// The kind that a finding is about.
fn kind_of(what: &str) -> &'static str {
    match what.split(' ').next() {
        Some("document") => "objects",
        Some("session") => "sessions",
        _ => "rows",
    }
}
