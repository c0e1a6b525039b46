//! The actions on environments, application and traffic, through the harness and in their corners.

use async_trait::async_trait;
use serde_json::{Value, json};
use trefoil_clouds::operate::provision::Provisioned;
use trefoil_core::plan::{
    Action, AwaitReady, DrainTraffic, HoldTraffic, OpenEdge, ProvisionEnvironment,
    SetUpApplication, StartApplication, StopApplication, SwitchTraffic, TearDownEnvironment,
};

use super::site::{Shared, clouds, edge_at, world};
use crate::engine::{Check, Context, Silent, World, harness};
use crate::{Result, actions};

/// One action in a world of its own.
struct Memory {
    clouds: Shared,
    world: World,
    steps: Vec<(Action, Option<Value>)>,
    undoable: bool,
}

#[async_trait]
impl harness::Bench for Memory {
    fn world(&self) -> &World {
        &self.world
    }

    fn steps(&self) -> Vec<(Action, Option<Value>)> {
        self.steps.clone()
    }

    async fn picture(&self) -> String {
        let clouds = self.clouds.lock().unwrap();
        format!("{:?} {:?}", clouds.places, clouds.edge)
    }

    async fn break_once(&self) {
        let mut clouds = self.clouds.lock().unwrap();
        clouds.broken = true;
        // As often as an application is asked within the 150 ms of the bench.
        clouds.unready = 2;
    }

    fn undoable(&self) -> bool {
        self.undoable
    }
}

/// A bench on which `west` is provisioned already when `provisioned` says so.
fn bench(action: Action, prepare: impl FnOnce(&mut super::site::Clouds)) -> Memory {
    let clouds = clouds();
    prepare(&mut clouds.lock().unwrap());
    let world = world(&clouds);
    Memory { clouds, world, steps: vec![(action, None)], undoable: true }
}

fn provisioned(clouds: &mut super::site::Clouds) {
    clouds.places.get_mut("west").unwrap().provisioned = Provisioned::Running;
}

/// What makes a world ready for a bench.
type Prepare = fn(&mut super::site::Clouds);

fn running(clouds: &mut super::site::Clouds) {
    provisioned(clouds);
    clouds.places.get_mut("west").unwrap().running = true;
}

fn west() -> String {
    "west".into()
}

fn east() -> String {
    "east".into()
}

fn provision() -> Action {
    Action::ProvisionEnvironment(ProvisionEnvironment { environment: west() })
}

fn start(standby: bool) -> Action {
    Action::StartApplication(StartApplication { environment: west(), standby })
}

fn ready(timeout_ms: u64) -> Action {
    Action::AwaitReady(AwaitReady { environment: west(), timeout_ms })
}

fn open_edge() -> Action {
    Action::OpenEdge(OpenEdge { environment: west(), port: 8000, epoch: 1 })
}

fn hold() -> Action {
    Action::HoldTraffic(HoldTraffic { environment: east(), limit_requests: 1, limit_ms: 1 })
}

fn switch() -> Action {
    Action::SwitchTraffic(SwitchTraffic { from: east(), to: west(), epoch: 2 })
}

#[tokio::test]
async fn provision_environment_stands_everything() {
    harness::prove(&bench(provision(), |_| {})).await;
}

#[tokio::test]
async fn set_up_application_stands_everything() {
    let action = Action::SetUpApplication(SetUpApplication { environment: west() });
    harness::prove(&Memory { undoable: false, ..bench(action, provisioned) }).await;
}

#[tokio::test]
async fn start_application_stands_everything() {
    harness::prove(&bench(start(false), provisioned)).await;
    harness::prove(&bench(start(true), provisioned)).await;
}

#[tokio::test]
async fn stop_application_stands_everything() {
    let stop = StopApplication { environment: west(), drain_ms: 10 };
    harness::prove(&bench(Action::StopApplication(stop), running)).await;
}

#[tokio::test]
async fn await_ready_stands_everything() {
    harness::prove(&Memory { undoable: false, ..bench(ready(150), running) }).await;
}

