//! What every store of secrets does.

use std::collections::BTreeSet;

use futures::future::join_all;
use secrecy::{ExposeSecret, SecretString};

use super::Fixture;
use crate::secrets::{
    NAME_MAX_BYTES, SecretVersion, Secrets, Stage, StoredVersion, VALUE_MAX_BYTES, VERSIONS_MAX,
};

/// Makes one test of each behaviour of a store of secrets.
#[macro_export]
macro_rules! secrets_conformance {
    ($fresh:path) => {
        $crate::conformance_suite! { secrets, $fresh,
            a_secret_is_read_back
            a_secret_that_is_not_there_is_none
            a_second_write_replaces_the_first
            a_deleted_secret_is_gone
            values_stay_as_they_are
            names_are_in_order_and_without_those_of_the_environment
            illegal_names_and_large_values_are_refused
            concurrent_writers_lose_nothing
            a_write_keeps_what_was_current_as_previous
            the_same_value_again_makes_no_version
            a_pending_version_is_used_only_once_it_is_promoted
            promoting_the_previous_version_goes_back
            only_one_version_is_pending
            a_new_secret_may_begin_as_pending
            an_unknown_version_is_none_and_cannot_be_promoted
            old_versions_are_forgotten_and_those_in_a_stage_are_not
            versions_are_carried_as_they_are
            impossible_versions_are_refused
            concurrent_writers_of_one_secret_leave_one_current
            the_store_is_healthy
        }
    };
}

type Suite = Fixture<Secrets>;

async fn set(secrets: &Secrets, name: &str, value: &str) {
    secrets.set(name, &SecretString::from(value)).await.expect("a secret is written");
}

async fn get(secrets: &Secrets, name: &str) -> Option<String> {
    let value = secrets.get(name).await.expect("a secret can be read");
    value.map(|value| value.expose_secret().to_owned())
}

/// What is written can be read, also by another handle.
pub async fn a_secret_is_read_back(suite: &Suite) {
    set(&suite.first, "token", "value").await;
    assert_eq!(get(&suite.first, "token").await.as_deref(), Some("value"));
    assert_eq!(get(&suite.second, "token").await.as_deref(), Some("value"));
}

/// What is not there is `None`, and deleting it is no error.
pub async fn a_secret_that_is_not_there_is_none(suite: &Suite) {
    assert!(get(&suite.first, "token").await.is_none());
    assert!(!suite.first.delete("token").await.expect("delete"));
    assert!(suite.first.all_names().await.expect("names").is_empty());
}

/// A second write replaces the first.
pub async fn a_second_write_replaces_the_first(suite: &Suite) {
    set(&suite.first, "token", "first").await;
    set(&suite.second, "token", "second").await;
    assert_eq!(get(&suite.first, "token").await.as_deref(), Some("second"));
    assert_eq!(suite.first.names().await.expect("names"), ["token"]);
}

/// A deleted secret is gone; the others stay.
pub async fn a_deleted_secret_is_gone(suite: &Suite) {
    set(&suite.first, "a", "1").await;
    set(&suite.first, "b", "2").await;
    assert!(suite.second.delete("a").await.expect("delete"));
    assert!(!suite.first.delete("a").await.expect("delete"));
    assert!(get(&suite.first, "a").await.is_none());
    assert_eq!(get(&suite.first, "b").await.as_deref(), Some("2"));
}

/// Values of all kinds come back as they were given.
pub async fn values_stay_as_they_are(suite: &Suite) {
    let longest = "v".repeat(VALUE_MAX_BYTES);
    let values = ["", " ", "a\nb\r\n", "\"quoted\\\"", "Grüße 🍀", "\0", "{\"json\": 1}", &longest];
    for value in values {
        set(&suite.first, "odd", value).await;
        assert!(get(&suite.second, "odd").await.as_deref() == Some(value), "{value:?}");
    }
}

/// Names are in byte order; those that belong to one environment are shown only when asked for.
pub async fn names_are_in_order_and_without_those_of_the_environment(suite: &Suite) {
    for name in ["b", "trefoil/database", "B", "a/b", "a", "trefoil-like"] {
        set(&suite.first, name, "x").await;
    }
    let names = suite.second.names().await.expect("names");
    assert_eq!(names, ["B", "a", "a/b", "b", "trefoil-like"]);
    let all = suite.second.all_names().await.expect("names");
    assert_eq!(all, ["B", "a", "a/b", "b", "trefoil-like", "trefoil/database"]);
    assert!(get(&suite.first, "trefoil/database").await.is_some());
}

