//! Databases on servers that were there before Trefoil, moved through the real binary.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use common::servers::{Admin, PASSWORD, Servers, connect, writer};
use trefoil_clouds::conformance::skipped;
use trefoil_clouds::conformance::small_disk::SmallDisk;

#[tokio::test(flavor = "multi_thread")]
async fn a_database_moves_between_two_servers_that_others_run_and_comes_back() {
    let servers = Servers::start(Admin::Superuser).await;
    servers.east.execute("shop", "ALTER ROLE shop VALID UNTIL '2099-01-01 00:00:00+00'").await;
    let before = (servers.picture("east").await, servers.picture("west").await);
    let seen = servers.ok(&["inventory", "east"]);
    assert_eq!(seen["resources"][0]["kind"], "database", "{seen:#}");
    assert_eq!(seen["resources"][0]["size"]["tables"], 4);
    let shown = servers.ok(&["ps"]);
    assert_eq!(shown["environments"][0]["state"], "running", "{shown:#}");

    let stop = Arc::new(AtomicBool::new(false));
    let east = servers.east.url_as("shop", PASSWORD, "shop");
    let west = servers.west.url_as("shop", PASSWORD, "shop");
    let writing = writer([east.clone(), west.clone()], stop.clone());
    let moved = servers.migrate("east", "west");
    let clients = &moved["report"]["clients"];
    let port = servers.west.port;
    assert_eq!(clients["address"], format!("127.0.0.1:{port}/shop"), "{moved:#}");
    // The role was made there with the password that it has: the writer goes on with it.
    assert_eq!(clients["roles"], Value::Array(Vec::new()), "{clients:#}");
    let until = "SELECT count(*) FROM pg_roles WHERE rolname = 'shop'
                 AND rolvaliduntil = '2099-01-01 00:00:00+00'";
    assert_eq!(servers.count("west", until).await, 1);
    assert!(moved["report"]["window_ms"].as_u64().is_some());
    assert!(connect(&east).await.is_err(), "the source is closed");
    servers.eventually("west", "SELECT count(*) FROM acks WHERE seq > 0", 20).await;
    let run = moved["run_id"].as_str().unwrap().to_owned();
    let back = servers.ok(&["migrate", "rollback", &run]);
    assert_eq!(servers.ok(&["ps"])["active"], "east");
    tokio::time::sleep(Duration::from_millis(300)).await;
    stop.store(true, Ordering::SeqCst);
    let acked = writing.await.unwrap();
    let on_east = servers.count("east", "SELECT count(*) FROM acks").await;
    assert!(on_east >= acked.len() as i64, "{on_east} of {}", acked.len());
    let last = acked.last().unwrap();
    let kept = format!("SELECT count(*) FROM acks WHERE seq <= {last}");
    assert_eq!(servers.count("east", &kept).await, acked.len() as i64);

    servers.ok(&["migrate", "finish", back["run_id"].as_str().unwrap()]);
    assert_eq!(servers.picture("east").await, before.0);
    let after = servers.picture("west").await;
    let left: Vec<_> = after.difference(&before.1).filter(|line| !is_carried(line)).collect();
    assert!(left.is_empty(), "left on west: {left:#?}");
    // West serves no more, so it stays closed.
    let gone = before.1.difference(&after).filter(|line| !line.starts_with("right shop"));
    assert_eq!(gone.collect::<Vec<_>>(), Vec::<&String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_way_back_that_does_not_flow_is_shown_and_rollback_is_refused_until_it_does() {
    let servers = Servers::start(Admin::Superuser).await;
    let moved = servers.migrate("east", "west");
    let run = moved["run_id"].as_str().unwrap();
    let shown = servers.ok(&["ps"])["way_back"].clone();
    assert_eq!(shown["run_id"], run, "{shown:#}");
    assert_eq!(shown["database"]["problem"], Value::Null, "{shown:#}");

    let east = connect(&servers.east.url("shop")).await.unwrap();
    east.batch_execute("SET default_transaction_read_only = off").await.unwrap();
    let stream = shown["database"]["stream"].as_str().unwrap();
    east.batch_execute(&format!("ALTER SUBSCRIPTION {stream} DISABLE")).await.unwrap();
    // Nothing that could be compressed.
    let written = "INSERT INTO notes SELECT string_agg(md5(random()::text), '')
                   FROM generate_series(0, 19999) n GROUP BY n / 100";
    servers.west.execute("shop", written).await;
    let far = |answer: &Value| {
        let database = &answer["way_back"]["database"];
        database["behind_bytes"].as_u64().unwrap() > 300_000 && database["problem"].is_string()
    };
    let limit = Instant::now() + Duration::from_secs(60);
    while !far(&servers.ok(&["ps"])) {
        assert!(Instant::now() < limit, "{:#}", servers.ok(&["ps"]));
    }
    let shown = servers.ok(&["runs", "show", run])["way_back"].clone();
    assert_eq!(shown["problem"], "it was disabled", "{shown:#}");
    let (code, answer) = servers.run(&["migrate", "rollback", run]);
    assert_eq!(code, 3, "{answer:#}");
    let words = answer.to_string();
    assert!(words.contains("way_back_dry") && words.contains("does not flow"), "{answer:#}");

    east.batch_execute(&format!("ALTER SUBSCRIPTION {stream} ENABLE")).await.unwrap();
    // Whoever uses the administrator's role beside Trefoil is an obstacle of its own.
    drop(east);
    servers.ok(&["migrate", "rollback", run]);
    assert_eq!(servers.count("east", "SELECT count(*) FROM notes").await, 220);
    assert!(servers.ok(&["ps"])["way_back"]["run_id"].is_string());
}

/// T15: what must arrive in the window does not.
#[tokio::test(flavor = "multi_thread")]
async fn a_window_that_is_over_gives_the_source_back_and_the_move_goes_on_later() {
    let servers = Servers::start(Admin::Superuser).await;
    servers.ok(&["up", "east"]);
    let stop = Arc::new(AtomicBool::new(false));
    let urls = ["east", "west"].map(|name| servers.server(name).url_as("shop", PASSWORD, "shop"));
    let writing = writer(urls, stop.clone());
    let file = servers.path().join("plan.json").display().to_string();
    let plan = ["migrate", "plan", "--from", "east", "--to", "west", "--window", "2s"];
    servers.ok(&[&plan[..], &["--output", &file]].concat());
    let mut moving = servers.command(&["migrate", "run", &file]).spawn().unwrap();
    let named = format!("{}?application_name=trefoil-test", servers.west.url("shop"));
    let holder = connect(&named).await.unwrap();
    holder.batch_execute("SET default_transaction_read_only = off").await.unwrap();
    // The way back is being armed: the next row that is written there is the window's marker.
    let armed = "SELECT 1 FROM pg_publication WHERE pubname ~ '^tfr_'";
    while holder.query(armed, &[]).await.unwrap().is_empty() {
        assert!(moving.try_wait().unwrap().is_none(), "the move ended early");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    holder.batch_execute("BEGIN; LOCK TABLE trefoil.marker IN SHARE MODE").await.unwrap();
    while moving.try_wait().unwrap().is_none() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let output = moving.wait_with_output().unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(answer.to_string().contains("users had waited 2000 ms"), "{answer:#}");
    let told = servers.count("east", "SELECT count(*) FROM acks").await;
    servers.eventually("east", "SELECT count(*) FROM acks", told + 20).await;
    assert_eq!(servers.ok(&["ps"])["active"], "east");
    let app = connect(&servers.west.url_as("shop", PASSWORD, "shop")).await;
    assert!(app.is_err(), "the target stays closed");

    holder.batch_execute("ROLLBACK").await.unwrap();
    drop(holder);
    let moved = servers.ok(&["runs", "resume", "last"]);
    let told = servers.count("west", "SELECT count(*) FROM acks").await;
    servers.eventually("west", "SELECT count(*) FROM acks", told + 20).await;
    stop.store(true, Ordering::SeqCst);
    let acked = writing.await.unwrap();
    let kept = format!("SELECT count(*) FROM acks WHERE seq <= {}", acked.last().unwrap());
    assert_eq!(servers.count("west", &kept).await, acked.len() as i64, "{moved:#}");
    servers.ok(&["migrate", "finish", "last"]);
}

/// What belongs to the application on the side that a rollback has left, and the fence there.
fn is_carried(line: &str) -> bool {
    let relation = ["items", "acks", "notes", "audit"].iter().any(|name| line.contains(name));
    relation && line.starts_with("relation")
        || line.contains("shop")
        || line.contains("default_transaction_read_only=on")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aborted_move_leaves_both_servers_as_they_were() {
    let servers = Servers::start(Admin::Superuser).await;
    let before = (servers.picture("east").await, servers.picture("west").await);
    // A row that the target's copy refuses stops the run before the switch.
    servers.east.execute("shop", "CREATE EXTENSION IF NOT EXISTS plpgsql").await;
    let file = servers.path().join("plan.json").display().to_string();
    servers.ok(&["migrate", "plan", "--from", "east", "--to", "west", "--output", &file]);
    servers.west.execute("shop", "CREATE TABLE items (other int)").await;
    let (code, answer) = servers.run(&["migrate", "run", &file]);
    assert_ne!(code, 0, "{answer:#}");
    servers.west.execute("shop", "DROP TABLE items").await;
    assert_eq!((servers.picture("east").await, servers.picture("west").await), before);
}

/// During a soak the side that served is away, and the other one keeps its log for it on a small
/// disk.
#[tokio::test(flavor = "multi_thread")]
async fn a_way_back_that_would_fill_the_disk_is_given_up_and_the_application_goes_on() {
    let servers = Servers::start(Admin::Superuser).await;
    let Some(_disk) = SmallDisk::mount(&servers.west, 420) else {
        skipped("a full disk in the soak: this user may not mount a small one");
        return;
    };
    let moved = servers.migrate("east", "west");
    let run = moved["run_id"].as_str().unwrap();
    // The server's own limit would end it too; here the guard has to.
    for sql in ["ALTER SYSTEM SET max_slot_wal_keep_size = -1", "SELECT pg_reload_conf()"] {
        servers.west.execute("shop", sql).await;
    }
    servers.east.stop();
    let app = connect(&servers.west.url_as("shop", PASSWORD, "shop")).await.unwrap();
    let slots = "SELECT count(*) FROM pg_replication_slots";
    let limit = Instant::now() + Duration::from_secs(120);
    let mut written = 0;
    while servers.count("west", slots).await > 0 {
        assert!(Instant::now() < limit, "the slot is never given up");
        let log = "SELECT pg_logical_emit_message(false, 'test', repeat('x', 8 << 20))";
        servers.west.execute("shop", log).await;
        app.batch_execute("INSERT INTO notes VALUES ('goes on')").await.unwrap();
        written += 1;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(written > 7, "a slot that keeps less than 64 MiB is no danger");
    let why = "so that the application does not suffer";
    while !servers.ok(&["ps"])["way_back"].to_string().contains(why) {
        assert!(Instant::now() < limit, "{:#}", servers.ok(&["ps"]));
    }
    servers.west.execute("shop", "CHECKPOINT").await;
    app.batch_execute("INSERT INTO notes VALUES ('goes on')").await.unwrap();

    // Who carries back is killed and started again: the reason is known to the next one too.
    let status = servers.path().join(format!(".trefoil/backflow/{run}.json"));
    let pid = || {
        let status: Value = serde_json::from_slice(&std::fs::read(&status).unwrap()).unwrap();
        Pid::from_raw(status["pid"].as_i64().unwrap().try_into().unwrap())
    };
    let dead = pid();
    kill(dead, Signal::SIGKILL).unwrap();
    servers.ok(&["up", "west"]);
    assert_ne!(pid(), dead, "it is not started again");

    servers.east.restart();
    let (code, answer) = servers.run(&["migrate", "rollback", run]);
    assert_eq!(code, 3, "{answer:#}");
    let words = answer.to_string();
    assert!(words.contains("rollback is no longer possible") && words.contains(why), "{answer:#}");
    drop(app);
    servers.ok(&["migrate", "finish", run]);
    for side in ["east", "west"] {
        for kind in ["pg_subscription", "pg_replication_slots", "pg_publication"] {
            let left = format!("SELECT count(*) FROM {kind}");
            assert_eq!(servers.count(side, &left).await, 0, "{kind} on {side}");
        }
    }
    let kept = "SELECT count(*) FROM notes WHERE what = 'goes on'";
    assert_eq!(servers.count("west", kept).await, written + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_run_is_never_stopped_or_deleted() {
    let servers = Servers::start(Admin::Superuser).await;
    servers.ok(&["up", "east"]);
    assert_eq!(servers.ok(&["ps"])["active"], "east");
    let (code, answer) = servers.run(&["down", "east", "--destroy"]);
    assert_ne!(code, 0, "{answer:#}");
    assert!(answer.to_string().contains("was there before Trefoil"), "{answer:#}");
    servers.ok(&["down", "east"]);
    assert_eq!(servers.count("east", "SELECT count(*) FROM items").await, 500);
}
