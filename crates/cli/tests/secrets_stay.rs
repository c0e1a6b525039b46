//! No secret of a move stands anywhere but in its store: not in logs of either side, the log of
//! the application, journals, plans, reports, manifests, process arguments, or what PostgreSQL
//! logs when it logs every statement.

#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::{Town, seed};
use secrecy::{ExposeSecret, SecretString};

/// What a server keeps for itself is no place where a secret may not be: the data of PostgreSQL
/// holds passwords and what subscriptions connect with. Nor are the encrypted stores.
const STORES: [&str; 4] = ["postgres", "data", "secrets.age", "secrets.key"];

/// Every secret by its name, in all its versions.
type Known = BTreeMap<String, String>;

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// Every file below a folder but the stores.
fn files(root: &Path) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for path in entries.flatten().map(|entry| entry.path()) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            match path.is_dir() {
                _ if STORES.contains(&name.as_str()) => {}
                true => folders.push(path),
                false => found.push(path),
            }
        }
    }
    found
}

fn holds(text: &[u8], secret: &str) -> bool {
    text.windows(secret.len()).any(|window| window == secret.as_bytes())
}

/// Where secrets stand that should not, in words.
fn leaks_in_files(root: &Path, known: &Known) -> Vec<String> {
    let mut found = Vec::new();
    for path in files(root) {
        // One that is gone by now holds nothing.
        let Ok(text) = std::fs::read(&path) else { continue };
        for (name, _) in known.iter().filter(|(_, secret)| holds(&text, secret)) {
            found.push(format!("{name} stands in {}", path.display()));
        }
    }
    found
}

/// What is seen of processes while commands run, and every secret that there was meanwhile.
struct Watch<'a> {
    town: &'a Town,
    known: Mutex<Known>,
    /// The arguments of every process that was met, so that a secret is found that was learned
    /// only afterwards.
    arguments: Mutex<BTreeSet<Vec<u8>>>,
}

impl Watch<'_> {
    fn of(town: &Town) -> Watch<'_> {
        Watch { town, known: Mutex::default(), arguments: Mutex::default() }
    }

    /// Runs a command to its end, and looks all the while.
    fn run(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        let mut command = self.town.command(arguments);
        let child = command.envs(variables.iter().copied()).spawn().unwrap();
        let ended = AtomicBool::new(false);
        let until_the_end = |pause_ms, work: &(dyn Fn() + Sync)| {
            while !ended.load(Ordering::Relaxed) {
                work();
                std::thread::sleep(Duration::from_millis(pause_ms));
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(|| until_the_end(2, &|| self.look()));
            scope.spawn(|| until_the_end(20, &|| self.learn()));
            let output = child.wait_with_output();
            ended.store(true, Ordering::Relaxed);
            output.unwrap()
        })
    }

    fn look(&self) {
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let lines = processes.filter_map(|one| std::fs::read(one.path().join("cmdline")).ok());
        self.arguments.lock().unwrap().extend(lines);
    }

    /// The secrets that there are now: what Trefoil made for both environments, and what their
    /// subscriptions connect with. What is not there yet, or does not answer now, comes later.
    fn learn(&self) {
        for environment in ["east", "west"] {
            for (name, value) in block_on(made_for(self.town, environment)) {
                self.know(&format!("{environment} {name}"), value);
            }
        }
    }

    /// Each value once; what a name had before stays known.
    fn know(&self, name: &str, value: String) {
        let mut known = self.known.lock().unwrap();
        if !known.values().any(|there| *there == value) {
            let number = known.keys().filter(|there| there.starts_with(name)).count() + 1;
            known.insert(format!("{name} {number}"), value);
        }
    }

    fn known(&self) -> Known {
        self.known.lock().unwrap().clone()
    }

    /// Where arguments held a secret, in words.
    fn leaks(&self) -> Vec<String> {
        let (known, arguments) = (self.known(), self.arguments.lock().unwrap());
        let mut found = Vec::new();
        for line in arguments.iter() {
            for (name, _) in known.iter().filter(|(_, secret)| holds(line, secret)) {
                found.push(format!("{name} was an argument"));
            }
        }
        found
    }
}

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Has a server log every statement, and keeps all of it: its own log is begun anew when it is
/// long, and what was in it then would not be searched.
fn log_every_statement(town: &Town, environment: &str) -> Running {
    let log = town.environment_folder(environment).join("postgres.log");
    let kept = std::fs::File::create(statements(town, environment)).unwrap();
    let tail = Command::new("tail")
        .args(["-c", "+1", "-F"])
        .arg(log)
        .stdout(kept)
        .stderr(Stdio::null())
        .spawn();
    town.sql(environment, "ALTER SYSTEM SET log_statement = 'all'");
    town.sql(environment, "ALTER SYSTEM SET log_min_duration_statement = 0");
    town.sql(environment, "SELECT pg_reload_conf()");
    Running(tail.unwrap())
}

