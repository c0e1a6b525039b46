//! Servers that are killed and connections that are cut, in every state of a move (T7), and the
//! faults of the copy: nothing acknowledged is lost or doubled, never are both sides open, and
//! nothing stays behind.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;
use trefoil_clouds::conformance::postgres::TestPostgres;
use trefoil_clouds::operate::provision::DatabaseAdmin;
use trefoil_core::journal::{Event, Run};
use trefoil_core::plan::{Action, Step, Unstreamed};
use trefoil_core::planner::MoveOptions;
use trefoil_ops::actions;
use trefoil_ops::engine::Silent;
use trefoil_ops::movers::postgres::verify::{self, Pace};
use trefoil_ops::movers::postgres::{Server, access, catalog, client, lag, stream};

use crate::bench::{Bench, admin, append, begin, connect, on_database};
use crate::moves::seed;
use crate::shop::{self, Writers};

const SCHEMA_COPIED: fn(&Action) -> bool = |action| matches!(action, Action::CopySchema(_));
const COPIED: fn(&Action) -> bool = |action| matches!(action, Action::CopyRows(_));
const AWAITED: fn(&Action) -> bool = |action| matches!(action, Action::AwaitStream(_));
const VERIFIED: fn(&Action) -> bool = |action| matches!(action, Action::VerifyDatabase(_));

/// Enough rows for a fault to meet the copy in its middle.
const BALLAST: &str = "CREATE TABLE public.ballast (id int PRIMARY KEY, note text);
    INSERT INTO public.ballast SELECT n, repeat(md5(n::text), 4) FROM generate_series(1, 150000) n;
    ALTER TABLE public.ballast OWNER TO app";
/// How often a step is tried: each attempt meets a server that may still be coming back.
const ATTEMPTS: u32 = 30;

/// What happens while a step is performed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// The server that served at the beginning is killed.
    Source,
    /// The other one is.
    Target,
    /// All connections of both are cut: of the tool, the streams and the application.
    Connections,
}

/// All of them with `TREFOIL_TEST_FULL=1`, else one that the seed draws.
fn sampled<T: Copy + std::fmt::Debug>(all: [T; 3]) -> Vec<T> {
    if std::env::var_os("TREFOIL_TEST_FULL").is_some() {
        return all.to_vec();
    }
    let drawn = all[seed() as usize % all.len()];
    eprintln!("{drawn:?} of {all:?}");
    vec![drawn]
}

async fn strike(bench: &Bench, fault: Fault) {
    match fault {
        Fault::Source => crash(&bench.east),
        Fault::Target => crash(&bench.west),
        Fault::Connections => {
            for server in [&bench.east, &bench.west] {
                cut(server, "true").await;
            }
        }
    }
}

fn crash(server: &TestPostgres) {
    tokio::task::block_in_place(|| {
        server.crash();
        server.restart();
    });
}

/// Ends the processes of a server that serve a connection and match.
async fn cut(server: &TestPostgres, which: &str) {
    let sql = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()
         AND (datname = 'app' OR backend_type = 'walsender') AND {which}"
    );
    server.execute("postgres", &sql).await;
}

