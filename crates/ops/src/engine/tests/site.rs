//! Two environments and an edge in memory, which behave as the traits' words say.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use trefoil_clouds::operate::Site;
use trefoil_clouds::operate::compute::{Compute, Running};
use trefoil_clouds::operate::edge_protocol::{
    Drained, EdgeCounters, EdgeStatus, Hold, Release, Upstream,
};
use trefoil_clouds::operate::inventory::Observe;
use trefoil_clouds::operate::provision::{DatabaseAdmin, Provision, Provisioned};
use trefoil_clouds::operate::traffic::Traffic;
use trefoil_clouds::services::{ServiceUrls, Services};
use trefoil_core::inventory::Inventory;

use crate::engine::World;
use crate::{Error, Result};

/// One environment.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) provisioned: Provisioned,
    pub(super) set_up: bool,
    pub(super) running: bool,
}

/// Everything that exists.
#[derive(Debug)]
pub(super) struct Clouds {
    pub(super) places: BTreeMap<&'static str, Place>,
    pub(super) edge: Option<EdgeStatus>,
    /// The next change fails.
    pub(super) broken: bool,
    /// How often an application still says that it is not ready.
    pub(super) unready: u32,
}

pub(super) type Shared = Arc<Mutex<Clouds>>;

pub(super) fn address(name: &str) -> String {
    format!("{name}:1")
}

pub(super) fn edge_at(name: &str, epoch: u64) -> EdgeStatus {
    EdgeStatus {
        pid: 1,
        listen: "127.0.0.1:8000".into(),
        upstream: Some(Upstream { environment: name.into(), address: address(name) }),
        epoch,
        holding: false,
        held: 0,
        in_flight: 0,
        counters: EdgeCounters::default(),
    }
}

/// `east` serves under epoch 1; of `west` there is nothing.
pub(super) fn clouds() -> Shared {
    let place = |provisioned, on| Place { provisioned, set_up: on, running: on };
    let places = BTreeMap::from([
        ("east", place(Provisioned::Running, true)),
        ("west", place(Provisioned::Absent, false)),
    ]);
    let edge = Some(edge_at("east", 1));
    Arc::new(Mutex::new(Clouds { places, edge, broken: false, unready: 0 }))
}

pub(super) fn world(clouds: &Shared) -> World {
    let spec = serde_json::from_value(serde_json::json!({
        "name": "notes",
        "application": {
            "command": ["notes"], "setup": ["notes", "migrate"],
            "health": { "start_time": "200ms" }, "drain": "1s",
        },
        "environments": { "east": { "cloud": "fake" }, "west": { "cloud": "fake" } },
    }))
    .unwrap();
    let sites = ["east", "west"].map(|name| (name.to_owned(), site(name, clouds)));
    World {
        spec,
        spec_file: PathBuf::from("trefoil.yaml"),
        sites: BTreeMap::from(sites),
        folder: PathBuf::from(".trefoil"),
        log_url: None,
        program: PathBuf::from("trefoil"),
        kept: Default::default(),
    }
}

fn site(name: &'static str, clouds: &Shared) -> Site {
    let handle = Arc::new(Handle { name, clouds: clouds.clone() });
    let urls = ServiceUrls {
        objects: BTreeMap::new(),
        database: None,
        sessions: None,
        secrets: format!("file://{}", std::env::temp_dir().join("unused.age").display()),
    };
    Site {
        name: name.into(),
        cloud: "memory".into(),
        provision: handle.clone(),
        inventory: handle.clone(),
        compute: handle.clone(),
        traffic: handle,
        services: Services::open(&urls).unwrap(),
    }
}

struct Handle {
    name: &'static str,
    clouds: Shared,
}

impl Handle {
    fn look(&self) -> MutexGuard<'_, Clouds> {
        self.clouds.lock().unwrap()
    }

    fn running(&self) -> Running {
        Running { address: address(self.name), instances: vec![] }
    }

    /// Applies a change to the environment, or fails before it.
    fn change(&self, change: impl FnOnce(&mut Place)) -> Result<()> {
        let mut clouds = self.look();
        broken(&mut clouds)?;
        change(clouds.places.get_mut(self.name).unwrap());
        Ok(())
    }
}

fn broken(clouds: &mut Clouds) -> Result<()> {
    if std::mem::take(&mut clouds.broken) {
        return Err(Error::failed("memory_broken", "it broke"));
    }
    Ok(())
}

