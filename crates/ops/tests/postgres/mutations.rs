//! Each safety step of the switch is needed: with one of them left out or weakened, a move loses,
//! doubles or reuses something. The steps are left out here, in the test's own walk through the
//! plan; nothing that is shipped can leave one out.

use std::time::Duration;

use serde_json::{Value, json};
use trefoil_core::journal::{Event, Run};
use trefoil_core::plan::{Action, PrepareOutput, Step};
use trefoil_ops::actions;
use trefoil_ops::movers::postgres::lag;

use crate::bench::{Bench, append, begin, close, connect};
use crate::shop;

const ARMED: fn(&Action) -> bool = |action| matches!(action, Action::ArmReturn(_));

/// What is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Without {
    Nothing,
    Marker,
    SlotAdvance,
    TerminateLoop,
    Sequences,
}

/// What went wrong.
#[derive(Debug, Default, PartialEq, Eq)]
struct Damage {
    /// Acknowledged rows that the target does not have.
    lost: Vec<&'static str>,
    /// The stream back brought rows home that were there.
    doubled: bool,
    /// A number was given twice.
    reused: bool,
}

/// One move from `east` to `west` in which everything that a step guards against happens.
async fn moved(without: Without) -> Damage {
    let bench = Bench::start().await;
    shop::make(&bench, "east").await;
    let mut run = begin(bench.plan_move("east", "west", 2, "without"));
    bench.perform(&mut run, 1, ARMED).await.unwrap();

    let app = connect(&bench.app_url("east")).await.unwrap();
    let write = "INSERT INTO log VALUES (now(), 'after arming')";
    app.batch_execute(write).await.unwrap();
    let next = "SELECT nextval('public.invoice_no')";
    let given: i64 = app.query_one(next, &[]).await.unwrap().get(0);
    // The last row before the fence cannot be applied at once.
    let blocker = connect(&bench.west.url("app")).await.unwrap();
    let lock = "BEGIN READ WRITE; LOCK TABLE \"Odd Name\".\"select\" IN ACCESS EXCLUSIVE MODE";
    blocker.batch_execute(lock).await.unwrap();
    let last = "INSERT INTO \"Odd Name\".\"select\" VALUES ('last', 'sad')";
    app.batch_execute(last).await.unwrap();
    let freed = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        blocker.batch_execute("COMMIT").await.ok();
    });

    let mut late_acknowledged = false;
    for step in run.plan.steps.clone() {
        if step.finish {
            break;
        }
        if run.is_done(step.n) {
            continue;
        }
        // After the stream has ended nothing brings it to the other side.
        if matches!(step.action, Action::OpenDatabase(_)) {
            let late = "BEGIN READ WRITE; INSERT INTO log VALUES (now(), 'late'); COMMIT";
            late_acknowledged = app.batch_execute(late).await.is_ok();
        }
        append(&mut run, Event::started(step.n));
        let output = match in_the_switch(&step.action) {
            true => perform(&bench, &run, &step, without).await,
            false => Value::Null,
        };
        append(&mut run, Event::Succeeded { step: step.n, output });
    }
    freed.await.unwrap();
    look(&bench, &run, given, late_acknowledged).await
}

fn in_the_switch(action: &Action) -> bool {
    matches!(
        action,
        Action::FenceDatabase(_)
            | Action::DrainDatabase(_)
            | Action::SyncDatabase(_)
            | Action::DetachDatabase(_)
            | Action::OpenDatabase(_)
            | Action::StartReturn(_)
    )
}

