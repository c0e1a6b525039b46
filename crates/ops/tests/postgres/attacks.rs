//! T8: the fence attacked in nine ways at once; nothing that was written after it is acknowledged.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_postgres::Client;
use trefoil_ops::movers::postgres::access;

use crate::bench::{APP_PASSWORD, Bench, close, connect};

/// Every attack writes its name and a number, and remembers those that were acknowledged.
type Acked = BTreeSet<(String, i32)>;

const SCHEMA: &str = "
    CREATE TABLE hits (way text, n int, PRIMARY KEY (way, n));
    GRANT INSERT, SELECT ON hits TO PUBLIC;";

struct Attack {
    urls: [String; 2],
    stop: Arc<AtomicBool>,
}

impl Attack {
    fn ended(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// One insert, in a transaction that insists on writing.
    async fn write(app: &Client, way: &str, n: i32) -> bool {
        let sql = format!("BEGIN READ WRITE; INSERT INTO hits VALUES ('{way}', {n}); COMMIT");
        app.batch_execute(&sql).await.is_ok()
    }

    /// Writes as often as it can, with a new session after each refusal.
    async fn storm(self, way: String, url: usize) -> Acked {
        let (mut acked, mut n) = (Acked::new(), 0);
        while !self.ended() {
            let Ok(app) = connect(&self.urls[url]).await else { continue };
            loop {
                n += 1;
                if self.ended() || !Self::write(&app, &way, n).await {
                    break;
                }
                acked.insert((way.clone(), n));
            }
        }
        acked
    }

    /// Sits idle, and writes now and then over the session that it has.
    async fn idle(self, way: String) -> Acked {
        let mut acked = Acked::new();
        let Ok(app) = connect(&self.urls[0]).await else { return acked };
        let mut n = 0;
        while !self.ended() {
            tokio::time::sleep(Duration::from_millis(150)).await;
            n += 1;
            // Once more over the same session, whatever the first said.
            for _ in 0..2 {
                if Self::write(&app, &way, n).await {
                    acked.insert((way.clone(), n));
                    break;
                }
            }
        }
        acked
    }

    /// Keeps a transaction open over the fence and commits it then.
    async fn open_transaction(self, way: String, fenced: Arc<AtomicBool>) -> Acked {
        let mut acked = Acked::new();
        let Ok(app) = connect(&self.urls[0]).await else { return acked };
        let insert = format!("BEGIN READ WRITE; INSERT INTO hits VALUES ('{way}', 1)");
        let begun = app.batch_execute(&insert).await.is_ok();
        while !fenced.load(Ordering::SeqCst) && !self.ended() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        if begun && app.batch_execute("COMMIT").await.is_ok() {
            acked.insert((way, 1));
        }
        acked
    }
}

/// A job inside the server, in another database, that writes over connections of the server's own.
fn job(role: &str, port: u16, way: &str) -> String {
    format!(
        "DO $job$ DECLARE n int := 0; BEGIN
           LOOP
             n := n + 1;
             EXIT WHEN (SELECT count(*) FROM stop) > 0;
             BEGIN
               PERFORM dblink_exec('host=127.0.0.1 port={port} dbname=app user={role} password={APP_PASSWORD}
                  options=-cdefault_transaction_read_only=off', format('INSERT INTO hits VALUES (''{way}'', %s)', n));
             EXCEPTION WHEN OTHERS THEN PERFORM pg_sleep(0.01);
             END;
           END LOOP; END $job$"
    )
}

async fn prepare(bench: &Bench) {
    let roles = format!(
        "CREATE ROLE batch LOGIN PASSWORD '{APP_PASSWORD}'; CREATE ROLE readers;
         CREATE ROLE member LOGIN PASSWORD '{APP_PASSWORD}' IN ROLE readers;
         GRANT CONNECT ON DATABASE app TO batch, readers;
         CREATE DATABASE other; CREATE DATABASE jobs OWNER app"
    );
    for statement in roles.split(';') {
        bench.east.execute("postgres", statement).await;
    }
    let app = connect(&bench.app_url("east")).await.unwrap();
    app.batch_execute(SCHEMA).await.unwrap();
    for database in ["other", "jobs"] {
        let made = "CREATE EXTENSION dblink; CREATE TABLE stop (n int)";
        bench.east.execute(database, made).await;
    }
}

/// The attacks from outside.
fn begin(
    bench: &Bench,
    stop: &Arc<AtomicBool>,
    fenced: &Arc<AtomicBool>,
) -> Vec<JoinHandle<Acked>> {
    let url = |role: &str| bench.east.url_as(role, APP_PASSWORD, "app");
    let attack = |role: &str| Attack { urls: [url("app"), url(role)], stop: stop.clone() };
    let mut attacks = Vec::new();
    for n in 0..3 {
        attacks.push(tokio::spawn(attack("app").storm(format!("storm {n}"), 0)));
    }
    for role in ["batch", "member"] {
        attacks.push(tokio::spawn(attack(role).storm(format!("second role {role}"), 1)));
    }
    attacks.push(tokio::spawn(attack("app").idle("idle session".into())));
    let open = attack("app").open_transaction("open transaction".into(), fenced.clone());
    attacks.push(tokio::spawn(open));
    attacks
}

async fn hits(bench: &Bench) -> Acked {
    let server = connect(&bench.east.url("app")).await.unwrap();
    let rows = server.query("SELECT way, n FROM hits", &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_written_after_the_fence_is_acknowledged() {
    let bench = Bench::start().await;
    prepare(&bench).await;
    let (stop, fenced) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let attacks = begin(&bench, &stop, &fenced);
    let mut jobs = Vec::new();
    for (database, role, way) in
        [("other", "app", "second database"), ("jobs", "batch", "background job")]
    {
        let session = connect(&bench.east.url(database)).await.unwrap();
        let sql = job(role, bench.east.port, way);
        jobs.push(tokio::spawn(async move { session.batch_execute(&sql).await }));
    }
    let every = ["storm 0", "second role batch", "second role member", "idle session"];
    let every = every.into_iter().chain(["second database", "background job"]);
    for way in every {
        while !hits(&bench).await.iter().any(|(seen, _)| seen == way) {
            assert!(!jobs.iter().any(JoinHandle::is_finished), "a job ended");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    let ours = bench.ours("east").await;
    let record = access::record(&ours).await.unwrap();
    close(&ours, &record).await.unwrap();
    let written = hits(&bench).await;
    fenced.store(true, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(800)).await;
    let later: Vec<_> = hits(&bench).await.difference(&written).cloned().collect();
    assert!(later.is_empty(), "written after the fence: {later:?}");

    stop.store(true, Ordering::SeqCst);
    for database in ["other", "jobs"] {
        bench.east.execute(database, "INSERT INTO stop VALUES (1)").await;
    }
    for attack in attacks {
        let acked = attack.await.unwrap();
        let lost: Vec<_> = acked.difference(&written).collect();
        assert!(lost.is_empty(), "acknowledged and not there: {lost:?}");
        assert!(!acked.iter().any(|(way, _)| way == "open transaction"));
    }
    for job in jobs {
        let _ = job.await.unwrap();
    }
    access::open(&ours, &record).await.unwrap();
    assert_eq!(access::record(&ours).await.unwrap(), record);
}