/// Where everything is that a server has logged.
fn statements(town: &Town, environment: &str) -> PathBuf {
    town.path().join(format!("{environment}-statements.log"))
}

/// What a server stores of the password of the role of another program.
fn verifier(town: &Town, environment: &str) -> String {
    let stored = "SELECT rolpassword FROM pg_authid WHERE rolname = 'reader'";
    let stored = town.sql(environment, stored).concat();
    assert!(stored.starts_with("SCRAM-SHA-256$"), "{}", stored.len());
    stored
}

fn set(town: &Town, name: &str, value: &str) {
    let secrets = town.site("east").services.secrets;
    block_on(secrets.set(name, &SecretString::from(value.to_owned()))).unwrap();
}

/// The secrets that Trefoil made for an environment, and what its subscriptions connect with.
async fn made_for(town: &Town, environment: &str) -> Vec<(&'static str, String)> {
    let mut made = Vec::new();
    let site = town.site(environment);
    for name in ["trefoil/database-admin-password", "trefoil/database-password"] {
        if let Ok(Some(value)) = site.services.secrets.get(name).await {
            made.push((name, value.expose_secret().to_owned()));
        }
    }
    for connection in subscribed(&site).await.unwrap_or_default() {
        let password = connection.split("password=").nth(1).and_then(|rest| rest.split(' ').next());
        let password = password.unwrap_or_default().trim_matches('\'');
        if !password.is_empty() {
            made.push(("subscription", password.to_owned()));
        }
    }
    made
}

/// What the subscriptions of an environment connect with; none when its server does not answer.
async fn subscribed(site: &trefoil_clouds::operate::Site) -> Option<Vec<String>> {
    let admin = site.provision.database_admin().await.ok()??;
    let url = admin.url.expose_secret();
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.ok()?;
    tokio::spawn(connection);
    let rows = client.query("SELECT subconninfo FROM pg_subscription", &[]).await.ok()?;
    rows.iter().map(|row| row.try_get(0).ok()).collect()
}

