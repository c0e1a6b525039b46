//! What every store of sessions does.

use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Fixture;
use crate::sessions::{DATA_MAX_BYTES, ID_MAX_BYTES, Session, Sessions};

/// Makes one test of each behaviour of a store of sessions.
#[macro_export]
macro_rules! sessions_conformance {
    ($fresh:path) => {
        $crate::conformance_suite! { sessions, $fresh,
            a_created_session_is_read_back
            a_session_is_gone_at_its_expiry
            an_expiry_is_kept_to_the_nanosecond
            an_identifier_lives_only_once
            an_update_replaces_the_data
            an_update_of_an_old_version_is_refused
            concurrent_updates_lose_nothing
            a_touch_moves_the_expiry
            a_deleted_session_is_gone
            a_copy_is_written_exactly_as_it_is
            a_copy_on_a_condition_is_refused
            changes_show_each_session_once
            changes_are_paged_by_position
            a_sweep_forgets_only_the_expired
            only_living_sessions_are_counted
            what_is_too_large_is_refused
            the_store_is_healthy
        }
    };
}

type Suite = Fixture<Sessions>;

const TTL: Duration = Duration::from_secs(60);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("a time of this century")
}

async fn create(sessions: &Sessions, id: &str, data: Value) -> Session {
    sessions.create(Some(id), data, TTL, at(0)).await.expect("a session is created")
}

async fn get(sessions: &Sessions, id: &str, now: Timestamp) -> Option<Session> {
    sessions.get(id, now).await.expect("a session can be read")
}

/// A new session has an identifier, a version and an expiry, also for another handle.
pub async fn a_created_session_is_read_back(suite: &Suite) {
    let data = json!({"user": "ada", "n": [1, 2.5, null], "text": "Grüße 🍀"});
    let created = suite.first.create(None, data.clone(), TTL, at(0)).await.expect("created");
    assert_eq!((created.version, created.expires_at, &created.data), (1, at(60), &data));
    assert_eq!(get(&suite.second, &created.id, at(1)).await, Some(created.clone()));
    let other = suite.first.create(None, data, TTL, at(0)).await.expect("created");
    assert_ne!(created.id, other.id);
    assert!(get(&suite.first, "unknown", at(1)).await.is_none());
}

/// One nanosecond before its expiry a session lives; at its expiry it is gone, though stored.
pub async fn a_session_is_gone_at_its_expiry(suite: &Suite) {
    create(&suite.first, "a", json!(1)).await;
    let last = at(60).checked_sub(Duration::from_nanos(1)).expect("a time of this century");
    for sessions in [&suite.first, &suite.second] {
        assert!(get(sessions, "a", last).await.is_some());
        assert!(get(sessions, "a", at(60)).await.is_none());
        assert!(get(sessions, "a", at(61)).await.is_none());
        let update = sessions.update("a", json!(2), None, Some(TTL), at(60)).await;
        assert!(update.expect("no error").is_none(), "what is gone cannot be updated");
        assert!(sessions.touch("a", TTL, at(60)).await.expect("no error").is_none());
    }
    assert!(get(&suite.first, "a", last).await.is_some(), "nothing has changed it");
}

/// Not a nanosecond of an expiry is lost.
pub async fn an_expiry_is_kept_to_the_nanosecond(suite: &Suite) {
    let now = Timestamp::new(1_800_000_000, 123_456_789).expect("a time of this century");
    let ttl = Duration::new(1, 1);
    let created = suite.first.create(Some("a"), json!({}), ttl, now).await.expect("created");
    let read = suite.second.raw("a").await.expect("read").expect("there");
    assert_eq!(read.expires_at, created.expires_at);
    assert_eq!(read.expires_at.as_nanosecond(), 1_800_000_001_123_456_790);
}

/// An identifier can be given; a second session of it is refused until the first has expired.
pub async fn an_identifier_lives_only_once(suite: &Suite) {
    let writers = (0..10).map(|n| {
        let sessions = if n % 2 == 0 { suite.first.clone() } else { suite.second.clone() };
        tokio::spawn(async move { sessions.create(Some("a"), json!(n), TTL, at(0)).await })
    });
    let outcomes = join_all(writers).await.into_iter().map(|done| done.expect("a writer ends"));
    let (won, lost): (Vec<_>, Vec<_>) = outcomes.partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, 9));
    for error in lost {
        assert_eq!(error.expect_err("it lost").code(), "session_conflict");
    }
    let again = suite.first.create(Some("a"), json!("new"), TTL, at(60)).await;
    assert_eq!(again.expect("the first has expired").data, json!("new"));
    assert_eq!(get(&suite.second, "a", at(61)).await.map(|a| a.data), Some(json!("new")));
}

