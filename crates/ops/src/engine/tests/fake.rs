//! A world whose state is files, so that it outlives a process that dies in it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tempfile::TempDir;
use trefoil_core::journal::Run;
use trefoil_core::plan::{Action, AwaitReady, Inputs, Plan, SwitchTraffic};

use crate::engine::{Check, Context, Engine, Perform, Silent, Stop, World, harness};
use crate::state::State;
use crate::{Error, Result};

/// The action behind every step. Files in the world's folder say how it behaves: `fail-N` (once),
/// `slow-N` (milliseconds), `blocked-N`, `undo-fail-N` (until it is removed), `steal-N`.
struct Fake;

fn fake(_: &Action) -> &dyn Perform {
    &Fake
}

fn file(cx: &Context<'_>, what: &str) -> PathBuf {
    cx.world.folder.join(format!("{what}-{}", cx.step.n))
}

fn remember(cx: &Context<'_>, line: &str) {
    let path = cx.world.folder.join("history");
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    std::fs::write(path, format!("{text}{line} {}\n", cx.step.n)).unwrap();
}

#[async_trait]
impl Perform for Fake {
    async fn check(&self, cx: &Context<'_>) -> Result<Check> {
        let n = cx.step.n;
        if file(cx, "blocked").exists() {
            return Ok(Check::Blocked(Error::refused("fake_blocked", "it cannot be done")));
        }
        // Every second step cannot tell whether it was done.
        if n.is_multiple_of(2) && std::fs::read(file(cx, "step")).is_ok_and(|text| text == b"done")
        {
            return Ok(Check::Done(json!({ "n": n })));
        }
        if n > 1 && cx.run.output(n - 1).is_none() {
            return Ok(Check::After { step: n - 1, provides: "a number".into() });
        }
        Ok(Check::Ready)
    }

    async fn find(&self, cx: &Context<'_>) -> Result<Option<Value>> {
        Ok(Some(json!(file(cx, "step").exists())))
    }

    async fn perform(&self, cx: &Context<'_>) -> Result<Value> {
        let n = cx.step.n;
        remember(cx, "do");
        std::fs::write(file(cx, "step"), "half").unwrap();
        if n > 1 {
            assert_eq!(cx.output::<Value>(n - 1)?, json!({ "n": n - 1 }));
        }
        if std::fs::remove_file(file(cx, "fail")).is_ok() {
            return Err(Error::failed("fake_failed", "it broke").because(Error::failed("f", "why")));
        }
        if let Ok(pause) = std::fs::read_to_string(file(cx, "slow")) {
            tokio::time::sleep(Duration::from_millis(pause.parse().unwrap())).await;
        }
        if std::fs::remove_file(file(cx, "steal")).is_ok() {
            let state = State::open(&cx.world.folder.join("state")).await?;
            state.adopt(&cx.run.plan.plan_id).await?;
        }
        std::fs::write(file(cx, "step"), "done").unwrap();
        Ok(json!({ "n": n }))
    }

    async fn undo(&self, cx: &Context<'_>) -> Result<()> {
        if file(cx, "undo-fail").exists() {
            return Err(Error::failed("fake_failed", "it cannot be undone"));
        }
        assert_eq!(cx.found(), Some(false), "what a dead process made is taken for what was there");
        let known = cx.run.output(cx.step.n).is_some();
        remember(cx, if known { "undo done" } else { "undo" });
        let _ = std::fs::remove_file(file(cx, "step"));
        Ok(())
    }
}

/// Steps 1 and 2 prepare, 3 and 4 are the window, 5 is the switch, from 6 on users are served, 7
/// follows, 8 finishes.
pub(super) fn marked_plan(id: &str) -> Plan {
    let action = Action::AwaitReady(AwaitReady { environment: "west".into(), timeout_ms: 1 });
    let mut plan = harness::plan(vec![action; 8]);
    for step in &mut plan.steps {
        step.window = (3..=5).contains(&step.n);
        step.switch = step.n == 5;
        step.finish = step.n == 8;
    }
    let switch = SwitchTraffic { from: "east".into(), to: "west".into(), epoch: 1 };
    plan.steps[5].action = Action::SwitchTraffic(switch);
    plan.plan_id = id.into();
    plan.epoch = 1;
    plan
}

/// A state and a world in one folder.
pub(super) struct Bed {
    pub(super) state: State,
    world: World,
    _folder: Option<TempDir>,
}

impl Bed {
    pub(super) async fn new() -> Bed {
        let folder = tempfile::tempdir().unwrap();
        let bed = Bed::at(folder.path()).await;
        Bed { _folder: Some(folder), ..bed }
    }

    pub(super) async fn at(folder: &Path) -> Bed {
        let spec = serde_json::from_value(json!({"name": "notes"})).unwrap();
        let world = World {
            spec,
            spec_file: folder.join("trefoil.yaml"),
            sites: BTreeMap::new(),
            folder: folder.to_owned(),
            log_url: None,
            program: PathBuf::from("trefoil"),
            kept: Default::default(),
        };
        Bed { state: State::open(&folder.join("state")).await.unwrap(), world, _folder: None }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.world.folder
    }

    pub(super) fn engine(&self) -> Engine<'_> {
        self.engine_with(Stop::never())
    }

    pub(super) fn engine_with(&self, stop: Stop) -> Engine<'_> {
        let engine = Engine::new(&self.state, &self.world, &Silent, stop);
        Engine { actions: fake, ..engine }
    }

    pub(super) async fn start(&self) -> Result<Run> {
        self.start_plan(&marked_plan("run-1")).await
    }

    pub(super) async fn start_plan(&self, plan: &Plan) -> Result<Run> {
        self.state.record_plan(plan).await?;
        self.engine().start(plan, &observed(plan)).await
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder().join(name), text).unwrap();
    }

    pub(super) fn remove(&self, name: &str) {
        std::fs::remove_file(self.folder().join(name)).unwrap();
    }

    /// Forgets what was done in the world, not what is in the log.
    pub(super) fn clear(&self) {
        for n in self.done() {
            self.remove(&format!("step-{n}"));
        }
    }

    /// The steps that are done in the world.
    pub(super) fn done(&self) -> Vec<usize> {
        let is_done = |n: &usize| {
            std::fs::read(self.folder().join(format!("step-{n}"))).is_ok_and(|text| text == b"done")
        };
        (1..=8).filter(is_done).collect()
    }

    /// Whether no step has left anything.
    pub(super) fn is_clean(&self) -> bool {
        (1..=8).all(|n| !self.folder().join(format!("step-{n}")).exists())
    }

    pub(super) fn history(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.folder().join("history")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Every file of the world with its content.
    pub(super) fn picture(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files: Vec<_> = std::fs::read_dir(self.folder())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_file())
            .map(|path| (path.clone(), std::fs::read(path).unwrap()))
            .collect();
        files.sort();
        files
    }
}

pub(super) fn observed(plan: &Plan) -> Inputs {
    plan.inputs.clone()
}
