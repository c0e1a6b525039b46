//! Slots that keep too much: lost by the server's own limit, or ended before a disk is full.

use std::path::Path;
use std::time::Duration;

use trefoil_clouds::conformance::skipped;
use trefoil_clouds::conformance::small_disk::SmallDisk;
use trefoil_core::finding::Severity;
use trefoil_core::plan::Action;
use trefoil_ops::movers::postgres::{Server, guard, preflight, stream};

use crate::bench::{Bench, admin, begin, connect};
use crate::shop;

const VERIFIED: fn(&Action) -> bool = |action| matches!(action, Action::VerifyDatabase(_));
const BUILT: fn(&Action) -> bool = |action| matches!(action, Action::BuildIndexes(_));

/// Keeps the stream from being applied as long as the session lives.
async fn block(bench: &Bench) -> tokio_postgres::Client {
    let other = connect(&bench.west.url("app")).await.unwrap();
    let lock = "BEGIN READ WRITE; LOCK TABLE public.customers IN ACCESS EXCLUSIVE MODE";
    other.batch_execute(lock).await.unwrap();
    bench.east.execute("app", "UPDATE public.customers SET seen = 0 WHERE id = 1").await;
    other
}

/// Writes so many megabytes into the log of a server.
async fn write_log(bench: &Bench, megabytes: u32) {
    let sql = "SELECT pg_logical_emit_message(false, 'test', repeat('x', 1 << 20))";
    let east = connect(&bench.east.url("app")).await.unwrap();
    for _ in 0..megabytes {
        east.batch_execute(sql).await.unwrap();
    }
}

/// T11: the server's limit is really reached; the loss has its name; abort works, and so does the
/// next move.
#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_the_server_gives_up_is_told_for_what_it_is() {
    let bench = Bench::start().await;
    shop::make(&bench, "east").await;
    let mut run = begin(bench.plan_move("east", "west", 2, "lost"));
    bench.perform(&mut run, 1, BUILT).await.unwrap();
    for sql in ["ALTER SYSTEM SET max_slot_wal_keep_size = '8MB'", "SELECT pg_reload_conf()"] {
        bench.east.execute("app", sql).await;
    }
    let blocked = block(&bench).await;
    let east = bench.ours("east").await;
    let lost = "SELECT 1 FROM pg_replication_slots WHERE wal_status = 'lost'";
    let mut attempts = 0;
    while east.query("look", lost, &[]).await.unwrap().is_empty() {
        write_log(&bench, 20).await;
        bench.east.execute("app", "SELECT pg_switch_wal(); CHECKPOINT").await;
        attempts += 1;
        assert!(attempts < 60, "the slot is never lost");
    }
    let error = bench.perform(&mut run, 1, |_| false).await.unwrap_err();
    assert_eq!(error.code(), "slot_lost", "{}", error.chain());
    drop(blocked);
    bench.undo(&mut run, 1).await.unwrap();
    for environment in ["east", "west"] {
        let left = stream::ours(&bench.ours(environment).await).await.unwrap();
        assert_eq!(left, Vec::<String>::new(), "{environment}");
    }
    for sql in ["ALTER SYSTEM RESET max_slot_wal_keep_size", "SELECT pg_reload_conf()"] {
        bench.east.execute("app", sql).await;
    }
    let mut run = begin(bench.plan_move("east", "west", 2, "again"));
    bench.perform(&mut run, 1, VERIFIED).await.unwrap();
    bench.undo(&mut run, 1).await.unwrap();
}

