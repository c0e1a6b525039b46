//! Planted differences must be found and named.

use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use trefoil_core::journal::Run;
use trefoil_core::plan::{Action, KeyRange, VerifyOutput};
use trefoil_ops::engine::Silent;
use trefoil_ops::movers::postgres::verify::{self, Difference, Kind, Pace, Verdict};
use trefoil_ops::movers::postgres::{Pair, lag, marker, stream};

use crate::bench::{Bench, begin, connect};
use crate::shop;

/// What is planted on the target, what takes it back, and how it must be named: table, kind, key
/// or number of rows, column.
struct Fault {
    plant: &'static str,
    mend: &'static str,
    table: &'static str,
    kind: Kind,
    key: &'static [&'static str],
    /// Empty where the whole row is meant.
    columns: &'static [&'static str],
}

const FAULTS: &[Fault] = &[
    Fault {
        plant: "UPDATE public.orders SET amount = amount + 0.000001 WHERE id = 1234",
        mend: "UPDATE public.orders SET amount = amount - 0.000001 WHERE id = 1234",
        table: "public.orders",
        kind: Kind::Value,
        key: &["1234"],
        // The server computes the second from the first.
        columns: &["amount", "twice"],
    },
    Fault {
        plant: "UPDATE public.orders SET ratio = 1.0000000000000002 * ratio WHERE id = 4000",
        mend: "UPDATE public.orders SET ratio = 4000 / 3.0 WHERE id = 4000",
        table: "public.orders",
        kind: Kind::Value,
        key: &["4000"],
        columns: &["ratio"],
    },
    Fault {
        plant: "UPDATE public.customers SET photo = set_byte(photo, 3, get_byte(photo, 3) # 1)
                WHERE id = 77",
        mend: "UPDATE public.customers SET photo = set_byte(photo, 3, get_byte(photo, 3) # 1)
               WHERE id = 77",
        table: "public.customers",
        kind: Kind::Value,
        key: &["77"],
        columns: &["photo"],
    },
    Fault {
        plant: "UPDATE public.customers SET tags = NULL WHERE id = 3000",
        mend: "UPDATE public.customers SET tags = ARRAY['a', NULL, 'b,\"c'] WHERE id = 3000",
        table: "public.customers",
        kind: Kind::Value,
        key: &["3000"],
        columns: &["tags"],
    },
    Fault {
        plant: "DELETE FROM public.lines WHERE order_id = 2222 AND n = 2",
        mend: "INSERT INTO public.lines VALUES (2222, 2, 'line')",
        table: "public.lines",
        kind: Kind::RowMissing,
        key: &["2222", "2"],
        columns: &[],
    },
    Fault {
        plant: "INSERT INTO \"Odd Name\".\"select\" VALUES ('extra', 'sad')",
        mend: "DELETE FROM \"Odd Name\".\"select\" WHERE \"order\" = 'extra'",
        table: "\"Odd Name\".\"select\"",
        kind: Kind::RowExtra,
        key: &["extra", "sad"],
        columns: &[],
    },
    Fault {
        plant: "INSERT INTO public.log SELECT * FROM public.log LIMIT 1",
        mend: "DELETE FROM public.log WHERE ctid = (SELECT max(ctid) FROM public.log)",
        table: "public.log",
        kind: Kind::Count,
        key: &["50", "51"],
        columns: &[],
    },
];

impl Fault {
    fn is(&self, found: &Difference) -> bool {
        let key = match (&found.key, found.rows) {
            (Some(key), _) => key.clone(),
            (None, Some((here, there))) => vec![here.to_string(), there.to_string()],
            (None, None) => vec![],
        };
        found.table == self.table
            && found.kind == self.kind
            && key == self.key
            && found
                .column
                .as_deref()
                .map_or(self.columns.is_empty(), |column| self.columns.contains(&column))
    }
}