#[tokio::test]
async fn open_edge_stands_everything() {
    let bench = bench(open_edge(), |clouds| {
        running(clouds);
        clouds.edge = None;
    });
    harness::prove(&bench).await;
}

#[tokio::test]
async fn tear_down_environment_stands_everything() {
    for destroy in [false, true] {
        let tear = TearDownEnvironment { environment: west(), destroy };
        let bench = bench(Action::TearDownEnvironment(tear), |clouds| {
            running(clouds);
            clouds.edge = Some(edge_at("west", 1));
        });
        // It dies in the middle, and the next process does the rest.
        bench.clouds.lock().unwrap().broken = true;
        Look::new(&bench).perform().await.unwrap_err();
        let bench = Memory { undoable: false, ..bench };
        harness::prove(&bench).await;
        let clouds = bench.clouds.lock().unwrap();
        let wanted = if destroy { Provisioned::Absent } else { Provisioned::Stopped };
        assert_eq!(clouds.places["west"].provisioned, wanted);
        assert!(clouds.edge.is_none(), "users were left in the void");
    }
}

#[tokio::test]
async fn tear_down_leaves_the_edge_of_another_environment_alone() {
    let tear = TearDownEnvironment { environment: west(), destroy: true };
    let bench = bench(Action::TearDownEnvironment(tear), running);
    Look::new(&bench).perform().await.unwrap();
    assert!(bench.clouds.lock().unwrap().edge.is_some());
}

#[tokio::test]
async fn hold_traffic_stands_everything() {
    harness::prove(&bench(hold(), |_| {})).await;
}

#[tokio::test]
async fn drain_traffic_stands_everything() {
    let drain = DrainTraffic { environment: east(), deadline_ms: 10 };
    let bench = bench(Action::DrainTraffic(drain), |clouds| {
        clouds.edge.as_mut().unwrap().in_flight = 3;
    });
    let output = Look::new(&bench).perform().await.unwrap();
    assert_eq!(output, json!({ "drained": 3, "cut": 0 }));
    harness::prove(&Memory { undoable: false, ..bench }).await;
}

#[tokio::test]
async fn switch_traffic_is_idempotent_and_never_undone() {
    let bench = bench(switch(), running);
    let look = Look::new(&bench);
    assert!(matches!(look.check().await, Check::Ready));
    for _ in 0..2 {
        look.perform().await.unwrap();
        assert!(matches!(look.check().await, Check::Done(_)));
    }
    let edge = bench.clouds.lock().unwrap().edge.clone().unwrap();
    assert_eq!((edge.epoch, edge.upstream.unwrap().address.as_str()), (2, "west:1"));
    assert_eq!(look.undo().await.unwrap_err().code(), "run_switched");
}

/// One action looked at by itself.
struct Look<'a> {
    bench: &'a Memory,
    run: trefoil_core::journal::Run,
}

impl<'a> Look<'a> {
    fn new(bench: &'a Memory) -> Self {
        Self { bench, run: harness::run(bench.steps.clone()) }
    }

    fn context(&self) -> Context<'_> {
        let Some(step) = self.run.plan.steps.last() else { panic!("the bench has no steps") };
        Context { world: &self.bench.world, run: &self.run, step, progress: &Silent, journal: None }
    }

    async fn check(&self) -> Check {
        let cx = self.context();
        actions::of(&cx.step.action).check(&cx).await.unwrap()
    }

    async fn find(&self) -> Option<Value> {
        let cx = self.context();
        actions::of(&cx.step.action).find(&cx).await.unwrap()
    }

    async fn perform(&self) -> Result<Value> {
        let cx = self.context();
        actions::of(&cx.step.action).perform(&cx).await
    }

    async fn undo(&self) -> Result<()> {
        let cx = self.context();
        actions::of(&cx.step.action).undo(&cx).await
    }
}

/// What the bench's action finds before it is begun is all that a process after a dead one knows.
async fn undone_after_a_death(bench: &Memory) {
    let mut look = Look::new(bench);
    let n = look.run.plan.steps.len();
    let found = look.find().await;
    look.run.found.extend(found.map(|found| (n, found)));
    if let Check::Ready = look.check().await {
        look.perform().await.unwrap();
    }
    look.undo().await.unwrap();
}

