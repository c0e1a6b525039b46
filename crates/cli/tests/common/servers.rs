//! Two PostgreSQL servers that were there before Trefoil, and a specification that names them.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio_postgres::{Client, NoTls};
use trefoil_clouds::conformance::postgres::{TestPostgres, programs};

pub const PASSWORD: &str = "only-for-tests";
const SETTINGS: &[(&str, &str)] =
    &[("wal_level", "logical"), ("wal_retrieve_retry_interval", "200ms")];

/// The application's schema: it owns it by a role that does not log in.
const SCHEMA: &str = "
    CREATE TABLE items (id int PRIMARY KEY, name text NOT NULL);
    CREATE TABLE acks (client int, seq int, item int REFERENCES items, PRIMARY KEY (client, seq));
    CREATE INDEX acks_item ON acks (item);
    CREATE TABLE notes (what text);
    CREATE TABLE audit (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, client int, seq int);
    CREATE FUNCTION note_ack() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
      BEGIN INSERT INTO public.audit (client, seq) VALUES (NEW.client, NEW.seq); RETURN NULL; END $$;
    CREATE TRIGGER acks_audit AFTER INSERT ON acks FOR EACH ROW EXECUTE FUNCTION note_ack();
    INSERT INTO items SELECT n, 'item ' || n FROM generate_series(1, 500) n;
    INSERT INTO notes SELECT 'twin' FROM generate_series(1, 20);
    ALTER TABLE items OWNER TO shop_owner; ALTER TABLE acks OWNER TO shop_owner;
    ALTER TABLE notes OWNER TO shop_owner; ALTER TABLE audit OWNER TO shop_owner;
    ALTER FUNCTION note_ack OWNER TO shop_owner;";

/// Who moves the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admin {
    /// The server's superuser.
    Superuser,
    /// As managed servers give one: no superuser.
    Managed,
    /// The same, that may subscribe: from PostgreSQL 16 on.
    Subscriber,
}

/// The administrator of a managed server.
const MANAGER: &str = "manager";

/// Two servers that nobody started for Trefoil, and a specification that names them.
pub struct Servers {
    folder: tempfile::TempDir,
    admin: Admin,
    versions: Vec<u32>,
    pub east: TestPostgres,
    pub west: TestPostgres,
}

impl Servers {
    pub async fn start(admin: Admin) -> Servers {
        Servers::of(admin, &[]).await
    }

    /// The same, with servers of these major versions: of east and west.
    pub async fn of(admin: Admin, versions: &[u32]) -> Servers {
        let start = |version: Option<&u32>| match version {
            Some(major) => TestPostgres::start_version(*major, SETTINGS),
            None => TestPostgres::start(SETTINGS),
        };
        let (east, west) = std::thread::scope(|scope| {
            let west = scope.spawn(|| start(versions.last()));
            (start(versions.first()), west.join().unwrap())
        });
        let roles = format!(
            "CREATE ROLE shop_owner; CREATE ROLE shop LOGIN PASSWORD '{PASSWORD}' IN ROLE shop_owner"
        );
        east.execute("postgres", &roles).await;
        for server in [&east, &west] {
            server.execute("postgres", "CREATE DATABASE shop").await;
            if admin != Admin::Superuser {
                let manager = format!(
                    "CREATE ROLE {MANAGER} LOGIN CREATEROLE CREATEDB REPLICATION
                       PASSWORD '{PASSWORD}' IN ROLE pg_signal_backend;
                     ALTER DATABASE shop OWNER TO {MANAGER}"
                );
                server.execute("shop", &manager).await;
            }
            if admin == Admin::Subscriber {
                let grant = format!("GRANT pg_create_subscription TO {MANAGER}");
                server.execute("shop", &grant).await;
            }
        }
        east.execute("shop", SCHEMA).await;
        if admin != Admin::Superuser {
            east.execute("shop", &format!("GRANT shop_owner TO {MANAGER}")).await;
        }
        let folder = tempfile::Builder::new().prefix("trefoil-test-").tempdir().unwrap();
        let spec = "name: shop\ndatabase: {}\nenvironments:\n  \
                    east: {cloud: local, database: {admin_url: env:EAST_URL}}\n  \
                    west: {cloud: local, database: {admin_url: secret:admin-url}}\n";
        std::fs::write(folder.path().join("trefoil.yaml"), spec).unwrap();
        let servers = Servers { folder, admin, versions: versions.to_vec(), east, west };
        servers.give_secret();
        servers
    }

    /// The URL of whoever moves the database.
    fn admin_url(&self, environment: &str) -> String {
        match self.admin {
            Admin::Superuser => self.server(environment).url("shop"),
            Admin::Managed | Admin::Subscriber => {
                self.server(environment).url_as(MANAGER, PASSWORD, "shop")
            }
        }
    }

    pub fn server(&self, environment: &str) -> &TestPostgres {
        if environment == "east" { &self.east } else { &self.west }
    }

    /// The processes that carry streams of this specification.
    pub fn stream_processes(&self) -> Vec<i32> {
        self.stream_finder()()
    }

    /// Finds them.
    pub fn stream_finder(&self) -> impl Fn() -> Vec<i32> + Send + use<> {
        let folder = self.path().display().to_string();
        move || stream_processes(&folder)
    }

