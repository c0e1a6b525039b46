//! T14: a database is moved by an administrator who is no superuser, as managed servers give one.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::servers::{Admin, PASSWORD, Servers, writer};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

const REPLICA_ROLE: &str = "GRANT SET ON PARAMETER session_replication_role TO manager";

fn codes(plan: &Value) -> Vec<&str> {
    plan["blockers"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_managed_administrator_lacks_is_named_with_its_command() {
    let servers = Servers::start(Admin::Managed).await;
    let plan = ["migrate", "plan", "--from", "east", "--to", "west"];
    let found = servers.ok(&plan);
    assert_eq!(codes(&found), ["replica_role_needed", "replica_role_needed"], "{found:#}");
    assert_eq!(found["blockers"][0]["hint"], REPLICA_ROLE.replace("manager", "\"manager\""));
    for (take, code, give) in [
        ("ALTER ROLE manager NOREPLICATION", "right_missing", "ALTER ROLE manager REPLICATION"),
        (
            "REVOKE pg_signal_backend FROM manager",
            "right_missing",
            "GRANT pg_signal_backend TO manager",
        ),
        ("REVOKE shop_owner FROM manager", "right_missing", "GRANT shop_owner TO manager"),
        (
            "ALTER DATABASE shop OWNER TO trefoil",
            "right_missing",
            "ALTER DATABASE shop OWNER TO manager",
        ),
        (
            "ALTER TABLE notes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
            "row_security_forced",
            "ALTER TABLE notes DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY",
        ),
    ] {
        servers.east.execute("shop", take).await;
        let found = servers.ok(&plan);
        assert!(codes(&found).contains(&code), "{take}: {found:#}");
        servers.east.execute("shop", give).await;
    }
    let before = (servers.picture("east").await, servers.picture("west").await);
    let looked = servers.run(&["migrate", "preflight", "--from", "east", "--to", "west"]).1;
    assert!(looked.to_string().contains("carried_by_client"), "{looked:#}");
    let after = (servers.picture("east").await, servers.picture("west").await);
    assert_eq!(after, before, "a look changes nothing");
    a_log_that_cannot_be_silenced_is_told(&servers).await;
    a_role_that_needs_a_new_password_is_named(&servers).await;
    servers.west.execute("shop", "ALTER ROLE manager NOCREATEROLE").await;
    let found = servers.ok(&plan);
    assert!(codes(&found).contains(&"role_missing"), "{found:#}");
}

/// What a look at both servers finds of a kind.
fn found(servers: &Servers, code: &str) -> Vec<Value> {
    let (_, looked) = servers.run(&["migrate", "preflight", "--from", "east", "--to", "west"]);
    let findings = looked["data"]["findings"].as_array().unwrap();
    findings.iter().filter(|one| one["code"] == code).cloned().collect()
}

/// Its command mends it.
async fn a_log_that_cannot_be_silenced_is_told(servers: &Servers) {
    let code = "log_not_silent";
    assert_eq!(found(servers, code), Vec::<Value>::new());
    for sql in ["ALTER SYSTEM SET log_statement = 'ddl'", "SELECT pg_reload_conf()"] {
        servers.east.execute("shop", sql).await;
    }
    let told = found(servers, code);
    assert_eq!(told.len(), 1, "{told:#?}");
    assert_eq!(told[0]["severity"], "warning");
    let command = told[0]["command"].as_str().unwrap();
    assert_eq!(command, "GRANT SET ON PARAMETER log_statement TO \"manager\"");
    servers.east.execute("shop", command).await;
    assert_eq!(found(servers, code), Vec::<Value>::new());
}

/// Without the right to read its verifier; a role that the target has keeps the password there.
async fn a_role_that_needs_a_new_password_is_named(servers: &Servers) {
    let told = found(servers, "role_password_new");
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0]["message"].as_str().unwrap().contains("password of shop"), "{told:#?}");
    let command = told[0]["command"].as_str().unwrap();
    assert!(command.contains("ALTER ROLE \"shop\" PASSWORD"), "{command}");
    servers.west.execute("shop", "CREATE ROLE shop LOGIN PASSWORD 'mine'").await;
    assert_eq!(found(servers, "role_password_new"), Vec::<Value>::new());
    servers.west.execute("shop", "DROP ROLE shop").await;
}

