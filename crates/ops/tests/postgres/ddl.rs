//! The schema changes while a move is under way.

use tokio_postgres::error::SqlState;
use trefoil_core::plan::Action;
use trefoil_ops::engine::Silent;
use trefoil_ops::movers::postgres::fingerprint::{self, Extent};
use trefoil_ops::movers::postgres::verify::{self, Pace};

use crate::bench::{Bench, begin, connect};
use crate::moves::seed;
use crate::shop::{self, Writers};

const COPIED: fn(&Action) -> bool = |action| matches!(action, Action::CopyRows(_));
const BUILT: fn(&Action) -> bool = |action| matches!(action, Action::BuildIndexes(_));
const VERIFIED: fn(&Action) -> bool = |action| matches!(action, Action::VerifyDatabase(_));
const ARMED: fn(&Action) -> bool = |action| matches!(action, Action::ArmReturn(_));
const OPENED: fn(&Action) -> bool = |action| matches!(action, Action::OpenDatabase(_));

/// Statements that hold together. Beside writers one may meet a deadlock, of which the server takes
/// all of them back: then they are said again, as a person would.
async fn change(bench: &Bench, sql: &str) {
    let session = connect(&bench.app_url("east")).await.unwrap();
    for _ in 0..5 {
        match session.batch_execute(sql).await {
            Err(error) if error.code() == Some(&SqlState::T_R_DEADLOCK_DETECTED) => {}
            result => return result.unwrap(),
        }
    }
    panic!("a deadlock each time: {sql}");
}

async fn equal(bench: &Bench) {
    let pair = bench.pair("east", "west").await;
    let differences = fingerprint::differences(&pair, Extent::Whole).await.unwrap();
    assert_eq!(differences, Vec::<String>::new());
    let verdict = verify::alone(&pair, None, &Pace::full(), &Silent).await.unwrap();
    assert!(verdict.equal, "{verdict:?}");
}

/// Columns that come with a value for rows that were there, that go, that take nulls; a new table
/// with everything that belongs to it; a table that goes: at each stage, under writers.
#[tokio::test(flavor = "multi_thread")]
async fn safe_changes_are_followed_at_every_stage() {
    let bench = Bench::start().await;
    shop::make(&bench, "east").await;
    change(
        &bench,
        "CREATE TABLE passing (id int PRIMARY KEY, a text NOT NULL, b int);
                    INSERT INTO passing SELECT n, 'a', n FROM generate_series(1, 10) n",
    )
    .await;
    let writers = Writers::start(&bench, 2, seed());
    let mut run = begin(bench.plan_move("east", "west", 2, "ddl"));
    bench.perform(&mut run, 1, COPIED).await.unwrap();

    change(
        &bench,
        "ALTER TABLE customers ADD COLUMN level int NOT NULL DEFAULT 3;
                    ALTER TABLE customers ADD COLUMN since timestamptz DEFAULT now();
                    UPDATE customers SET level = 4 WHERE id % 2 = 0",
    )
    .await;
    bench.perform(&mut run, 1, BUILT).await.unwrap();

    change(&bench, "CREATE TABLE reviews (id serial PRIMARY KEY, customer int REFERENCES customers,
                      stars int CHECK (stars > 0), words text);
                    CREATE INDEX reviews_customer ON reviews (customer);
                    CREATE VIEW good AS SELECT * FROM reviews WHERE stars > 3;
                    INSERT INTO reviews (customer, stars) SELECT n, 5 FROM generate_series(1, 500) n;
                    GRANT SELECT ON reviews TO PUBLIC").await;
    bench.perform(&mut run, 1, VERIFIED).await.unwrap();
    change(
        &bench,
        "INSERT INTO reviews (customer, stars) SELECT n, 4 FROM generate_series(1, 50) n;
                    ALTER TABLE passing DROP COLUMN a;
                    INSERT INTO passing VALUES (11, 11);
                    ALTER TABLE lines ALTER COLUMN note SET NOT NULL;
                    ALTER TABLE orders ADD COLUMN thrice numeric
                      GENERATED ALWAYS AS (amount * 3) STORED",
    )
    .await;
    bench.perform(&mut run, 1, ARMED).await.unwrap();
    bench.perform(&mut run, 1, OPENED).await.unwrap();
    bench.perform(&mut run, 1, |_| false).await.unwrap();
    let told = writers.stop().await;
    shop::check(&bench, "west", &told).await;
    let west = bench.ours("west").await;
    let sql = "SELECT count(*) FROM public.reviews WHERE stars >= 4";
    assert_eq!(west.one("count", sql, &[]).await.unwrap().get::<_, i64>(0), 550);
    let sql = "SELECT column_default::text FROM information_schema.columns
               WHERE table_name = 'customers' AND column_name = 'since'";
    assert_eq!(west.texts("read", sql, &[]).await.unwrap(), ["now()"]);
    let pair = bench.pair("west", "east").await;
    let (stream, pace) = (verify_stream(&run), Pace::full());
    let verdict = verify::alone(&pair, stream.as_deref(), &pace, &Silent).await.unwrap();
    assert!(verdict.differences.is_empty(), "{verdict:?}");
}

