//! No secret of a move stands anywhere but in its store: not in logs of either side, the log of
//! the application, journals, plans, reports, manifests, process arguments, or what PostgreSQL
//! logs when it logs every statement.

#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

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

fn leaks_in_arguments(known: &Known) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(line) = std::fs::read(entry.path().join("cmdline")) else { continue };
        for (name, _) in known.iter().filter(|(_, secret)| holds(&line, secret)) {
            found.push(format!("{name} is an argument of process {:?}", entry.file_name()));
        }
    }
    found
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
fn made_for(town: &Town, environment: &str, known: &mut Known) {
    let secrets = town.site(environment).services.secrets;
    for name in ["trefoil/database-admin-password", "trefoil/database-password"] {
        let value = block_on(secrets.get(name)).unwrap().unwrap();
        known.insert(format!("{environment} {name}"), value.expose_secret().to_owned());
    }
    for line in town.sql(environment, "SELECT subconninfo FROM pg_subscription") {
        let password = line.split("password=").nth(1).and_then(|rest| rest.split(' ').next());
        let password = password.unwrap_or_default().trim_matches('\'');
        if !password.is_empty() {
            known.insert(format!("{environment} subscription"), password.to_owned());
        }
    }
}

#[test]
fn a_move_and_a_rollback_write_no_secret_anywhere() {
    let town = Town::new("");
    town.ok(&["up", "east"]);
    let reader = "CREATE ROLE reader LOGIN PASSWORD 'password-of-a-role-5f0c9a1e'";
    town.sql("east", reader);
    town.sql("east", "GRANT SELECT ON notes TO reader");
    let _east = log_every_statement(&town, "east");
    let mut known = Known::from([
        ("a role's password".into(), "password-of-a-role-5f0c9a1e".to_owned()),
        ("a role's verifier".into(), verifier(&town, "east")),
        ("a former value".into(), "former-value-0c7d1f52a9".to_owned()),
        ("a value".into(), "value-of-a-secret-b1946ac92492".to_owned()),
        ("a quoted value".into(), "it's \"quoted\" \\ 5f1d7a84db00".to_owned()),
    ]);
    set(&town, "API_KEY", &known["a former value"]);
    set(&town, "API_KEY", &known["a value"]);
    set(&town, "QUOTED", &known["a quoted value"]);
    let writers = town.writers(2, seed());

    // West is there and logs everything before the move touches its database.
    let (file, plan) = town.plan("east", "west");
    let steps = plan["steps"].as_array().unwrap();
    let prepare = steps.iter().position(|step| step["action"] == "prepare_database").unwrap();
    let event = (2 + 2 * prepare).to_string();
    let killed = town.run_with(
        &["migrate", "run", "--no-supervisor", &file],
        &[("TREFOIL_CRASH_BEFORE_EVENT", &event)],
    );
    assert_eq!(killed.code, -1, "{} {}", killed.error, killed.stderr);
    let _west = log_every_statement(&town, "west");

    let mut resumed = town.command(&["-vv", "runs", "resume", "last"]).spawn().unwrap();
    let mut found = Vec::new();
    while resumed.try_wait().unwrap().is_none() {
        found.extend(leaks_in_arguments(&known));
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let output = resumed.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(verifier(&town, "west"), known["a role's verifier"], "the password is carried");
    for environment in ["east", "west"] {
        made_for(&town, environment, &mut known);
    }
    assert!(known.len() >= 10, "both sides have passwords, and a stream back: {:?}", known.keys());
    let back = town.command(&["-vv", "migrate", "rollback", "last"]).output().unwrap();
    assert!(back.status.success(), "{}", String::from_utf8_lossy(&back.stderr));
    let shown = town.command(&["runs", "show", "last"]).output().unwrap();
    let log = town.command(&["log"]).output().unwrap();
    writers.stop();

    found.extend(leaks_in_arguments(&known));
    found.extend(leaks_in_files(town.path(), &known));
    for (what, text) in [
        ("what the resume said", [output.stdout, output.stderr].concat()),
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
    the_search_finds_what_is_planted(&town, &known);
}

/// The search can fail.
fn the_search_finds_what_is_planted(town: &Town, known: &Known) {
    let secret = &known["a value"];
    let planted = town.path().join(".trefoil/moves/planted.log");
    std::fs::write(&planted, format!("connecting with {secret} now")).unwrap();
    assert_eq!(leaks_in_files(town.path(), known).len(), 1);
    std::fs::remove_file(planted).unwrap();
    let sleeper = Command::new("sleep").args(["60"]).arg0_secret(secret).spawn().unwrap();
    let _sleeper = Running(sleeper);
    // A process is there for a moment before its arguments are.
    let mut looks = (0..500).map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        leaks_in_arguments(known).len()
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