/// A move up to its comparison, and the name of its stream.
async fn verified(bench: &Bench, id: &str) -> (Run, String) {
    let mut run = begin(bench.plan_move("east", "west", 2, id));
    let verified = |action: &Action| matches!(action, Action::VerifyDatabase(_));
    bench.perform(&mut run, 1, verified).await.unwrap();
    let ours = stream::ours(&bench.ours("west").await).await.unwrap();
    let name = ours.iter().find_map(|ours| ours.strip_prefix("subscription ")).unwrap();
    (run, name.to_owned())
}

async fn alone(pair: &Pair) -> Verdict {
    verify::alone(pair, None, &Pace::full(), &Silent).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn planted_differences_are_found_and_named_by_row_and_column() {
    let bench = Bench::start().await;
    shop::make(&bench, "east").await;
    let (_, name) = verified(&bench, "planted").await;
    let pair = bench.pair("east", "west").await;

    let clean = alone(&pair).await;
    assert!(clean.equal && clean.tables.iter().all(|table| table.equal), "{clean:?}");
    let rows: u64 = clean.tables.iter().map(|table| table.rows).sum();
    assert_eq!(rows, 3000 + 4000 + 8000 + 50 + 30);
    assert!(clean.cost.queries > 0 && clean.cost.max_load_percent == 100);
    for fault in FAULTS {
        pair.target.batch("plant", fault.plant).await.unwrap();
        let verdict = alone(&pair).await;
        assert!(!verdict.equal);
        assert!(verdict.differences.iter().all(|found| fault.is(found)), "{verdict:?}");
        assert_eq!(verdict.differences.len(), fault.columns.len().max(1), "{verdict:?}");
        let unequal: Vec<_> = verdict.tables.iter().filter(|table| !table.equal).collect();
        assert_eq!(unequal.len(), 1);
        assert_eq!(unequal[0].name, fault.table);
        pair.target.batch("mend", fault.mend).await.unwrap();
    }
    assert_eq!(alone(&pair).await.tables, clean.tables);

    // All of them at once, while the stream flows: each is in the error.
    for fault in FAULTS {
        pair.target.batch("plant", fault.plant).await.unwrap();
    }
    let verdict = alone(&pair).await;
    assert_eq!(verdict.differences.len(), FAULTS.len() + 1, "{verdict:?}");
    for fault in FAULTS {
        assert!(verdict.differences.iter().any(|found| fault.is(found)), "{verdict:?}");
    }
    let error = verify::streaming(&pair, &name, &Pace::full(), &Silent).await.unwrap_err();
    assert_eq!(error.code(), "rows_differ");
    for found in &verdict.differences {
        let words = found.in_words("east", "west");
        assert!(error.to_string().contains(&words), "{words} is not in: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hot_range_is_settled_in_the_window_or_named() {
    let bench = Bench::start().await;
    shop::make(&bench, "east").await;
    let (_, _) = verified(&bench, "hot").await;
    let pair = bench.pair("east", "west").await;
    let clean = alone(&pair).await.tables;
    let hot = |table: &str, from: &str, to: &str| KeyRange {
        table: table.into(),
        from: Some(vec![from.into()]),
        to: Some(vec![to.into()]),
    };
    let log = KeyRange { table: "public.log".into(), from: None, to: None };
    let hot = vec![hot("public.orders", "1000", "1500"), log];
    let output = VerifyOutput { tables: clean, hot, ..VerifyOutput::default() };
    let proofs = verify::recheck(&pair, &output).await.unwrap();
    assert!(proofs.iter().all(|table| table.equal), "{proofs:?}");
    for (fault, words) in [(&FAULTS[0], "row (1234)"), (&FAULTS[6], "50 on east against 51")] {
        pair.target.batch("plant", fault.plant).await.unwrap();
        let error = verify::recheck(&pair, &output).await.unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        pair.target.batch("mend", fault.mend).await.unwrap();
    }
}

/// Tables as they are between any two databases: other columns in another order, no stream, many
/// more rows on one side, types whose order is not the server's own.
#[tokio::test(flavor = "multi_thread")]
async fn any_two_databases_are_compared() {
    let bench = Bench::start().await;
    let make = "CREATE TABLE public.t (id int PRIMARY KEY, a text, b int);
        CREATE TYPE public.pair AS (x int, y text);
        CREATE TABLE public.odd_key (k public.pair PRIMARY KEY, v int);
        CREATE UNLOGGED TABLE public.scratch (n int PRIMARY KEY);
        CREATE TABLE public.keyless (v text);";
    let fill = "INSERT INTO public.t (id, a, b) SELECT n * 1000, 'a' || n, n FROM generate_series(1, 40) n;
        INSERT INTO public.odd_key SELECT ROW(n, 'y')::public.pair, n FROM generate_series(1, 20) n;
        INSERT INTO public.scratch SELECT generate_series(1, 10);
        INSERT INTO public.keyless SELECT 'v' || n / 2 FROM generate_series(1, 2000) n";
    let pair = bench.pair("east", "west").await;
    pair.source.batch("make", &format!("{make}{fill}")).await.unwrap();
    let reordered = make.replace("a text, b int", "b int, a text");
    pair.target.batch("make", &format!("{reordered}{fill}")).await.unwrap();
    let verdict = alone(&pair).await;
    assert!(verdict.equal, "{verdict:?}");
    assert_eq!(verdict.tables.len(), 4);

    let change = "CREATE TABLE public.more (n int);
        ALTER TABLE public.t ADD COLUMN c int;
        INSERT INTO public.t (id, a, b) SELECT n, '', 0 FROM generate_series(20001, 29999) n
          WHERE n % 1000 <> 0;
        UPDATE public.odd_key SET v = 0 WHERE k = ROW(7, 'y')::public.pair;
        DELETE FROM public.scratch WHERE n = 3;
        DELETE FROM public.keyless WHERE v = 'v500'";
    pair.target.batch("change", change).await.unwrap();
    let verdict = alone(&pair).await;
    let of = |kind| verdict.differences.iter().filter(move |found| found.kind == kind).count();
    assert_eq!((of(Kind::TableExtra), of(Kind::ColumnExtra), of(Kind::Count)), (1, 1, 1));
    // The named ones are limited; the others are counted, and never taken for equal.
    assert_eq!(verdict.differences.len(), verify::NAMED_MAX);
    assert!(verdict.differences_left_out > 0, "{verdict:?}");
    assert!(of(Kind::RowExtra) > 900);
    let odd: Vec<_> =
        verdict.differences.iter().filter(|found| found.table == "public.odd_key").collect();
    assert!(odd.iter().all(|found| found.key.as_deref() == Some(&["(7,y)".to_owned()][..])));
    assert!(!odd.is_empty(), "{verdict:?}");
    assert!(verdict.tables.iter().all(|table| !table.equal), "{:?}", verdict.tables);
}

/// The stream reads the log; the source's own queries see a commit a little later, and here, where
/// its process is stopped in between, much later.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_is_sent_before_it_is_seen_is_no_difference() {
    let bench = Bench::start().await;
    shop::make(&bench, "east").await;
    let (_, name) = verified(&bench, "sent").await;
    let pair = bench.pair("east", "west").await;
    let wait_for = async |standby: &str| {
        let set = format!("ALTER SYSTEM SET synchronous_standby_names = '{standby}'");
        pair.source.batch("set", &set).await.unwrap();
        pair.source.batch("reload", "SELECT pg_reload_conf()").await.unwrap();
    };
    wait_for("nobody").await;
    let writer = connect(&bench.east.url("app")).await.unwrap();
    let pid: i32 = writer.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    let write = "BEGIN;
                 INSERT INTO \"Odd Name\".\"select\" VALUES ('sent', 'sad');
                 INSERT INTO public.log SELECT * FROM public.log LIMIT 1;
                 COMMIT";
    let writing = tokio::spawn(async move { writer.batch_execute(write).await });
    let found = "SELECT \"order\" FROM \"Odd Name\".\"select\" WHERE \"order\" = 'sent'";
    while pair.target.texts("look", found, &[]).await.unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(pair.source.texts("look", found, &[]).await.unwrap().is_empty());
    // The others go on.
    kill(Pid::from_raw(pid), Signal::SIGSTOP).unwrap();
    wait_for("").await;
    let shown = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        kill(Pid::from_raw(pid), Signal::SIGCONT).unwrap();
    };
    let pace = Pace::full();
    let compared = verify::streaming(&pair, &name, &pace, &Silent);
    let (compared, ()) = tokio::join!(compared, shown);
    compared.unwrap();
    writing.await.unwrap().unwrap();
    assert_eq!(pair.source.texts("look", found, &[]).await.unwrap(), ["sent"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_on_the_target_stops_the_move_by_name() {
    let bench = Bench::start().await;
    shop::make(&bench, "east").await;
    let mut run = begin(bench.plan_move("east", "west", 2, "conflict"));
    let built = |action: &Action| matches!(action, Action::BuildIndexes(_));
    bench.perform(&mut run, 1, built).await.unwrap();
    let pair = bench.pair("east", "west").await;
    let row = "INSERT INTO \"Odd Name\".\"select\" VALUES ('both', 'sad')";
    pair.target.batch("plant", row).await.unwrap();
    pair.source.batch("plant", row).await.unwrap();
    let error = bench.perform(&mut run, 1, |_| false).await.unwrap_err();
    assert_eq!(error.code(), "stream_stuck");
    assert!(error.to_string().contains("errors in a row"), "{error}");

    pair.target
        .batch("mend", "DELETE FROM \"Odd Name\".\"select\" WHERE \"order\" = 'both'")
        .await
        .unwrap();
    let ours = stream::ours(&pair.target).await.unwrap();
    let name = ours.iter().find_map(|ours| ours.strip_prefix("subscription ")).unwrap();
    lag::catch_up(&pair, name, &|_| {}).await.unwrap();
    verify::streaming(&pair, name, &Pace::full(), &Silent).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn draining_waits_for_what_was_written_last() {
    let bench = Bench::start().await;
    shop::make(&bench, "east").await;
    let mut run = begin(bench.plan_move("east", "west", 2, "drain"));
    let awaited = |action: &Action| matches!(action, Action::AwaitStream(_));
    bench.perform(&mut run, 1, awaited).await.unwrap();
    let pair = bench.pair("east", "west").await;
    let ours = stream::ours(&pair.target).await.unwrap();
    let name = ours.iter().find_map(|ours| ours.strip_prefix("subscription ")).unwrap();

    // Nothing can be applied to this table for a while.
    let other = connect(&bench.west.url("app")).await.unwrap();
    let lock = "BEGIN READ WRITE; LOCK TABLE \"Odd Name\".\"select\" IN ACCESS EXCLUSIVE MODE";
    other.batch_execute(lock).await.unwrap();
    let row = "INSERT INTO \"Odd Name\".\"select\" VALUES ('last', 'sad')";
    pair.source.batch("write", row).await.unwrap();
    let early = tokio::time::timeout(Duration::from_millis(700), marker::drain(&pair, name, "run"));
    assert!(early.await.is_err(), "drained before the last row could be applied");
    other.batch_execute("COMMIT").await.unwrap();
    let pair = bench.pair("east", "west").await;
    marker::drain(&pair, name, "run").await.unwrap();
    let found = "SELECT \"order\" FROM \"Odd Name\".\"select\" WHERE \"order\" = 'last'";
    assert_eq!(pair.target.texts("look", found, &[]).await.unwrap(), ["last"]);
}