/// The log of the source grows on a small disk while the target applies nothing: the stream is
/// ended while there is room, and the application goes on writing.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_before_it_fills_the_disk() {
    let bench = Bench::start().await;
    shop::make(&bench, "east").await;
    let Some(_disk) = SmallDisk::mount(&bench.east, 420) else {
        skipped("a full disk: this user may not mount a small one");
        return;
    };
    let mut run = begin(bench.plan_move("east", "west", 2, "disk"));
    bench.perform(&mut run, 1, BUILT).await.unwrap();
    // The server's own limit would end it too; here the guard has to.
    for sql in ["ALTER SYSTEM SET max_slot_wal_keep_size = -1", "SELECT pg_reload_conf()"] {
        bench.east.execute("app", sql).await;
    }
    let _blocked = block(&bench).await;
    let write = async {
        for _ in 0..40 {
            write_log(&bench, 10).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let step = bench.perform(&mut run, 1, |_| false);
    let (error, ()) = tokio::join!(step, write);
    let error = error.unwrap_err();
    assert_eq!(error.code(), "disk_guard", "{}", error.chain());
    assert!(error.to_string().contains("so that the application does not suffer"), "{error}");
    bench
        .east
        .execute("app", "CHECKPOINT; UPDATE public.customers SET seen = 1 WHERE id = 2")
        .await;
    let left = stream::ours(&bench.ours("east").await).await.unwrap();
    assert!(!left.iter().any(|one| one.starts_with("slot ")), "{left:?}");
}

/// The source writes more of its log than its disk has room for while rows are copied.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_the_log_would_fill_is_an_obstacle() {
    let bench = Bench::start().await;
    shop::make(&bench, "east").await;
    let small = "ALTER SYSTEM SET max_wal_size = '64MB'; ALTER SYSTEM SET min_wal_size = '32MB'";
    for sql in small.split("; ") {
        bench.east.execute("app", sql).await;
    }
    let Some(disk) = SmallDisk::mount(&bench.east, 256) else {
        skipped("a full disk: this user may not mount a small one");
        return;
    };
    let pair = bench.pair("east", "west").await;
    let found = async || {
        let findings = preflight::of_move(&pair.source, Some(&pair.target), None).await.unwrap();
        findings.into_iter().find(|found| found.code == "disk_full")
    };
    assert_eq!(found().await, None);
    disk.leave(80);
    let (mut told, mut attempts) = (None, 0);
    while told.is_none() {
        let write = async {
            for _ in 0..6 {
                write_log(&bench, 4).await;
            }
        };
        (told, ()) = tokio::join!(found(), write);
        bench.east.execute("app", "CHECKPOINT").await;
        attempts += 1;
        assert!(attempts < 60, "its disk is never too small");
    }
    let told = told.unwrap();
    assert_eq!(told.severity, Severity::Blocker);
    assert!(told.message.contains("its disk has"), "{}", told.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_of_slots_is_set_for_the_move_and_put_back() {
    let bench = Bench::start().await;
    let limit = async |server: &Server| {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let sql = "SELECT setting FROM pg_settings WHERE name = 'max_slot_wal_keep_size'";
        server.texts("read", sql, &[]).await.unwrap().concat()
    };
    let settings = Path::new("postgresql.auto.conf");
    let file = bench.east.data_dir().join(settings);
    let before = std::fs::read_to_string(&file).unwrap();
    let mut run = begin(bench.plan_move("east", "west", 2, "limit"));
    let prepared = |action: &Action| matches!(action, Action::PrepareDatabase(_));
    bench.perform(&mut run, 2, prepared).await.unwrap();
    for environment in ["east", "west"] {
        let set: u64 = limit(&bench.ours(environment).await).await.parse().unwrap();
        assert!(set > 0, "{set}");
    }
    bench.undo(&mut run, 2).await.unwrap();
    assert_eq!(limit(&bench.ours("east").await).await, "-1");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), before);

    // Somebody else's slot would be limited too, so nothing is changed.
    let east = Server::connect("east", &admin(&bench.east)).await.unwrap();
    let slot = "SELECT pg_create_logical_replication_slot('theirs', 'pgoutput')";
    bench.east.execute("app", slot).await;
    assert_eq!(guard::limit_slots(&east).await.unwrap(), None);
}