/// Names outside the alphabet and values above the limit are refused; no error holds a value.
pub async fn illegal_names_and_large_values_are_refused(suite: &Suite) {
    let long = "n".repeat(NAME_MAX_BYTES + 1);
    for name in ["", " ", "a b", "a\n", "é", "-a", "/a", ".a", "a=b", &long] {
        let refused = suite.first.set(name, &SecretString::from("hidden")).await;
        assert_eq!(refused.expect_err("it is refused").code(), "secret_name", "{name:?}");
        let refused = suite.first.get(name).await;
        assert_eq!(refused.expect_err("it is refused").code(), "secret_name", "{name:?}");
    }
    let value = SecretString::from("hidden ".repeat(VALUE_MAX_BYTES));
    let refused = suite.first.set("a", &value).await.expect_err("it is refused");
    assert_eq!(refused.code(), "secret_value");
    assert!(!format!("{refused:?}").contains("hidden"));
    assert!(suite.first.all_names().await.expect("names").is_empty());
}

/// Many writers of different names at once: every acknowledged one is there.
pub async fn concurrent_writers_lose_nothing(suite: &Suite) {
    let writers = (0..12).map(|n| {
        let secrets = if n % 2 == 0 { suite.first.clone() } else { suite.second.clone() };
        tokio::spawn(async move { set(&secrets, &format!("name-{n}"), &n.to_string()).await })
    });
    for done in join_all(writers).await {
        done.expect("a writer ends well");
    }
    for n in 0..12 {
        let value = get(&suite.first, &format!("name-{n}")).await;
        assert_eq!(value, Some(n.to_string()));
    }
}

/// A store that can be used says so.
pub async fn the_store_is_healthy(suite: &Suite) {
    suite.first.health().await.expect("it is healthy");
    set(&suite.first, "a", "1").await;
    suite.second.health().await.expect("it is healthy");
}

async fn staged(secrets: &Secrets, name: &str, stage: Stage) -> Option<String> {
    let value = secrets.get_version(name, stage).await.expect("a version can be read");
    value.map(|value| value.expose_secret().to_owned())
}

async fn put(secrets: &Secrets, name: &str, value: &str) -> SecretVersion {
    let value = SecretString::from(value);
    secrets.put_version(name, &value).await.expect("a version is written")
}

/// The values with their stages, the oldest first.
async fn all(secrets: &Secrets, name: &str) -> Vec<(String, Vec<Stage>)> {
    let stored = secrets.export(name).await.expect("versions can be read");
    let pair = |stored: &StoredVersion| {
        let stages = stored.version.stages.iter().copied().collect();
        (stored.value.expose_secret().to_owned(), stages)
    };
    stored.iter().map(pair).collect()
}

fn expected(versions: &[(&str, &[Stage])]) -> Vec<(String, Vec<Stage>)> {
    versions.iter().map(|(value, stages)| ((*value).to_owned(), stages.to_vec())).collect()
}

/// What a write replaces is the previous version; what it replaced before is in no stage.
pub async fn a_write_keeps_what_was_current_as_previous(suite: &Suite) {
    for value in ["1", "2", "3"] {
        set(&suite.first, "a", value).await;
    }
    let there = all(&suite.second, "a").await;
    let stages: &[(&str, &[Stage])] =
        &[("1", &[]), ("2", &[Stage::Previous]), ("3", &[Stage::Current])];
    assert_eq!(there, expected(stages));
    assert_eq!(staged(&suite.second, "a", Stage::Previous).await.as_deref(), Some("2"));
    assert_eq!(staged(&suite.second, "a", Stage::Current).await.as_deref(), Some("3"));
    assert_eq!(staged(&suite.second, "a", Stage::Pending).await, None);
    let ids: BTreeSet<String> =
        versions(&suite.first, "a").await.into_iter().map(|version| version.id).collect();
    assert_eq!(ids.len(), 3, "each has an identifier of its own");
}

