//! Two PostgreSQL servers, two environments on them, and the steps of real plans.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::json;
use tokio_postgres::{Client, NoTls};
use trefoil_clouds::conformance::postgres::TestPostgres;
use trefoil_clouds::operate::Site;
use trefoil_clouds::operate::compute::{Compute, Running};
use trefoil_clouds::operate::edge_protocol::{Drained, EdgeStatus, Hold, Release};
use trefoil_clouds::operate::inventory::Observe;
use trefoil_clouds::operate::provision::{DatabaseAdmin, Provision, Provisioned};
use trefoil_clouds::operate::traffic::Traffic;
use trefoil_clouds::secrets::{SecretVersion, Secrets, SecretsDriver, Selector, StoredVersion};
use trefoil_clouds::services::Services;
use trefoil_core::inventory::Inventory;
use trefoil_core::journal::{Entry, Event, Run};
use trefoil_core::ledger::Ledger;
use trefoil_core::plan::{AccessRecord, Action, Plan};
use trefoil_core::planner::{
    BucketFacts, MoveFacts, MoveOptions, RollbackFacts, plan_migrate, plan_rollback,
};
use trefoil_core::spec::AppSpec;
use trefoil_core::{Error, Result};
use trefoil_ops::actions;
use trefoil_ops::engine::{Context, Silent, World};
use trefoil_ops::movers::postgres::{Pair, Server, access, bookkeeping};
use trefoil_ops::state::FencingToken;

pub(crate) const APP_PASSWORD: &str = "only-for-tests";

const SETTINGS: &[(&str, &str)] = &[
    ("wal_level", "logical"),
    ("wal_retrieve_retry_interval", "200ms"),
    ("max_prepared_transactions", "2"),
    ("shared_buffers", "32MB"),
    ("max_connections", "60"),
];

/// The variable with the major versions of both servers, as in `15,18`.
pub(crate) const VERSIONS: &str = "TREFOIL_TEST_VERSIONS";

fn versions() -> [Option<u32>; 2] {
    let Ok(text) = std::env::var(VERSIONS) else { return [None, None] };
    let (older, newer) = text.split_once(',').unwrap();
    [older, newer].map(|version| Some(version.parse().unwrap()))
}

fn start(version: Option<u32>, settings: &[(&str, &str)]) -> TestPostgres {
    match version {
        Some(major) => TestPostgres::start_version(major, settings),
        None => TestPostgres::start(settings),
    }
}

/// Two environments, `east` and `west`.
pub(crate) struct Bench {
    pub(crate) east: TestPostgres,
    pub(crate) west: TestPostgres,
    pub(crate) world: World,
}

impl Bench {
    /// Starts both servers; `app` owns an empty database `app` on each.
    pub(crate) async fn start() -> Bench {
        Bench::listening("127.0.0.1").await
    }

    /// The same, on other addresses.
    pub(crate) async fn listening(addresses: &str) -> Bench {
        let settings = [SETTINGS, &[("listen_addresses", addresses)]].concat();
        let [older, newer] = versions();
        let (east, west) = std::thread::scope(|scope| {
            let west = scope.spawn(|| start(newer, &settings));
            (start(older, &settings), west.join().unwrap())
        });
        for server in [&east, &west] {
            let role = format!("CREATE ROLE app LOGIN PASSWORD '{APP_PASSWORD}'");
            server.execute("postgres", &role).await;
            server.execute("postgres", "CREATE DATABASE app OWNER app").await;
        }
        let sites = [("east", &east), ("west", &west)]
            .map(|(name, server)| (name.to_owned(), site(name, admin(server))));
        let world = World {
            spec: spec(),
            spec_file: PathBuf::new(),
            sites: BTreeMap::from(sites),
            folder: PathBuf::new(),
            log_url: None,
            program: PathBuf::new(),
            kept: Default::default(),
        };
        Bench { east, west, world }
    }

    /// The server of an environment.
    pub(crate) fn server(&self, environment: &str) -> &TestPostgres {
        if environment == "east" { &self.east } else { &self.west }
    }

    /// The URL with which the application reaches its database.
    pub(crate) fn app_url(&self, environment: &str) -> String {
        self.server(environment).url_as("app", APP_PASSWORD, "app")
    }

    /// A session of ours, as the movers have it.
    pub(crate) async fn ours(&self, environment: &str) -> Server {
        Server::connect(environment, &admin(self.server(environment))).await.unwrap()
    }

