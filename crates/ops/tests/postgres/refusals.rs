//! What a move refuses, by name.

use std::time::Duration;

use secrecy::SecretString;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use trefoil_clouds::conformance::postgres::TestPostgres;
use trefoil_core::finding::{Finding, Severity};
use trefoil_core::plan::Action;
use trefoil_ops::movers::postgres::{Server, preflight};

use crate::bench::{Bench, admin, begin, connect};
use crate::shop;

fn blockers(findings: &[Finding]) -> Vec<&str> {
    let stops = findings.iter().filter(|found| found.severity == Severity::Blocker);
    let mut codes: Vec<_> = stops.map(|found| found.code.as_str()).collect();
    codes.dedup();
    codes
}

/// What is made on a side, and the code that names it.
const OBSTACLES: &[(&str, &str, &str)] = &[
    ("east", "CREATE UNLOGGED TABLE public.x (n int PRIMARY KEY)", "unlogged"),
    ("east", "CREATE TABLE public.x (j json)", "identity_impossible"),
    ("east", "ALTER TABLE public.acks ENABLE ALWAYS TRIGGER acks_audit", "triggers_always"),
    (
        "east",
        "CREATE RULE loud AS ON UPDATE TO public.log DO ALSO NOTIFY said;
         ALTER TABLE public.log ENABLE ALWAYS RULE loud",
        "rules_always",
    ),
    (
        "east",
        "CREATE FOREIGN DATA WRAPPER far; CREATE SERVER far FOREIGN DATA WRAPPER far;
         CREATE FOREIGN TABLE public.x (n int) SERVER far",
        "foreign_tables",
    ),
    ("east", CRON, "background_writers"),
    ("east", CRON, "extension_missing"),
    (
        "east",
        "CREATE EXTENSION hstore; UPDATE pg_extension SET extversion = '0.9' WHERE extname = 'hstore'",
        "extension_missing",
    ),
    ("east", "SELECT lo_from_bytea(0, 'x')", "large_objects"),
    ("east", "CREATE ROLE boss SUPERUSER LOGIN", "other_superuser"),
    (
        "east",
        "CREATE SUBSCRIPTION theirs CONNECTION 'host=127.0.0.1' PUBLICATION p
         WITH (connect = false, slot_name = NONE, enabled = false, create_slot = false)",
        "subscription_exists",
    ),
    (
        "east",
        "CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION public.watch()",
        "event_triggers",
    ),
    ("east", "CREATE PUBLICATION tf_gone", "leftovers"),
    ("east", "CREATE SCHEMA trefoil", "schema_taken"),
    (
        "east",
        "BEGIN; INSERT INTO public.log VALUES (now()); PREPARE TRANSACTION 'p'",
        "prepared_transactions",
    ),
    ("west", "CREATE TABLE public.x (n int)", "target_not_empty"),
    ("west", "ALTER ROLE app RENAME TO other", "application_role"),
];

/// How long a transaction is open before a person is told that it holds up a stream's start.
const LONG_TRANSACTION: Duration = Duration::from_secs(61);

/// As if an extension were installed that writes by itself: this machine has none.
const CRON: &str = "INSERT INTO pg_extension
    SELECT 99999, 'pg_cron', extowner, extnamespace, false, '1.6', NULL, NULL FROM pg_extension";

#[tokio::test(flavor = "multi_thread")]
async fn each_obstacle_is_named() {
    let bench = Bench::start().await;
    shop::make(&bench, "east").await;
    let watch =
        "CREATE FUNCTION public.watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'";
    bench.east.execute("app", watch).await;
    let pair = bench.pair("east", "west").await;
    let open = connect(&bench.app_url("east")).await.unwrap();
    open.batch_execute("BEGIN; SELECT 1").await.unwrap();
    let long = Instant::now() + LONG_TRANSACTION;
    let clean = preflight::of_move(&pair.source, Some(&pair.target), None).await.unwrap();
    assert_eq!(blockers(&clean), Vec::<&str>::new());
    assert!(clean.iter().any(|found| found.code == "no_primary_key"));
    assert!(preflight::require_none(&clean).is_ok());
    for (environment, sql, code) in OBSTACLES {
        bench.server(environment).execute("app", sql).await;
        let findings = preflight::of_move(&pair.source, Some(&pair.target), None).await.unwrap();
        assert!(blockers(&findings).contains(code), "{sql}: {:?}", blockers(&findings));
        assert!(preflight::require_none(&findings).is_err());
        undo(&bench, environment, sql).await;
    }
    tokio::time::sleep_until(long).await;
    let findings = preflight::of_move(&pair.source, Some(&pair.target), None).await.unwrap();
    assert_eq!(blockers(&findings), Vec::<&str>::new());
    let is_long = |found: &Finding| found.code == "long_transactions" && found.command.is_some();
    assert!(!clean.iter().any(is_long) && findings.iter().any(is_long), "{findings:#?}");

    let same =
        preflight::of_move(&pair.source, Some(&bench.ours("east").await), None).await.unwrap();
    assert!(blockers(&same).contains(&"same_server"));
}

