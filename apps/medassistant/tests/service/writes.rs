//! Documents, notes and sessions; each write once.

use std::time::Duration;

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::support::{Reply, Service, ready};

async fn put(service: &Service, id: &str, content: &'static str) -> (u16, Value) {
    service.send("PUT", &format!("/documents/{id}"), None, content).await.pair()
}

#[tokio::test]
async fn a_document_is_written_replaced_and_deleted() {
    let (_server, service) = ready().await;
    let (status, first) = put(&service, "a", "first").await;
    assert_eq!((status, &first["version"], &first["size"]), (201, &json!(1), &json!(5)));
    let (status, second) = put(&service, "a", "the second").await;
    assert_eq!((status, &second["version"], &second["size"]), (200, &json!(2), &json!(10)));
    assert_ne!(first["digest"], second["digest"]);
    let reply = service.get("/documents/a").await;
    assert_eq!((reply.status, reply.body.as_ref()), (StatusCode::OK, b"the second".as_slice()));
    assert_eq!(reply.header("x-digest"), second["digest"].as_str());
    assert_eq!(reply.header("content-length"), Some("10"));
    let info = service.get("/documents/a/info").await.json();
    assert_eq!((&info["digest"], &info["version"]), (&second["digest"], &json!(2)));
    let deleted = service.send("DELETE", "/documents/a", None, "").await;
    assert_eq!(deleted.pair(), (200, json!({"id": "a", "deleted": true})));
    for path in ["/documents/a", "/documents/a/info"] {
        assert_eq!(service.get(path).await.status, StatusCode::NOT_FOUND);
    }
    let again = service.send("DELETE", "/documents/a", None, "").await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
    let files = std::fs::read_dir(service.folder.path().join("documents")).unwrap();
    let content = files.flatten().filter(|file| file.file_name().len() > 64).count();
    assert_eq!(content, 0, "the bytes are gone too");
    assert_eq!(put(&service, "a", "third").await.1["version"], 1);
}

