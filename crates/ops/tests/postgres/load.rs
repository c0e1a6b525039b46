//! Switches there and back under pgbench and clients that write down every acknowledgement (T1 to T3, T9).

use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};
use trefoil_clouds::conformance::postgres::{TestPostgres, programs};
use trefoil_core::journal::{Event, Run};
use trefoil_core::plan::Action;
use trefoil_ops::movers::postgres::{access, lag, stream};

use crate::bench::{APP_PASSWORD, Bench, append, begin, connect};
use crate::moves::seed;
use crate::shop::{self, Writers};

/// What every transaction of pgbench leaves as it was: the sums of all balances are the same.
const BALANCES: &str = "SELECT (SELECT sum(abalance) FROM pgbench_accounts),
    (SELECT sum(tbalance) FROM pgbench_tellers), (SELECT sum(bbalance) FROM pgbench_branches),
    (SELECT coalesce(sum(delta), 0) FROM pgbench_history)";

/// How often the side is changed: five times with `TREFOIL_TEST_FULL=1`.
fn switches() -> u64 {
    if std::env::var_os("TREFOIL_TEST_FULL").is_some() { 5 } else { 2 }
}

fn pgbench(server: &TestPostgres) -> Command {
    let mut command = Command::new(programs(15).join("pgbench"));
    command.env("PGPASSWORD", APP_PASSWORD).kill_on_drop(true);
    command.args(["--host", "127.0.0.1", "--username", "app", "--port", &server.port.to_string()]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Tables and rows of pgbench: `pgbench_history` has no key.
pub(crate) async fn fill(server: &TestPostgres) {
    let mut make = pgbench(server);
    make.args(["--initialize", "--quiet", "--scale", "1", "app"]);
    assert!(make.status().await.unwrap().success(), "pgbench --initialize");
}

/// Fifty transactions a second, until the server refuses them.
pub(crate) fn load(server: &TestPostgres) -> Child {
    let mut run = pgbench(server);
    run.args(["--rate", "50", "--client", "4", "--time", "600", "--no-vacuum", "app"]);
    run.spawn().unwrap()
}

/// Up to the soak; the load ends when its side is closed, and begins again on the other side.
async fn switch(bench: &Bench, run: &mut Run, loaded: &mut Child) {
    bench.perform(run, 1, |action| matches!(action, Action::FenceDatabase(_))).await.unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(60), loaded.wait()).await;
    ended.expect("pgbench ends when its sessions do").unwrap();
    bench.perform(run, 1, |action| matches!(action, Action::OpenDatabase(_))).await.unwrap();
    *loaded = load(bench.server(&run.plan.to));
    bench.perform(run, 1, |_| false).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
}

async fn balances(bench: &Bench, environment: &str) -> Vec<i64> {
    let session = connect(&bench.server(environment).url("app")).await.unwrap();
    let row = session.query_one(BALANCES, &[]).await.unwrap();
    (0..4).map(|n| row.get(n)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn switches_under_load_keep_every_write_number_and_balance() {
    let bench = Bench::start().await;
    shop::make(&bench, "east").await;
    fill(&bench.east).await;
    let writers = Writers::start(&bench, 3, seed());
    let mut loaded = load(&bench.east);
    let mut run = begin(bench.plan_move("east", "west", 2, "load1"));
    switch(&bench, &mut run, &mut loaded).await;
    for epoch in 3..switches() + 2 {
        let serving = run.plan.to.clone();
        let access = access::record(&bench.ours(&serving).await).await.unwrap();
        run = begin(bench.plan_back(&run, access, epoch, &format!("load{epoch}")));
        switch(&bench, &mut run, &mut loaded).await;
    }
    loaded.kill().await.unwrap();
    let told = writers.stop().await;
    let (serving, other) = (run.plan.to.clone(), run.plan.from.clone());
    let pair = bench.pair(&serving, &other).await;
    let ours = stream::ours(&pair.target).await.unwrap();
    let back = ours.iter().find_map(|ours| ours.strip_prefix("subscription ")).unwrap();
    lag::catch_up(&pair, back, &|_| {}).await.unwrap();
    for environment in [&serving, &other] {
        shop::check(&bench, environment, &told).await;
        let found = balances(&bench, environment).await;
        assert!(found.iter().all(|sum| *sum == found[0]), "{environment}: {found:?}");
    }
    let history = "SELECT count(*) FROM public.pgbench_history";
    let count: i64 = pair.source.one("count", history, &[]).await.unwrap().get(0);
    assert!(count > 20, "pgbench wrote {count} rows");
    append(&mut run, Event::FinishRequested);
    bench.perform(&mut run, 1, |_| false).await.unwrap();
    for server in [&pair.source, &pair.target] {
        assert_eq!(stream::ours(server).await.unwrap(), Vec::<String>::new());
    }
}
