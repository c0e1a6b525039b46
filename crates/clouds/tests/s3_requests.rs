//! What the driver for S3 sends: keys byte for byte, and what it does about answers that are lost,
//! busy or doubtful. The store is a few lines that note each request.
#![allow(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use trefoil_clouds::aws::{AccessKey, Address, S3Objects};
use trefoil_clouds::objects::{Attributes, Call, Condition, Objects, stream_of};
use trefoil_core::digest::sha256_hex;

/// A request as it arrived.
#[derive(Debug, Clone)]
struct Seen {
    method: Method,
    /// The path as it stood in the request's first line.
    path: String,
    authorization: String,
    nonce: Option<String>,
    checksum: Option<String>,
    /// CRC-32C, as parts have it.
    crc32c: Option<String>,
    /// What the signature says of the body, and the digest of the one that came.
    signed: Option<String>,
    body_sha256: String,
}

type Failed = Box<dyn std::error::Error + Send + Sync>;
/// What is answered to a request, and to how many before it.
type Script = fn(&Seen, usize) -> Option<Response<Full<Bytes>>>;

/// A store that answers by a script, and cuts the connection where that has no answer.
async fn store(script: Script) -> (Objects, Arc<Mutex<Vec<Seen>>>) {
    store_at("127.0.0.1", script).await
}

async fn store_at(host: &str, script: Script) -> (Objects, Arc<Mutex<Vec<Seen>>>) {
    let listener = TcpListener::bind((host, 0)).await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
    let noted = seen.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let noted = noted.clone();
            let serve = service_fn(move |request| answer(request, noted.clone(), script));
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), serve);
            tokio::spawn(connection);
        }
    });
    let credentials = AccessKey { id: "id".into(), secret: "hidden".into() };
    let address = Address {
        bucket: "bucket".into(),
        endpoint: Some(endpoint),
        path_style: true,
        credentials: Some(credentials),
        ..Address::default()
    };
    (Objects::new(Arc::new(S3Objects::new(address))), seen)
}

async fn answer(
    request: Request<Incoming>,
    noted: Arc<Mutex<Vec<Seen>>>,
    script: Script,
) -> Result<Response<Full<Bytes>>, Failed> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let header = |name: &str| head.headers.get(name).map(|text| text.to_str().unwrap().to_owned());
    let seen = Seen {
        method: head.method.clone(),
        path: head.uri.path().to_owned(),
        authorization: header("authorization").unwrap_or_default(),
        nonce: header("x-amz-meta-trefoil-write"),
        checksum: header("x-amz-checksum-sha256"),
        crc32c: header("x-amz-checksum-crc32c"),
        signed: header("x-amz-content-sha256"),
        body_sha256: sha256_hex(&body),
    };
    let before = {
        let mut noted = noted.lock().unwrap();
        noted.push(seen.clone());
        noted.len() - 1
    };
    script(&seen, before).ok_or_else(|| "no answer".into())
}

fn ok() -> Response<Full<Bytes>> {
    Response::builder().header("etag", "\"e\"").body(Full::default()).unwrap()
}

fn status(status: u16, code: &str) -> Response<Full<Bytes>> {
    let body = format!("<Error><Code>{code}</Code><Message>no</Message></Error>");
    Response::builder().status(status).body(Full::new(body.into())).unwrap()
}

fn decoded(path: &str) -> Vec<u8> {
    let bytes = path.as_bytes();
    let (mut all, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        if bytes[at] == b'%' {
            all.push(u8::from_str_radix(&path[at + 1..at + 3], 16).unwrap());
            at += 3;
        } else {
            all.push(bytes[at]);
            at += 1;
        }
    }
    all
}