async fn versions(secrets: &Secrets, name: &str) -> Vec<SecretVersion> {
    secrets.versions(name).await.expect("versions can be listed")
}

/// A repeated write changes nothing, so a retry does no harm.
pub async fn the_same_value_again_makes_no_version(suite: &Suite) {
    set(&suite.first, "a", "1").await;
    let before = versions(&suite.first, "a").await;
    set(&suite.second, "a", "1").await;
    assert_eq!(versions(&suite.first, "a").await, before);
    let pending = put(&suite.first, "a", "2").await;
    assert_eq!(put(&suite.second, "a", "2").await, pending);
    assert_eq!(versions(&suite.first, "a").await.len(), 2);
}

/// A pending version is there for those who ask for it; `get` gives it from its promotion on.
pub async fn a_pending_version_is_used_only_once_it_is_promoted(suite: &Suite) {
    set(&suite.first, "a", "1").await;
    let new = put(&suite.first, "a", "2").await;
    assert_eq!(new.stages, BTreeSet::from([Stage::Pending]));
    assert_eq!(get(&suite.second, "a").await.as_deref(), Some("1"));
    assert_eq!(staged(&suite.second, "a", Stage::Pending).await.as_deref(), Some("2"));
    for _ in 0..2 {
        suite.second.promote("a", &new.id).await.expect("it is promoted");
        assert_eq!(get(&suite.first, "a").await.as_deref(), Some("2"));
        let stages: &[(&str, &[Stage])] = &[("1", &[Stage::Previous]), ("2", &[Stage::Current])];
        assert_eq!(all(&suite.first, "a").await, expected(stages));
    }
}

/// The way back from a promotion is another one.
pub async fn promoting_the_previous_version_goes_back(suite: &Suite) {
    set(&suite.first, "a", "1").await;
    set(&suite.first, "a", "2").await;
    let first = versions(&suite.first, "a").await.swap_remove(0);
    suite.first.promote("a", &first.id).await.expect("it is promoted");
    assert_eq!(get(&suite.second, "a").await.as_deref(), Some("1"));
    let stages: &[(&str, &[Stage])] = &[("1", &[Stage::Current]), ("2", &[Stage::Previous])];
    assert_eq!(all(&suite.second, "a").await, expected(stages));
}

/// A second pending version takes the place of the first.
pub async fn only_one_version_is_pending(suite: &Suite) {
    set(&suite.first, "a", "1").await;
    put(&suite.first, "a", "2").await;
    put(&suite.second, "a", "3").await;
    let stages: &[(&str, &[Stage])] =
        &[("1", &[Stage::Current]), ("2", &[]), ("3", &[Stage::Pending])];
    assert_eq!(all(&suite.first, "a").await, expected(stages));
}

/// A secret without a current version has a name and versions, and no value yet.
pub async fn a_new_secret_may_begin_as_pending(suite: &Suite) {
    let new = put(&suite.first, "a", "1").await;
    assert_eq!(get(&suite.second, "a").await, None);
    assert_eq!(suite.second.names().await.expect("names"), ["a"]);
    suite.first.promote("a", &new.id).await.expect("it is promoted");
    assert_eq!(get(&suite.second, "a").await.as_deref(), Some("1"));
    assert_eq!(all(&suite.second, "a").await, expected(&[("1", &[Stage::Current])]));
    assert!(suite.first.delete("a").await.expect("delete"));
    assert!(versions(&suite.second, "a").await.is_empty());
}

/// What is not there is `None` to readers, and an error to those who would use it.
pub async fn an_unknown_version_is_none_and_cannot_be_promoted(suite: &Suite) {
    let unknown = "01890a5d-ac96-774b-bcce-b302099a8057";
    assert!(versions(&suite.first, "a").await.is_empty());
    for _ in 0..2 {
        let value = suite.first.get_version("a", unknown).await.expect("it can be asked for");
        assert!(value.is_none());
        let error = suite.first.promote("a", unknown).await.expect_err("it cannot be promoted");
        assert_eq!(error.code(), "secret_version_missing");
        set(&suite.first, "a", "1").await;
    }
    assert_eq!(get(&suite.first, "a").await.as_deref(), Some("1"));
    let error = suite.first.promote("a", "my secret!").await.expect_err("it is refused");
    assert_eq!(error.code(), "secret_version");
    assert!(!format!("{error:?}").contains("my secret"));
}