/// A step that is struck in its middle and then gone on with, as `trefoil runs resume` does.
async fn struck(bench: &Bench, run: &Run, step: &Step, fault: Fault, after: Duration) -> Value {
    let cx = bench.context(run, step.n);
    let action = actions::of(&step.action);
    let strike = async {
        tokio::time::sleep(after).await;
        strike(bench, fault).await;
    };
    let (mut ended, ()) = tokio::join!(action.perform(&cx), strike);
    for _ in 0..ATTEMPTS {
        match ended {
            Ok(output) => return output,
            Err(error) => eprintln!("  {}: {}", step.action.name(), error.chain()),
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        ended = action.perform(&cx).await;
    }
    panic!("{} does not go on after {fault:?}", step.action.name());
}

/// At most one side accepts writes.
async fn assert_one_side(bench: &Bench, step: &Step) {
    let (east, west) = (bench.ours("east").await, bench.ours("west").await);
    let closed = [access::is_closed(&east).await.unwrap(), access::is_closed(&west).await.unwrap()];
    assert!(closed.contains(&true), "both are open after {}", step.action.name());
}

/// A whole move in which every step meets the fault.
async fn struck_in_every_state(fault: Fault) {
    let mut random = StdRng::seed_from_u64(seed());
    let bench = Bench::start().await;
    shop::make(&bench, "east").await;
    bench.east.execute("app", BALLAST).await;
    let writers = Writers::start(&bench, 2, random.random());
    let mut run = begin(bench.plan_move("east", "west", 2, "struck"));
    let mut prepared = false;
    for step in run.plan.steps.clone() {
        if step.finish {
            break;
        }
        append(&mut run, Event::started(step.n));
        let mut output = Value::Null;
        if on_database(&step.action) {
            let most_ms = if COPIED(&step.action) { 2_000 } else { 150 };
            let after = Duration::from_millis(random.random_range(0..most_ms));
            output = struck(&bench, &run, &step, fault, after).await;
            prepared |= matches!(step.action, Action::PrepareDatabase(_));
        }
        append(&mut run, Event::Succeeded { step: step.n, output });
        if prepared {
            assert_one_side(&bench, &step).await;
        }
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let told = writers.stop().await;
    shop::check(&bench, "west", &told).await;
    let pair = bench.pair("west", "east").await;
    let back = return_stream(&run);
    lag::catch_up(&pair, &back, &|_| {}).await.unwrap();
    shop::check(&bench, "east", &told).await;
    let verdict = verify::alone(&pair, None, &Pace::full(), &Silent).await.unwrap();
    assert!(verdict.equal, "{verdict:?}");
    append(&mut run, Event::FinishRequested);
    bench.perform(&mut run, 1, |_| false).await.unwrap();
    assert_nothing_left(&bench).await;
}

async fn assert_nothing_left(bench: &Bench) {
    for environment in ["east", "west"] {
        let left = stream::ours(&bench.ours(environment).await).await.unwrap();
        assert_eq!(left, Vec::<String>::new(), "{environment}");
    }
}

fn return_stream(run: &Run) -> String {
    let start = run.plan.steps.iter().find_map(|step| match &step.action {
        Action::StartReturn(start) => Some(start.return_stream.clone()),
        _ => None,
    });
    start.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_are_killed_and_connections_cut_in_every_state() {
    for fault in sampled([Fault::Source, Fault::Target, Fault::Connections]) {
        struck_in_every_state(fault).await;
    }
}

/// What strikes the copy, or the stream that follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InCopy {
    Senders,
    Target,
    Source,
}

/// A copy by the servers themselves that is struck three times, and compared in the end.
async fn copied_although(what: InCopy) {
    let bench = Bench::start().await;
    shop::make(&bench, "east").await;
    bench.east.execute("app", BALLAST).await;
    let writers = Writers::start(&bench, 2, seed());
    let mut run = begin(bench.plan_move("east", "west", 2, "copy"));
    bench.perform(&mut run, 1, SCHEMA_COPIED).await.unwrap();
    let step = run.plan.steps.iter().find(|step| COPIED(&step.action)).unwrap().clone();
    append(&mut run, Event::started(step.n));
    let strikes = async {
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_millis(250)).await;
            match what {
                InCopy::Senders => cut(&bench.east, "backend_type = 'walsender'").await,
                InCopy::Target => crash(&bench.west),
                InCopy::Source => crash(&bench.east),
            }
        }
    };
    let output = async {
        for _ in 0..ATTEMPTS {
            match actions::of(&step.action).perform(&bench.context(&run, step.n)).await {
                Ok(output) => return output,
                Err(error) => eprintln!("  {}", error.chain()),
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        panic!("the copy does not go on");
    };
    let (output, ()) = tokio::join!(output, strikes);
    append(&mut run, Event::Succeeded { step: step.n, output });
    // Every row of every table is compared.
    bench.perform(&mut run, 1, VERIFIED).await.unwrap();
    let told = writers.stop().await;
    shop::check(&bench, "east", &told).await;
    bench.undo(&mut run, 1).await.unwrap();
    assert_nothing_left(&bench).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_and_senders_are_killed_during_the_copy() {
    for what in sampled([InCopy::Senders, InCopy::Target, InCopy::Source]) {
        copied_although(what).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_target_and_then_the_source_are_killed_while_changes_are_applied() {
    let bench = Bench::start().await;
    shop::make(&bench, "east").await;
    let writers = Writers::start(&bench, 3, seed());
    let mut run = begin(bench.plan_move("east", "west", 2, "apply"));
    bench.perform(&mut run, 1, AWAITED).await.unwrap();
    for server in [&bench.west, &bench.east] {
        tokio::time::sleep(Duration::from_millis(500)).await;
        crash(server);
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    bench.perform(&mut run, 1, VERIFIED).await.unwrap();
    let told = writers.stop().await;
    shop::check(&bench, "east", &told).await;
}

/// The copy of our own client cannot go on without its snapshot: it begins again, and leaves no
/// slot behind.
#[tokio::test(flavor = "multi_thread")]
async fn the_tool_dies_during_a_copy_of_its_own() {
    let bench = Bench::start().await;
    shop::make(&bench, "east").await;
    bench.east.execute("app", BALLAST).await;
    let mut run = begin(bench.plan_move("east", "west", 2, "own"));
    bench.perform(&mut run, 1, SCHEMA_COPIED).await.unwrap();
    let name = run.plan.steps.iter().find_map(|step| match &step.action {
        Action::CopyRows(copy) => Some(copy.stream.clone()),
        _ => None,
    });
    let name = name.unwrap();
    let pair = bench.pair("east", "west").await;
    client::progress::begin(&pair.target, &name).await.unwrap();

    let admins = || (admin(&bench.east), admin(&bench.west));
    let first = Carrying::begin(admins(), &name);
    let writing = "SELECT 1 FROM pg_stat_progress_copy WHERE relid = 'public.ballast'::regclass
                   AND tuples_processed > 1000";
    let (mut met, mut looks) = (false, 0);
    while !met && looks < 3_000 {
        met = !pair.target.query("look", writing, &[]).await.unwrap().is_empty();
        looks += 1;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(met, "the copy was never met in its middle");
    tokio::task::block_in_place(|| first.dies());
    let before = client::progress::read(&pair.target, &name).await.unwrap().unwrap();
    assert!(!before.copied, "{before:?}");
    let slots = "SELECT slot_name::text FROM pg_replication_slots";
    assert_eq!(pair.source.texts("look", slots, &[]).await.unwrap(), std::slice::from_ref(&name));

    let row = "INSERT INTO public.customers (name) VALUES ('between two copies')";
    pair.source.batch("write", row).await.unwrap();
    let second = Carrying::begin(admins(), &name);
    stream::await_copied(&pair, &name, &|_| {}).await.unwrap();
    lag::catch_up(&pair, &name, &|_| {}).await.unwrap();
    let tables = catalog::names(&catalog::tables(&pair.target).await.unwrap());
    let verdict = verify::streaming(&pair, &name, &Pace::full(), &Silent).await.unwrap();
    assert_eq!(verdict.tables.len(), tables.len());
    assert!(verdict.tables.iter().all(|table| table.equal), "{verdict:?}");
    stream::drop_stream(&pair, &name).await.unwrap();
    tokio::task::block_in_place(|| second.ends());
    assert_eq!(pair.source.texts("look", slots, &[]).await.unwrap(), Vec::<String>::new());
}

/// What carries a stream in a thread of this process, until it is told to die without a word.
pub(crate) struct Carrying {
    die: tokio::sync::oneshot::Sender<()>,
    thread: std::thread::JoinHandle<bool>,
}

impl Carrying {
    pub(crate) fn begin(admins: (DatabaseAdmin, DatabaseAdmin), stream: &str) -> Carrying {
        let (die, dies) = tokio::sync::oneshot::channel();
        let stream = stream.to_owned();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                let source = Server::connect("east", &admins.0).await.unwrap();
                let target = Server::connect("west", &admins.1).await.unwrap();
                tokio::select! {
                    ended = client::serve(&source, &target, &stream) => ended.is_ok(),
                    _ = dies => false,
                }
            })
        });
        Carrying { die, thread }
    }

    /// Ends it in the middle of whatever it does: its connections end, and nothing else is done.
    pub(crate) fn dies(self) {
        self.die.send(()).unwrap();
        assert!(!self.thread.join().unwrap(), "it had ended by itself");
    }

    pub(crate) fn ends(self) {
        assert!(self.thread.join().unwrap());
    }
}

/// Published without an identity, such a table would refuse the application's own changes.
#[tokio::test(flavor = "multi_thread")]
async fn changes_of_a_table_without_a_key_are_never_refused_at_the_source() {
    let bench = Bench::start().await;
    shop::make(&bench, "east").await;
    let app = connect(&bench.app_url("east")).await.unwrap();
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let changing = tokio::spawn(async move {
        let mut changes = 0;
        while stopped.try_recv().is_err() {
            let change =
                "UPDATE log SET what = what || '.' WHERE ctid = (SELECT min(ctid) FROM log);
                          DELETE FROM log WHERE ctid = (SELECT max(ctid) FROM log);
                          INSERT INTO log VALUES (now(), 'again')";
            app.batch_execute(change).await.expect("the application's change");
            changes += 1;
        }
        changes
    });
    let mut run = begin(bench.plan_move("east", "west", 2, "keyless"));
    bench.perform(&mut run, 1, VERIFIED).await.unwrap();
    bench.undo(&mut run, 1).await.unwrap();
    stop.send(()).unwrap();
    assert!(changing.await.unwrap() > 10);
    let tables = catalog::tables(&bench.ours("east").await).await.unwrap();
    assert!(tables.iter().all(|table| table.identity == "d"), "{tables:?}");
}

/// A crash empties unlogged tables; the other side then has what the source has: nothing.
#[tokio::test(flavor = "multi_thread")]
async fn an_unlogged_table_that_a_crash_empties_is_empty_on_both_sides() {
    let bench = Bench::start().await;
    shop::make(&bench, "east").await;
    let made = "CREATE UNLOGGED TABLE public.cache (id int PRIMARY KEY, v text);
                INSERT INTO public.cache SELECT n, 'v' FROM generate_series(1, 100) n;
                ALTER TABLE public.cache OWNER TO app";
    bench.east.execute("app", made).await;
    let unstreamed = Unstreamed { unlogged: true, ..Unstreamed::default() };
    let options = MoveOptions { unstreamed, ..MoveOptions::default() };
    let mut run = begin(bench.plan_move_with("east", "west", 2, "cache", options));
    bench.perform(&mut run, 1, VERIFIED).await.unwrap();
    crash(&bench.east);
    bench.east.execute("app", "INSERT INTO public.cache VALUES (1, 'after')").await;
    bench.perform(&mut run, 1, |_| false).await.unwrap();
    for environment in ["east", "west"] {
        let found = rows(&bench.ours(environment).await).await;
        assert_eq!(found, ["1 after"], "{environment}");
    }
}

async fn rows(server: &Server) -> Vec<String> {
    let sql = "SELECT id || ' ' || v FROM public.cache";
    server.texts("read", sql, &[]).await.unwrap()
}
