//! The edge against real HTTP servers and clients: nothing is lost in a switch, limits hold.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test")]

mod retries;
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::http::{Request, StatusCode};
use bytes::Bytes;
use http_body_util::Full;
use sha2::{Digest, Sha256};
use support::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use trefoil_ops::edge;

#[tokio::test]
async fn held_requests_reach_the_new_upstream_with_their_bodies() {
    let edge = edge().await;
    let (east, east_address) = upstream("east", Duration::ZERO).await;
    let (_, west_address) = upstream("west", Duration::ZERO).await;
    edge.release(1, "east", &east_address).await.unwrap();
    edge.hold(100, 10_000).await;
    let web = web();
    let sent: Vec<_> = (0..20_u8)
        .map(|n| {
            let (web, address) = (web.clone(), edge.address.clone());
            tokio::spawn(async move { (n, send(&web, &address, vec![n; 200_000]).await) })
        })
        .collect();
    edge.until("20 are held", |status| status.held == 20).await;
    assert_eq!(edge.drain(1_000).await.unwrap().cut, 0);
    edge.release(2, "west", &west_address).await.unwrap();
    for one in sent {
        let (n, answered) = one.await.unwrap();
        let digest = hex::encode(Sha256::digest(vec![n; 200_000]));
        assert_eq!(answered.unwrap(), (StatusCode::OK, format!("west:{digest}")));
    }
    assert_eq!(east.served.load(Ordering::SeqCst), 0);
    let status = edge.status().await;
    assert_eq!((status.held, status.holding, status.counters.held), (0, false, 20));
}

#[tokio::test]
async fn too_many_and_too_long_are_answered_503() {
    let edge = edge().await;
    let (_, address) = upstream("east", Duration::ZERO).await;
    edge.release(1, "east", &address).await.unwrap();
    edge.hold(1, 400).await;
    let web = web();
    let first = {
        let (web, address) = (web.clone(), edge.address.clone());
        tokio::spawn(async move { send(&web, &address, vec![1]).await })
    };
    edge.until("one is held", |status| status.held == 1).await;
    let request =
        Request::get(format!("http://{}/", edge.address)).body(Full::new(Bytes::new())).unwrap();
    let refused = web.request(request).await.unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()["retry-after"], "1");
    let (status, words) = first.await.unwrap().unwrap();
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(words.contains("longer than a request may wait"), "{words}");
    let status = edge.status().await;
    assert_eq!((status.held, status.counters.refused), (0, 2));
}

#[tokio::test]
async fn the_epoch_never_falls_and_has_one_environment() {
    let edge = edge().await;
    edge.release(5, "east", "127.0.0.1:1").await.unwrap();
    edge.release(5, "east", "127.0.0.1:2").await.unwrap();
    for (epoch, environment) in [(4, "east"), (5, "west")] {
        let error = edge.release(epoch, environment, "127.0.0.1:3").await.unwrap_err();
        assert_eq!(error.code(), "edge_epoch");
        assert_eq!(error.kind(), trefoil_ops::ErrorKind::Refused);
    }
    let error = edge.release(6, "west", "not an address").await.unwrap_err();
    assert_eq!(error.kind(), trefoil_ops::ErrorKind::Usage);
    let status = edge.status().await;
    assert_eq!((status.epoch, status.upstream.unwrap().address.as_str()), (5, "127.0.0.1:2"));
}

#[tokio::test]
async fn a_drain_waits_and_then_cuts() {
    let edge = edge().await;
    let (_, quick) = upstream("east", Duration::from_millis(300)).await;
    let (_, stuck) = upstream("stuck", Duration::from_secs(3600)).await;
    edge.release(1, "east", &quick).await.unwrap();
    assert_eq!(edge.drain(10).await.unwrap_err().code(), "edge_not_holding");
    let web = web();
    let begin = || {
        let (web, address) = (web.clone(), edge.address.clone());
        tokio::spawn(async move { send(&web, &address, vec![1]).await })
    };
    let one = begin();
    edge.until("one is in flight", |status| status.in_flight == 1).await;
    edge.hold(10, 10_000).await;
    let drained = edge.drain(5_000).await.unwrap();
    assert_eq!((drained.drained, drained.cut), (1, 0));
    assert_eq!(one.await.unwrap().unwrap().0, StatusCode::OK);

    edge.release(2, "stuck", &stuck).await.unwrap();
    let one = begin();
    edge.until("one is in flight", |status| status.in_flight == 1).await;
    edge.hold(10, 10_000).await;
    let drained = edge.drain(100).await.unwrap();
    assert_eq!((drained.drained, drained.cut), (0, 1));
    assert!(one.await.unwrap().is_err(), "a request that is cut gets no answer");
    let status = edge.status().await;
    assert_eq!((status.in_flight, status.counters.cut), (0, 1));
}

