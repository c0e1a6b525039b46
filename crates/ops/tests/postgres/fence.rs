//! Attacks on the fence.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use trefoil_core::plan::RoleAccess;
use trefoil_ops::movers::postgres::{Server, access, bookkeeping};
use trefoil_ops::state::FencingToken;

use crate::bench::{Bench, close, connect};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_writes_after_the_fence_and_opening_restores_exactly() {
    let bench = Bench::start().await;
    bench
        .east
        .execute("postgres", "CREATE ROLE reader LOGIN PASSWORD 'r'; CREATE ROLE idle_role LOGIN")
        .await;
    bench
        .east
        .execute(
            "app",
            "GRANT CONNECT ON DATABASE app TO reader; REVOKE CONNECT ON DATABASE app FROM PUBLIC",
        )
        .await;
    let url = bench.app_url("east");
    let app = connect(&url).await.unwrap();
    app.batch_execute("CREATE TABLE hits (id bigserial PRIMARY KEY)").await.unwrap();
    let ours = bench.ours("east").await;
    let record = access::record(&ours).await.unwrap();
    assert!(!record.public_connect);
    let reader = RoleAccess { name: "reader".into(), login: true, connect: true };
    assert!(record.roles.contains(&reader), "{record:?}");

    let open = connect(&url).await.unwrap();
    open.batch_execute("BEGIN; INSERT INTO hits DEFAULT VALUES").await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let storm: Vec<_> = (0..6).map(|_| tokio::spawn(storm(url.clone(), stop.clone()))).collect();
    tokio::time::sleep(Duration::from_millis(200)).await;

    close(&ours, &record).await.unwrap();
    let count = "SELECT count(*) FROM hits";
    let fenced: i64 =
        ours.one("count", "SELECT count(*) FROM public.hits", &[]).await.unwrap().get(0);
    assert!(access::is_closed(&ours).await.unwrap());
    assert!(
        app.batch_execute("BEGIN READ WRITE; INSERT INTO hits DEFAULT VALUES; COMMIT")
            .await
            .is_err()
    );
    assert!(open.batch_execute("COMMIT").await.is_err());
    tokio::time::sleep(Duration::from_millis(300)).await;
    let later: i64 =
        ours.one("count", "SELECT count(*) FROM public.hits", &[]).await.unwrap().get(0);
    assert_eq!(later, fenced, "somebody wrote after the fence");
    assert!(fenced > 0);
    close(&ours, &record).await.unwrap();

    access::open(&ours, &record).await.unwrap();
    access::open(&ours, &record).await.unwrap();
    assert_eq!(access::record(&ours).await.unwrap(), record);
    assert!(access::is_open(&ours, &record).await.unwrap());
    tokio::time::sleep(Duration::from_millis(300)).await;
    stop.store(true, Ordering::SeqCst);
    for task in storm {
        task.await.unwrap();
    }
    let app = connect(&url).await.unwrap();
    assert!(app.query_one(count, &[]).await.unwrap().get::<_, i64>(0) > fenced);
}

/// Writes as often as it can, with a new session after each refusal.
async fn storm(url: String, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::SeqCst) {
        let Ok(app) = connect(&url).await else { continue };
        let write = "BEGIN READ WRITE; INSERT INTO hits DEFAULT VALUES; COMMIT";
        while !stop.load(Ordering::SeqCst) && app.batch_execute(write).await.is_ok() {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn prepared_transactions_break_the_fence_by_name() {
    let bench = Bench::start().await;
    let app = connect(&bench.app_url("east")).await.unwrap();
    app.batch_execute("CREATE TABLE t (n int)").await.unwrap();
    app.batch_execute("BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'later'")
        .await
        .unwrap();
    let ours = bench.ours("east").await;
    let record = access::record(&ours).await.unwrap();
    let error = close(&ours, &record).await.unwrap_err();
    assert_eq!(error.code(), "prepared_transactions");
    assert!(error.to_string().contains("later"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_another_database_uses_keeps_its_login() {
    let bench = Bench::start().await;
    bench.east.execute("postgres", "CREATE DATABASE other OWNER app").await;
    let ours = bench.ours("east").await;
    let record = access::record(&ours).await.unwrap();
    close(&ours, &record).await.unwrap();
    assert!(access::is_closed(&ours).await.unwrap());
    assert!(connect(&bench.app_url("east")).await.is_err());
    let other = bench.east.url_as("app", crate::bench::APP_PASSWORD, "other");
    connect(&other).await.unwrap();
    access::open(&ours, &record).await.unwrap();
    assert_eq!(access::record(&ours).await.unwrap(), record);
    connect(&bench.app_url("east")).await.unwrap();
}

/// The server itself refuses a process that was taken over, also one that is at it right now.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_refuses_whoever_was_taken_over() {
    let bench = Bench::start().await;
    let (ours, stale) = (bench.ours("east").await, bench.ours("east").await);
    let record = access::record(&ours).await.unwrap();
    let token = |run, takeover| FencingToken { run, takeover };
    // A run whose bookkeeping is gone has ended.
    access::close_as(&stale, &record, token(1, 2)).await.unwrap_err();
    bookkeeping::create(&ours).await.unwrap();
    access::close_as(&stale, &record, token(1, 2)).await.unwrap();
    access::close_as(&stale, &record, token(1, 2)).await.unwrap();
    access::open_as(&ours, &record, token(1, 9)).await.unwrap();
    for late in [token(1, 2), token(1, 8), token(0, 50)] {
        let error = access::close_as(&stale, &record, late).await.unwrap_err();
        assert_eq!(error.code(), "executor_superseded");
        assert!(access::is_open(&ours, &record).await.unwrap(), "nothing of it was done");
    }
    access::open_as(&stale, &record, token(2, 1)).await.unwrap();

    // Of two at once the later one wins, whichever is first.
    let slow = async |server: &Server, token| {
        bookkeeping::change_as(server, token, "wait", "SELECT pg_sleep(0.5)").await
    };
    let before = async |server: &Server, token| {
        tokio::time::sleep(Duration::from_millis(100)).await;
        bookkeeping::change_as(server, token, "wait", "SELECT 1").await
    };
    let (newer, older) = tokio::join!(slow(&ours, token(3, 5)), before(&stale, token(3, 4)));
    newer.unwrap();
    assert_eq!(older.unwrap_err().code(), "executor_superseded");
    let (older, newer) = tokio::join!(slow(&ours, token(3, 5)), before(&stale, token(3, 6)));
    older.unwrap();
    newer.unwrap();
    // A statement that fails leaves no claim and no open transaction.
    let failed = bookkeeping::change_as(&ours, token(9, 9), "fail", "SELECT 1/0").await;
    assert_eq!(failed.unwrap_err().code(), "postgres_failed");
    bookkeeping::change_as(&ours, token(4, 1), "wait", "SELECT 1").await.unwrap();
}
