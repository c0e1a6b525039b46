//! Secrets.

use secrecy::{ExposeSecret, SecretString};
use tempfile::TempDir;
use trefoil_clouds::secrets::{RESERVED_PREFIX, Secrets};
use trefoil_ops::movers::Tally;
use trefoil_ops::movers::secrets::{compare, copy, remove_copied};

use crate::support::secrets;

fn two() -> (TempDir, Secrets, Secrets) {
    let folder = tempfile::tempdir().unwrap();
    let (east, west) = (secrets(folder.path(), "east"), secrets(folder.path(), "west"));
    (folder, east, west)
}

async fn set(store: &Secrets, name: &str, value: &str) {
    store.set(name, &SecretString::from(value)).await.unwrap();
}

async fn get(store: &Secrets, name: &str) -> Option<String> {
    store.get(name).await.unwrap().map(|value| value.expose_secret().to_owned())
}

#[tokio::test]
async fn all_but_the_environments_own_are_carried_once() {
    let (_folder, east, west) = two();
    let own = format!("{RESERVED_PREFIX}admin");
    set(&east, "api-key", "one").await;
    set(&east, "token", "two").await;
    set(&east, &own, "of east").await;
    set(&west, &own, "of west").await;
    set(&west, "token", "older").await;
    let written = async || copy(&east, &west, &Tally::default()).await.unwrap().written;
    assert_eq!(written().await, 2);
    assert_eq!(get(&west, "token").await.as_deref(), Some("two"));
    assert_eq!(get(&west, &own).await.as_deref(), Some("of west"));
    assert_eq!(written().await, 0);
    assert!(compare(&east, &west).await.unwrap().equal);
}

#[tokio::test]
async fn undoing_twice_leaves_what_the_copy_did_not_write() {
    let (_folder, east, west) = two();
    set(&east, "api-key", "one").await;
    set(&west, "its-own", "three").await;
    copy(&east, &west, &Tally::default()).await.unwrap();
    for _ in 0..2 {
        remove_copied(&east, &west).await.unwrap();
        assert_eq!(west.names().await.unwrap(), ["its-own"]);
        assert_eq!(east.names().await.unwrap(), ["api-key"]);
    }
}

#[tokio::test]
async fn a_comparison_names_secrets_and_never_shows_a_value() {
    let (_folder, east, west) = two();
    set(&east, "api-key", "very-secret-value").await;
    set(&west, "api-key", "another-secret-value").await;
    let comparison = compare(&east, &west).await.unwrap();
    assert_eq!((comparison.equal, comparison.count), (false, 1));
    assert_eq!(comparison.differences, ["api-key: not the same at the target"]);
    assert!(!format!("{comparison:?}").contains("secret-value"));
}