/// All of them with `TREFOIL_TEST_FULL=1`, else one that the seed draws.
fn sampled<const N: usize>(all: [[u32; 2]; N]) -> Vec<[u32; 2]> {
    if std::env::var_os("TREFOIL_TEST_FULL").is_some() {
        return all.to_vec();
    }
    let drawn = all[usize::try_from(common::seed()).unwrap() % N];
    println!("PostgreSQL {} to {}, of {all:?}", drawn[0], drawn[1]);
    vec![drawn]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_managed_administrator_moves_a_database_and_back_although_processes_die() {
    for versions in sampled([[15, 15], [15, 16], [15, 18], [16, 18]]) {
        moved_and_back_although_processes_die(versions).await;
    }
}

async fn moved_and_back_although_processes_die(versions: [u32; 2]) {
    let servers = Servers::of(Admin::Managed, &versions).await;
    for server in [&servers.east, &servers.west] {
        server.execute("shop", REPLICA_ROLE).await;
    }
    let before = (servers.picture("east").await, servers.picture("west").await);
    let stop = Arc::new(AtomicBool::new(false));
    let urls = ["east", "west"].map(|name| servers.server(name).url_as("shop", PASSWORD, "shop"));
    let writing = writer(urls, stop.clone());
    let killer = killer(&servers, stop.clone());

    let moved = servers.migrate("east", "west");
    let roles = &moved["report"]["clients"]["roles"];
    assert_eq!(roles[0]["role"], "shop", "{moved:#}");
    let password = format!("ALTER ROLE shop PASSWORD '{PASSWORD}'");
    servers.west.execute("shop", &password).await;
    let told = servers.count("west", "SELECT count(*) FROM acks").await;
    servers.eventually("west", "SELECT count(*) FROM acks", told + 20).await;
    let run = moved["run_id"].as_str().unwrap().to_owned();
    let back = servers.ok(&["migrate", "rollback", &run]);
    let told = servers.count("east", "SELECT count(*) FROM acks").await;
    servers.eventually("east", "SELECT count(*) FROM acks", told + 20).await;
    stop.store(true, Ordering::SeqCst);
    assert!(killer.await.unwrap() > 0, "no stream process was killed");
    let acked = writing.await.unwrap();

    // The last attempt may have been made without an answer.
    let kept = format!("SELECT count(*) FROM acks WHERE seq <= {}", acked.last().unwrap());
    assert_eq!(servers.count("east", &kept).await, acked.len() as i64);
    servers.ok(&["migrate", "finish", back["run_id"].as_str().unwrap()]);
    for side in ["east", "west"] {
        // The trigger has fired once for each row, on the side where it was written.
        let doubled = "SELECT count(*) - count(DISTINCT (client, seq)) FROM audit";
        assert_eq!(servers.count(side, doubled).await, 0, "{side}");
        let missed = "SELECT (SELECT count(*) FROM audit) - (SELECT count(*) FROM acks)";
        assert_eq!(servers.count(side, missed).await, 0, "{side}");
    }
    assert_eq!(servers.picture("east").await, before.0);
    let after = servers.picture("west").await;
    // From 16 on who makes a role stays its administrator.
    let own = |line: &&String| versions[1] < 16 || !line.starts_with("member ");
    let left = after.difference(&before.1).filter(|line| line.contains("manager"));
    let left: Vec<_> = left.filter(own).collect();
    assert!(left.is_empty(), "{left:#?}");
    // West serves no more, so it stays closed.
    let gone = before.1.difference(&after).filter(|line| !line.starts_with("right shop"));
    assert_eq!(gone.collect::<Vec<_>>(), Vec::<&String>::new());
    assert_eq!(servers.stream_processes(), Vec::<i32>::new());
}

/// Where the servers let such an administrator subscribe, they carry the changes themselves.
#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_who_may_subscribe_needs_no_client_of_ours() {
    for versions in sampled([[16, 16], [16, 18]]) {
        moved_by_subscriptions(versions).await;
    }
}

