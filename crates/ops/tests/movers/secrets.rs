//! Secrets.

use secrecy::{ExposeSecret, SecretString};
use tempfile::TempDir;
use trefoil_clouds::secrets::{RESERVED_PREFIX, Secrets, Stage};
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

async fn staged(store: &Secrets, stage: Stage) -> Option<String> {
    let value = store.get_version("token", stage).await.unwrap();
    value.map(|value| value.expose_secret().to_owned())
}

#[tokio::test]
async fn versions_and_stages_go_along_there_and_back() {
    let (_folder, east, west) = two();
    set(&east, "token", "one").await;
    set(&east, "token", "two").await;
    let pending = east.put_version("token", &SecretString::from("three")).await.unwrap();
    east.put_version("begun", &SecretString::from("new")).await.unwrap();
    set(&west, "token", "two").await;
    let carry = async |from: &Secrets, to: &Secrets| {
        let written = copy(from, to, &Tally::default()).await.unwrap().written;
        assert_eq!(copy(from, to, &Tally::default()).await.unwrap().written, 0);
        written
    };
    let comparison = compare(&east, &west).await.unwrap();
    assert_eq!(comparison.differences.len(), 2, "the current value alone is not enough");
    assert_eq!(carry(&east, &west).await, 2);
    assert_eq!(staged(&west, Stage::Previous).await.as_deref(), Some("one"));
    assert_eq!(staged(&west, Stage::Current).await.as_deref(), Some("two"));
    assert_eq!(staged(&west, Stage::Pending).await.as_deref(), Some("three"));
    assert_eq!(get(&west, "begun").await, None);
    // The rotation ends at the other place; the way back brings it home.
    west.promote("token", &pending.id).await.unwrap();
    assert!(!compare(&east, &west).await.unwrap().equal, "a stage alone is a difference");
    assert_eq!(carry(&west, &east).await, 1);
    assert_eq!(get(&east, "token").await.as_deref(), Some("three"));
    assert_eq!(staged(&east, Stage::Previous).await.as_deref(), Some("two"));
    assert_eq!(staged(&east, Stage::Pending).await, None);
    assert!(compare(&east, &west).await.unwrap().equal);
    assert_eq!(compare(&west, &east).await.unwrap().count, 2);
}