/// An update replaces the data and raises the version; the expiry moves only when asked to.
pub async fn an_update_replaces_the_data(suite: &Suite) {
    create(&suite.first, "a", json!({"before": true})).await;
    let updated = suite.first.update("a", json!(2), Some(1), None, at(10)).await;
    let updated = updated.expect("updated").expect("there");
    assert_eq!((updated.version, updated.expires_at, &updated.data), (2, at(60), &json!(2)));
    assert_eq!(get(&suite.second, "a", at(10)).await, Some(updated));
    let updated = suite.second.update("a", json!(3), None, Some(TTL), at(20)).await;
    let updated = updated.expect("updated").expect("there");
    assert_eq!((updated.version, updated.expires_at), (3, at(80)));
    let unknown = suite.first.update("b", json!(1), None, None, at(0)).await;
    assert!(unknown.expect("no error").is_none());
}

/// Who read an older version learns it, and nothing is written.
pub async fn an_update_of_an_old_version_is_refused(suite: &Suite) {
    create(&suite.first, "a", json!(1)).await;
    suite.first.update("a", json!(2), None, None, at(1)).await.expect("updated");
    for version in [0, 1, 3] {
        let update = suite.second.update("a", json!(9), Some(version), None, at(2)).await;
        assert_eq!(update.expect_err("it is stale").code(), "session_conflict");
    }
    assert_eq!(get(&suite.first, "a", at(3)).await.map(|a| a.data), Some(json!(2)));
}

/// Of many updates from one version exactly one wins, so that none is lost unseen.
pub async fn concurrent_updates_lose_nothing(suite: &Suite) {
    create(&suite.first, "a", json!(0)).await;
    let writers = (0..10).map(|n| {
        let sessions = if n % 2 == 0 { suite.first.clone() } else { suite.second.clone() };
        tokio::spawn(async move { sessions.update("a", json!(n), Some(1), None, at(1)).await })
    });
    let outcomes = join_all(writers).await.into_iter().map(|done| done.expect("a writer ends"));
    assert_eq!(outcomes.filter(Result::is_ok).count(), 1);
    assert_eq!(get(&suite.first, "a", at(2)).await.map(|a| a.version), Some(2));
    for n in 0..5 {
        let update = suite.second.update("a", json!(n), None, None, at(1)).await;
        assert_eq!(update.expect("updated").map(|a| a.version), Some(n + 3));
    }
}

/// A touch lets a session live longer, or shorter, and keeps its data.
pub async fn a_touch_moves_the_expiry(suite: &Suite) {
    create(&suite.first, "a", json!("kept")).await;
    let touched = suite.second.touch("a", TTL, at(30)).await.expect("touched").expect("there");
    assert_eq!((touched.expires_at, touched.version), (at(90), 2));
    assert_eq!(get(&suite.first, "a", at(89)).await.map(|a| a.data), Some(json!("kept")));
    let shorter = suite.first.touch("a", Duration::from_secs(1), at(40)).await;
    assert!(shorter.expect("touched").is_some());
    assert!(get(&suite.second, "a", at(41)).await.is_none());
}

/// A deleted session is gone for every handle, and its identifier can be used again.
pub async fn a_deleted_session_is_gone(suite: &Suite) {
    create(&suite.first, "a", json!(1)).await;
    assert!(suite.second.delete("a").await.expect("delete"));
    assert!(!suite.first.delete("a").await.expect("delete"));
    assert!(suite.first.raw("a").await.expect("read").is_none());
    let again = suite.first.create(Some("a"), json!(2), TTL, at(1)).await;
    assert_eq!(again.expect("created").data, json!(2));
}

/// A copy keeps version and expiry, replaces what was there, and may have expired.
pub async fn a_copy_is_written_exactly_as_it_is(suite: &Suite) {
    let copy = Session { id: "a".into(), data: json!([1]), expires_at: at(5), version: 17 };
    suite.first.put(&copy, None).await.expect("written");
    assert_eq!(suite.second.raw("a").await.expect("read"), Some(copy.clone()));
    let older = Session { version: 3, expires_at: at(-100), ..copy };
    suite.first.put(&older, None).await.expect("written");
    assert_eq!(suite.second.raw("a").await.expect("read"), Some(older));
    assert!(get(&suite.second, "a", at(0)).await.is_none());
}

/// A copy on a condition is written only when the stored version is the expected one.
pub async fn a_copy_on_a_condition_is_refused(suite: &Suite) {
    let copy = Session { id: "a".into(), data: json!(1), expires_at: at(60), version: 5 };
    let refused = suite.first.put(&copy, Some(4)).await;
    assert_eq!(refused.expect_err("none is stored").code(), "session_conflict");
    suite.first.put(&copy, Some(0)).await.expect("none is stored, as expected");
    for expected in [0, 4, 6] {
        let refused = suite.second.put(&copy, Some(expected)).await;
        assert_eq!(refused.expect_err("version 5 is stored").code(), "session_conflict");
    }
    let newer = Session { version: 6, ..copy };
    suite.second.put(&newer, Some(5)).await.expect("version 5 is stored, as expected");
}

