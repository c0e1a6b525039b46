//! Planted differences must be found and named.

use std::time::Duration;

use trefoil_core::plan::{Action, KeyRange, VerifyOutput};
use trefoil_ops::engine::Silent;
use trefoil_ops::movers::postgres::{lag, marker, stream, verify};

use crate::bench::{Bench, begin, connect};
use crate::shop;

/// What is planted on the target, what must be named, and what takes it back.
const FAULTS: &[(&str, &[&str], &str)] = &[
    (
        "UPDATE public.orders SET amount = amount + 0.000001 WHERE id = 1234",
        &["public.orders", "(1234)", "another content"],
        "UPDATE public.orders SET amount = amount - 0.000001 WHERE id = 1234",
    ),
    (
        "UPDATE public.customers SET photo = set_byte(photo, 3, get_byte(photo, 3) # 1) WHERE id = 77",
        &["public.customers", "(77)", "another content"],
        "UPDATE public.customers SET photo = set_byte(photo, 3, get_byte(photo, 3) # 1) WHERE id = 77",
    ),
    (
        "DELETE FROM public.lines WHERE order_id = 2222 AND n = 2",
        &["public.lines", "(2222, 2)", "missing"],
        "INSERT INTO public.lines VALUES (2222, 2, 'line')",
    ),
    (
        "INSERT INTO \"Odd Name\".\"select\" VALUES ('extra', 'sad')",
        &["\"Odd Name\".\"select\"", "(extra, sad)", "should not be"],
        "DELETE FROM \"Odd Name\".\"select\" WHERE \"order\" = 'extra'",
    ),
    (
        "INSERT INTO public.log SELECT * FROM public.log LIMIT 1",
        &["public.log", "50 rows against 51"],
        "DELETE FROM public.log WHERE ctid = (SELECT max(ctid) FROM public.log)",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn planted_differences_are_found_and_named() {
    let bench = Bench::start().await;
    shop::make(&bench, "east").await;
    let mut run = begin(bench.plan_move("east", "west", 2, "planted"));
    let verified = |action: &Action| matches!(action, Action::VerifyDatabase(_));
    bench.perform(&mut run, 1, verified).await.unwrap();
    let pair = bench.pair("east", "west").await;
    let ours = stream::ours(&pair.target).await.unwrap();
    let name = ours.iter().find_map(|ours| ours.strip_prefix("subscription ")).unwrap();

    let clean = verify::still(&pair, &Silent).await.unwrap();
    assert_eq!(clean.iter().map(|table| table.rows).sum::<u64>(), 3000 + 4000 + 8000 + 50 + 30);
    for (plant, named, mend) in FAULTS {
        pair.target.batch("plant", plant).await.unwrap();
        let flowing = verify::streaming(&pair, name, &Silent).await.unwrap_err();
        let still = verify::still(&pair, &Silent).await.unwrap_err();
        for error in [flowing, still] {
            assert_eq!(error.code(), "rows_differ");
            assert!(named.iter().all(|part| error.to_string().contains(part)), "{error}");
        }
        pair.target.batch("mend", mend).await.unwrap();
    }
    assert_eq!(verify::still(&pair, &Silent).await.unwrap(), clean);

    let hot = |from: &str, to: &str| KeyRange {
        table: "public.orders".into(),
        from: Some(vec![from.into()]),
        to: Some(vec![to.into()]),
    };
    let output = VerifyOutput { tables: clean, hot: vec![hot("1000", "1500")] };
    verify::recheck(&pair, &output).await.unwrap();
    pair.target.batch("plant", FAULTS[0].0).await.unwrap();
    let error = verify::recheck(&pair, &output).await.unwrap_err();
    assert!(error.to_string().contains("(1234)"), "{error}");
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
    verify::streaming(&pair, name, &Silent).await.unwrap();
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