#[tokio::test]
async fn every_key_goes_out_byte_for_byte_and_signed() {
    let (objects, seen) = store(|_, _| Some(ok())).await;
    let long = "k".repeat(1024);
    let keys = [
        "a",
        "a/b",
        "a//b",
        "/a/b",
        "//a",
        " a",
        "a ",
        "a/",
        "a//",
        ".",
        "..",
        "../a",
        "a/../b",
        "./a",
        "a/./b",
        "\u{e9}",
        "e\u{301}",
        "a+b",
        "a b",
        "a%2Fb",
        "a%b",
        "a?b#c&d=e",
        "a\\b",
        "a\nb",
        "a\0b",
        "日本",
        "🍀",
        "~!*'()",
        long.as_str(),
    ];
    for key in keys {
        objects.put_bytes(key, Bytes::from_static(b"x")).await.unwrap();
        let last = seen.lock().unwrap().last().cloned().unwrap();
        let expected = [b"/bucket/", key.as_bytes()].concat();
        assert_eq!(decoded(&last.path), expected, "{key:?} went out as {}", last.path);
        assert!(last.authorization.starts_with("AWS4-HMAC-SHA256 Credential=id/"), "{last:?}");
        assert!(last.authorization.contains("x-amz-checksum-sha256"), "the checksum is signed");
        assert!(last.checksum.is_some() && !last.authorization.contains("hidden"));
    }
    assert_eq!(seen.lock().unwrap().len(), keys.len(), "each was sent once");
}

async fn create(objects: &Objects) -> trefoil_clouds::Result<()> {
    let content = stream_of(Bytes::from_static(b"x"));
    let (said, absent) = (Attributes::default(), Condition::Absent);
    objects.put("key", content, &said, &absent, None).await.map(drop)
}

/// A HEAD that finds what a write with this nonce has made.
fn made_by(nonce: &str) -> Option<Response<Full<Bytes>>> {
    let answer = Response::builder().header("etag", "\"e\"").header("content-length", "1");
    Some(answer.header("x-amz-meta-trefoil-write", nonce).body(Full::default()).unwrap())
}

#[tokio::test]
async fn a_conditional_write_whose_answer_is_lost_is_looked_up() {
    static NONCE: Mutex<Option<String>> = Mutex::new(None);
    let (objects, seen) = store(|seen, _| {
        if seen.method == Method::PUT {
            NONCE.lock().unwrap().clone_from(&seen.nonce);
            return None;
        }
        made_by(&NONCE.lock().unwrap().clone().unwrap())
    })
    .await;
    create(&objects).await.unwrap();
    let methods: Vec<_> = seen.lock().unwrap().iter().map(|seen| seen.method.clone()).collect();
    assert_eq!(methods, [Method::PUT, Method::HEAD], "it is not sent a second time");
}

#[tokio::test]
async fn a_conditional_write_that_another_won_meanwhile_has_lost() {
    let (objects, _) = store(|seen, before| match (&seen.method, before) {
        (&Method::PUT, 0) => Some(status(409, "ConditionalRequestConflict")),
        (&Method::PUT, _) => Some(status(412, "PreconditionFailed")),
        _ => made_by("somebody else"),
    })
    .await;
    assert_eq!(create(&objects).await.unwrap_err().code(), "object_condition");
}

#[tokio::test]
async fn a_conditional_write_is_tried_again_while_nothing_is_there() {
    let (objects, seen) = store(|seen, before| match (&seen.method, before) {
        (&Method::PUT, 0..3) => Some(status(503, "SlowDown")),
        (&Method::PUT, _) => Some(ok()),
        (_, _) => Some(Response::builder().status(404).body(Full::default()).unwrap()),
    })
    .await;
    create(&objects).await.unwrap();
    let puts = seen.lock().unwrap().iter().filter(|seen| seen.method == Method::PUT).count();
    assert_eq!(puts, 3, "at 0, at 2, and the one that was answered");
}

#[tokio::test]
async fn a_busy_store_is_given_the_time_that_it_asks_for() {
    let (objects, seen) = store(|_, before| {
        let mut busy = status(503, "SlowDown");
        busy.headers_mut().insert("retry-after", "2".parse().unwrap());
        if before == 0 { Some(busy) } else { Some(ok()) }
    })
    .await;
    let started = Instant::now();
    objects.put_bytes("key", Bytes::from_static(b"x")).await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(2), "{:?}", started.elapsed());
    assert_eq!(seen.lock().unwrap().len(), 2);
    // Nor is it asked any earlier whether a write on a condition has happened after all.
    static HEARD: Mutex<Vec<Instant>> = Mutex::new(Vec::new());
    let (objects, _) = store(|seen, before| {
        HEARD.lock().unwrap().push(Instant::now());
        let mut busy = status(503, "SlowDown");
        busy.headers_mut().insert("retry-after", "1".parse().unwrap());
        match (&seen.method, before) {
            (_, 0) => Some(busy),
            (&Method::HEAD, _) => Some(status(404, "")),
            _ => Some(ok()),
        }
    })
    .await;
    create(&objects).await.unwrap();
    let heard = HEARD.lock().unwrap();
    assert_eq!(heard.len(), 3);
    assert!(heard[1] - heard[0] >= Duration::from_secs(1), "{heard:?}");
}