    /// Waits until a count is at least `least`.
    pub async fn eventually(&self, environment: &str, sql: &str, least: i64) {
        let started = std::time::Instant::now();
        while self.count(environment, sql).await < least {
            assert!(started.elapsed() < Duration::from_secs(60), "never {least}: {sql}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    /// West's URL is a secret of the environment.
    fn give_secret(&self) {
        let mut set = self.command(&["secrets", "set", "west", "admin-url"]);
        let mut child = set.stdin(Stdio::piped()).spawn().unwrap();
        let url = self.admin_url("west");
        std::io::Write::write_all(child.stdin.as_mut().unwrap(), url.as_bytes()).unwrap();
        assert!(child.wait_with_output().unwrap().status.success());
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trefoil"));
        command.current_dir(self.path()).args(["--json", "--yes"]).args(arguments);
        command.env("EAST_URL", self.admin_url("east"));
        if !self.versions.is_empty() {
            let folders = self.versions.iter().map(|version| programs(*version));
            command.env("TREFOIL_POSTGRES_BIN", std::env::join_paths(folders).unwrap());
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> (i32, Value) {
        let output: Output = self.command(arguments).output().unwrap();
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        let words = format!("{answer}{}", String::from_utf8_lossy(&output.stderr));
        for server in [&self.east, &self.west] {
            assert!(!words.contains(&server.password), "a password was shown by {arguments:?}");
        }
        (output.status.code().unwrap_or(-1), answer)
    }

    pub fn ok(&self, arguments: &[&str]) -> Value {
        let (code, answer) = self.run(arguments);
        assert_eq!(code, 0, "trefoil {arguments:?}: {answer:#}");
        answer["data"].clone()
    }

    pub fn migrate(&self, from: &str, to: &str) -> Value {
        let file = self.path().join("plan.json").display().to_string();
        let plan = self.ok(&["migrate", "plan", "--from", from, "--to", to, "--output", &file]);
        assert_eq!(plan["blockers"], Value::Array(Vec::new()), "{plan:#}");
        assert_eq!(plan["traffic"], "clients");
        self.ok(&["migrate", "run", &file])
    }

    pub async fn session(&self, environment: &str) -> Client {
        connect(&self.server(environment).url("shop")).await.unwrap()
    }

    pub async fn count(&self, environment: &str, sql: &str) -> i64 {
        self.session(environment).await.query_one(sql, &[]).await.unwrap().get(0)
    }

    /// Prints the ends of the logs, since the folder will be gone.
    fn keep_for_the_reader(&self) {
        let streams = self.path().join(".trefoil/streams");
        for entry in std::fs::read_dir(streams).into_iter().flatten().flatten() {
            let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
            let lines: Vec<_> = text.lines().collect();
            let last = lines[lines.len().saturating_sub(15)..].join("\n");
            println!("--- {}\n{last}", entry.path().display());
        }
        for server in [&self.east, &self.west] {
            let log = server.log();
            let lines: Vec<_> = log.lines().collect();
            println!("--- server\n{}", lines[lines.len().saturating_sub(20)..].join("\n"));
        }
    }

    /// Everything that a move could leave on a server, in words.
    pub async fn picture(&self, environment: &str) -> BTreeSet<String> {
        let sql = "
            SELECT 'role ' || (to_jsonb(r) - 'oid' - 'rolpassword')::text FROM pg_roles r
            WHERE rolname !~ '^pg_'
            UNION ALL SELECT 'member ' || roleid::regrole || member::regrole FROM pg_auth_members
            UNION ALL SELECT 'slot ' || slot_name FROM pg_replication_slots
            UNION ALL SELECT 'subscription ' || subname FROM pg_subscription
            UNION ALL SELECT 'origin ' || roname FROM pg_replication_origin
            UNION ALL SELECT 'publication ' || pubname FROM pg_publication
            UNION ALL SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname !~ '^pg_t'
            UNION ALL SELECT 'relation ' || c.oid::regclass || relkind::text || relreplident::text
                || relowner::regrole || coalesce(relacl, acldefault(
                  CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::\"char\", relowner))::text FROM pg_class c
              JOIN pg_namespace n ON n.oid = relnamespace
              WHERE nspname NOT IN ('pg_catalog', 'information_schema') AND nspname !~ '^pg_t'
            UNION ALL SELECT 'setting ' || to_jsonb(s)::text FROM pg_db_role_setting s
            UNION ALL SELECT 'right ' || datname || g.grantee::regrole || g.privilege_type
              FROM pg_database d, aclexplode(coalesce(datacl, acldefault('d', datdba))) g";
        let rows = self.session(environment).await.query(sql, &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }
}

fn stream_processes(folder: &str) -> Vec<i32> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid: &i32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        line.contains(" stream ") && line.contains(folder)
    })
    .collect()
}

impl Drop for Servers {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.keep_for_the_reader();
        }
        super::kill_all_below(self.folder.path());
    }
}

pub async fn connect(url: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// A client of the application that writes wherever it may, and remembers what was acknowledged.
pub fn writer(urls: [String; 2], stop: Arc<AtomicBool>) -> tokio::task::JoinHandle<Vec<i32>> {
    tokio::spawn(async move {
        let (mut acked, mut seq, mut side) = (Vec::new(), 0, 0);
        while !stop.load(Ordering::SeqCst) {
            let Ok(app) = connect(&urls[side]).await else {
                side = 1 - side;
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            };
            loop {
                let sql = format!(
                    "INSERT INTO acks VALUES (1, {seq}, {}) ON CONFLICT DO NOTHING",
                    1 + seq % 500
                );
                if stop.load(Ordering::SeqCst) || app.batch_execute(&sql).await.is_err() {
                    break;
                }
                acked.push(seq);
                seq += 1;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        acked
    })
}
