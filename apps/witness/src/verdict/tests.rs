//! Planted losses and doubles: each must be found and named.

use super::*;
use crate::journal::{Acknowledged, Attempts};

/// A journal in the making.
#[derive(Default)]
struct Story {
    lines: Vec<Line>,
}

impl Story {
    fn line(&mut self, op: &Op, stage: Stage) {
        self.lines.push(Line { t_ms: 0, writer: 1, key: "k".into(), op: op.clone(), stage });
    }

    fn intend(mut self, op: Op) -> Self {
        self.line(&op, Stage::Intent);
        self
    }

    fn done(self, op: Op) -> Self {
        self.answered(op, Acknowledged { status: 200, ..Default::default() })
    }

    fn answered(mut self, op: Op, acknowledged: Acknowledged) -> Self {
        self.line(&op, Stage::Intent);
        self.line(&op, Stage::Acknowledged(acknowledged));
        self
    }

    fn expected(&self) -> Expected {
        Expected::fold(&self.lines)
    }
}

fn note(seq: u64) -> Op {
    Op::Note { client: "c".into(), seq, digest: format!("n{seq}") }
}

fn row(seq: u64) -> FoundNote {
    FoundNote { client: "c".into(), seq, digest: Some(format!("n{seq}")) }
}

fn put(document: &str, digest: &str) -> Op {
    Op::PutDocument { document: document.into(), digest: digest.into(), bytes: 1 }
}

fn delete(document: &str) -> Op {
    Op::DeleteDocument { document: document.into() }
}

fn create(digest: &str) -> Op {
    Op::CreateSession { digest: digest.into(), ttl_s: 10 }
}

fn created(id: &str, expires_at_ms: i64) -> Acknowledged {
    Acknowledged {
        status: 201,
        id: Some(id.into()),
        version: Some(1),
        expires_at_ms: Some(expires_at_ms),
        ..Default::default()
    }
}

fn update(session: &str, digest: &str) -> Op {
    Op::UpdateSession { session: session.into(), digest: digest.into(), expected: 1 }
}

fn missing(attempts: u64) -> Acknowledged {
    let attempts = Attempts { attempts, ..Default::default() };
    Acknowledged { status: 404, attempts, ..Default::default() }
}

fn judge_document(story: &Story, digest: Option<&str>) -> Verdict {
    let expected = story.expected();
    let mut verdict = Verdict::begin(&expected);
    let found = Found { digest: digest.map(str::to_owned), ..Default::default() };
    verdict.judge("document", "d", &expected.documents["d"], &found);
    verdict
}

fn judge_session(story: &Story, found: &Found) -> Verdict {
    let expected = story.expected();
    let mut verdict = Verdict::begin(&expected);
    verdict.judge("session", "s", &expected.sessions["s"], found);
    verdict
}

fn judge_notes(story: &Story, rows: &[FoundNote]) -> Verdict {
    let expected = story.expected();
    let mut verdict = Verdict::begin(&expected);
    verdict.judge_notes(&expected, rows);
    verdict
}

fn assert_lost(verdict: &Verdict, words: &str) {
    assert_eq!((verdict.lost, verdict.doubled), (1, 0), "{verdict:?}");
    assert!(verdict.details[0].contains(words), "{verdict:?}");
}

fn assert_clean(verdict: &Verdict) {
    assert_eq!((verdict.lost, verdict.doubled), (0, 0), "{verdict:?}");
}

#[test]
fn notes_that_are_there_once_are_fine() {
    assert_clean(&judge_notes(&Story::default().done(note(1)).done(note(2)), &[row(2), row(1)]));
}

#[test]
fn a_note_that_is_absent_is_lost() {
    let verdict = judge_notes(&Story::default().done(note(1)).done(note(2)), &[row(1)]);
    assert_lost(&verdict, "note c 2: acknowledged, and absent");
}

#[test]
fn a_note_with_another_text_is_lost() {
    let wrong = FoundNote { digest: Some("other".into()), ..row(1) };
    assert_lost(
        &judge_notes(&Story::default().done(note(1)), &[wrong]),
        "note c 1: has another text",
    );
}

#[test]
fn a_note_that_is_there_twice_is_doubled() {
    let verdict = judge_notes(&Story::default().done(note(1)), &[row(1), row(1)]);
    assert_eq!((verdict.lost, verdict.doubled), (0, 1));
    assert_eq!(verdict.details, ["note c 1: there 2 times"]);
}

