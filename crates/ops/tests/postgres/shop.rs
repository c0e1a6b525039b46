//! The application of these tests: a schema with a bit of everything, and clients that write down
//! every acknowledgement.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::task::JoinHandle;
use tokio_postgres::Client;

use crate::bench::{Bench, connect};

pub(crate) const SCHEMA: &str = r#"
    CREATE TYPE mood AS ENUM ('sad', 'fair', 'glad');
    CREATE TABLE customers (id serial PRIMARY KEY, name text NOT NULL, mood mood, extra jsonb,
        photo bytea, tags text[], seen int NOT NULL DEFAULT 0);
    CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        customer int NOT NULL REFERENCES customers, amount numeric(20, 6) NOT NULL,
        twice numeric GENERATED ALWAYS AS (amount * 2) STORED,
        at timestamptz NOT NULL DEFAULT now(), ratio float8, lasted interval);
    CREATE INDEX orders_customer ON orders (customer);
    CREATE TABLE lines (order_id bigint REFERENCES orders, n int, note text CHECK (note <> ''),
        PRIMARY KEY (order_id, n));
    CREATE TABLE log (at timestamptz, what text);
    CREATE SEQUENCE invoice_no CACHE 20;
    CREATE TABLE acks (client int, seq int, invoice bigint NOT NULL UNIQUE,
        PRIMARY KEY (client, seq));
    CREATE TABLE audit (id bigserial PRIMARY KEY, client int, seq int);
    CREATE FUNCTION note_ack() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN INSERT INTO public.audit (client, seq) VALUES (NEW.client, NEW.seq); RETURN NULL; END $$;
    CREATE TRIGGER acks_audit AFTER INSERT ON acks FOR EACH ROW EXECUTE FUNCTION note_ack();
    CREATE MATERIALIZED VIEW totals AS
      SELECT customer, sum(amount) AS amount FROM orders GROUP BY customer;
    CREATE UNIQUE INDEX totals_customer ON totals (customer);
    CREATE SCHEMA "Odd Name";
    CREATE TABLE "Odd Name"."select" ("order" text, "a""b" mood, PRIMARY KEY ("order", "a""b"));
    CREATE TABLE "Odd Name".empty (id uuid PRIMARY KEY);

    INSERT INTO customers (name, mood, extra, photo, tags)
      SELECT 'name ' || n, 'fair', jsonb_build_object('n', n), decode(md5(n::text), 'hex'),
             ARRAY['a', NULL, 'b,"c']
      FROM generate_series(1, 3000) n;
    INSERT INTO orders (customer, amount, ratio, lasted)
      SELECT 1 + n % 3000, n / 7.0, n / 3.0, n * interval '1 second' FROM generate_series(1, 4000) n;
    INSERT INTO lines SELECT id, n, 'line' FROM orders, generate_series(1, 2) n;
    INSERT INTO log SELECT now(), 'twin' FROM generate_series(1, 50);
    INSERT INTO "Odd Name"."select" SELECT 'it''s ' || n, 'glad' FROM generate_series(1, 30) n;
    REFRESH MATERIALIZED VIEW totals;
"#;

/// Makes the schema with the application's own rights.
pub(crate) async fn make(bench: &Bench, environment: &str) {
    let app = connect(&bench.app_url(environment)).await.unwrap();
    app.batch_execute(SCHEMA).await.unwrap();
}

/// What one client was told.
pub(crate) struct Told {
    pub(crate) client: i32,
    pub(crate) acked: BTreeSet<i32>,
    /// The longest time between two acknowledgements.
    pub(crate) gap: Duration,
}

/// Clients that write until they are told to stop. Each tries one side after the other until one
/// accepts it, as if nobody had told it where its database is.
pub(crate) struct Writers {
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<Told>>,
}

impl Writers {
    pub(crate) fn start(bench: &Bench, clients: i32, seed: u64) -> Writers {
        let stop = Arc::new(AtomicBool::new(false));
        let urls = [bench.app_url("east"), bench.app_url("west")];
        let tasks = (0..clients)
            .map(|client| tokio::spawn(write(client, seed, urls.clone(), stop.clone())))
            .collect();
        Writers { stop, tasks }
    }

    pub(crate) async fn stop(self) -> Vec<Told> {
        self.stop.store(true, Ordering::SeqCst);
        let mut told = Vec::new();
        for task in self.tasks {
            told.push(task.await.unwrap());
        }
        told
    }
}