/// The number of versions is bounded, and none that is in a stage is forgotten.
pub async fn old_versions_are_forgotten_and_those_in_a_stage_are_not(suite: &Suite) {
    let pending = put(&suite.first, "a", "pending").await;
    for n in 0..=VERSIONS_MAX {
        set(&suite.first, "a", &format!("value {n}")).await;
    }
    let there = all(&suite.second, "a").await;
    assert_eq!(there.len(), VERSIONS_MAX);
    assert_eq!(there[0], ("pending".to_owned(), vec![Stage::Pending]));
    let newest = format!("value {VERSIONS_MAX}");
    assert_eq!(there.last(), Some(&(newest, vec![Stage::Current])));
    assert!(!there.iter().any(|(value, _)| value == "value 0"));
    suite.first.promote("a", &pending.id).await.expect("it is promoted");
    assert_eq!(get(&suite.first, "a").await.as_deref(), Some("pending"));
}

/// One secret's versions become another's: values, order and stages, whatever was there before.
pub async fn versions_are_carried_as_they_are(suite: &Suite) {
    for value in ["1", "2", "3"] {
        set(&suite.first, "a", value).await;
    }
    put(&suite.first, "a", "4").await;
    let carried = suite.first.export("a").await.expect("versions can be read");
    set(&suite.first, "b", "another").await;
    for _ in 0..2 {
        suite.second.replace("b", &carried).await.expect("versions can be written");
        assert_eq!(all(&suite.first, "b").await, all(&suite.first, "a").await);
    }
    set(&suite.first, "b", "5").await;
    assert_eq!(staged(&suite.first, "b", Stage::Previous).await.as_deref(), Some("3"));
    assert_eq!(all(&suite.second, "a").await.len(), 4, "they do not share anything");
}

/// Versions that no secret can have are refused, and none of them is written.
pub async fn impossible_versions_are_refused(suite: &Suite) {
    set(&suite.first, "a", "1").await;
    set(&suite.first, "a", "2").await;
    let good = suite.first.export("a").await.expect("versions can be read");
    let with = |change: &dyn Fn(&mut Vec<StoredVersion>)| {
        let mut versions = good.clone();
        change(&mut versions);
        versions
    };
    for versions in [
        with(&|versions| versions.clear()),
        with(&|versions| versions[1].version.id = versions[0].version.id.clone()),
        with(&|versions| versions[1].version.stages = versions[0].version.stages.clone()),
        with(&|versions| versions[0].version.id = "a b".to_owned()),
        with(&|versions| *versions = vec![versions[0].clone(); VERSIONS_MAX + 1]),
    ] {
        let error = suite.first.replace("b", &versions).await.expect_err("it is refused");
        assert_eq!(error.code(), "secret_version");
    }
    let large = SecretString::from("hidden ".repeat(VALUE_MAX_BYTES));
    let versions = with(&|versions| versions[0].value = large.clone());
    let error = suite.first.replace("b", &versions).await.expect_err("it is refused");
    assert_eq!(error.code(), "secret_value");
    assert!(
        !format!("{error:?}").contains("hidden") && !format!("{versions:?}").contains("hidden")
    );
    assert_eq!(suite.first.names().await.expect("names"), ["a"]);
}

/// Many writers of one secret at once: one is current, one is previous, none is lost.
pub async fn concurrent_writers_of_one_secret_leave_one_current(suite: &Suite) {
    let writers = (0..8).map(|n| {
        let secrets = if n % 2 == 0 { suite.first.clone() } else { suite.second.clone() };
        tokio::spawn(async move { set(&secrets, "a", &n.to_string()).await })
    });
    for done in join_all(writers).await {
        done.expect("a writer ends well");
    }
    let there = all(&suite.first, "a").await;
    assert_eq!(there.len(), 8);
    let in_stage = |stage| there.iter().filter(|(_, stages)| stages.contains(&stage)).count();
    assert_eq!((in_stage(Stage::Current), in_stage(Stage::Previous)), (1, 1));
    assert_eq!(there[7].1, [Stage::Current]);
}