#[test]
fn a_note_that_nobody_wrote_is_doubled() {
    let verdict = judge_notes(&Story::default().done(note(1)), &[row(1), row(7)]);
    assert_eq!((verdict.lost, verdict.doubled), (0, 1));
    assert_eq!(verdict.details, ["note c 7: nobody wrote it"]);
}

#[test]
fn a_note_without_acknowledgement_may_be_there_or_not() {
    let story = Story::default().intend(note(1)).intend(note(2));
    let verdict = judge_notes(&story, &[row(2)]);
    assert_clean(&verdict);
    let unknown = Unknown { total: 2, happened: 1, absent: 1, unresolved: 0 };
    assert_eq!(verdict.unknown, unknown);
}

#[test]
fn the_last_acknowledged_document_is_expected() {
    let story = Story::default().done(put("d", "one")).done(put("d", "two"));
    assert_clean(&judge_document(&story, Some("two")));
    assert_lost(&judge_document(&story, Some("one")), "document d: acknowledged as there, and has");
    assert_lost(&judge_document(&story, None), "document d: acknowledged as there, and is absent");
}

#[test]
fn a_deleted_document_stays_away() {
    let story = Story::default().done(put("d", "one")).done(delete("d"));
    assert_clean(&judge_document(&story, None));
    assert_lost(&judge_document(&story, Some("one")), "document d: acknowledged as deleted, and");
}

#[test]
fn a_document_that_was_gone_before_its_deletion_was_lost() {
    let story = Story::default().done(put("d", "one"));
    let first = story.answered(delete("d"), missing(1));
    assert_lost(&judge_document(&first, None), "document d: gone before it was deleted");
    let repeated = Story::default().done(put("d", "one")).answered(delete("d"), missing(2));
    assert_clean(&judge_document(&repeated, None));
    let mut resent = missing(1);
    resent.attempts.resent = 1;
    let resent = Story::default().done(put("d", "one")).answered(delete("d"), resent);
    assert_clean(&judge_document(&resent, None));
}

#[test]
fn an_overwrite_without_acknowledgement_leaves_two_answers() {
    let story = Story::default().done(put("d", "one")).intend(put("d", "two"));
    assert_eq!(judge_document(&story, Some("one")).unknown.absent, 1);
    assert_eq!(judge_document(&story, Some("two")).unknown.happened, 1);
    assert_lost(&judge_document(&story, Some("three")), "neither as acknowledged");
    assert_lost(&judge_document(&story, None), "neither as acknowledged");
}

#[test]
fn a_session_keeps_data_and_version() {
    let story = Story::default().answered(create("one"), created("s", 1_000_000));
    let found = Found { digest: Some("one".into()), version: Some(1), at_ms: 5 };
    assert_clean(&judge_session(&story, &found));
    let older = Found { version: Some(0), ..found.clone() };
    assert_lost(&judge_session(&story, &older), "version 1 was acknowledged, and is 0");
    let other = Found { digest: Some("two".into()), ..found };
    assert_lost(&judge_session(&story, &other), "session s: acknowledged as there, and has");
}

#[test]
fn a_session_is_gone_after_its_expiry_and_not_before() {
    let story = Story::default().answered(create("one"), created("s", 100_000));
    let there = |at_ms| Found { digest: Some("one".into()), version: Some(1), at_ms };
    let gone = |at_ms| Found { at_ms, ..Default::default() };
    assert_clean(&judge_session(&story, &gone(102_001)));
    assert_lost(&judge_session(&story, &there(102_001)), "still there after its expiry");
    assert_lost(&judge_session(&story, &gone(97_000)), "session s: acknowledged as there");
    assert_clean(&judge_session(&story, &gone(100_500)));
    assert_clean(&judge_session(&story, &there(100_500)));
}

#[test]
fn a_session_that_an_update_does_not_find_is_lost_once() {
    let story = Story::default()
        .answered(create("one"), created("s", 1_000_000))
        .answered(update("s", "two"), missing(3));
    assert_lost(&judge_session(&story, &Found::default()), "session s: gone when updated");
}

#[test]
fn a_session_without_identifier_stays_unresolved() {
    let expected = Story::default().intend(create("one")).expected();
    let verdict = Verdict::begin(&expected);
    assert_clean(&verdict);
    assert_eq!((verdict.unknown.total, verdict.unknown.unresolved), (1, 1));
}