#[tokio::test]
async fn a_store_that_stays_busy_or_refuses_is_an_error_after_bounded_attempts() {
    let (objects, seen) = store(|_, _| Some(status(503, "SlowDown"))).await;
    let error = objects.put_bytes("key", Bytes::from_static(b"x")).await.unwrap_err();
    assert_eq!((error.code(), error.is_retryable()), ("bucket_busy", true));
    assert_eq!(seen.lock().unwrap().len(), 5);
    let (objects, seen) = store(|_, _| Some(status(400, "BadDigest"))).await;
    let error = objects.put_bytes("key", Bytes::from_static(b"x")).await.unwrap_err();
    assert_eq!((error.code(), seen.lock().unwrap().len()), ("object_digest", 1));
    let (objects, _) = store(|_, _| None).await;
    let error = objects.put_bytes("key", Bytes::from_static(b"x")).await.unwrap_err();
    assert_eq!((error.code(), error.is_retryable()), ("bucket_unreachable", true));
}

#[tokio::test]
async fn bytes_that_are_not_what_the_store_has_a_checksum_of_are_an_error() {
    let (objects, _) = store(|_, _| {
        let answer = Response::builder().header("etag", "\"e\"");
        // The checksum of nothing.
        let checksum = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        let answer = answer.header("x-amz-checksum-sha256", checksum);
        Some(answer.body(Full::new(Bytes::from_static(b"other bytes"))).unwrap())
    })
    .await;
    let error = objects.get_bytes("key", 100).await.unwrap_err();
    assert_eq!((error.code(), error.is_retryable()), ("object_digest", true), "{}", error.chain());
}

#[tokio::test]
async fn a_whole_content_has_one_digest_for_its_checksum_and_its_signature() {
    let (objects, seen) = store(|_, _| Some(ok())).await;
    objects.put_bytes("key", Bytes::from_static(b"content")).await.unwrap();
    let put = seen.lock().unwrap()[0].clone();
    assert_eq!(put.signed, Some(sha256_hex(b"content")));
    assert_eq!(put.checksum.unwrap(), "7XACtDnprIRfIjV9giusFERzD722AW0+yUMil7nsn3M=");
}

/// What a store says to an upload in parts.
fn to_parts(seen: &Seen, _: usize) -> Option<Response<Full<Bytes>>> {
    let body = match (&seen.method, seen.crc32c.is_some()) {
        (&Method::POST, _) if seen.body_sha256 == sha256_hex(b"") => {
            "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>"
        }
        (&Method::POST, _) => {
            "<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>"
        }
        _ => "",
    };
    Some(Response::builder().header("etag", "\"e\"").body(Full::from(body)).unwrap())
}

#[tokio::test]
async fn the_signature_of_a_part_has_its_digest_only_where_others_could_change_it() {
    // The second is this machine too, but not by its name.
    for (host, open_way) in [("127.0.0.1", false), ("0.0.0.0", true)] {
        let (objects, seen) = store_at(host, to_parts).await;
        let pieces = (0..80).map(|n| Ok(Bytes::from(vec![n; 128 * 1024])));
        let content = Box::pin(futures::stream::iter(pieces.collect::<Vec<_>>()));
        let (said, always) = (Attributes::default(), Condition::Always);
        objects.put("key", content, &said, &always, None).await.unwrap();
        let parts: Vec<_> = seen.lock().unwrap().clone();
        assert_eq!(parts.len() as u64, objects.requests(Call::Write(80 * 128 * 1024)));
        let parts: Vec<_> = parts.iter().filter(|seen| seen.method == Method::PUT).collect();
        assert_eq!(parts.len(), 2);
        for part in parts {
            assert!(part.crc32c.is_some() && part.authorization.contains("x-amz-checksum-crc32c"));
            let digest = part.body_sha256.clone();
            let expected = if open_way { digest } else { "UNSIGNED-PAYLOAD".to_owned() };
            assert_eq!(part.signed, Some(expected), "{host}");
        }
    }
}