#[tokio::test]
async fn an_edge_that_is_started_again_knows_where_requests_go() {
    let folder = tempfile::tempdir().unwrap();
    let (_, address) = upstream("east", Duration::ZERO).await;
    let first = edge_in(folder.path(), 0).await;
    first.release(7, "east", &address).await.unwrap();
    let port = first.address.rsplit(':').next().unwrap().parse().unwrap();
    let error = edge::serve(folder.path(), 0).await.unwrap_err();
    assert_eq!(error.code(), "edge_running", "one edge per folder");
    first.task.abort();
    while !first.task.is_finished() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let second = edge_in(folder.path(), port).await;
    let status = second.status().await;
    assert_eq!((status.epoch, status.upstream.unwrap().address), (7, address));
    let error = second.release(6, "west", "127.0.0.1:9").await.unwrap_err();
    assert_eq!(error.code(), "edge_epoch");
    assert_eq!(send(&web(), &second.address, vec![]).await.unwrap().0, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_clients_see_no_failure_through_switches() {
    let edge = edge().await;
    let (east, east_address) = upstream("east", Duration::from_millis(2)).await;
    let (west, west_address) = upstream("west", Duration::from_millis(2)).await;
    edge.release(1, "east", &east_address).await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let web = web();
    let clients: Vec<_> = (0..200_u32)
        .map(|n| {
            let (web, address, stop) = (web.clone(), edge.address.clone(), stop.clone());
            tokio::spawn(async move {
                let mut answered = 0_u64;
                while !stop.load(Ordering::SeqCst) {
                    let body = format!("{n} {answered}").into_bytes();
                    let digest = hex::encode(Sha256::digest(&body));
                    let (status, words) = send(&web, &address, body).await.unwrap();
                    assert_eq!(status, StatusCode::OK, "{words}");
                    assert!(words.ends_with(&digest), "the answer belongs to the request");
                    answered += 1;
                }
                answered
            })
        })
        .collect();
    let sides = [(&west, &west_address, &east), (&east, &east_address, &west)];
    for (epoch, (to, address, from)) in (2..8).zip(sides.into_iter().cycle()) {
        tokio::time::sleep(Duration::from_millis(150)).await;
        edge.hold(1_000, 10_000).await;
        assert_eq!(edge.drain(5_000).await.unwrap().cut, 0);
        let fenced = from.served.load(Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(from.served.load(Ordering::SeqCst), fenced, "nothing arrives after the drain");
        edge.release(epoch, to.name, address).await.unwrap();
    }
    stop.store(true, Ordering::SeqCst);
    let mut answered = 0;
    for client in clients {
        answered += client.await.unwrap();
    }
    let served = east.served.load(Ordering::SeqCst) + west.served.load(Ordering::SeqCst);
    assert_eq!(answered, served, "each request reached one upstream, once");
    let status = edge.status().await;
    assert_eq!(status.counters.requests, answered);
    assert_eq!(status.counters.refused + status.counters.upstream_errors, 0);
    assert!(status.counters.held >= 200, "the switches were felt: {}", status.counters.held);
}

#[tokio::test]
async fn the_body_of_a_held_upload_is_not_read() {
    let edge = edge().await;
    let (_, address) = upstream("east", Duration::ZERO).await;
    edge.release(1, "east", &address).await.unwrap();
    edge.hold(10, 10_000).await;
    let mut client = TcpStream::connect(&edge.address).await.unwrap();
    let head = "PUT /d HTTP/1.1\r\nHost: shop\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";
    client.write_all(head.as_bytes()).await.unwrap();
    edge.until("it is held", |status| status.held == 1).await;
    let mut buffer = [0; 1024];
    let early = tokio::time::timeout(Duration::from_millis(200), client.read(&mut buffer)).await;
    assert!(early.is_err(), "a held client is not asked for its body");
    edge.release(2, "west", &address).await.unwrap();
    let read = tokio::time::timeout(LONG, client.read(&mut buffer)).await.unwrap().unwrap();
    assert!(buffer[..read].starts_with(b"HTTP/1.1 100 Continue"));
    client.write_all(b"body").await.unwrap();
    let read = tokio::time::timeout(LONG, client.read(&mut buffer)).await.unwrap().unwrap();
    let answer = String::from_utf8_lossy(&buffer[..read]).into_owned();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(answer.contains("x-host: shop") && answer.contains("x-from: 127.0.0.1"), "{answer}");
}

#[tokio::test]
async fn what_cannot_be_served_is_said() {
    let edge = edge().await;
    let web = web();
    let (status, _) = send(&web, &edge.address, vec![]).await.unwrap();
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "no environment serves yet");
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = nobody.local_addr().unwrap().to_string();
    drop(nobody);
    edge.release(1, "east", &address).await.unwrap();
    assert_eq!(send(&web, &edge.address, vec![]).await.unwrap().0, StatusCode::BAD_GATEWAY);
    let request = Request::get(format!("http://{}/chat", edge.address))
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .body(Full::new(Bytes::new()))
        .unwrap();
    assert_eq!(web.request(request).await.unwrap().status(), StatusCode::NOT_IMPLEMENTED);
    edge.hold(33, 1_000).await;
    let text = edge.control.text("/metrics", LONG).await.unwrap();
    for line in [
        "trefoil_edge_requests_total 2",
        "trefoil_edge_upstream_errors_total 1",
        "trefoil_edge_held_requests_limit 33",
        "trefoil_edge_holding 1",
        "trefoil_edge_epoch 1",
        "trefoil_edge_request_duration_seconds_count 3",
    ] {
        assert!(text.lines().any(|one| one == line), "{line} is not in\n{text}");
    }
}

#[tokio::test]
async fn an_edge_that_is_told_to_shut_down_ends() {
    let folder = tempfile::tempdir().unwrap();
    let mut edge = edge_in(folder.path(), 0).await;
    edge.control.post::<_, ()>("/shutdown", &(), LONG).await.unwrap();
    let ended = tokio::time::timeout(LONG, &mut edge.task).await.unwrap();
    ended.unwrap().unwrap();
    assert!(!folder.path().join("edge.pid").exists());
    assert!(TcpStream::connect(&edge.address).await.is_err());
}