/// Each session appears once, at its newest change, as it is now.
pub async fn changes_show_each_session_once(suite: &Suite) {
    assert_eq!(suite.first.position().await.expect("position"), 0);
    for id in ["a", "b", "c"] {
        create(&suite.first, id, json!(id)).await;
    }
    suite.second.update("a", json!(2), None, None, at(1)).await.expect("updated");
    suite.second.delete("b").await.expect("deleted");
    let changes = suite.first.changes(0, 100).await.expect("changes");
    let ids: Vec<_> = changes.iter().map(|change| change.id.as_str()).collect();
    assert_eq!(ids, ["c", "a", "b"]);
    assert_eq!(changes[1].session, suite.first.raw("a").await.expect("read"));
    assert!(changes[2].session.is_none(), "a deletion is a change");
    let last = changes[2].position;
    assert_eq!(suite.second.position().await.expect("position"), last);
    suite.first.delete("b").await.expect("deleting nothing is no error");
    assert!(suite.first.changes(last, 100).await.expect("changes").is_empty());
    suite.first.touch("c", TTL, at(2)).await.expect("touched");
    let changes = suite.second.changes(last, 100).await.expect("changes");
    assert_eq!((changes.len(), changes[0].id.as_str()), (1, "c"));
}

/// Pages of changes, each from the last position, show everything once.
pub async fn changes_are_paged_by_position(suite: &Suite) {
    for n in 0..20 {
        create(&suite.first, &format!("s{n}"), json!(n)).await;
    }
    let (mut since, mut ids) = (0, Vec::new());
    loop {
        let page = suite.second.changes(since, 6).await.expect("changes");
        assert!(page.len() <= 6 && page.iter().all(|change| change.position > since));
        let Some(last) = page.last() else { break };
        since = last.position;
        ids.extend(page.into_iter().map(|change| change.id));
    }
    assert_eq!(ids, (0..20).map(|n| format!("s{n}")).collect::<Vec<_>>());
}

/// A sweep forgets what expired before an instant, no more than its limit, and nothing else.
pub async fn a_sweep_forgets_only_the_expired(suite: &Suite) {
    for n in 0..5 {
        let ttl = Duration::from_secs(n + 1);
        suite.first.create(Some(&format!("s{n}")), json!(n), ttl, at(0)).await.expect("created");
    }
    let stored = async |id: &str| suite.second.raw(id).await.expect("read").is_some();
    assert_eq!(suite.first.sweep(at(3), 1).await.expect("sweep"), 1);
    assert!(!stored("s0").await && stored("s1").await, "what expired first goes first");
    assert_eq!(suite.first.sweep(at(3), 100).await.expect("sweep"), 1);
    assert!(!stored("s1").await && stored("s2").await, "s2 expires at, not before, that instant");
    assert_eq!(suite.second.sweep(at(3), 100).await.expect("sweep"), 0);
    let position = suite.first.position().await.expect("position");
    create(&suite.first, "new", json!(1)).await;
    assert!(suite.first.position().await.expect("position") > position);
}

/// The count is that of the sessions which have not expired, stored or not.
pub async fn only_living_sessions_are_counted(suite: &Suite) {
    for id in ["a", "b", "c"] {
        create(&suite.first, id, json!(1)).await;
    }
    suite.first.touch("c", TTL, at(30)).await.expect("touched");
    suite.first.delete("a").await.expect("deleted");
    let count = async |now| suite.second.count(now).await.expect("count");
    assert_eq!((count(at(59)).await, count(at(60)).await, count(at(90)).await), (2, 1, 0));
}

/// Identifiers and data above the limits, and lives without end, are refused.
pub async fn what_is_too_large_is_refused(suite: &Suite) {
    let sessions = &suite.first;
    for id in [String::new(), "a\nb".into(), "i".repeat(ID_MAX_BYTES + 1)] {
        let create = sessions.create(Some(&id), json!(1), TTL, at(0)).await;
        assert_eq!(create.expect_err("it is refused").code(), "session_id");
        assert_eq!(sessions.get(&id, at(0)).await.expect_err("it is refused").code(), "session_id");
    }
    let most = "i".repeat(ID_MAX_BYTES);
    assert!(sessions.create(Some(&most), json!(1), TTL, at(0)).await.is_ok());
    let data = |bytes: usize| Value::String("x".repeat(bytes - 2));
    let create = sessions.create(None, data(DATA_MAX_BYTES + 1), TTL, at(0)).await;
    assert_eq!(create.expect_err("it is refused").code(), "session_data");
    assert!(sessions.create(None, data(DATA_MAX_BYTES), TTL, at(0)).await.is_ok());
    let create = sessions.create(None, json!(1), Duration::MAX, at(0)).await;
    assert_eq!(create.expect_err("it is refused").code(), "session_ttl");
}

/// A store that can be used says so.
pub async fn the_store_is_healthy(suite: &Suite) {
    suite.first.health().await.expect("it is healthy");
    suite.second.health().await.expect("it is healthy");
}
