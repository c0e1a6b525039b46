//! The same tests with a target that is newer than the source: each in a process of its own, which
//! finds the programs of both versions.

use std::process::Command;

use trefoil_clouds::conformance::postgres::{TestPostgres, programs};
use trefoil_ops::movers::postgres::{Server, preflight};

use crate::bench::{VERSIONS, admin};
use crate::moves::seed;

/// From which version to which.
const PAIRS: [[u32; 2]; 3] = [[15, 16], [15, 18], [16, 18]];
/// What must hold between versions too.
const TESTS: [&str; 8] = [
    "types::every_type_and_every_kind_of_table_arrives_and_comes_back",
    "types::what_no_stream_carries_is_copied_when_it_was_chosen",
    "moves::there_and_back_and_there_again_keeps_every_acknowledged_write",
    "load::switches_under_load_keep_every_write_number_and_balance",
    "mutations::with_every_step_nothing_is_lost_doubled_or_reused",
    "verification::planted_differences_are_found_and_named_by_row_and_column",
    "ddl::safe_changes_are_followed_at_every_stage",
    "client::long_rows_under_load_are_carried_once_although_our_client_is_killed",
];

/// Runs one test of this file's program between two versions.
fn between(versions: [u32; 2], test: &str, seed: u64) {
    let [older, newer] = versions;
    eprintln!("{older} to {newer}: {test}");
    let folders = std::env::join_paths(versions.map(programs)).unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env("TREFOIL_POSTGRES_BIN", folders)
        .env(VERSIONS, format!("{older},{newer}"))
        .env("TREFOIL_TEST_SEED", seed.to_string())
        .env_remove("TREFOIL_TEST_FULL")
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && words.contains("1 passed"),
        "{older} to {newer}: {test}\n{words}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// One test between one pair by the seed, all of them with `TREFOIL_TEST_FULL=1`.
#[test]
fn what_holds_between_equal_versions_holds_to_a_newer_one() {
    let seed = seed();
    let all: Vec<_> = TESTS.iter().flat_map(|test| PAIRS.map(|pair| (pair, *test))).collect();
    if std::env::var_os("TREFOIL_TEST_FULL").is_none() {
        let (pair, test) = all[usize::try_from(seed).unwrap() % all.len()];
        return between(pair, test, seed);
    }
    for (pair, test) in all {
        between(pair, test, seed);
    }
}

/// As the packages with newer versions are; Debian's have XML.
#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_was_built_without_xml_is_told() {
    let settings = [("wal_level", "logical")];
    let (east, west) =
        (TestPostgres::start_version(15, &settings), TestPostgres::start_version(16, &settings));
    for server in [&east, &west] {
        server.execute("postgres", "CREATE ROLE app LOGIN").await;
        server.execute("postgres", "CREATE DATABASE app OWNER app").await;
    }
    let source = Server::connect("east", &admin(&east)).await.unwrap();
    let target = Server::connect("west", &admin(&west)).await.unwrap();
    let told = async || {
        let findings = preflight::of_move(&source, Some(&target), None).await.unwrap();
        findings.into_iter().find(|found| found.code == "xml_missing")
    };
    assert_eq!(told().await, None);
    east.execute("app", "CREATE TABLE public.pages (id int PRIMARY KEY, page xml)").await;
    let told = told().await.unwrap();
    assert!(told.message.contains("public.pages"), "{}", told.message);
}