/// Other bytes than those that a checksum was made of: by whom they are checked.
async fn read_unlike(name: &'static str, checksum: &'static str) -> trefoil_clouds::Result<()> {
    static HEADER: Mutex<(&str, &str)> = Mutex::new(("", ""));
    *HEADER.lock().unwrap() = (name, checksum);
    let (objects, _) = store(|_, _| {
        let (name, checksum) = *HEADER.lock().unwrap();
        let answer = Response::builder().header("etag", "\"e\"").header(name, checksum);
        Some(answer.body(Full::new(Bytes::from_static(b"other bytes"))).unwrap())
    })
    .await;
    let (info, content) = objects.get_announced("key").await?.unwrap();
    let pieces: Vec<Bytes> = futures::TryStreamExt::try_collect(content).await?;
    assert_eq!(pieces.concat(), b"other bytes");
    assert_eq!(info.digest, Some(sha256_hex(b"")));
    Ok(())
}

#[tokio::test]
async fn a_reader_who_checks_the_digest_is_left_to_it_but_to_no_other_checksum() {
    let of_nothing = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    read_unlike("x-amz-checksum-sha256", of_nothing).await.unwrap();
    let error = read_unlike("x-amz-checksum-crc32", "AAAAAA==").await.unwrap_err();
    assert_eq!(error.code(), "object_digest", "{}", error.chain());
}

/// Writes bytes that are not those of the digest that is announced: the error, and what the store saw.
async fn put_unlike(script: Script) -> (trefoil_clouds::Error, Vec<Seen>) {
    let (objects, seen) = store(script).await;
    let (said, always) = (Attributes::default(), Condition::Always);
    let (content, digest) = (stream_of(vec![1; 100_000].into()), sha256_hex(b"other"));
    let put = objects.put("key", content, &said, &always, Some(&digest)).await;
    let seen = seen.lock().unwrap().clone();
    (put.unwrap_err(), seen)
}

#[tokio::test]
async fn a_store_that_refuses_a_wrong_digest_is_the_one_that_checks_it() {
    let refuse = |seen: &Seen, _| match seen.signed.as_ref() == Some(&seen.body_sha256) {
        true => Some(ok()),
        false => Some(status(400, "XAmzContentSHA256Mismatch")),
    };
    let (error, seen) = put_unlike(refuse).await;
    assert_eq!(error.code(), "object_digest", "{}", error.chain());
    let sent: Vec<_> = seen.iter().map(|seen| (&seen.method, seen.path.as_str())).collect();
    assert!(matches!(sent[..], [(&Method::PUT, _), (&Method::PUT, "/bucket/key")]), "{sent:?}");
    assert_eq!(seen[1].signed, Some(sha256_hex(b"other")), "the digest is the announced one");
}

#[tokio::test]
async fn a_store_that_takes_any_bytes_is_left_without_them() {
    let (error, seen) = put_unlike(|_, _| Some(ok())).await;
    assert_eq!(error.code(), "object_digest", "{}", error.chain());
    let sent: Vec<_> = seen.iter().map(|seen| (&seen.method, &seen.path)).collect();
    // What it was tried with, which is taken away again.
    assert_eq!((sent.len(), sent[0].0, sent[1].0), (2, &Method::PUT, &Method::DELETE), "{sent:?}");
    assert!(sent[0].1 == sent[1].1 && sent[0].1.starts_with("/bucket/trefoil-probe-"), "{sent:?}");
}

#[tokio::test]
async fn what_is_tried_out_is_taken_away_again_also_when_no_answer_came() {
    let cut = |seen: &Seen, _| (seen.method != Method::PUT).then(ok);
    let (objects, seen) = store(cut).await;
    for _ in 0..2 {
        let error = objects.delete_matching("key", "\"e\"").await.unwrap_err();
        assert!(error.is_retryable(), "{}", error.chain());
    }
    let seen = seen.lock().unwrap();
    assert_eq!(seen.last().unwrap().method, Method::DELETE);
    assert!(seen.iter().all(|one| one.path == seen[0].path), "one key for all that is tried");
    assert!(seen[0].path.starts_with("/bucket/trefoil-probe-"), "{}", seen[0].path);
}