fn absent() -> Error {
    Error::missing("memory_absent", "it is not there")
}

#[async_trait]
impl Provision for Handle {
    async fn state(&self) -> Result<Provisioned> {
        Ok(self.look().places[self.name].provisioned)
    }

    async fn provision(&self) -> Result<()> {
        if self.look().broken {
            self.look().places.get_mut(self.name).unwrap().provisioned = Provisioned::Stopped;
        }
        self.change(|place| place.provisioned = Provisioned::Running)
    }

    async fn stop(&self) -> Result<()> {
        self.change(|place| {
            place.running = false;
            if place.provisioned == Provisioned::Running {
                place.provisioned = Provisioned::Stopped;
            }
        })
    }

    async fn destroy(&self) -> Result<()> {
        self.change(|place| {
            let provisioned = Provisioned::Absent;
            *place = Place { provisioned, set_up: false, running: false };
        })
    }

    async fn database_admin(&self) -> Result<Option<DatabaseAdmin>> {
        Ok(None)
    }
}

#[async_trait]
impl Observe for Handle {
    async fn observe(&self) -> Result<Inventory> {
        Ok(Inventory {
            environment: self.name.into(),
            cloud: "memory".into(),
            observed_at: Timestamp::UNIX_EPOCH,
            resources: vec![],
            unseen: vec![],
        })
    }
}

#[async_trait]
impl Compute for Handle {
    async fn set_up(&self) -> Result<()> {
        self.change(|place| place.set_up = true)
    }

    async fn start(&self) -> Result<Running> {
        if self.look().places[self.name].provisioned != Provisioned::Running {
            return Err(absent());
        }
        self.change(|place| place.running = true)?;
        Ok(Handle::running(self))
    }

    async fn stop(&self, _drain: Duration) -> Result<()> {
        self.change(|place| place.running = false)
    }

    async fn running(&self) -> Result<Option<Running>> {
        Ok(self.look().places[self.name].running.then(|| Handle::running(self)))
    }

    async fn ready(&self) -> Result<std::result::Result<(), String>> {
        let mut clouds = self.look();
        if clouds.unready > 0 {
            clouds.unready -= 1;
            return Ok(Err("its database does not answer".into()));
        }
        let running = clouds.places[self.name].running;
        Ok(if running { Ok(()) } else { Err("it does not run".into()) })
    }
}

#[async_trait]
impl Traffic for Handle {
    fn kind(&self) -> &'static str {
        "edge"
    }

    async fn open(&self, port: u16) -> Result<()> {
        let mut clouds = self.look();
        broken(&mut clouds)?;
        let fresh = EdgeStatus {
            upstream: None,
            listen: format!("127.0.0.1:{port}"),
            ..edge_at(self.name, 0)
        };
        clouds.edge.get_or_insert(fresh);
        Ok(())
    }

    async fn status(&self) -> Result<Option<EdgeStatus>> {
        Ok(self.look().edge.clone())
    }

    async fn hold(&self, _hold: &Hold) -> Result<()> {
        let mut clouds = self.look();
        broken(&mut clouds)?;
        clouds.edge.as_mut().ok_or_else(absent)?.holding = true;
        Ok(())
    }

    async fn drain(&self, _deadline: Duration) -> Result<Drained> {
        let mut clouds = self.look();
        broken(&mut clouds)?;
        let edge = clouds.edge.as_mut().ok_or_else(absent)?;
        Ok(Drained { drained: std::mem::take(&mut edge.in_flight), cut: 0 })
    }

    async fn release(&self, release: &Release) -> Result<()> {
        let mut clouds = self.look();
        broken(&mut clouds)?;
        let edge = clouds.edge.as_mut().ok_or_else(absent)?;
        let other =
            edge.upstream.as_ref().is_some_and(|u| u.environment != release.upstream.environment);
        if release.epoch < edge.epoch || (release.epoch == edge.epoch && other) {
            return Err(Error::refused("epoch_stale", "the edge refuses this epoch"));
        }
        edge.epoch = release.epoch;
        edge.upstream = Some(release.upstream.clone());
        edge.holding = false;
        Ok(())
    }

    async fn close(&self) -> Result<()> {
        let mut clouds = self.look();
        broken(&mut clouds)?;
        clouds.edge = None;
        Ok(())
    }
}
