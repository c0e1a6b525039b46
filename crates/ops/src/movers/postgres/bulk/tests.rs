//! Copies between two databases of one real server: what arrives is what the snapshot saw.

use std::sync::Arc;

use secrecy::SecretString;
use trefoil_clouds::conformance::postgres::TestPostgres;
use trefoil_clouds::operate::provision::DatabaseAdmin;

use super::parts::{self, Sizes};
use super::{COPIES_AT_ONCE, Counter, SIZES, Snapshot, copy_parts};
use crate::movers::postgres::{Pair, Server};

/// Whatever has more than a few pages is divided.
const SMALL: Sizes = Sizes { divided_from_bytes: 64 << 10, part_bytes: 128 << 10 };

async fn database(server: &TestPostgres, name: &str, schema: &str) -> Server {
    server.execute("postgres", &format!("CREATE DATABASE {name}")).await;
    server.execute(name, schema).await;
    let admin = DatabaseAdmin {
        url: SecretString::from(server.url(name)),
        application_role: None,
        application_url: None,
        database: name.into(),
        host: "127.0.0.1".into(),
        port: server.port,
    };
    Server::connect(name, &admin).await.unwrap()
}

async fn pair(server: &TestPostgres, schema: &str) -> Pair {
    // So that types have other numbers there than at the target.
    let before = format!("CREATE TYPE earlier AS ENUM (); {schema}");
    let source = database(server, "source", &before).await;
    Pair { source, target: database(server, "target", schema).await }
}

async fn snapshot(source: &Server) -> Snapshot {
    let session = super::session(source).await.unwrap();
    session.batch("begin", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await.unwrap();
    let row = session.one("take", "SELECT pg_export_snapshot()", &[]).await.unwrap();
    Snapshot { name: row.get(0), session }
}

/// All rows, as text and in order.
async fn rows(server: &Server, table: &str) -> Vec<String> {
    let sql = format!("SELECT t::text FROM {table} t ORDER BY 1");
    server.texts("read", &sql, &[]).await.unwrap()
}

async fn sources(pair: &Pair, names: &[&str]) -> Vec<parts::Source> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    parts::read(&pair.source, &names).await.unwrap()
}

