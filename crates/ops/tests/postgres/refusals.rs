//! What a move refuses, by name.

use secrecy::SecretString;
use trefoil_core::finding::{Finding, Severity};
use trefoil_ops::movers::postgres::{Server, preflight};

use crate::bench::{APP_PASSWORD, Bench, admin};
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
    ("east", "SELECT lo_from_bytea(0, 'x')", "large_objects"),
    ("east", "CREATE ROLE boss SUPERUSER LOGIN", "other_superuser"),
    ("east", "CREATE ROLE helper; GRANT SELECT ON public.log TO helper", "role_missing"),
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

#[tokio::test(flavor = "multi_thread")]
async fn each_obstacle_is_named() {
    let bench = Bench::start().await;
    shop::make(&bench, "east").await;
    let pair = bench.pair("east", "west").await;
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
    let findings = preflight::of_move(&pair.source, Some(&pair.target), None).await.unwrap();
    assert_eq!(blockers(&findings), Vec::<&str>::new());

    let same =
        preflight::of_move(&pair.source, Some(&bench.ours("east").await), None).await.unwrap();
    assert!(blockers(&same).contains(&"same_server"));
}

async fn undo(bench: &Bench, environment: &str, sql: &str) {
    let undo = match sql {
        _ if sql.contains("public.x ") => "DROP TABLE public.x",
        _ if sql.contains("ALWAYS") => "ALTER TABLE public.acks ENABLE TRIGGER acks_audit",
        _ if sql.contains("lo_from") => "SELECT lo_unlink(oid) FROM pg_largeobject_metadata",
        _ if sql.contains("boss") => "DROP ROLE boss",
        _ if sql.contains("helper") => "DROP OWNED BY helper; DROP ROLE helper",
        _ if sql.contains("tf_gone") => "DROP PUBLICATION tf_gone",
        _ if sql.contains("SCHEMA") => "DROP SCHEMA trefoil",
        _ if sql.contains("PREPARE") => "ROLLBACK PREPARED 'p'",
        _ => "ALTER ROLE other RENAME TO app",
    };
    bench.server(environment).execute("app", undo).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_superuser_a_move_is_refused_by_name() {
    let bench = Bench::start().await;
    bench
        .east
        .execute(
            "postgres",
            &format!("CREATE ROLE manager LOGIN CREATEROLE PASSWORD '{APP_PASSWORD}'"),
        )
        .await;
    let mut weak = admin(&bench.east);
    weak.url = SecretString::from(bench.east.url_as("manager", APP_PASSWORD, "app"));
    let source = Server::connect("east", &weak).await.unwrap();
    let findings =
        preflight::of_move(&source, Some(&bench.ours("west").await), None).await.unwrap();
    let error = preflight::require_none(&findings).unwrap_err();
    assert_eq!(error.code(), "postgres_superuser_needed");
    assert!(error.hint_text().unwrap().contains("SUPERUSER"));
}