#[tokio::test]
async fn an_environment_is_left_as_it_was_found() {
    for before in [Provisioned::Absent, Provisioned::Stopped, Provisioned::Running] {
        let bench = bench(provision(), |clouds| {
            clouds.places.get_mut("west").unwrap().provisioned = before;
        });
        undone_after_a_death(&bench).await;
        assert_eq!(bench.clouds.lock().unwrap().places["west"].provisioned, before);
    }
}

#[tokio::test]
async fn an_application_that_ran_before_goes_on_running() {
    for (before, standby, after) in
        [(provisioned as Prepare, false, false), (running, false, true), (running, true, false)]
    {
        let bench = bench(start(standby), before);
        undone_after_a_death(&bench).await;
        assert_eq!(bench.clouds.lock().unwrap().places["west"].running, after);
    }
}

#[tokio::test]
async fn an_edge_that_was_open_before_stays_open() {
    for open in [false, true] {
        let bench = bench(open_edge(), |clouds| {
            running(clouds);
            clouds.edge = open.then(|| edge_at("west", 1));
        });
        undone_after_a_death(&bench).await;
        assert_eq!(bench.clouds.lock().unwrap().edge.is_some(), open);
    }
}

#[tokio::test]
async fn an_application_that_does_not_become_ready_says_why() {
    let bench = bench(ready(250), running);
    bench.clouds.lock().unwrap().unready = 1_000;
    let error = Look::new(&bench).perform().await.unwrap_err();
    assert_eq!(error.code(), "not_ready");
    assert!(error.to_string().contains("its database does not answer"), "{error}");
    bench.clouds.lock().unwrap().unready = 1;
    Look::new(&bench).perform().await.unwrap();
}

#[tokio::test]
async fn a_source_that_is_started_again_must_be_ready() {
    let stop = StopApplication { environment: west(), drain_ms: 10 };
    let bench = bench(Action::StopApplication(stop), provisioned);
    bench.clouds.lock().unwrap().unready = 1_000;
    assert_eq!(Look::new(&bench).undo().await.unwrap_err().code(), "not_ready");
}

#[tokio::test]
async fn holding_needs_an_edge_that_serves_this_environment() {
    let bench = bench(hold(), |clouds| clouds.edge = None);
    let code = |check| match check {
        Check::Blocked(error) => error.code(),
        other => panic!("{other:?}"),
    };
    assert_eq!(code(Look::new(&bench).check().await), "edge_absent");
    bench.clouds.lock().unwrap().edge = Some(edge_at("west", 2));
    assert_eq!(code(Look::new(&bench).check().await), "edge_elsewhere");
    assert_eq!(Look::new(&bench).undo().await.unwrap_err().code(), "edge_elsewhere");
}

#[tokio::test]
async fn an_edge_that_died_while_holding_is_started_again() {
    let bench = bench(hold(), |_| {});
    Look::new(&bench).perform().await.unwrap();
    bench.clouds.lock().unwrap().edge = None;
    Look::new(&bench).undo().await.unwrap();
    let edge = bench.clouds.lock().unwrap().edge.clone().unwrap();
    assert_eq!(edge.upstream.unwrap().environment, "east");
}

#[tokio::test]
async fn a_switch_below_the_edge_is_blocked() {
    let bench = bench(switch(), |clouds| {
        running(clouds);
        clouds.edge = Some(edge_at("east", 3));
    });
    let Check::Blocked(error) = Look::new(&bench).check().await else { panic!() };
    assert_eq!(error.code(), "epoch_stale");
}

#[tokio::test]
async fn what_needs_an_earlier_step_is_not_called_ready() {
    let mut bench = bench(start(false), |_| {});
    for (action, earlier) in
        [(start(false), provision()), (ready(1), start(false)), (open_edge(), start(false))]
    {
        bench.steps = vec![(earlier, None), (action, None)];
        let check = Look::new(&bench).check().await;
        assert!(matches!(check, Check::After { step: 1, .. }), "{check:?}");
    }
}