/// One step, or what is left of it.
async fn perform(bench: &Bench, run: &Run, step: &Step, without: Without) -> Value {
    match (&step.action, without) {
        (Action::DrainDatabase(_), Without::Marker) => Value::Null,
        (Action::SyncDatabase(_), Without::Sequences) => json!({"sequences": 0, "tables": []}),
        (Action::FenceDatabase(_), Without::TerminateLoop) => {
            let close = "REVOKE CONNECT ON DATABASE app FROM PUBLIC, app; ALTER ROLE app NOLOGIN;
                 ALTER DATABASE app SET default_transaction_read_only = on";
            bench.east.execute("app", close).await;
            Value::Null
        }
        (Action::DetachDatabase(detach), Without::SlotAdvance) => {
            let disable = format!("ALTER SUBSCRIPTION \"{}\" DISABLE", detach.stream);
            let session = bench.ours("west").await;
            session.batch("disable", &disable).await.unwrap();
            let alive = "SELECT pg_terminate_backend(pid) FROM pg_stat_subscription
                         WHERE subname = $1 AND pid IS NOT NULL";
            while !session.query("look", alive, &[&detach.stream]).await.unwrap().is_empty() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Value::Null
        }
        _ => {
            let cx = bench.context(run, step.n);
            actions::of(&step.action).perform(&cx).await.unwrap()
        }
    }
}

async fn look(bench: &Bench, run: &Run, given: i64, late_acknowledged: bool) -> Damage {
    let mut damage = Damage::default();
    let west = connect(&bench.app_url("west")).await.unwrap();
    let next = west.query_one("SELECT nextval('public.invoice_no')", &[]).await.unwrap();
    damage.reused = next.get::<_, i64>(0) <= given;
    let found = |sql: &'static str| {
        let west = &west;
        async move { west.query_one(sql, &[]).await.unwrap().get::<_, i64>(0) == 1 }
    };
    if !found("SELECT count(*) FROM \"Odd Name\".\"select\" WHERE \"order\" = 'last'").await {
        damage.lost.push("last");
    }
    if late_acknowledged && !found("SELECT count(*) FROM log WHERE what = 'late'").await {
        damage.lost.push("late");
    }
    let pair = bench.pair("west", "east").await;
    let back = run.plan.steps.iter().find_map(|step| match &step.action {
        Action::StartReturn(start) => Some(start.return_stream.clone()),
        _ => None,
    });
    let flows = lag::catch_up(&pair, &back.unwrap(), &|_| {}).await;
    let sql = "SELECT count(*) FROM public.log WHERE what = 'after arming'";
    let rows: i64 = pair.target.one("count", sql, &[]).await.unwrap().get(0);
    damage.doubled = flows.is_err() || rows != 1;
    damage
}

#[tokio::test(flavor = "multi_thread")]
async fn with_every_step_nothing_is_lost_doubled_or_reused() {
    assert_eq!(moved(Without::Nothing).await, Damage::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_marker_the_last_row_is_lost() {
    assert!(moved(Without::Marker).await.lost.contains(&"last"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_advancing_the_slot_rows_come_home_twice() {
    assert!(moved(Without::SlotAdvance).await.doubled);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_ending_sessions_an_acknowledged_row_is_lost() {
    assert_eq!(moved(Without::TerminateLoop).await.lost, ["late"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_carrying_sequences_numbers_are_given_twice() {
    assert!(moved(Without::Sequences).await.reused);
}

/// A role that the fence leaves out is noticed twice: by the fence, and before the other side
/// opens.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_outside_of_the_fence_keeps_the_other_side_closed() {
    let bench = Bench::start().await;
    for server in [&bench.east, &bench.west] {
        let role = "CREATE ROLE second LOGIN PASSWORD 'x'; GRANT CONNECT ON DATABASE app TO second";
        server.execute("app", role).await;
    }
    shop::make(&bench, "east").await;
    let mut run = begin(bench.plan_move("east", "west", 2, "role"));
    bench.perform(&mut run, 1, ARMED).await.unwrap();
    let prepared = run.plan.find(|action| matches!(action, Action::PrepareDatabase(_))).unwrap();
    let mut output: PrepareOutput =
        serde_json::from_value(run.output(prepared).unwrap().clone()).unwrap();
    output.source_access.roles.retain(|role| role.name != "second");
    let east = bench.ours("east").await;
    let error = close(&east, &output.source_access).await;
    assert_eq!(error.unwrap_err().code(), "fence_not_held");

    let open = run.plan.find(|action| matches!(action, Action::OpenDatabase(_))).unwrap();
    let cx = bench.context(&run, open);
    let error = actions::of(&cx.step.action).perform(&cx).await.unwrap_err();
    assert_eq!(error.code(), "both_would_be_open");
    assert!(error.to_string().contains("second"), "{error}");
}
