//! Two environments with real stores in a temporary folder, and runs with outputs.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;
use trefoil_clouds::objects::Objects;
use trefoil_clouds::operate::Site;
use trefoil_clouds::operate::compute::{Compute, Running};
use trefoil_clouds::operate::edge_protocol::{Drained, EdgeStatus, Hold, Release};
use trefoil_clouds::operate::inventory::Observe;
use trefoil_clouds::operate::provision::{DatabaseAdmin, Provision, Provisioned};
use trefoil_clouds::operate::traffic::Traffic;
use trefoil_clouds::secrets::Secrets;
use trefoil_clouds::services::Services;
use trefoil_clouds::sessions::Sessions;
use trefoil_core::inventory::Inventory;
use trefoil_core::journal::{Entry, Event, Run};
use trefoil_core::plan::{Action, Limits, Plan};
use trefoil_ops::Result;
use trefoil_ops::engine::World;
use trefoil_ops::movers::Pace;
use trefoil_ops::movers::objects::{Manifest, Route, Which};

pub(crate) const BUCKET: &str = "documents";

pub(crate) fn bucket(folder: &Path, name: &str) -> Objects {
    Objects::open(&format!("file://{}/objects", folder.join(name).display())).unwrap()
}

pub(crate) fn sessions(folder: &Path, name: &str) -> Sessions {
    std::fs::create_dir_all(folder.join(name)).unwrap();
    Sessions::open(&format!("file://{}/sessions.sqlite", folder.join(name).display())).unwrap()
}

pub(crate) fn secrets(folder: &Path, name: &str) -> Secrets {
    std::fs::create_dir_all(folder.join(name)).unwrap();
    Secrets::open(&format!("file://{}/secrets.age", folder.join(name).display())).unwrap()
}

pub(crate) async fn put(bucket: &Objects, key: &str, content: &str) {
    bucket.put_bytes(key, Bytes::copy_from_slice(content.as_bytes())).await.unwrap();
}

pub(crate) async fn read(bucket: &Objects, key: &str) -> Option<String> {
    let found = bucket.get_bytes(key, 1 << 20).await.unwrap();
    found.map(|(_, content)| String::from_utf8(content.to_vec()).unwrap())
}

/// The way from `east` to `west`, for a run that begins.
pub(crate) async fn there(folder: &TempDir, east: &Objects, west: &Objects) -> Route {
    let run = uuid::Uuid::new_v4().to_string();
    route(folder.path(), (east, "east"), (west, "west"), Some(&run)).await
}

/// The way back, which goes on with what was carried there.
pub(crate) async fn back(folder: &TempDir, east: &Objects, west: &Objects) -> Route {
    route(folder.path(), (west, "west"), (east, "east"), None).await
}

pub(crate) async fn route(
    folder: &Path,
    (source, from): (&Objects, &str),
    (target, to): (&Objects, &str),
    begun_by: Option<&str>,
) -> Route {
    let which = Which { folder, from, to, bucket: BUCKET, begun_by };
    Route {
        source: source.clone(),
        target: target.clone(),
        manifest: Manifest::open(which).await.unwrap(),
        pace: Pace::new(&Limits::default()),
        own_target: begun_by.is_none(),
    }
}

/// `east` and `west`, both running, with a bucket, sessions and secrets.
pub(crate) fn world(folder: &Path) -> World {
    let sites = ["east", "west"].map(|name| (name.to_owned(), site(folder, name)));
    World {
        spec: serde_json::from_value(json!({ "name": "shop" })).unwrap(),
        spec_file: folder.join("trefoil.yaml"),
        sites: BTreeMap::from(sites),
        folder: folder.to_owned(),
        log_url: None,
        program: std::env::current_exe().unwrap(),
        kept: Default::default(),
    }
}

pub(crate) fn fresh_world() -> (TempDir, World) {
    let folder = tempfile::tempdir().unwrap();
    let world = world(folder.path());
    (folder, world)
}

fn site(folder: &Path, name: &str) -> Site {
    let services = Services {
        objects: BTreeMap::from([(BUCKET.to_owned(), bucket(folder, name))]),
        database: None,
        sessions: Some(sessions(folder, name)),
        secrets: secrets(folder, name),
    };
    site_of(name, services, Provisioned::Running)
}