async fn undo(bench: &Bench, environment: &str, sql: &str) {
    let undo = match sql {
        CRON => "DELETE FROM pg_extension WHERE extname = 'pg_cron'",
        _ if sql.contains("hstore") => "DROP EXTENSION hstore",
        _ if sql.contains("far") => "DROP FOREIGN DATA WRAPPER far CASCADE",
        _ if sql.contains("loud") => "DROP RULE loud ON public.log",
        _ if sql.contains("public.x ") => "DROP TABLE public.x",
        _ if sql.contains("ALWAYS") => "ALTER TABLE public.acks ENABLE TRIGGER acks_audit",
        _ if sql.contains("lo_from") => "SELECT lo_unlink(oid) FROM pg_largeobject_metadata",
        _ if sql.contains("boss") => "DROP ROLE boss",
        _ if sql.contains("theirs") => "DROP SUBSCRIPTION theirs",
        _ if sql.contains("watch") => "DROP EVENT TRIGGER watch",
        _ if sql.contains("tf_gone") => "DROP PUBLICATION tf_gone",
        _ if sql.contains("SCHEMA") => "DROP SCHEMA trefoil",
        _ if sql.contains("PREPARE") => "ROLLBACK PREPARED 'p'",
        _ => "ALTER ROLE other RENAME TO app",
    };
    bench.server(environment).execute("app", undo).await;
}

