//! An environment of this machine, operated as the engine does: with agent and edge in this
//! process, a real PostgreSQL server and a real program.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test")]

mod support;

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::Signal;
use secrecy::{ExposeSecret, SecretString};
use trefoil_clouds::operate::control::{Control, EDGE_SOCKET};
use trefoil_clouds::operate::edge_protocol::{Hold, Release, Upstream};
use trefoil_clouds::operate::process::ProcessId;
use trefoil_clouds::operate::provision::Provisioned;
use trefoil_clouds::operate::{OpenSite, Site, probe};
use trefoil_clouds::registry::open_site;
use trefoil_core::inventory::{Inventory, ResourceKind};
use trefoil_core::spec::AppSpec;
use trefoil_ops::edge;

use support::{Environment, start_agent, until};

/// Ready once the setup command has left its mark; `/env` tells its environment.
const APPLICATION: &str = r#"#!/usr/bin/env python3
import http.server, json, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        ready = self.path != "/ready" or os.path.exists(os.environ["MARK"])
        self.send_response(200 if ready else 503)
        self.end_headers()
        self.wfile.write(json.dumps(dict(os.environ)).encode() if self.path == "/env" else b"words")
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"#;

const LONG: Duration = Duration::from_secs(20);

struct Place {
    /// Dropped before the folder that it cleans.
    environment: Environment,
    root: tempfile::TempDir,
    spec: AppSpec,
}

impl Place {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let program = root.path().join("serve");
        std::fs::write(&program, APPLICATION).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let mark = root.path().join("mark");
        let spec = serde_json::json!({
            "name": "my-shop",
            "application": {
                "command": ["./serve"],
                "setup": ["touch", mark],
                "variables": {"MARK": mark, "DATABASE_URL": "of another place"},
                "secrets": {"API_TOKEN": "api-token"},
                "log_level": "warning",
            },
            "database": {},
            "buckets": {"user-files": {}},
            "sessions": {},
            "chat": {
                "endpoint": "http://127.0.0.1:11434/v1",
                "model": {"local": "llama3", "elsewhere": "another"},
                "key": "api-token",
                "timeout": "45s",
            },
            "environments": {"east": {"cloud": "local"}, "west": {"cloud": "local"}},
        });
        let environment = Environment { folder: root.path().join(".trefoil/environments/east") };
        Self { root, environment, spec: serde_json::from_value(spec).unwrap() }
    }

    fn state(&self) -> PathBuf {
        self.root.path().join(".trefoil")
    }

    fn site(&self) -> Site {
        self.site_of("east")
    }

    fn site_of(&self, environment: &str) -> Site {
        open_site(&OpenSite {
            spec: &self.spec,
            spec_folder: self.root.path(),
            environment,
            folder: &self.state(),
            program: Path::new("/bin/false"),
        })
        .unwrap()
    }
}

async fn give_secret(site: &Site) {
    let value = SecretString::from("tokenthatnobodymaysee");
    site.services.secrets.set("api-token", &value).await.unwrap();
}