pub(crate) fn site_of(name: &str, services: Services, state: Provisioned) -> Site {
    let stand_in = Arc::new(StandIn { state });
    Site {
        name: name.to_owned(),
        cloud: "a test".to_owned(),
        provision: stand_in.clone(),
        inventory: stand_in.clone(),
        compute: stand_in.clone(),
        traffic: stand_in,
        services,
    }
}

/// A run of these actions, with the outputs of those that are done.
pub(crate) fn run(plan: &Value, actions: &[Action], outputs: &[Value]) -> Run {
    Run::fold(entries(plan, actions, outputs)).unwrap()
}

pub(crate) fn entries(plan: &Value, actions: &[Action], outputs: &[Value]) -> Vec<Entry> {
    let steps: Vec<Value> = (1..).zip(actions).map(|(n, action)| step(n, action)).collect();
    let mut whole = json!({
        "plan_id": "run-1", "kind": "migrate", "made_at": "2026-01-01T00:00:00Z",
        "application": "shop", "from": "east", "to": "west", "epoch": 2, "parent": null,
        "inputs": { "specification": "", "source": "", "target": "" }, "steps": steps,
        "mapping": [], "blockers": [], "downtime_ms": { "low": 0, "high": 0 },
        "bytes": {
            "database_bytes": 0, "objects_bytes": 0, "objects": 0, "sessions": 0, "secrets": 0
        },
        "traffic": "edge", "window_deadline_ms": 1000, "soak_ms": 1000
    });
    for (key, value) in plan.as_object().unwrap() {
        whole[key] = value.clone();
    }
    let plan: Plan = serde_json::from_value(whole).unwrap();
    let mut events = vec![Event::Opened { plan: Box::new(plan) }];
    for (step, output) in (1..).zip(outputs) {
        events.push(Event::started(step));
        events.push(Event::Succeeded { step, output: output.clone() });
    }
    events.into_iter().map(|event| Entry { at: Timestamp::UNIX_EPOCH, event }).collect()
}

fn step(n: usize, action: &Action) -> Value {
    let mut step = serde_json::to_value(action).unwrap();
    step["n"] = n.into();
    step["undo"] = Value::Null;
    step["estimate_ms"] = json!({ "low": 0, "high": 0 });
    step["finish"] = matches!(action, Action::FinishBackflow(_)).into();
    step
}

/// Stands for what these tests never touch: using it fails the test.
struct StandIn {
    state: Provisioned,
}

#[async_trait]
impl Provision for StandIn {
    async fn state(&self) -> Result<Provisioned> {
        Ok(self.state)
    }
    async fn provision(&self) -> Result<()> {
        panic!("not used here")
    }
    async fn stop(&self) -> Result<()> {
        panic!("not used here")
    }
    async fn destroy(&self) -> Result<()> {
        panic!("not used here")
    }
    async fn database_admin(&self) -> Result<Option<DatabaseAdmin>> {
        panic!("not used here")
    }
}

#[async_trait]
impl Observe for StandIn {
    async fn observe(&self) -> Result<Inventory> {
        panic!("not used here")
    }
}

#[async_trait]
impl Compute for StandIn {
    async fn set_up(&self) -> Result<()> {
        panic!("not used here")
    }
    async fn start(&self) -> Result<Running> {
        panic!("not used here")
    }
    async fn stop(&self, _: Duration) -> Result<()> {
        panic!("not used here")
    }
    async fn running(&self) -> Result<Option<Running>> {
        panic!("not used here")
    }
    async fn ready(&self) -> Result<std::result::Result<(), String>> {
        panic!("not used here")
    }
}

#[async_trait]
impl Traffic for StandIn {
    fn kind(&self) -> &'static str {
        panic!("not used here")
    }
    async fn open(&self, _: u16) -> Result<()> {
        panic!("not used here")
    }
    async fn status(&self) -> Result<Option<EdgeStatus>> {
        panic!("not used here")
    }
    async fn hold(&self, _: &Hold) -> Result<()> {
        panic!("not used here")
    }
    async fn drain(&self, _: Duration) -> Result<Drained> {
        panic!("not used here")
    }
    async fn release(&self, _: &Release) -> Result<()> {
        panic!("not used here")
    }
    async fn close(&self) -> Result<()> {
        panic!("not used here")
    }
}