async fn write(client: i32, seed: u64, urls: [String; 2], stop: Arc<AtomicBool>) -> Told {
    let mut random = StdRng::seed_from_u64(seed + client.unsigned_abs() as u64);
    let mut told = Told { client, acked: BTreeSet::new(), gap: Duration::ZERO };
    let mut session: Option<Client> = None;
    let (mut side, mut seq, mut last) = (0, 0, Instant::now());
    while !stop.load(Ordering::SeqCst) {
        if let Some(app) = &mut session
            && attempt(app, client, seq, &mut random).await.is_ok()
        {
            told.acked.insert(seq);
            told.gap = told.gap.max(last.elapsed());
            last = Instant::now();
            seq += 1;
            tokio::time::sleep(Duration::from_millis(random.random_range(1..15))).await;
            continue;
        }
        side = 1 - side;
        tokio::time::sleep(Duration::from_millis(10)).await;
        session = connect(&urls[side]).await.ok();
    }
    // The last attempt may have been made without an answer: find out by its key.
    for url in &urls {
        let Ok(app) = connect(url).await else { continue };
        let sql = "SELECT 1 FROM acks WHERE client = $1 AND seq = $2";
        if app.query(sql, &[&client, &seq]).await.is_ok_and(|rows| !rows.is_empty()) {
            told.acked.insert(seq);
        }
    }
    told
}

/// One transaction over several tables, unless an earlier attempt did it.
async fn attempt(
    app: &mut Client,
    client: i32,
    seq: i32,
    random: &mut StdRng,
) -> Result<(), tokio_postgres::Error> {
    let known = "SELECT 1 FROM acks WHERE client = $1 AND seq = $2";
    if !app.query(known, &[&client, &seq]).await?.is_empty() {
        return Ok(());
    }
    // Writes even where writing is off by default: that must be no way around the fence.
    let write = app.build_transaction().read_only(false).start().await?;
    let customer: i32 = random.random_range(1..=3000);
    let sql = "INSERT INTO acks VALUES ($1, $2, nextval('invoice_no'))";
    write.execute(sql, &[&client, &seq]).await?;
    let sql = "INSERT INTO orders (customer, amount) VALUES ($1, $2::int4 / 9.0) RETURNING id";
    let order: i64 = write.query_one(sql, &[&customer, &seq]).await?.get(0);
    write.execute("INSERT INTO lines VALUES ($1, 1, 'new')", &[&order]).await?;
    write.execute("INSERT INTO log VALUES (now(), 'new')", &[]).await?;
    let sql = "UPDATE log SET what = 'newer' WHERE what = 'new' AND at = (SELECT max(at) FROM log)";
    write.execute(sql, &[]).await?;
    let sql =
        "UPDATE customers SET seen = seen + 1, extra = extra || '{\"seen\": true}' WHERE id = $1";
    write.execute(sql, &[&customer]).await?;
    if random.random_bool(0.1) {
        write.rollback().await?;
        return Box::pin(attempt(app, client, seq, random)).await;
    }
    write.commit().await
}

/// What is on a side must be exactly what was acknowledged.
pub(crate) async fn check(bench: &Bench, environment: &str, told: &[Told]) {
    let app = connect(&bench.server(environment).url("app")).await.unwrap();
    let rows = app.query("SELECT client, seq FROM acks", &[]).await.unwrap();
    let found: BTreeSet<(i32, i32)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let acked: BTreeSet<(i32, i32)> = told
        .iter()
        .flat_map(|client| client.acked.iter().map(|seq| (client.client, *seq)))
        .collect();
    let lost: Vec<_> = acked.difference(&found).collect();
    let extra: Vec<_> = found.difference(&acked).collect();
    assert!(lost.is_empty() && extra.is_empty(), "{environment}: lost {lost:?}, extra {extra:?}");
    let sql = "SELECT (SELECT count(*) FROM acks), (SELECT count(DISTINCT invoice) FROM acks),
        (SELECT count(*) FROM audit), (SELECT count(DISTINCT (client, seq)) FROM audit),
        (SELECT count(*) FROM orders) - 4000, (SELECT count(*) FROM lines) - 8000,
        (SELECT count(*) FROM log) - 50, (SELECT sum(seen) FROM customers)";
    let row = app.query_one(sql, &[]).await.unwrap();
    let counts: Vec<i64> = (0..8).map(|n| row.get(n)).collect();
    assert!(counts.iter().all(|count| *count == counts[0]), "{environment}: {counts:?}");
    assert!(!acked.is_empty());
}