/// What is made on the source, and what a person is told of it although it stops nothing.
const NOTICES: &[(&str, &str)] = &[
    ("CREATE ROLE helper; GRANT SELECT ON public.log TO helper", "role_made"),
    (
        "SET password_encryption = 'md5'; CREATE ROLE old LOGIN PASSWORD 'x';
         GRANT SELECT ON public.log TO old",
        "role_password_new",
    ),
    ("CREATE PUBLICATION theirs", "publication_exists"),
    ("ALTER TABLE public.log ENABLE ROW LEVEL SECURITY", "row_security"),
    ("GRANT CONNECT ON DATABASE other TO app", "role_shared"),
    ("SELECT 1", "other_databases"),
    ("SELECT 1", "sequences_unowned"),
    ("SELECT 1", "generated_columns"),
    ("SELECT 1", "no_primary_key"),
    ("SELECT 1", "who_may_connect"),
    ("SELECT 1", "room_for_log"),
    ("SELECT 1", "slot_unbounded"),
    ("SELECT 1", "no_tls"),
    ("SELECT 1", "way_open"),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_stops_nothing_is_told() {
    let bench = Bench::start().await;
    shop::make(&bench, "east").await;
    bench.east.execute("postgres", "CREATE DATABASE other").await;
    let pair = bench.pair("east", "west").await;
    for (sql, code) in NOTICES {
        bench.east.execute("app", sql).await;
        let findings = preflight::of_move(&pair.source, Some(&pair.target), None).await.unwrap();
        assert!(findings.iter().any(|found| found.code == *code), "{code}: {findings:#?}");
        assert_eq!(blockers(&findings), Vec::<&str>::new(), "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_stream_is_told_how_it_can() {
    let settings = [
        ("wal_level", "replica"),
        ("max_replication_slots", "2"),
        ("max_wal_senders", "2"),
        ("max_logical_replication_workers", "2"),
    ];
    let server = TestPostgres::start(&settings);
    server.execute("postgres", "CREATE ROLE app LOGIN; CREATE ROLE boss").await;
    server.execute("postgres", "CREATE DATABASE app OWNER app").await;
    let source = Server::connect("east", &admin(&server)).await.unwrap();
    let findings = preflight::of_move(&source, None, None).await.unwrap();
    let told = |code: &str, setting: &str| {
        let found = findings.iter().find(|found| {
            found.code == code && found.command.as_ref().is_some_and(|one| one.contains(setting))
        });
        found.is_some_and(|found| found.needs_restart && found.severity == Severity::Blocker)
    };
    assert!(told("wal_level", "SET wal_level = 'logical'"), "{findings:#?}");
    assert!(told("no_room_to_stream", "max_replication_slots"), "{findings:#?}");
    assert!(told("no_room_to_stream", "max_wal_senders"), "{findings:#?}");
    assert!(told("no_room_to_stream", "max_logical_replication_workers"), "{findings:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_role_is_nobody_elses() {
    let bench = Bench::start().await;
    let mut alone = admin(&bench.east);
    alone.application_role = None;
    let source = Server::connect("east", &alone).await.unwrap();
    let findings = preflight::of_move(&source, None, None).await.unwrap();
    assert_eq!(blockers(&findings), Vec::<&str>::new());
    let other = connect(&bench.east.url("app")).await.unwrap();
    let findings = preflight::of_move(&source, None, None).await.unwrap();
    assert_eq!(blockers(&findings), ["admin_in_use"]);
    drop(other);
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_must_sort_the_same_on_both_sides() {
    let bench = Bench::start().await;
    for (database, other, word) in [
        ("app2", "LC_COLLATE 'C.UTF-8'", "collation of east"),
        ("app3", "ENCODING 'LATIN1'", "encoding of east is UTF8"),
    ] {
        let sql = format!("CREATE DATABASE {database} OWNER app TEMPLATE template0 {other}");
        bench.west.execute("postgres", &sql).await;
        let mut sorted = admin(&bench.west);
        sorted.url = SecretString::from(bench.west.url(database));
        sorted.database = database.into();
        let target = Server::connect("west", &sorted).await.unwrap();
        let source = bench.ours("east").await;
        let findings = preflight::of_move(&source, Some(&target), None).await.unwrap();
        assert_eq!(blockers(&findings), ["collation_differs"]);
        assert!(findings.iter().any(|found| found.message.contains(word)), "{findings:#?}");
    }
}

/// As if the library that sorts had been replaced since the indexes were made.
#[tokio::test(flavor = "multi_thread")]
async fn texts_that_an_older_library_sorted_are_told() {
    let bench = Bench::start().await;
    let sorted = "CREATE DATABASE sorted TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'";
    bench.east.execute("postgres", sorted).await;
    let mut there = admin(&bench.east);
    there.url = SecretString::from(bench.east.url("sorted"));
    there.database = "sorted".into();
    let source = Server::connect("east", &there).await.unwrap();
    let told = async || {
        let findings = preflight::of_move(&source, None, None).await.unwrap();
        findings.into_iter().any(|found| found.code == "collation_version")
    };
    assert!(!told().await);
    let older = "UPDATE pg_database SET datcollversion = '1' WHERE datname = 'sorted'";
    bench.east.execute("postgres", older).await;
    assert!(told().await);
}

/// A network that lets people in to a server and no other server: gives the port to come by.
async fn firewall(port: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let here = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(let_in(client, port));
        }
    });
    here
}

/// Ends a connection whose first words say that it is for replication.
async fn let_in(mut client: TcpStream, port: u16) -> std::io::Result<()> {
    let mut server = TcpStream::connect(("127.0.0.1", port)).await?;
    let mut words = vec![0; 4_096];
    loop {
        let length = client.read(&mut words).await?;
        if words[..length].windows(11).any(|window| window == b"replication") {
            return Ok(());
        }
        server.write_all(&words[..length]).await?;
        // A request for encryption is answered with a letter, and the first words come after it.
        if length != 8 {
            break;
        }
        client.write_u8(server.read_u8().await?).await?;
    }
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_way_that_is_not_open_for_a_server_is_told() {
    let bench = Bench::start().await;
    shop::make(&bench, "east").await;
    for closed in ["east", "west"] {
        let mut servers = Vec::new();
        for name in ["east", "west"] {
            let mut admin = admin(bench.server(name));
            if name == closed {
                admin.port = firewall(admin.port).await;
                let url = bench.server(name).url("app");
                let ports = [bench.server(name).port, admin.port].map(|port| format!(":{port}/"));
                admin.url = SecretString::from(url.replace(&ports[0], &ports[1]));
            }
            servers.push(Server::connect(name, &admin).await.unwrap());
        }
        let findings = preflight::of_move(&servers[0], Some(&servers[1]), None).await.unwrap();
        assert_eq!(blockers(&findings), ["way_closed"], "{findings:#?}");
        let told = findings.iter().find(|found| found.code == "way_closed").unwrap();
        let other = if closed == "east" { "west" } else { "east" };
        let said = format!("{other} cannot log in to {closed}");
        assert!(told.message.contains(&said) && told.command.is_some(), "{told:?}");
        let open = format!("{closed} logs in to {other}");
        assert!(findings.iter().any(|found| found.message.contains(&open)), "{findings:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_the_target_refuses_is_told_with_what_to_do() {
    let bench = Bench::start().await;
    shop::make(&bench, "east").await;
    let clerk = "CREATE ROLE clerk LOGIN PASSWORD 'clerk'; GRANT SELECT ON public.log TO clerk";
    bench.east.execute("app", clerk).await;
    // It refuses a password that is the name of its role, also where it is given the verifier.
    let check = "ALTER SYSTEM SET session_preload_libraries = 'passwordcheck'";
    for sql in [check, "SELECT pg_reload_conf()"] {
        bench.west.execute("postgres", sql).await;
    }
    let mut run = begin(bench.plan_move("east", "west", 1, "move1"));
    let prepared = |action: &Action| matches!(action, Action::PrepareDatabase(_));
    let refused = bench.perform(&mut run, 1, prepared).await.unwrap_err();
    assert!(refused.chain().contains("must not"), "{}", refused.chain());
    let hint = refused.hint_text().unwrap();
    assert!(hint.contains("CREATE ROLE \"clerk\" LOGIN PASSWORD"), "{hint}");
    bench.west.execute("postgres", "CREATE ROLE clerk LOGIN PASSWORD 'one that it takes 1'").await;
    bench.perform(&mut run, 1, prepared).await.unwrap();
}