async fn moved_by_subscriptions(versions: [u32; 2]) {
    let servers = Servers::of(Admin::Subscriber, &versions).await;
    let plan = servers.ok(&["migrate", "plan", "--from", "east", "--to", "west"]);
    assert_eq!(codes(&plan), Vec::<&str>::new(), "{plan:#}");
    // What no stream carries we write ourselves, and need that right for it.
    let cache = "CREATE UNLOGGED TABLE cache (n int); ALTER TABLE cache OWNER TO shop_owner";
    servers.east.execute("shop", cache).await;
    let plan = ["migrate", "plan", "--from", "east", "--to", "west", "--unlogged"];
    let plan = servers.ok(&plan);
    assert_eq!(codes(&plan), ["replica_role_needed", "replica_role_needed"], "{plan:#}");
    servers.east.execute("shop", "DROP TABLE cache").await;
    // Row security that is forced on the owners hides nothing from who passes it.
    for server in [&servers.east, &servers.west] {
        server.execute("shop", "ALTER ROLE manager BYPASSRLS").await;
    }
    let forced = "ALTER TABLE notes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY";
    servers.east.execute("shop", forced).await;
    let stop = Arc::new(AtomicBool::new(false));
    let urls = ["east", "west"].map(|name| servers.server(name).url_as("shop", PASSWORD, "shop"));
    let writing = writer(urls, stop.clone());
    let moved = servers.migrate("east", "west");
    let subscribed = "SELECT count(*) FROM pg_subscription s JOIN pg_roles r ON r.oid = s.subowner
                      WHERE s.subenabled AND NOT r.rolsuper";
    assert_eq!(servers.count("east", subscribed).await, 1);
    assert_eq!(servers.stream_processes(), Vec::<i32>::new());
    let password = format!("ALTER ROLE shop PASSWORD '{PASSWORD}'");
    servers.west.execute("shop", &password).await;
    let told = servers.count("west", "SELECT count(*) FROM acks").await;
    servers.eventually("west", "SELECT count(*) FROM acks", told + 20).await;
    servers.west.execute("shop", "UPDATE notes SET what = 'at west'").await;
    let back = servers.ok(&["migrate", "rollback", moved["run_id"].as_str().unwrap()]);
    let kept = "SELECT count(*) FROM notes WHERE what = 'at west'";
    assert_eq!(servers.count("east", kept).await, 20);
    let told = servers.count("east", "SELECT count(*) FROM acks").await;
    servers.eventually("east", "SELECT count(*) FROM acks", told + 20).await;
    stop.store(true, Ordering::SeqCst);
    let acked = writing.await.unwrap();
    let kept = format!("SELECT count(*) FROM acks WHERE seq <= {}", acked.last().unwrap());
    assert_eq!(servers.count("east", &kept).await, acked.len() as i64);
    servers.ok(&["migrate", "finish", back["run_id"].as_str().unwrap()]);
    for side in ["east", "west"] {
        let missed = "SELECT (SELECT count(*) FROM audit) - (SELECT count(*) FROM acks)";
        assert_eq!(servers.count(side, missed).await, 0, "{side}");
        assert_eq!(servers.count(side, "SELECT count(*) FROM pg_subscription").await, 0, "{side}");
        assert_eq!(servers.count(side, "SELECT count(*) FROM pg_replication_slots").await, 0);
    }
}

/// Kills whatever carries a stream now and then; how many it killed.
fn killer(servers: &Servers, stop: Arc<AtomicBool>) -> tokio::task::JoinHandle<usize> {
    let find = servers.stream_finder();
    tokio::spawn(async move {
        let mut killed = 0;
        while !stop.load(Ordering::SeqCst) && killed < 4 {
            tokio::time::sleep(Duration::from_millis(700)).await;
            for pid in find() {
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
                killed += 1;
            }
        }
        killed
    })
}