    /// A session of ours on each.
    pub(crate) async fn pair(&self, from: &str, to: &str) -> Pair {
        Pair { source: self.ours(from).await, target: self.ours(to).await }
    }

    /// The plan of a move.
    pub(crate) fn plan_move(&self, from: &str, to: &str, epoch: u64, id: &str) -> Plan {
        self.plan_move_with(from, to, epoch, id, MoveOptions::default())
    }

    /// The same with what a person chose.
    pub(crate) fn plan_move_with(
        &self,
        from: &str,
        to: &str,
        epoch: u64,
        id: &str,
        options: MoveOptions,
    ) -> Plan {
        let ledger = Ledger { epoch: epoch - 1, active: Some(from.into()), ..Ledger::default() };
        plan_migrate(&MoveFacts {
            plan_id: id.into(),
            made_at: Timestamp::UNIX_EPOCH,
            spec: spec(),
            from: from.into(),
            to: to.into(),
            source: inventory(from),
            target: inventory(to),
            ledger,
            findings: vec![],
            buckets: BucketFacts::default(),
            traffic: "edge".into(),
            options,
        })
    }

    /// The plan that takes a run back.
    pub(crate) fn plan_back(
        &self,
        parent: &Run,
        access: AccessRecord,
        epoch: u64,
        id: &str,
    ) -> Plan {
        plan_rollback(&RollbackFacts {
            plan_id: id.into(),
            made_at: Timestamp::UNIX_EPOCH,
            spec: spec(),
            parent: parent.clone(),
            source: inventory(&parent.plan.to),
            target: inventory(&parent.plan.from),
            ledger: Ledger { epoch: epoch - 1, ..Ledger::default() },
            source_access: access,
            obstacles: vec![],
            buckets: BucketFacts::default(),
            traffic: "edge".into(),
            options: MoveOptions::default(),
        })
        .unwrap()
    }