fn verify_stream(run: &trefoil_core::journal::Run) -> Option<String> {
    run.plan.steps.iter().find_map(|step| match &step.action {
        Action::StartReturn(start) => Some(start.return_stream.clone()),
        _ => None,
    })
}

/// What is not safe to do by itself: what happened, what to run on the target, and whether the
/// move goes on once that was done.
const UNSAFE: &[(&str, &str, &str)] = &[
    (
        "ALTER TABLE customers ALTER COLUMN seen TYPE bigint",
        "ALTER TABLE public.customers ALTER COLUMN \"seen\" TYPE bigint",
        "ALTER TABLE public.customers ALTER COLUMN seen TYPE bigint",
    ),
    (
        "ALTER TABLE customers RENAME COLUMN name TO title",
        "RENAME COLUMN \"name\" TO \"title\"",
        "ALTER TABLE public.customers RENAME COLUMN name TO title",
    ),
    ("DROP INDEX orders_customer", "only on west", "DROP INDEX public.orders_customer"),
];

#[tokio::test(flavor = "multi_thread")]
async fn other_changes_pause_the_move_with_the_statement_to_run() {
    let bench = Bench::start().await;
    shop::make(&bench, "east").await;
    let mut run = begin(bench.plan_move("east", "west", 2, "pause"));
    bench.perform(&mut run, 1, VERIFIED).await.unwrap();
    for (made, named, mend) in UNSAFE {
        change(&bench, made).await;
        let error = arm(&bench, &run).await.unwrap_err();
        assert_eq!(error.code(), "schema_changed", "{made}: {}", error.chain());
        let words = format!("{error}; {}", error.hint_text().unwrap());
        assert!(words.contains(named), "{made}: {words}");
        by_hand(&bench, mend).await;
        arm(&bench, &run).await.unwrap();
    }
    equal(&bench).await;
    // Values that each row got by itself: nothing says what they were.
    change(&bench, "ALTER TABLE customers ADD COLUMN luck float DEFAULT random()").await;
    assert_eq!(arm(&bench, &run).await.unwrap_err().code(), "schema_changed");
    // The obvious statement makes the columns the same, and the rows not: that is found.
    let add = "ALTER TABLE public.customers ADD COLUMN luck float DEFAULT random()";
    by_hand(&bench, add).await;
    let error = arm(&bench, &run).await.unwrap_err();
    assert_eq!(error.code(), "rows_differ");
    assert!(error.to_string().contains("luck"), "{error}");
    bench.undo(&mut run, 1).await.unwrap();
}

/// What the hint tells a person to do.
async fn by_hand(bench: &Bench, sql: &str) {
    let west = connect(&bench.west.url("app")).await.unwrap();
    west.batch_execute("SET default_transaction_read_only = off").await.unwrap();
    west.batch_execute(sql).await.unwrap();
}

/// Arms the way back, as often as needed: it stands before the window, so that a move that is
/// resumed performs it again.
async fn arm(bench: &Bench, run: &trefoil_core::journal::Run) -> trefoil_core::Result<()> {
    let step = run.plan.find(ARMED).unwrap();
    let cx = bench.context(run, step);
    trefoil_ops::actions::of(&cx.step.action).perform(&cx).await.map(|_| ())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_in_the_last_moment_sends_the_window_back() {
    let bench = Bench::start().await;
    shop::make(&bench, "east").await;
    let mut run = begin(bench.plan_move("east", "west", 2, "late"));
    bench.perform(&mut run, 1, ARMED).await.unwrap();
    change(&bench, "ALTER TABLE customers ADD COLUMN late int").await;
    let error = bench.perform(&mut run, 1, OPENED).await.unwrap_err();
    assert_eq!(error.code(), "schema_changed");
    assert!(error.to_string().contains("column \"late\" of public.customers is new"), "{error}");
    bench.undo(&mut run, 1).await.unwrap();
    connect(&bench.app_url("east")).await.unwrap();
}
