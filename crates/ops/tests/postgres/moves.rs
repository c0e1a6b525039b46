//! Whole moves under writers: there, back, there again; and abandoned ones.

use std::time::{Duration, Instant};

use trefoil_core::journal::{Event, Run};
use trefoil_core::plan::Action;
use trefoil_ops::engine::Silent;
use trefoil_ops::movers::postgres::verify::{self, Pace};
use trefoil_ops::movers::postgres::{access, catalog, lag, sequences, stream, validate};

use crate::bench::{Bench, append, begin};
use crate::shop::{self, Writers};

pub(crate) fn seed() -> u64 {
    let seed = std::env::var("TREFOIL_TEST_SEED").ok().and_then(|text| text.parse().ok());
    let seed = seed.unwrap_or_else(|| u64::from(std::process::id()));
    eprintln!("seed {seed} (TREFOIL_TEST_SEED)");
    seed
}

async fn switch(bench: &Bench, run: &mut Run) {
    bench.perform(run, 1, |action| matches!(action, Action::ArmReturn(_))).await.unwrap();
    let began = Instant::now();
    bench.perform(run, 1, |action| matches!(action, Action::OpenDatabase(_))).await.unwrap();
    eprintln!("{} -> {}: closed for {:?}", run.plan.from, run.plan.to, began.elapsed());
    bench.perform(run, 1, |_| false).await.unwrap();
    assert!(run.soaking());
    let pair = bench.pair(&run.plan.to, &run.plan.from).await;
    let Some(Action::StartReturn(back)) = run
        .plan
        .steps
        .iter()
        .map(|step| &step.action)
        .find(|a| matches!(a, Action::StartReturn(_)))
    else {
        panic!("no stream back")
    };
    let verified = run.plan.find(|action| matches!(action, Action::VerifyDatabase(_))).unwrap();
    let verified = serde_json::from_value(run.output(verified).unwrap().clone()).unwrap();
    let proof = validate::after_switch(&pair, &back.return_stream, &verified).await.unwrap();
    assert!(proof.compared.iter().all(|table| table.equal), "{proof:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn there_and_back_and_there_again_keeps_every_acknowledged_write() {
    let bench = Bench::start().await;
    shop::make(&bench, "east").await;
    let before = access::record(&bench.ours("east").await).await.unwrap();
    let writers = Writers::start(&bench, 4, seed());

    let mut there = begin(bench.plan_move("east", "west", 2, "move1"));
    switch(&bench, &mut there).await;
    tokio::time::sleep(Duration::from_millis(500)).await;

    let west = access::record(&bench.ours("west").await).await.unwrap();
    let mut back = begin(bench.plan_back(&there, west, 3, "back2"));
    switch(&bench, &mut back).await;
    assert_eq!(access::record(&bench.ours("east").await).await.unwrap(), before);
    tokio::time::sleep(Duration::from_millis(500)).await;

    let east = access::record(&bench.ours("east").await).await.unwrap();
    let mut again = begin(bench.plan_back(&back, east, 4, "again3"));
    switch(&bench, &mut again).await;
    tokio::time::sleep(Duration::from_millis(500)).await;

    let told = writers.stop().await;
    let acked: usize = told.iter().map(|client| client.acked.len()).sum();
    let gap = told.iter().map(|client| client.gap).max().unwrap();
    eprintln!("{acked} acknowledged, the longest gap of one client {gap:?}");
    shop::check(&bench, "west", &told).await;
    let pair = bench.pair("west", "east").await;
    let stream_back = stream::ours(&pair.target).await.unwrap();
    let name = stream_back.iter().find_map(|ours| ours.strip_prefix("subscription ")).unwrap();
    lag::catch_up(&pair, name, &|_| {}).await.unwrap();
    shop::check(&bench, "east", &told).await;
    let verdict = verify::alone(&pair, None, &Pace::full(), &Silent).await.unwrap();
    assert!(verdict.equal, "{verdict:?}");

    append(&mut again, Event::FinishRequested);
    bench.perform(&mut again, 2, |_| false).await.unwrap();
    for server in [&pair.source, &pair.target] {
        assert_eq!(stream::ours(server).await.unwrap(), Vec::<String>::new());
        let tables = catalog::tables(server).await.unwrap();
        let log = tables.iter().find(|table| table.name == "public.log").unwrap();
        assert_eq!(log.identity, "d");
    }
    assert!(access::is_closed(&pair.target).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_step_may_be_performed_twice_and_undone_twice() {
    let bench = Bench::start().await;
    shop::make(&bench, "east").await;
    let picture = picture(&bench).await;
    let writers = Writers::start(&bench, 2, seed());
    let mut run = begin(bench.plan_move("east", "west", 2, "twice"));
    let detached = |action: &Action| matches!(action, Action::DetachDatabase(_));
    bench.perform(&mut run, 2, detached).await.unwrap();
    let pair = bench.pair("east", "west").await;
    assert!(access::is_closed(&pair.source).await.unwrap());
    assert_eq!(
        sequences::read(&pair.source).await.unwrap(),
        sequences::read(&pair.target).await.unwrap()
    );
    bench.undo(&mut run, 2).await.unwrap();
    assert_eq!(self::picture(&bench).await, picture);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let told = writers.stop().await;
    shop::check(&bench, "east", &told).await;

    // An abandoned move does not stand in the way of the next one.
    let mut run = begin(bench.plan_move("east", "west", 2, "next"));
    let verified = |action: &Action| matches!(action, Action::VerifyDatabase(_));
    bench.perform(&mut run, 1, verified).await.unwrap();
    bench.undo(&mut run, 1).await.unwrap();
}

/// What must be as before when a move is undone.
async fn picture(bench: &Bench) -> String {
    let mut picture = String::new();
    for environment in ["east", "west"] {
        let server = bench.ours(environment).await;
        let tables = catalog::tables(&server).await.unwrap();
        let tables: Vec<_> = tables.into_iter().map(|table| (table.name, table.identity)).collect();
        let record = access::record(&server).await.unwrap();
        let ours = stream::ours(&server).await.unwrap();
        let sequences = sequences::read(&server).await.unwrap().len();
        let schemas = "SELECT nspname::text FROM pg_namespace UNION ALL
             SELECT typname::text FROM pg_type t WHERE typnamespace = 'public'::regnamespace
             UNION ALL SELECT proname::text FROM pg_proc
             WHERE pronamespace = 'public'::regnamespace ORDER BY 1";
        let others = server.texts("list", schemas, &[]).await.unwrap();
        let others: Vec<_> =
            others.into_iter().filter(|name| !name.starts_with("pg_temp")).collect();
        picture +=
            &format!("{environment}: {tables:?} {record:?} {ours:?} {sequences} {others:?}\n");
    }
    picture
}
