//! `trefoil migrate verify` on two databases that nobody of ours made: equal, and not.

#![allow(clippy::unwrap_used, reason = "helpers of tests, outside of test functions")]

mod common;

use common::{Answer, Town};
use serde_json::Value;
use trefoil_clouds::conformance::postgres::TestPostgres;

const TABLES: &str = "CREATE TABLE people (id int PRIMARY KEY, name text, born date);
    INSERT INTO people SELECT n, 'name ' || n, date '1980-01-01' + n FROM generate_series(1, 2000) n;
    CREATE TABLE visits (at timestamptz, what text);
    INSERT INTO visits SELECT '2026-01-01', 'v' || n % 10 FROM generate_series(1, 300) n";

const SPEC: &str = "name: shop
environments: { east: { cloud: local }, west: { cloud: local } }
";

struct Two {
    town: Town,
    here: TestPostgres,
    there: TestPostgres,
}

impl Two {
    fn verify(&self, more: &[&str]) -> Answer {
        let (here, there) = (self.here.url("postgres"), self.there.url("postgres"));
        let arguments = [&["migrate", "verify", "env:HERE", "env:THERE"], more].concat();
        self.town.run_with(&arguments, &[("HERE", &here), ("THERE", &there)])
    }
}

fn of(answer: &Answer, table: &str) -> Vec<Value> {
    let differences = answer.data["differences"].as_array().unwrap();
    differences.iter().filter(|one| one["table"] == table).cloned().collect()
}

fn execute(server: &TestPostgres, sql: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(server.execute("postgres", sql));
}

#[test]
fn two_databases_of_others_are_compared_and_left_as_they_are() {
    let two = Two {
        town: Town::with(|_| SPEC.into()),
        here: TestPostgres::start(&[]),
        there: TestPostgres::start(&[]),
    };
    for server in [&two.here, &two.there] {
        execute(server, TABLES);
    }
    let equal = two.verify(&["--max-load", "50"]);
    assert_eq!(equal.code, 0, "{} {}", equal.error, equal.stderr);
    assert_eq!(equal.data["equal"], true);
    let cost = &equal.data["cost"];
    assert_eq!(cost["max_load_percent"], 50);
    let busy = cost["source_busy_ms"].as_u64().unwrap() + cost["target_busy_ms"].as_u64().unwrap();
    assert!(cost["waited_ms"].as_u64().unwrap().abs_diff(busy) <= 2, "{cost}");

    execute(
        &two.there,
        "UPDATE people SET born = born + 1, name = 'x' WHERE id = 7;
         DELETE FROM people WHERE id = 1999; INSERT INTO visits SELECT * FROM visits LIMIT 1",
    );
    let differ = two.verify(&[]);
    assert_eq!((differ.code, &differ.data["equal"]), (1, &Value::Bool(false)), "{}", differ.error);
    let people = of(&differ, "public.people");
    let places: Vec<_> = people
        .iter()
        .map(|one| format!("{} {} {}", one["kind"], one["key"], one["column"]))
        .collect();
    let expected =
        [r#""value" ["7"] "born""#, r#""value" ["7"] "name""#, r#""row_missing" ["1999"] null"#];
    assert_eq!(places, expected);
    let visits = of(&differ, "public.visits");
    assert_eq!((visits.len(), &visits[0]["kind"]), (1, &"count".into()));
    assert_eq!(visits[0]["rows"], serde_json::json!([30, 31]));
    // No content of a row is told, only where it is.
    assert!(!differ.data.to_string().contains("name 7"));
}

#[test]
fn a_database_that_is_named_wrongly_is_refused_without_repeating_it() {
    let town = Town::with(|_| SPEC.into());
    let good = "postgresql://me@127.0.0.1:1/x";
    for (wrong, words) in [
        ("postgresql://me:hunter2@127.0.0.1:1/x", "password"),
        ("env:NOT_SET_ANYWHERE", "NOT_SET_ANYWHERE is not set"),
        ("mysql://127.0.0.1/x", "no URL of PostgreSQL"),
        ("secret:thing", "belongs to an environment"),
    ] {
        let answer = town.run(&["migrate", "verify", wrong, good]);
        assert_eq!((answer.code, answer.error_code()), (2, "database_reference"), "{wrong}");
        let said = format!("{}{}", answer.error, answer.stderr);
        assert!(said.contains(words) && !said.contains("hunter2"), "{said}");
    }
    let absent = town.run(&["migrate", "verify", "postgresql://me@localhost:1/x", good]);
    assert_eq!((absent.code, absent.error_code()), (5, "postgres_unreachable"));
    assert_eq!(town.run(&["migrate", "verify", good, good]).error_code(), "same_environment");
    let load = town.run(&["migrate", "verify", good, "env:X", "--max-load", "0"]);
    assert_eq!((load.code, load.error_code()), (2, "usage"));
}