const TYPES: &str = "
    CREATE TYPE mood AS ENUM ('sad', 'glad');
    CREATE TYPE place AS (street text, number int);
    CREATE DOMAIN positive AS numeric CHECK (value > 0);
    CREATE TABLE plain (id bigint, a numeric, b float8, c timestamptz, d text, e jsonb, f bytea,
      g int[], h text[], i mood, j positive, k numrange, l interval, m uuid, n inet,
      o bigint GENERATED ALWAYS AS (id * 2) STORED, \"p q\" varchar(9));
    CREATE TABLE moods (id int, all_of mood[]);
    CREATE TABLE places (id int, at place);
    CREATE TABLE classes (id int, class regclass);
    CREATE TABLE nothing ()";

const VALUES: &str = r#"
    INSERT INTO plain (id, a, b, c, d, e, f, g, h, i, j, k, l, m, n)
      SELECT n, CASE n WHEN 1 THEN 'NaN' WHEN 2 THEN 'Infinity' ELSE n / 7.0 END,
      n / 3.0, '2026-01-01'::timestamptz + n * interval '1 us', repeat('ä', n), '{"a": [1, null]}',
      decode(md5(n::text), 'hex'), ARRAY[n, NULL], ARRAY['a,"b', NULL], 'glad', n,
      numrange(n, NULL), n * interval '1 month 1 s', md5(n::text)::uuid, '10.0.0.1/8' FROM generate_series(1, 500) n;
    INSERT INTO moods VALUES (1, ARRAY['sad', 'glad']::mood[]), (2, NULL);
    INSERT INTO places VALUES (1, ROW('a "street"', 5));
    INSERT INTO classes VALUES (1, 'plain'::regclass);
    INSERT INTO nothing DEFAULT VALUES;
    INSERT INTO nothing DEFAULT VALUES"#;

#[tokio::test(flavor = "multi_thread")]
async fn values_travel_in_the_form_that_both_servers_understand() {
    let server = TestPostgres::start(&[]);
    let pair = pair(&server, TYPES).await;
    server.execute("source", VALUES).await;
    let names =
        ["public.classes", "public.moods", "public.nothing", "public.places", "public.plain"];
    let sources = sources(&pair, &names).await;
    let binary: Vec<_> = sources.iter().filter(|one| one.binary).map(|one| &*one.name).collect();
    assert_eq!(binary, ["public.plain"]);
    let parts = parts::of(sources, COPIES_AT_ONCE, SIZES);
    let counter = Arc::new(Counter::default());
    copy_parts(&pair, &snapshot(&pair.source).await, parts, &counter).await.unwrap();
    assert_eq!(counter.now().tables_ready, 5);
    for name in names {
        let there = rows(&pair.source, name).await;
        assert!(!there.is_empty());
        assert_eq!(rows(&pair.target, name).await, there, "{name}");
    }
    // Nobody has to visit the rows again.
    pair.target.batch("look", "ANALYZE public.plain").await.unwrap();
    let sql = "SELECT relpages = relallvisible AND relpages > 0 FROM pg_class
               WHERE oid = 'public.plain'::regclass";
    assert!(pair.target.one("look", sql, &[]).await.unwrap().get::<_, bool>(0));
}

const LARGE: &str = "CREATE TABLE large (id int, note text)";

async fn fill(server: &TestPostgres) {
    let sql = "INSERT INTO large SELECT n, md5(n::text) FROM generate_series(1, 20000) n;
               DELETE FROM large WHERE id % 7 = 0";
    server.execute("source", sql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_of_a_table_are_together_what_the_snapshot_saw() {
    let server = TestPostgres::start(&[]);
    let pair = pair(&server, LARGE).await;
    fill(&server).await;
    let sources = sources(&pair, &["public.large"]).await;
    let snapshot = snapshot(&pair.source).await;
    let then = rows(&snapshot.session, "public.large").await;
    let change = "DELETE FROM large WHERE id % 2 = 0; UPDATE large SET note = 'new';
                  INSERT INTO large SELECT n, 'more' FROM generate_series(1, 20000) n";
    server.execute("source", change).await;
    let parts = parts::of(sources, COPIES_AT_ONCE, SMALL);
    assert!(parts.len() > 5, "{parts:?}");
    let counter = Arc::new(Counter::default());
    copy_parts(&pair, &snapshot, parts, &counter).await.unwrap();
    assert_eq!(counter.now().tables_ready, 1);
    assert_eq!(rows(&pair.target, "public.large").await, then);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_changed_before_it_was_read_is_not_taken_for_what_it_was() {
    let server = TestPostgres::start(&[]);
    let pair = pair(&server, LARGE).await;
    fill(&server).await;
    // Rows get other places: whole tables do not mind, parts do.
    for (change, sizes, outdated) in [
        ("VACUUM FULL large", SIZES, false),
        ("VACUUM FULL large", SMALL, true),
        ("ALTER TABLE large ADD COLUMN more int DEFAULT 3", SIZES, true),
    ] {
        let sources = sources(&pair, &["public.large"]).await;
        let snapshot = snapshot(&pair.source).await;
        server.execute("source", change).await;
        let parts = parts::of(sources, COPIES_AT_ONCE, sizes);
        let copied = copy_parts(&pair, &snapshot, parts, &Arc::default()).await;
        assert_eq!(copied.is_err(), outdated, "{change}");
        if let Err(error) = copied {
            assert_eq!((error.code(), error.is_retryable()), ("copy_outdated", true));
            pair.target.batch("empty", "TRUNCATE public.large").await.unwrap();
        }
    }
}