    /// Performs a plan's steps on the database up to and with the first that `last` accepts.
    /// `times` says how often each is performed.
    pub(crate) async fn perform(
        &self,
        run: &mut Run,
        times: u32,
        last: impl Fn(&Action) -> bool,
    ) -> Result<()> {
        for step in run.plan.steps.clone() {
            if run.is_done(step.n) {
                continue;
            }
            if step.finish && !run.finish_requested {
                return Ok(());
            }
            append(run, Event::started(step.n));
            let began = std::time::Instant::now();
            let mut output = serde_json::Value::Null;
            if on_database(&step.action) {
                for _ in 0..times {
                    let cx = self.context(run, step.n);
                    output = actions::of(&step.action).perform(&cx).await?;
                }
            }
            eprintln!("{} took {:?}", step.action.name(), began.elapsed());
            append(run, Event::Succeeded { step: step.n, output });
            if last(&step.action) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Undoes all steps on the database that were begun, last first, each so many times.
    pub(crate) async fn undo(&self, run: &mut Run, times: u32) -> Result<()> {
        for step in run.plan.steps.clone().into_iter().rev() {
            if run.is_untouched(step.n) {
                continue;
            }
            append(run, Event::UndoStarted { step: step.n });
            if on_database(&step.action) {
                for _ in 0..times {
                    actions::of(&step.action).undo(&self.context(run, step.n)).await?;
                }
            }
            append(run, Event::UndoFinished { step: step.n });
        }
        Ok(())
    }

    pub(crate) fn context<'a>(&'a self, run: &'a Run, n: usize) -> Context<'a> {
        let step = run.plan.step(n).unwrap();
        Context { world: &self.world, run, step, progress: &Silent, journal: None }
    }
}

/// A run of a plan, not begun.
pub(crate) fn begin(plan: Plan) -> Run {
    Run::fold(vec![Entry {
        at: Timestamp::UNIX_EPOCH,
        event: Event::Opened { plan: Box::new(plan) },
    }])
    .unwrap()
}

pub(crate) fn append(run: &mut Run, event: Event) {
    run.apply(Entry { at: Timestamp::UNIX_EPOCH, event }).unwrap();
}

pub(crate) fn on_database(action: &Action) -> bool {
    let name = action.name();
    // Validation of objects, sessions and secrets has tests of its own.
    name != "validate"
        && (name == "preflight"
            || name.contains("database")
            || name.contains("return")
            || ["copy_schema", "copy_rows", "build_indexes", "await_stream"].contains(&&*name))
}

/// Closes a database as the first executor of a run does.
pub(crate) async fn close(server: &Server, record: &AccessRecord) -> Result<()> {
    bookkeeping::create(server).await?;
    access::close_as(server, record, FencingToken { run: 1, takeover: 1 }).await
}

/// A session with the application's rights, or somebody else's.
pub(crate) async fn connect(url: &str) -> std::result::Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

pub(crate) fn admin(server: &TestPostgres) -> DatabaseAdmin {
    DatabaseAdmin {
        url: SecretString::from(server.url("app")),
        application_role: Some("app".into()),
        application_url: None,
        database: "app".into(),
        host: "127.0.0.1".into(),
        port: server.port,
    }
}

fn spec() -> AppSpec {
    serde_json::from_value(json!({
        "name": "app",
        "database": {"name": "app"},
        "environments": {"east": {"cloud": "local"}, "west": {"cloud": "local"}},
    }))
    .unwrap()
}

fn inventory(environment: &str) -> Inventory {
    Inventory {
        environment: environment.into(),
        cloud: "local".into(),
        observed_at: Timestamp::UNIX_EPOCH,
        resources: vec![],
        unseen: vec![],
    }
}

pub(crate) fn site(name: &str, admin: DatabaseAdmin) -> Site {
    let only = Arc::new(OnlyDatabase { admin });
    Site {
        name: name.into(),
        cloud: "local".into(),
        provision: only.clone(),
        inventory: only.clone(),
        compute: only.clone(),
        traffic: only.clone(),
        services: Services {
            objects: BTreeMap::new(),
            database: None,
            sessions: None,
            secrets: Secrets::new(only),
        },
    }
}

/// An environment of which only the database is there.
struct OnlyDatabase {
    admin: DatabaseAdmin,
}

fn absent<T>() -> Result<T> {
    Err(Error::missing("absent", "these tests have only databases"))
}

#[async_trait]
impl Provision for OnlyDatabase {
    async fn state(&self) -> Result<Provisioned> {
        Ok(Provisioned::Running)
    }
    async fn provision(&self) -> Result<()> {
        absent()
    }
    async fn stop(&self) -> Result<()> {
        absent()
    }
    async fn destroy(&self) -> Result<()> {
        absent()
    }
    async fn database_admin(&self) -> Result<Option<DatabaseAdmin>> {
        Ok(Some(self.admin.clone()))
    }
}

#[async_trait]
impl Observe for OnlyDatabase {
    async fn observe(&self) -> Result<Inventory> {
        absent()
    }
}

#[async_trait]
impl Compute for OnlyDatabase {
    async fn set_up(&self) -> Result<()> {
        absent()
    }
    async fn start(&self) -> Result<Running> {
        absent()
    }
    async fn stop(&self, _: Duration) -> Result<()> {
        absent()
    }
    async fn running(&self) -> Result<Option<Running>> {
        absent()
    }
    async fn ready(&self) -> Result<std::result::Result<(), String>> {
        absent()
    }
}

#[async_trait]
impl Traffic for OnlyDatabase {
    fn kind(&self) -> &'static str {
        "edge"
    }
    async fn open(&self, _: u16) -> Result<()> {
        absent()
    }
    async fn status(&self) -> Result<Option<EdgeStatus>> {
        absent()
    }
    async fn hold(&self, _: &Hold) -> Result<()> {
        absent()
    }
    async fn drain(&self, _: Duration) -> Result<Drained> {
        absent()
    }
    async fn release(&self, _: &Release) -> Result<()> {
        absent()
    }
    async fn close(&self) -> Result<()> {
        absent()
    }
}

#[async_trait]
impl SecretsDriver for OnlyDatabase {
    async fn get(&self, _: &str) -> Result<Option<SecretString>> {
        absent()
    }
    async fn set(&self, _: &str, _: &SecretString) -> Result<()> {
        absent()
    }
    async fn delete(&self, _: &str) -> Result<bool> {
        absent()
    }
    async fn names(&self) -> Result<Vec<String>> {
        absent()
    }
    async fn get_version(&self, _: &str, _: &Selector) -> Result<Option<SecretString>> {
        absent()
    }
    async fn versions(&self, _: &str) -> Result<Vec<SecretVersion>> {
        absent()
    }
    async fn put_version(&self, _: &str, _: &SecretString) -> Result<SecretVersion> {
        absent()
    }
    async fn promote(&self, _: &str, _: &str) -> Result<()> {
        absent()
    }
    async fn replace(&self, _: &str, _: &[StoredVersion]) -> Result<()> {
        absent()
    }
    async fn health(&self) -> Result<()> {
        absent()
    }
}