#[tokio::test]
async fn odd_identifiers_are_kept_and_large_documents_refused() {
    let (_server, service) = ready().await;
    for (id, plain) in [("a%2Fb", "a/b"), ("%20x%20", " x "), ("%E6%97%A5", "日"), ("a+b", "a+b")]
    {
        let (status, body) = put(&service, id, "x").await;
        assert_eq!((status, &body["id"]), (201, &json!(plain)));
        assert_eq!(service.get(&format!("/documents/{id}")).await.status, StatusCode::OK);
    }
    let list = service.get("/documents?after=&limit=2").await.json();
    let ids = |list: &Value| -> Vec<String> {
        let documents = list["documents"].as_array().unwrap().iter();
        documents.map(|document| document["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!((ids(&list), &list["next"]), (vec![" x ".into(), "a+b".into()], &json!("a+b")));
    let list = service.get("/documents?after=a%2Bb&limit=3").await.json();
    assert_eq!((ids(&list), &list["next"]), (vec!["a/b".into(), "日".into()], &Value::Null));
    assert_eq!(service.get("/documents?limit=0").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(put(&service, "%0A", "x").await.0, 400);
    let most = vec![7; 16 * 1024 * 1024];
    let reply = service.send("PUT", "/documents/large", None, most.clone()).await;
    assert_eq!(reply.status, StatusCode::CREATED);
    assert!(service.get("/documents/large").await.body == most);
    let over = [most, vec![7]].concat();
    let reply = service.send("PUT", "/documents/larger", None, over).await;
    assert_eq!(reply.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(service.get("/documents/larger").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn writers_of_one_document_leave_row_and_bytes_alike() {
    let (_server, service) = ready().await;
    for round in 0..3 {
        let writes = (0..8).map(|n| {
            let content = format!("round {round} writer {n} ").repeat(n + 1);
            service.send("PUT", "/documents/a", None, content)
        });
        let replies = futures::future::join_all(writes).await;
        assert!(replies.iter().all(|reply| reply.status.is_success()));
        let info = service.get("/documents/a/info").await.json();
        assert_eq!(info["version"], (round + 1) * 8);
        let reply = service.get("/documents/a").await;
        assert_eq!(reply.header("x-digest"), info["digest"].as_str());
        let last = replies.iter().find(|reply| reply.json()["version"] == info["version"]).unwrap();
        assert_eq!(last.json()["digest"], info["digest"], "the last version is what is there");
    }
}

#[tokio::test]
async fn deleting_and_writing_at_once_leaves_both_or_neither() {
    let (_server, service) = ready().await;
    for _ in 0..10 {
        let (delete, write) = tokio::join!(
            service.send("DELETE", "/documents/a", None, ""),
            service.send("PUT", "/documents/a", None, "content"),
        );
        assert!([200, 404].contains(&delete.status.as_u16()) && write.status.is_success());
        let (info, bytes) =
            (service.get("/documents/a/info").await, service.get("/documents/a").await);
        assert_eq!(info.status, bytes.status, "{:?}", bytes.body);
        assert!([StatusCode::OK, StatusCode::NOT_FOUND].contains(&info.status));
    }
}

#[tokio::test]
async fn notes_are_listed_by_their_clients_number() {
    let (_server, service) = ready().await;
    for seq in [3, 1, 2] {
        let note = json!({"client": "a", "seq": seq, "text": format!("note {seq}")});
        let (status, body) = service.json("POST", "/notes", &note).await;
        assert_eq!((status, &body["seq"]), (201, &json!(seq)));
        assert!(body["id"].is_i64());
    }
    let notes = service.get("/notes?client=a&after_seq=1&limit=10").await.json();
    let seqs: Vec<_> = notes["notes"].as_array().unwrap().iter().map(|note| &note["seq"]).collect();
    assert_eq!(seqs, [2, 3]);
    assert_eq!(service.get("/notes?client=b").await.json(), json!({"notes": []}));
    let same = json!({"client": "a", "seq": 1, "text": "note 1"});
    let (status, body) = service.json("POST", "/notes", &same).await;
    assert_eq!((status, &body["seq"]), (200, &json!(1)), "the same note is there already");
    let other = json!({"client": "a", "seq": 1, "text": "another"});
    assert_eq!(service.json("POST", "/notes", &other).await.0, 409);
    for wrong in [json!({"client": "a"}), json!({"client": "", "seq": 1, "text": ""}), json!(1)] {
        assert_eq!(service.json("POST", "/notes", &wrong).await.0, 400, "{wrong}");
    }
    let unknown = json!({"client": "a", "seq": 9, "text": "", "txet": 1});
    let (status, body) = service.json("POST", "/notes", &unknown).await;
    assert_eq!(status, 400);
    assert!(body["error"]["message"].as_str().unwrap().contains("txet"), "{body}");
}

fn replayed(reply: &Reply) -> bool {
    reply.header("idempotency-replayed") == Some("true")
}

#[tokio::test]
async fn a_repeated_key_gives_the_same_answer() {
    let (_server, service) = ready().await;
    let writes = [
        ("POST", "/notes", r#"{"client":"a","seq":1,"text":"x"}"#),
        ("PUT", "/documents/a", "content"),
        ("POST", "/sessions", r#"{"data":{"user":1},"ttl_s":60}"#),
        ("DELETE", "/documents/a", ""),
    ];
    for (n, (method, path, body)) in writes.into_iter().enumerate() {
        let key = format!("key-{n}");
        let first = service.send(method, path, Some(&key), body).await;
        let second = service.send(method, path, Some(&key), body).await;
        assert!(first.status.is_success() && !replayed(&first), "{path} {:?}", first.body);
        assert_eq!(second.pair(), first.pair());
        assert!(replayed(&second), "{path}");
    }
    let notes = service.get("/notes?client=a").await.json();
    assert_eq!(notes["notes"].as_array().unwrap().len(), 1);
    let reused = service.send("PUT", "/documents/b", Some("key-0"), "x").await;
    assert_eq!(reused.pair().1["error"]["code"], "idempotency_key_reused");
    assert_eq!(reused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let long = "k".repeat(256);
    let refused = service.send("PUT", "/documents/b", Some(&long), "x").await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_key_used_at_once_writes_once() {
    let (_server, service) = ready().await;
    let body = r#"{"data":"once"}"#;
    let writes = (0..8).map(|_| service.send("POST", "/sessions", Some("same"), body));
    let replies = futures::future::join_all(writes).await;
    let first = replies[0].pair();
    assert_eq!(first.0, 201);
    assert!(replies.iter().all(|reply| reply.pair() == first));
    assert_eq!(replies.iter().filter(|reply| !replayed(reply)).count(), 1);
    let writes = (0..8).map(|_| service.send("PUT", "/documents/a", Some("document"), "x"));
    let replies = futures::future::join_all(writes).await;
    assert!(replies.iter().all(|reply| reply.status == StatusCode::CREATED));
    assert_eq!(service.get("/documents/a/info").await.json()["version"], 1);
}

#[tokio::test]
async fn a_failed_write_leaves_its_key_free() {
    let (_server, service) = ready().await;
    let refused = service.send("DELETE", "/documents/a", Some("key"), "").await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
    put(&service, "a", "x").await;
    let deleted = service.send("DELETE", "/documents/a", Some("key"), "").await;
    assert_eq!(deleted.status, StatusCode::OK);
}

#[tokio::test]
async fn a_session_lives_until_its_expiry() {
    let service = Service::start(None).await;
    let (status, session) =
        service.json("POST", "/sessions", &json!({"data": {"user": "ada"}, "ttl_s": 2})).await;
    assert_eq!((status, &session["version"]), (201, &json!(1)));
    let path = format!("/sessions/{}", session["id"].as_str().unwrap());
    assert_eq!(service.get(&path).await.pair(), (200, session.clone()));
    let change = json!({"data": 2, "version": 1});
    let (status, changed) = service.json("PUT", &path, &change).await;
    assert_eq!((status, &changed["version"]), (200, &json!(2)));
    assert_eq!(changed["expires_at"], session["expires_at"], "a write alone moves no expiry");
    let (status, body) = service.json("PUT", &path, &change).await;
    assert_eq!((status, &body["error"]["code"]), (409, &json!("session_conflict")));
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    assert_eq!(service.get(&path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(service.json("PUT", &path, &json!({"data": 3})).await.0, 404);
    for ttl_s in [0, 400 * 24 * 3_600] {
        let refused = service.json("POST", "/sessions", &json!({"data": 1, "ttl_s": ttl_s})).await;
        assert_eq!(refused.0, 400);
    }
}

#[tokio::test]
async fn a_deleted_session_is_gone_and_stores_survive_a_restart() {
    let service = Service::start(None).await;
    let (_, kept) = service.json("POST", "/sessions", &json!({"data": "kept"})).await;
    let (_, gone) = service.json("POST", "/sessions", &json!({"data": "gone"})).await;
    let path = |session: &Value| format!("/sessions/{}", session["id"].as_str().unwrap());
    assert_eq!(service.send("DELETE", &path(&gone), None, "").await.status, StatusCode::OK);
    assert_eq!(service.send("DELETE", &path(&gone), None, "").await.status, StatusCode::NOT_FOUND);
    let folder = service.folder.clone();
    drop(service);
    let service = Service::start_in(folder, None).await;
    assert_eq!(service.get(&path(&kept)).await.pair(), (200, kept));
    assert_eq!(service.get(&path(&gone)).await.status, StatusCode::NOT_FOUND);
}
