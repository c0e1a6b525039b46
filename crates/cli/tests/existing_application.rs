//! An application that Trefoil runs, with databases on servers that were there before Trefoil.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

mod common;

use std::process::Command;

use common::{Town, program, seed};
use serde_json::Value;
use trefoil_clouds::conformance::postgres::TestPostgres;

const PASSWORD: &str = "only-for-tests";
const SETTINGS: &[(&str, &str)] =
    &[("wal_level", "logical"), ("wal_retrieve_retry_interval", "200ms")];

/// The example application and two servers of others. West's server does not know its role yet.
struct Place {
    east: TestPostgres,
    west: TestPostgres,
    town: Town,
}

impl Place {
    async fn start() -> Place {
        let (east, west) = std::thread::scope(|scope| {
            let west = scope.spawn(|| TestPostgres::start(SETTINGS));
            (TestPostgres::start(SETTINGS), west.join().unwrap())
        });
        let role = format!("CREATE ROLE shop LOGIN PASSWORD '{PASSWORD}'");
        east.execute("postgres", &role).await;
        east.execute("postgres", "CREATE DATABASE shop OWNER shop").await;
        west.execute("postgres", "CREATE DATABASE shop").await;
        let medassistant = program("medassistant").display().to_string();
        let mut town = Town::with(|port| {
            format!(
                "name: shop\napplication:\n  command: [\"{medassistant}\", serve]\n  \
                 setup: [\"{medassistant}\", migrate]\n  port: {port}\n  log_level: warning\n\
                 database: {{}}\nbuckets:\n  documents: {{}}\nsessions: {{}}\nenvironments:\n  \
                 east: {{cloud: local, database: {{admin_url: env:EAST_ADMIN, url: env:EAST_URL}}}}\n  \
                 west: {{cloud: local, database: {{admin_url: env:WEST_ADMIN, url: secret:app-url}}}}\n"
            )
        });
        town.variables = vec![
            ("EAST_ADMIN", east.url("shop")),
            ("EAST_URL", east.url_as("shop", PASSWORD, "shop")),
            ("WEST_ADMIN", west.url("shop")),
        ];
        Place { east, west, town }
    }

    /// West's URL of the application is a secret of that environment.
    fn give_secret(&self, url: &str) {
        let mut set = self.town.command(&["secrets", "set", "west", "app-url"]);
        let mut child = set.stdin(std::process::Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), url.as_bytes()).unwrap();
        assert!(child.wait_with_output().unwrap().status.success());
    }

    /// Counts from outside what is in a server's database.
    fn check(&self, server: &TestPostgres) -> Value {
        let output = Command::new(program("trefoil-witness"))
            .args(["check", "--url", &self.town.url(), "--journal"])
            .arg(self.town.journals())
            .env("WITNESS_DATABASE_URL", server.url("shop"))
            .output()
            .unwrap();
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
    }
}

fn nothing_lost(verdict: &Value) {
    assert_eq!((&verdict["lost"], &verdict["doubled"]), (&0.into(), &0.into()), "{verdict:#}");
    assert!(verdict["acknowledged"]["total"].as_u64().unwrap() > 20, "{verdict:#}");
}

#[test]
fn an_application_moves_between_servers_that_others_run_and_comes_back() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let place = runtime.block_on(Place::start());
    let town = &place.town;
    town.ok(&["up", "east"]);
    let early = town.run(&["migrate", "plan", "--from", "east", "--to", "west"]);
    assert_eq!(early.error_code(), "application_url_missing", "{}", early.error);
    place.give_secret(&place.west.url_as("nobody", PASSWORD, "shop"));
    town.ok(&["up", "west"]);
    let looked = town.run(&["migrate", "preflight", "--from", "east", "--to", "west"]);
    let findings = looked.data["findings"].as_array().unwrap();
    let wrong = findings.iter().find(|one| one["code"] == "application_role").unwrap();
    assert!(wrong["message"].as_str().unwrap().contains("as nobody"), "{wrong:#}");
    // The role and its password come with the move.
    place.give_secret(&place.west.url_as("shop", PASSWORD, "shop"));
    assert_eq!(town.ok(&["ps"])["active"], "east");
    town.seed(50, 20);
    let writers = town.writers(4, seed());
    let (file, plan) = town.plan("east", "west");
    assert_eq!(plan["blockers"], Value::Array(Vec::new()), "{plan:#}");
    assert_eq!(plan["traffic"], "edge");
    let there = town.ok(&["migrate", "run", &file]);
    assert_eq!(town.ok(&["ps"])["active"], "west");
    let (code, answer) = town.get("/ready");
    assert_eq!(code, 200, "{answer}");
    town.ok(&["migrate", "rollback", there["run_id"].as_str().unwrap()]);
    let counted = writers.stop();
    assert_eq!(counted["requests"]["failed"], 0, "{counted:#}");
    nothing_lost(&place.check(&place.east));
    town.ok(&["migrate", "finish", "last"]);
    assert_eq!(town.ok(&["ps"])["active"], "east");

    let destroyed = town.run(&["down", "east", "--destroy"]);
    assert_ne!(destroyed.code, 0);
    assert!(destroyed.error.to_string().contains("was there before Trefoil"));
    town.ok(&["down", "east"]);
    assert!(runtime.block_on(notes_on_east(&place)) > 20, "what others run is still there");
}

async fn notes_on_east(place: &Place) -> i64 {
    let url = place.east.url_as("shop", PASSWORD, "shop");
    let shop = common::servers::connect(&url).await.unwrap();
    shop.query_one("SELECT count(*) FROM notes", &[]).await.unwrap().get(0)
}
