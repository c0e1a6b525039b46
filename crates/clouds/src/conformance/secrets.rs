//! What every store of secrets does.

use futures::future::join_all;
use secrecy::{ExposeSecret, SecretString};

use super::Fixture;
use crate::secrets::{NAME_MAX_BYTES, Secrets, VALUE_MAX_BYTES};

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