#[test]
fn a_move_and_a_rollback_write_no_secret_anywhere() {
    let town = Town::new("");
    let watch = Watch::of(&town);
    let up = watch.run(&["up", "east"], &[]);
    assert!(up.status.success(), "{}", String::from_utf8_lossy(&up.stderr));
    let reader = "CREATE ROLE reader LOGIN PASSWORD 'password-of-a-role-5f0c9a1e'";
    town.sql("east", reader);
    town.sql("east", "GRANT SELECT ON notes TO reader");
    let _east = log_every_statement(&town, "east");
    watch.know("a role's password", "password-of-a-role-5f0c9a1e".into());
    let carried = verifier(&town, "east");
    watch.know("a role's verifier", carried.clone());
    for (name, value) in [
        ("API_KEY", "former-value-0c7d1f52a9"),
        ("API_KEY", "value-of-a-secret-b1946ac92492"),
        ("QUOTED", "it's \"quoted\" \\ 5f1d7a84db00"),
    ] {
        watch.know(name, value.into());
        set(&town, name, value);
    }
    let writers = town.writers(2, seed());

    // West is there and logs everything before the move touches its database.
    let (file, plan) = town.plan("east", "west");
    let steps = plan["steps"].as_array().unwrap();
    let prepare = steps.iter().position(|step| step["action"] == "prepare_database").unwrap();
    let event = (2 + 2 * prepare).to_string();
    let run = ["-vv", "migrate", "run", "--no-supervisor", &file];
    let killed = watch.run(&run, &[("TREFOIL_CRASH_BEFORE_EVENT", &event)]);
    assert_eq!(killed.status.code(), None, "{}", String::from_utf8_lossy(&killed.stderr));
    let _west = log_every_statement(&town, "west");

    let resumed = watch.run(&["-vv", "runs", "resume", "last"], &[]);
    assert!(resumed.status.success(), "{}", String::from_utf8_lossy(&resumed.stderr));
    assert_eq!(verifier(&town, "west"), carried, "the password is carried");
    let back = watch.run(&["-vv", "migrate", "rollback", "last"], &[]);
    assert!(back.status.success(), "{}", String::from_utf8_lossy(&back.stderr));
    let shown = town.command(&["runs", "show", "last"]).output().unwrap();
    let log = town.command(&["log"]).output().unwrap();
    writers.stop();

    watch.look();
    let known = watch.known();
    assert_all_were_learned(&known);
    let mut found = watch.leaks();
    found.extend(leaks_in_files(town.path(), &known));
    for (what, text) in [
        ("what the killed run said", [killed.stdout, killed.stderr].concat()),
        ("what the resume said", [resumed.stdout, resumed.stderr].concat()),
        ("what the rollback said", [back.stdout, back.stderr].concat()),
        ("what the report says", shown.stdout),
        ("what the log says", log.stdout),
    ] {
        let in_it = known.iter().filter(|(_, secret)| holds(&text, secret));
        found.extend(in_it.map(|(name, _)| format!("{name} is in {what}")));
    }
    found.sort();
    found.dedup();
    assert!(found.is_empty(), "{found:#?}");
    for environment in ["east", "west"] {
        let logged = std::fs::read(statements(&town, environment)).unwrap();
        assert!(holds(&logged, "statement:"), "{environment} logged every statement");
    }
    the_search_finds_what_is_planted(&watch);
}

/// Both environments have passwords, and each has subscribed: the way there, the way back, and the
/// way there again that the rollback keeps open.
fn assert_all_were_learned(known: &Known) {
    for (name, least) in [
        ("east trefoil/database-admin-password", 1),
        ("east trefoil/database-password", 1),
        ("west trefoil/database-admin-password", 1),
        ("west trefoil/database-password", 1),
        ("east subscription", 1),
        ("west subscription", 2),
    ] {
        let learned = known.keys().filter(|one| one.starts_with(name)).count();
        assert!(learned >= least, "{learned} of {name}: {:?}", known.keys());
    }
}

/// The search can fail.
fn the_search_finds_what_is_planted(watch: &Watch<'_>) {
    let known = watch.known();
    let secret = &known["API_KEY 2"];
    let planted = watch.town.path().join(".trefoil/moves/planted.log");
    std::fs::write(&planted, format!("connecting with {secret} now")).unwrap();
    assert_eq!(leaks_in_files(watch.town.path(), &known).len(), 1);
    std::fs::remove_file(planted).unwrap();
    let sleeper = Command::new("sleep").args(["60"]).arg0_secret(secret).spawn().unwrap();
    let _sleeper = Running(sleeper);
    // A process is there for a moment before its arguments are.
    let mut looks = (0..500).map(|_| {
        std::thread::sleep(Duration::from_millis(10));
        watch.look();
        watch.leaks().len()
    });
    assert_eq!(looks.find(|found| *found > 0), Some(1));
}

trait Argument {
    fn arg0_secret(&mut self, secret: &str) -> &mut Self;
}

impl Argument for Command {
    fn arg0_secret(&mut self, secret: &str) -> &mut Self {
        use std::os::unix::process::CommandExt;
        self.arg0(format!("sleep --password={secret}")).stdin(Stdio::null())
    }
}
