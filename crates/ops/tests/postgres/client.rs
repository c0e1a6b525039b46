//! Our own client of the replication protocol under load, for an administrator who is no superuser:
//! long values that stay as they are, wide rows, rows that are found by all their columns,
//! transactions of many megabytes, emptied tables, many tables; killed again and again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use secrecy::SecretString;
use tokio_postgres::Client;
use trefoil_clouds::conformance::postgres::TestPostgres;
use trefoil_clouds::operate::provision::DatabaseAdmin;
use trefoil_core::plan::Action;
use trefoil_ops::engine::Silent;
use trefoil_ops::movers::postgres::verify::{self, Pace};
use trefoil_ops::movers::postgres::{Pair, Server, client, lag, rights, stream};

use crate::bench::{Bench, admin, begin, connect, site};
use crate::faults::Carrying;
use crate::load;
use crate::moves::seed;
use crate::shop::{self, Writers};

const SCHEMA_COPIED: fn(&Action) -> bool = |action| matches!(action, Action::CopySchema(_));
const PASSWORD: &str = "only-for-tests";

/// An administrator as managed servers give one.
const MANAGER: &str = "CREATE ROLE manager LOGIN CREATEROLE REPLICATION PASSWORD 'only-for-tests'
      IN ROLE pg_signal_backend, app;
    GRANT SET ON PARAMETER session_replication_role TO manager";

/// Long values are stored outside of their rows and as they are, so that they are sent whole.
const TABLES: &str = "
    CREATE TABLE long (id int PRIMARY KEY, body bytea, doc jsonb, note text, n int DEFAULT 0);
    ALTER TABLE long ALTER body SET STORAGE EXTERNAL, ALTER doc SET STORAGE EXTERNAL;
    CREATE TABLE twins (body text, n int);
    ALTER TABLE twins ALTER body SET STORAGE EXTERNAL;
    CREATE TABLE whole (id int PRIMARY KEY, body text, doc jsonb, n int DEFAULT 0);
    ALTER TABLE whole ALTER body SET STORAGE EXTERNAL;
    ALTER TABLE whole REPLICA IDENTITY FULL;
    CREATE TABLE long_key (k text PRIMARY KEY, n int DEFAULT 0);
    CREATE TABLE emptied (id int PRIMARY KEY, v text);
    CREATE TABLE bulky (id int PRIMARY KEY, v text, n int DEFAULT 0);
    DO $$ BEGIN
      EXECUTE 'CREATE TABLE wide (id int PRIMARY KEY, '
        || (SELECT string_agg(format('c%s text', n), ', ') FROM generate_series(1, 400) n) || ')';
      FOR n IN 0..79 LOOP
        EXECUTE format('CREATE TABLE many_%s (id int PRIMARY KEY, v text)', n);
      END LOOP;
    END $$;
    INSERT INTO long SELECT n, decode(repeat(md5(n::text), 32768), 'hex'),
        jsonb_build_object('n', repeat(md5(n::text), 9000)), 'note' FROM generate_series(1, 6) n;
    INSERT INTO twins SELECT repeat(md5((n / 2)::text), 3000), n / 2 FROM generate_series(1, 12) n;
    INSERT INTO whole SELECT n, repeat(md5(n::text), 6000), '{}' FROM generate_series(1, 12) n;
    INSERT INTO long_key SELECT n || string_agg(md5(n::text || m), '') FROM generate_series(1, 20) n,
        generate_series(1, 70) m GROUP BY n;
    INSERT INTO wide (id) SELECT generate_series(1, 50);
    INSERT INTO emptied SELECT n, 'first' FROM generate_series(1, 100) n;";

