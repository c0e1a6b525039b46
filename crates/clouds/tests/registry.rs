//! Services are opened by URL or by environment; what is unknown is refused with what is known.
#![allow(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

use bytes::Bytes;
use secrecy::SecretString;
use serde_json::json;
use trefoil_clouds::local::{Layout, create_stores};
use trefoil_clouds::objects::Objects;
use trefoil_clouds::registry::{known, open_services};
use trefoil_clouds::secrets::Secrets;
use trefoil_clouds::services::{ServiceUrls, Services};
use trefoil_clouds::sessions::Sessions;
use trefoil_core::spec::AppSpec;

fn spec(cloud: &str) -> AppSpec {
    let spec = json!({
        "name": "app",
        "database": {},
        "buckets": {"documents": {}},
        "sessions": {},
        "environments": {"east": {"cloud": cloud}},
    });
    serde_json::from_value(spec).unwrap()
}

#[test]
fn an_unknown_scheme_is_refused_with_those_known() {
    let url = "ftp://user:hidden@example.com/x";
    let errors = [
        (Objects::open(url).err(), "it knows: file://, s3://"),
        (Sessions::open(url).err(), "it knows: file://"),
        (Secrets::open(url).err(), "it knows: file://"),
    ];
    for (error, known) in errors {
        let error = error.unwrap();
        assert_eq!(error.code(), "service_url_unknown");
        assert_eq!(error.hint_text(), Some(known));
        assert!(!format!("{error:?}").contains("hidden"));
    }
}

#[test]
fn a_url_that_names_no_file_is_refused() {
    for url in ["documents", "file://host/documents", "/documents"] {
        let error = Objects::open(url).err().unwrap();
        assert_eq!(error.code(), "service_url", "{url}");
        assert!(error.hint_text().unwrap().contains("file:"));
    }
}

#[test]
fn an_unknown_cloud_or_environment_is_refused_with_those_known() {
    let folder = tempfile::tempdir().unwrap();
    let error = open_services(&spec("nimbus"), "east", folder.path(), None).err().unwrap();
    assert_eq!(error.code(), "cloud_unknown");
    assert!(error.hint_text().unwrap().contains(&known().join(", ")));
    let error = open_services(&spec("local"), "north", folder.path(), None).err().unwrap();
    assert_eq!(error.code(), "environment_unknown");
    assert!(error.hint_text().unwrap().contains("east"));
}

#[tokio::test]
async fn an_environment_and_its_urls_are_the_same_services() {
    let folder = tempfile::tempdir().unwrap();
    let (spec, layout) = (spec("local"), Layout::new(folder.path(), "east"));
    let services = open_services(&spec, "east", folder.path(), None).unwrap();
    assert!(services.database.is_none() && services.sessions.is_some());
    assert!(!layout.root().exists(), "opening makes nothing");
    create_stores(&spec, "east", &layout).unwrap();
    services.objects["documents"].health().await.unwrap();
    services.sessions.as_ref().unwrap().health().await.unwrap();
    services.objects["documents"].put_bytes("a", Bytes::from_static(b"x")).await.unwrap();
    services.secrets.set("token", &SecretString::from("t")).await.unwrap();
    let url = |path: std::path::PathBuf| format!("file://{}", path.display());
    let urls = ServiceUrls {
        objects: [("documents".to_owned(), url(layout.bucket("documents")))].into(),
        database: Some(SecretString::from("postgresql://a:b@127.0.0.1:1/x")),
        sessions: Some(url(layout.sessions())),
        secrets: url(layout.secrets()),
    };
    let same = Services::open(&urls).unwrap();
    assert!(same.objects["documents"].head("a").await.unwrap().is_some());
    assert_eq!(same.secrets.names().await.unwrap(), ["token"]);
    assert!(same.database.is_some());
}

#[tokio::test]
async fn a_store_that_is_removed_and_made_again_is_found_by_old_handles() {
    let folder = tempfile::tempdir().unwrap();
    let (spec, layout) = (spec("local"), Layout::new(folder.path(), "east"));
    let services = open_services(&spec, "east", folder.path(), None).unwrap();
    let documents = &services.objects["documents"];
    documents.put_bytes("a", Bytes::from_static(b"x")).await.unwrap();
    std::fs::remove_dir_all(layout.root()).unwrap();
    assert!(documents.head("a").await.unwrap().is_none());
    create_stores(&spec, "east", &layout).unwrap();
    documents.put_bytes("b", Bytes::from_static(b"y")).await.unwrap();
    let again = open_services(&spec, "east", folder.path(), None).unwrap();
    assert!(again.objects["documents"].head("b").await.unwrap().is_some());
}

/// A bucket that is there already, with the record of changes that the specification asks for.
#[test]
fn a_bucket_that_is_there_already_keeps_a_record_when_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let keeps = |asked: bool| {
        let mut spec = serde_json::to_value(spec("local")).unwrap();
        spec["buckets"]["documents"] = json!({ "change_record": asked });
        let there = json!({ "documents": { "endpoint": "http://127.0.0.1:1", "name": "there" } });
        spec["environments"]["east"]["buckets"] = there;
        let spec: AppSpec = serde_json::from_value(spec).unwrap();
        let services = open_services(&spec, "east", folder.path(), None).unwrap();
        services.objects["documents"].capabilities().change_record
    };
    assert!(keeps(true) && !keeps(false));
}