fn kinds(inventory: &Inventory) -> BTreeSet<ResourceKind> {
    inventory.resources.iter().map(|resource| resource.kind).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_environment_is_provisioned_stopped_and_destroyed() {
    let place = Place::new();
    let site = place.site();
    assert_eq!(site.provision.state().await.unwrap(), Provisioned::Absent);
    let error = site.provision.database_admin().await.map(drop).unwrap_err();
    assert_eq!(error.code(), "database_absent");
    assert!(
        site.services.database.is_none()
            && site.inventory.observe().await.unwrap().resources.is_empty()
    );
    assert!(!place.state().exists(), "looking makes nothing");

    let agent = start_agent(&place.environment.folder).await;
    assert_eq!(site.provision.state().await.unwrap(), Provisioned::Stopped);
    site.provision.provision().await.unwrap();
    site.provision.provision().await.unwrap();
    assert_eq!(site.provision.state().await.unwrap(), Provisioned::Running);
    let admin = site.provision.database_admin().await.unwrap().unwrap();
    assert_eq!(
        (admin.database.as_str(), admin.application_role.as_deref()),
        ("my_shop", Some("my_shop_app"))
    );
    let url = admin.url.expose_secret();
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let row = client.query_one("SELECT rolsuper FROM pg_roles WHERE rolname = current_user", &[]);
    assert!(row.await.unwrap().get::<_, bool>(0));
    let database = place.site().services.database.unwrap();
    database.health().await.unwrap();
    database.execute("CREATE TABLE kept (n int)", &[]).await.unwrap();
    assert_eq!(site.services.secrets.names().await.unwrap(), Vec::<String>::new());

    site.provision.stop().await.unwrap();
    agent.ends().await;
    site.provision.stop().await.unwrap();
    assert_eq!(site.provision.state().await.unwrap(), Provisioned::Stopped);
    assert!(database.health().await.is_err());
    let unseen = site.inventory.observe().await.unwrap();
    assert!(!unseen.unseen.is_empty() && kinds(&unseen).contains(&ResourceKind::Database));

    let agent = start_agent(&place.environment.folder).await;
    site.provision.provision().await.unwrap();
    place.site().services.database.unwrap().query("SELECT n FROM kept", &[]).await.unwrap();
    let data = agent.status().await.database.unwrap().data_dir;
    site.provision.destroy().await.unwrap();
    agent.ends().await;
    assert!(!Path::new(&data).exists() && !place.environment.folder.exists());
    assert_eq!(site.provision.state().await.unwrap(), Provisioned::Absent);
    site.provision.destroy().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_application_is_set_up_started_seen_and_stopped() {
    let place = Place::new();
    let site = place.site();
    let agent = start_agent(&place.environment.folder).await;
    site.provision.provision().await.unwrap();
    let error = site.compute.start().await.unwrap_err();
    assert_eq!(error.code(), "secret_missing");
    assert!(error.to_string().contains("API_TOKEN") && error.to_string().contains("api-token"));
    give_secret(&site).await;
    assert_eq!(site.compute.running().await.unwrap(), None);
    assert_eq!(site.compute.ready().await.unwrap().unwrap_err(), "it does not run");

    let running = site.compute.start().await.unwrap();
    assert_eq!(site.compute.start().await.unwrap(), running, "starting is idempotent");
    assert_eq!(site.compute.running().await.unwrap().as_ref(), Some(&running));
    assert_eq!(site.compute.ready().await.unwrap().unwrap_err(), "503 words");
    site.compute.set_up().await.unwrap();
    site.compute.ready().await.unwrap().unwrap();

    let words = probe::get(&running.address, "/env", LONG).await.unwrap().words;
    let env: serde_json::Value = serde_json::from_str(&words).unwrap();
    let state = place.state();
    let root = state.join("environments/east").display().to_string();
    assert_eq!(env["API_TOKEN"], "tokenthatnobodymaysee");
    assert_eq!(env["LOG_LEVEL"], "warning");
    assert_eq!(env["BUCKET_USER_FILES_URL"], format!("file://{root}/objects/user-files"));
    assert_eq!(env["SESSIONS_URL"], format!("file://{root}/sessions.sqlite"));
    assert_eq!(env["CHAT_BASE_URL"], "http://127.0.0.1:11434/v1");
    assert_eq!((&env["CHAT_MODEL"], &env["CHAT_TIMEOUT_MS"]), (&"llama3".into(), &"45000".into()));
    assert_eq!(env["CHAT_API_KEY"], "tokenthatnobodymaysee");
    assert!(env.get("CHAT_API_VERSION").is_none(), "what is not configured is not given");
    assert!(env["DATABASE_URL"].as_str().unwrap().starts_with("postgresql://my_shop_app:"));
    assert!(env.get("CARGO").is_none(), "nothing of our own environment but PATH and HOME");

    let bucket = &site.services.objects["user-files"];
    bucket.put_bytes("a//b", bytes::Bytes::from_static(b"12345")).await.unwrap();
    let seen = site.inventory.observe().await.unwrap();
    assert!(seen.unseen.is_empty(), "{:?}", seen.unseen);
    let of = |kind| seen.of_kind(kind).next().unwrap();
    assert_eq!(of(ResourceKind::Bucket).size["bytes"], 5);
    assert_eq!(of(ResourceKind::Bucket).size["objects"], 1);
    assert_eq!(of(ResourceKind::Secrets).size["secrets"], 1, "the environment's own do not count");
    assert!(of(ResourceKind::Database).size["bytes"] > 1_000_000);
    assert!(of(ResourceKind::Database).version.as_ref().unwrap().contains('.'));
    assert_eq!(of(ResourceKind::Application).depends_on, ["my_shop", "user-files", "sessions"]);

    site.compute.stop(LONG).await.unwrap();
    site.compute.stop(LONG).await.unwrap();
    assert_eq!(site.compute.running().await.unwrap(), None);
    site.compute.start().await.unwrap();
    let again = site.inventory.observe().await.unwrap();
    assert_eq!(again.shape_digest(), seen.shape_digest(), "a restart does not change what exists");
    agent.dies().await;
    let known = site.compute.running().await.unwrap().unwrap();
    assert_eq!(known.address, running.address, "it is seen although its agent is dead");
    let _next = start_agent(&place.environment.folder).await;
    site.compute.stop(LONG).await.unwrap();
    assert!(probe::get(&running.address, "/health", LONG).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_that_ends_at_once_is_told_with_its_last_words() {
    let mut place = Place::new();
    place.spec.database = None;
    let application = place.spec.application.as_mut().unwrap();
    let program = "import sys; print('no database here', file=sys.stderr); sys.exit(4)";
    application.command = vec!["python3".into(), "-c".into(), program.into()];
    application.secrets.clear();
    place.spec.chat = None;
    let agent = start_agent(&place.environment.folder).await;
    let error = place.site().compute.start().await.unwrap_err();
    assert_eq!(error.code(), "application_ended");
    assert!(error.chain().contains("no database here"), "{}", error.chain());
    assert!(error.hint_text().is_none(), "it has no database that could be missing");
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(agent.instance("application").await.pid, None, "it is not tried for ever");

    place.spec.application.as_mut().unwrap().command = vec![];
    place.spec.application.as_mut().unwrap().image = Some("registry/shop:1".into());
    let error = place.site().compute.start().await.unwrap_err();
    assert_eq!(error.code(), "image_not_on_this_cloud");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn traffic_goes_where_it_was_released_to() {
    let mut place = Place::new();
    place.spec.database = None;
    give_secret(&place.site()).await;
    let _agent = start_agent(&place.environment.folder).await;
    let site = place.site();
    site.provision.provision().await.unwrap();
    let running = site.compute.start().await.unwrap();
    assert!(site.traffic.status().await.unwrap().is_none());
    site.traffic.close().await.unwrap();

    let folder = place.state().join("edge");
    let task = tokio::spawn(async move { edge::serve(&folder, 0).await });
    let control = Control::new(&place.state().join("edge"), EDGE_SOCKET);
    until("the edge answers", || control.answers()).await;
    let listen = site.traffic.status().await.unwrap().unwrap().listen;
    let port = listen.rsplit(':').next().unwrap().parse().unwrap();
    site.traffic.open(port).await.unwrap();
    assert_eq!(site.traffic.open(1).await.unwrap_err().code(), "edge_port");

    let release = |epoch, environment: &str| Release {
        epoch,
        upstream: Upstream { environment: environment.into(), address: running.address.clone() },
    };
    site.traffic.release(&release(3, "east")).await.unwrap();
    assert_eq!(site.traffic.release(&release(2, "west")).await.unwrap_err().code(), "edge_epoch");
    assert_eq!(probe::get(&listen, "/health", LONG).await.unwrap().status, 200);
    assert!(kinds(&site.inventory.observe().await.unwrap()).contains(&ResourceKind::Traffic));
    let west = place.site_of("west").inventory.observe().await.unwrap();
    assert!(west.resources.is_empty(), "the edge belongs to where requests go");

    site.traffic.hold(&Hold { limit_requests: 10, limit_ms: 1_000 }).await.unwrap();
    let drained = site.traffic.drain(Duration::from_secs(1)).await.unwrap();
    assert_eq!((drained.drained, drained.cut), (0, 0));
    site.traffic.close().await.unwrap();
    task.await.unwrap().unwrap();
    assert!(site.traffic.status().await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_cannot_be_started_is_told_with_its_log() {
    let mut place = Place::new();
    place.spec.database = None;
    let error = place.site().provision.provision().await.unwrap_err();
    assert_eq!(error.code(), "resident_failed", "{}", error.chain());
    assert!(error.to_string().contains("agent ended with exit status: 1"), "{error}");
    assert!(error.hint_text().unwrap().contains("agent.log"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_whose_agent_is_dead_is_not_taken_for_stopped() {
    let mut place = Place::new();
    place.spec.database = None;
    give_secret(&place.site()).await;
    let agent = start_agent(&place.environment.folder).await;
    let site = place.site();
    let running = site.compute.start().await.unwrap();
    agent.dies().await;
    let error = site.compute.stop(LONG).await.unwrap_err();
    assert_eq!(error.code(), "resident_failed", "only an agent can stop it, and none can start");
    let process = ProcessId::of(running.instances[0].parse().unwrap()).unwrap();
    process.signal(Signal::SIGKILL);
    until("it is gone", || async { !process.alive() }).await;
    site.compute.stop(LONG).await.unwrap();
}