/// Work of the application on those tables. `$n` is a number that is drawn each time.
const WORK: &[&str] = &[
    // The values that stay are not in the stream.
    "UPDATE long SET n = n + 1, note = 'again $n' WHERE id = 1 + $n % 6",
    "UPDATE long SET body = decode(repeat(md5('$n'), 32768), 'hex') WHERE id = 1 + $n % 6",
    "UPDATE long SET doc = jsonb_set(doc, '{n}', to_jsonb(repeat(md5('$n'), 9000)))
     WHERE id = 1 + $n % 6",
    "INSERT INTO long VALUES (100 + $n, decode(repeat(md5('$n'), 65536), 'hex'), '{}', NULL)
     ON CONFLICT (id) DO UPDATE SET n = long.n + 1; DELETE FROM long WHERE id > 100 + $n",
    // Rows that are found by all their columns, twins among them.
    "UPDATE twins SET n = n + 1 WHERE ctid = (SELECT min(ctid) FROM twins)",
    "INSERT INTO twins SELECT body, n FROM twins LIMIT 1;
     DELETE FROM twins WHERE ctid = (SELECT max(ctid) FROM twins)",
    "UPDATE whole SET n = n + 1 WHERE id = 1 + $n % 12",
    "UPDATE whole SET doc = jsonb_build_object('n', $n), id = -id WHERE id = 1 + $n % 12;
     UPDATE whole SET id = -id WHERE id < 0",
    // Keys that are too long for their rows.
    "UPDATE long_key SET n = n + 1 WHERE k LIKE (1 + $n % 20) || '%'",
    "UPDATE long_key SET k = k || 'x' WHERE k = (SELECT min(k) FROM long_key WHERE length(k) < 2300)",
    // A transaction of several megabytes.
    "INSERT INTO bulky SELECT $n * 10000 + m, repeat(md5(m::text), 10) FROM generate_series(1, 9000) m
     ON CONFLICT DO NOTHING; UPDATE bulky SET n = n + 1 WHERE id % 3 = 0;
     DELETE FROM bulky WHERE id % 2 = 0 OR id / 10000 <> $n",
    "TRUNCATE emptied; INSERT INTO emptied SELECT m, '$n' FROM generate_series(1, 50) m",
    "UPDATE wide SET c1 = '$n', c200 = repeat('w', 2000), c400 = md5('$n') WHERE id = 1 + $n % 50",
    "DO $$ BEGIN FOR t IN 0..79 LOOP
       EXECUTE format('INSERT INTO many_%s VALUES ($n, %L) ON CONFLICT (id) DO UPDATE
                       SET v = excluded.v || many_%1$s.v', t, t); END LOOP; END $$",
];

/// A change of this table takes twice as long as the publisher waits for a sign of life.
const SLOW: &str = "
    CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN PERFORM pg_sleep(5); RETURN NEW; END';
    CREATE TRIGGER slow BEFORE UPDATE ON public.customers
      FOR EACH ROW EXECUTE FUNCTION public.slow();
    ALTER TABLE public.customers ENABLE REPLICA TRIGGER slow";

fn manager(server: &TestPostgres) -> DatabaseAdmin {
    let url = SecretString::from(server.url_as("manager", PASSWORD, "app"));
    DatabaseAdmin { url, ..admin(server) }
}

/// Two servers whose administrator is no superuser.
async fn managed() -> Bench {
    let mut bench = Bench::start().await;
    for name in ["east", "west"] {
        let server = bench.server(name);
        server.execute("app", MANAGER).await;
        let site = site(name, manager(server));
        bench.world.sites.insert(name.to_owned(), site);
    }
    bench
}

fn admins(bench: &Bench) -> (DatabaseAdmin, DatabaseAdmin) {
    (manager(&bench.east), manager(&bench.west))
}

/// A move up to the copy of its rows, which our client is to carry: its stream, and our sessions.
async fn schema_copied(bench: &Bench, id: &str) -> (String, Pair) {
    let mut run = begin(bench.plan_move("east", "west", 2, id));
    bench.perform(&mut run, 1, SCHEMA_COPIED).await.unwrap();
    let name = run.plan.steps.iter().find_map(|step| match &step.action {
        Action::CopyRows(copy) => Some(copy.stream.clone()),
        _ => None,
    });
    let (east, west) = admins(bench);
    let pair = Pair {
        source: Server::connect("east", &east).await.unwrap(),
        target: Server::connect("west", &west).await.unwrap(),
    };
    assert!(!rights::superuser(&pair.target).await.unwrap());
    let name = name.unwrap();
    client::progress::begin(&pair.target, &name).await.unwrap();
    (name, pair)
}

/// Works on the tables until it is told to stop; how often it did.
async fn work(app: Client, seed: u64, stop: Arc<AtomicBool>, done: Arc<AtomicUsize>) {
    let mut random = StdRng::seed_from_u64(seed);
    while !stop.load(Ordering::SeqCst) {
        let n: u32 = random.random_range(0..500);
        let sql = WORK[random.random_range(0..WORK.len())].replace("$n", &n.to_string());
        let taken_back = random.random_bool(0.1);
        let end = if taken_back { "ROLLBACK" } else { "COMMIT" };
        app.batch_execute(&format!("BEGIN; {sql}; {end}")).await.expect("the application's work");
        done.fetch_add(1, Ordering::SeqCst);
    }
}

/// Everything at once, with what carries the stream killed so many times.
async fn carried_although(kills: usize, each: usize) {
    let seed = seed();
    let bench = managed().await;
    shop::make(&bench, "east").await;
    load::fill(&bench.east).await;
    let app = connect(&bench.app_url("east")).await.unwrap();
    app.batch_execute(TABLES).await.unwrap();
    let (name, pair) = schema_copied(&bench, "heavy").await;

    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let working = tokio::spawn(work(app, seed, stop.clone(), done.clone()));
    let mut loaded = load::load(&bench.east);
    let writers = Writers::start(&bench, 2, seed);
    let mut random = StdRng::seed_from_u64(seed);
    let mut carrying = Carrying::begin(admins(&bench), &name);
    stream::await_copied(&pair, &name, &|_| {}).await.unwrap();
    for _ in 0..kills {
        let before = done.load(Ordering::SeqCst);
        while done.load(Ordering::SeqCst) < before + each {
            assert!(!working.is_finished(), "the application's work ended");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::time::sleep(Duration::from_millis(random.random_range(0..200))).await;
        tokio::task::block_in_place(|| carrying.dies());
        carrying = Carrying::begin(admins(&bench), &name);
    }
    stop.store(true, Ordering::SeqCst);
    working.await.unwrap();
    loaded.kill().await.unwrap();
    let told = writers.stop().await;
    eprintln!("{} transactions on long rows, {kills} kills", done.load(Ordering::SeqCst));

    lag::catch_up(&pair, &name, &|_| {}).await.unwrap();
    let verdict = verify::streaming(&pair, &name, &Pace::full(), &Silent).await.unwrap();
    assert!(verdict.tables.len() > 90 && verdict.tables.iter().all(|table| table.equal));
    shop::check(&bench, "west", &told).await;
    let progress = client::progress::read(&pair.target, &name).await.unwrap().unwrap();
    eprintln!("{} failures, the last: {:?}", progress.errors, progress.last_error);
    stream::drop_stream(&pair, &name).await.unwrap();
    tokio::task::block_in_place(|| carrying.ends());
}

/// A publisher ends a connection on which it hears nothing; one change may take longer than that.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_takes_long_is_no_silence() {
    let bench = managed().await;
    shop::make(&bench, "east").await;
    for sql in ["ALTER SYSTEM SET wal_sender_timeout = '2s'", "SELECT pg_reload_conf()"] {
        bench.east.execute("app", sql).await;
    }
    let (name, pair) = schema_copied(&bench, "slow").await;
    let carrying = Carrying::begin(admins(&bench), &name);
    stream::await_copied(&pair, &name, &|_| {}).await.unwrap();
    lag::catch_up(&pair, &name, &|_| {}).await.unwrap();
    let west = connect(&bench.west.url("app")).await.unwrap();
    west.batch_execute("SET default_transaction_read_only = off").await.unwrap();
    west.batch_execute(SLOW).await.unwrap();
    drop(west);
    bench.east.execute("app", "UPDATE public.customers SET seen = 7 WHERE id = 7").await;
    lag::catch_up(&pair, &name, &|_| {}).await.unwrap();
    let seen = "SELECT seen FROM public.customers WHERE id = 7";
    assert_eq!(pair.target.one("read", seen, &[]).await.unwrap().get::<_, i32>(0), 7);
    let progress = client::progress::read(&pair.target, &name).await.unwrap().unwrap();
    assert_eq!((progress.errors, progress.last_error), (0, None));
    stream::drop_stream(&pair, &name).await.unwrap();
    tokio::task::block_in_place(|| carrying.ends());
}

#[tokio::test(flavor = "multi_thread")]
async fn long_rows_under_load_are_carried_once_although_our_client_is_killed() {
    let full = std::env::var_os("TREFOIL_TEST_FULL").is_some();
    let (kills, each) = if full { (25, 30) } else { (3, 12) };
    carried_although(kills, each).await;
}
