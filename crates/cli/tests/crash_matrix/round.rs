//! One round: a move and its way back, both disturbed, and what must hold afterwards.

use std::fmt;
use std::path::PathBuf;
use std::process::Child;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use secrecy::ExposeSecret;
use serde_json::Value;

use crate::common::machine::{begun, kill_all, processes};
use crate::common::{Answer, Town, eventually_within};

/// How long a machine of two busy cores may need for what takes seconds.
const PATIENCE: Duration = Duration::from_secs(180);

/// How many writes a second each writer asks for: enough for every switch to meet some, and few
/// enough that the processes under test have the processors.
const RATE: &str = "25";

/// How many rounds were begun in this process.
static ROUNDS: AtomicU64 = AtomicU64::new(1);

/// Around an event of the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    Before,
    After,
}

/// Where the tool is killed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Crash {
    pub(crate) moment: Moment,
    pub(crate) event: usize,
    pub(crate) supervised: bool,
}

/// Who is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Victim {
    Agents,
    Edge,
    Application,
    Backflow,
    Source,
    Target,
}

impl Victim {
    pub(crate) const ALL: [Victim; 6] = [
        Victim::Agents,
        Victim::Edge,
        Victim::Application,
        Victim::Backflow,
        Victim::Source,
        Victim::Target,
    ];
}

/// Which way a move goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    There,
    Back,
}

/// Whether somebody can be killed as a step begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    /// A round that kills nobody has failed.
    Lives,
    /// The step itself starts or ends the process.
    Perhaps,
    /// Not yet, or not any more.
    Absent,
}

/// What is done in one round.
#[derive(Debug, Clone)]
pub(crate) enum Round {
    Crashes { there: Crash, back: Crash, finish: Crash },
    Abort(Crash),
    Kills { victim: Victim, there: String, back: String },
}

impl fmt::Display for Crash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.supervised { "supervised" } else { "alone" };
        write!(f, "{:?} {} {how}", self.moment, self.event)
    }
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Round::Crashes { there, back, finish } => {
                write!(f, "[there {there}; back {back}; finish {finish}]")
            }
            Round::Abort(crash) => write!(f, "[abort {crash}]"),
            Round::Kills { victim, there, back } => {
                write!(f, "[{victim:?} dies: there at {there}; back at {back}]")
            }
        }
    }
}

/// A town in which `east` serves, with a folder for temporary files of its own.
pub(crate) fn town() -> Town {
    let mut town = Town::new("");
    let temporary = temporary(&town);
    std::fs::create_dir(&temporary).unwrap();
    town.variables.push(("TMPDIR", temporary.display().to_string()));
    town.ok(&["up", "east"]);
    town.seed(5, 5);
    town
}

/// How many events each run has, and the number of the one before the switch.
pub(crate) struct Lengths {
    pub(crate) there: usize,
    pub(crate) back: usize,
    pub(crate) finish: usize,
    pub(crate) switch: usize,
}

/// Counts the events of an undisturbed round.
pub(crate) fn lengths(town: &Town) -> Lengths {
    let (file, plan) = town.plan("east", "west");
    town.ok(&["migrate", "run", &file, "--no-supervisor"]);
    let there = events(town);
    town.ok(&["migrate", "rollback", "last", "--no-supervisor"]);
    // The rollback takes its parent over and closes it: two more in the parent's journal.
    let back = events(town) + 2;
    town.ok(&["migrate", "finish", "last", "--no-supervisor"]);
    let steps = plan["steps"].as_array().unwrap();
    let switch = steps.iter().position(|step| step["switch"] == true).unwrap();
    Lengths { there, back, finish: events(town) + 2 - back, switch: 2 + 2 * switch }
}

fn events(town: &Town) -> usize {
    town.ok(&["runs", "show", "last"])["events"].as_array().unwrap().len()
}

/// The actions of a move and of its rollback, side by side; the shorter list begins again.
pub(crate) fn steps(town: &Town) -> Vec<(String, String)> {
    let (file, there) = town.plan("east", "west");
    town.ok(&["migrate", "run", &file, "--no-supervisor"]);
    let back = town.ok(&["migrate", "rollback", "last", "--plan-only"]);
    let names = |plan: &Value| -> Vec<String> {
        let steps = plan["steps"].as_array().unwrap().iter();
        let run = steps.take_while(|step| step["finish"] != true);
        let mut names: Vec<_> =
            run.map(|step| step["action"].as_str().unwrap().to_owned()).collect();
        let mut seen = Vec::new();
        names.retain(|name| {
            !seen.contains(name) && {
                seen.push(name.clone());
                true
            }
        });
        names
    };
    let (there, back) = (names(&there), names(&back));
    let pairs = there.iter().enumerate();
    pairs.map(|(n, there)| (there.clone(), back[n % back.len()].clone())).collect()
}

impl Round {
    /// Plays it in a town where `east` serves, and leaves the town so.
    pub(crate) fn play(&self, town: &Town) {
        // Another seed each time: the application takes a repeated idempotency key for a repetition.
        let seed = ROUNDS.fetch_add(1, Ordering::Relaxed);
        let writers = town.writers_with(2, seed, &["--rate", RATE]);
        let (file, _) = town.plan("east", "west");
        let run = ["migrate", "run", &file];
        let back = ["migrate", "rollback", "last"];
        match self {
            Round::Crashes { there, back: crash, finish } => {
                there.disturb(town, &run, "soaking");
                assert_one_side(town, "west");
                crash.disturb(town, &back, "soaking");
                assert_one_side(town, "east");
                finish.disturb(town, &["migrate", "finish", "last"], "succeeded");
            }
            Round::Abort(crash) => crash.abort(town, &run),
            Round::Kills { victim, there, back: step } => {
                victim.dies(town, &run, there, Way::There);
                assert_one_side(town, "west");
                victim.dies(town, &back, step, Way::Back);
                assert_one_side(town, "east");
                town.ok(&["migrate", "finish", "last"]);
            }
        }
        assert_one_side(town, "east");
        writers.stop();
        let verdict = town.check("east");
        assert_eq!((&verdict["lost"], &verdict["doubled"]), (&0.into(), &0.into()), "{verdict:#}");
        assert_nothing_is_left(town);
        town.ok(&["down", "west", "--destroy"]);
    }
}

impl Crash {
    fn killed(&self, town: &Town, arguments: &[&str]) -> Answer {
        let variable = match self.moment {
            Moment::Before => "TREFOIL_CRASH_BEFORE_EVENT",
            Moment::After => "TREFOIL_CRASH_AFTER_EVENT",
        };
        let alone: &[&str] = if self.supervised { &[] } else { &["--no-supervisor"] };
        let event = self.event.to_string();
        let answer = town.run_with(&[arguments, alone].concat(), &[(variable, &event)]);
        assert_eq!(answer.code, -1, "not killed: {} {}", answer.error, answer.stderr);
        assert_at_most_one_side(town);
        answer
    }

    /// Runs the command, which dies, and has the run come to where it should.
    fn disturb(&self, town: &Town, arguments: &[&str], wanted: &str) {
        let before = runs(town);
        self.killed(town, arguments);
        eventually_within(PATIENCE, "nobody is at work", || supervisors(town) == 0);
        if runs(town) == before && !arguments.contains(&"finish") {
            // It died before the log knew of it.
            town.ok(&[arguments, &["--no-supervisor"]].concat());
        }
        let stands = state(town);
        if self.supervised && self.event > 2 && !arguments.contains(&"finish") {
            assert_eq!(stands, wanted, "the supervisor has not brought it to its end");
        } else if arguments.contains(&"finish") {
            if stands == "soaking" {
                town.ok(&["migrate", "finish", "last", "--no-supervisor"]);
            } else if stands != wanted {
                town.ok(&["runs", "resume", "last", "--no-supervisor"]);
            }
        } else if stands != wanted || soaking(town) > 1 {
            // A rollback that is at its end may still have to close the run that it took back.
            town.ok(&["runs", "resume", "last", "--no-supervisor"]);
        }
        assert_eq!(state(town), wanted);
    }

    /// Runs the command, which dies before the switch, and has it undone.
    fn abort(&self, town: &Town, arguments: &[&str]) {
        let before = runs(town);
        self.killed(town, arguments);
        if runs(town) == before {
            return;
        }
        town.ok(&["runs", "abort", "last", "--no-supervisor"]);
        assert_eq!(state(town), "aborted");
    }
}

impl Victim {
    /// Whether a process of this kind lives as a step begins. All that serve do: on the way there
    /// the application of the target waits before that of the source is stopped.
    fn presence(self, way: Way, step: &str) -> Presence {
        match (self, way, step) {
            (Victim::Target, Way::There, "preflight") => Presence::Absent,
            (Victim::Target, Way::There, "provision_environment") => Presence::Perhaps,
            (Victim::Backflow, _, "start_backflow") => Presence::Perhaps,
            (Victim::Backflow, Way::Back, "finish_backflow") => Presence::Perhaps,
            // Over in milliseconds, and what comes next ends the process.
            (Victim::Backflow, Way::Back, "copy_secrets") => Presence::Perhaps,
            (Victim::Backflow, Way::Back, "preflight") => Presence::Lives,
            (Victim::Backflow, ..) => Presence::Absent,
            _ => Presence::Lives,
        }
    }

    /// Whether a round has anybody to kill.
    pub(crate) fn lives_at(self, there: &str, back: &str) -> bool {
        let ways = [(Way::There, there), (Way::Back, back)];
        ways.into_iter().any(|(way, step)| self.presence(way, step) != Presence::Absent)
    }

    /// Runs the command; this process dies when the step begins. A run that stops for it is gone
    /// on with, as a person would.
    fn dies(self, town: &Town, arguments: &[&str], step: &str, way: Way) {
        let [from, to] = match way {
            Way::There => ["east", "west"],
            Way::Back => ["west", "east"],
        };
        let child = begun(town, arguments, step);
        let folder = |environment: &str| town.environment_folder(environment).join("postgres.json");
        let server = match self {
            Victim::Source => folder_of(&folder(from)),
            Victim::Target => folder_of(&folder(to)),
            _ => None,
        };
        let killed = kill_all(town, |line| match self {
            Victim::Agents => line.contains(" agent "),
            Victim::Edge => line.contains(" edge "),
            Victim::Application => line.contains("medassistant serve"),
            Victim::Backflow => line.contains(" backflow "),
            Victim::Source | Victim::Target => server
                .as_ref()
                .is_some_and(|folder| line.contains("postgres") && line.contains(folder.as_str())),
        });
        println!("{killed} processes killed at {step}");
        let died = killed > 0 || self.presence(way, step) != Presence::Lives;
        go_on(town, child, [from, to]);
        assert!(died, "no process of {self:?} lived at {step}: nothing was tried");
    }
}

fn folder_of(record: &std::path::Path) -> Option<String> {
    let record: Value = serde_json::from_slice(&std::fs::read(record).ok()?).ok()?;
    record["folder"].as_str().map(str::to_owned)
}

/// Waits for the run; one that has stopped is gone on with at most three times.
fn go_on(town: &Town, child: Child, sides: [&str; 2]) {
    let output = child.wait_with_output().unwrap();
    let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
    for _ in 0..3 {
        eventually_within(PATIENCE, "nobody is at work", || supervisors(town) == 0);
        if state(town) == "soaking" {
            break;
        }
        println!("it stopped: {said}");
        for side in sides {
            if town.environment_folder(side).exists() {
                town.run(&["up", side]);
            }
        }
        let resumed = town.run(&["runs", "resume", "last"]);
        said = resumed.error.to_string();
    }
    // What serves in the soak is brought up again by a person too, if it died.
    for side in sides {
        town.run(&["up", side]);
    }
    assert_eq!(state(town), "soaking", "{said}");
}

fn runs(town: &Town) -> usize {
    town.ok(&["runs"])["runs"].as_array().unwrap().len()
}

/// Where the newest move stands: an `up` in between is none.
fn state(town: &Town) -> String {
    let listed = town.ok(&["runs"]);
    let mut moves = listed["runs"].as_array().unwrap().iter().rev();
    let newest = moves.find(|run| run["kind"] == "migrate" || run["kind"] == "rollback");
    newest.unwrap()["state"].as_str().unwrap().to_owned()
}

fn soaking(town: &Town) -> usize {
    let listed = town.ok(&["runs"]);
    listed["runs"].as_array().unwrap().iter().filter(|run| run["state"] == "soaking").count()
}

fn supervisors(town: &Town) -> usize {
    processes(town).iter().filter(|(_, line)| line.contains(" supervise ")).count()
}

/// The environments whose database lets the application in.
fn writable(town: &Town) -> Vec<&'static str> {
    let open = |environment: &&str| {
        town.environment_folder(environment).join("postgres.json").exists()
            && application_enters(town, environment)
    };
    ["east", "west"].into_iter().filter(open).collect()
}

fn application_enters(town: &Town, environment: &str) -> bool {
    let site = town.site(environment);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let Ok(Some(admin)) = site.provision.database_admin().await else { return false };
        let secrets = &site.services.secrets;
        let Ok(Some(password)) = secrets.get("trefoil/database-password").await else {
            return false;
        };
        let mut config: tokio_postgres::Config = admin.url.expose_secret().parse().unwrap();
        let Some(role) = &admin.application_role else { return false };
        config.user(role).password(password.expose_secret());
        config.connect_timeout(Duration::from_secs(10));
        config.connect(tokio_postgres::NoTls).await.is_ok()
    })
}

/// A target that nothing was carried to yet is nobody's side, although its database is open.
fn assert_at_most_one_side(town: &Town) {
    if writable(town).len() > 1 {
        let tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'";
        assert_eq!(town.sql("west", tables), Vec::<String>::new(), "two sides accept writes");
    }
}

/// One side accepts writes, and users reach it.
fn assert_one_side(town: &Town, environment: &str) {
    assert_eq!(writable(town), [environment]);
    let status = town.ok(&["ps"]);
    assert_eq!(status["active"], environment, "{status}");
    assert_eq!(status["edge"]["upstream"]["environment"], environment, "{status}");
    eventually_within(PATIENCE, "it serves", || town.get("/ready").0 == 200);
}

/// No slot, role, subscription, publication, schema, process or temporary file of the move.
fn assert_nothing_is_left(town: &Town) {
    for environment in ["east", "west"] {
        if !town.environment_folder(environment).join("postgres.json").exists() {
            continue;
        }
        for statement in [
            "SELECT pubname FROM pg_publication",
            "SELECT subname FROM pg_subscription",
            "SELECT slot_name FROM pg_replication_slots",
            "SELECT roname FROM pg_replication_origin",
            "SELECT rolname FROM pg_roles WHERE rolname LIKE 'tf%'",
            "SELECT nspname FROM pg_namespace WHERE nspname = 'trefoil'",
        ] {
            let left = town.sql(environment, statement);
            assert_eq!(left, Vec::<String>::new(), "{environment}: {statement}");
        }
    }
    let meant = [" agent ", " edge ", "postgres", "medassistant", "[build-"];
    eventually_within(PATIENCE, "every other process has ended", || {
        processes(town).iter().all(|(_, line)| meant.iter().any(|one| line.contains(one)))
    });
    let mut files = walk(&town.path().join(".trefoil"));
    // Dumps of schemas among them: each goes with its step, and the tool dies between steps.
    files.extend(walk(&temporary(town)));
    let own = temporary(town).display().to_string();
    let temporary = |name: &&String| {
        [".new", ".beat", "#", ".tmp"].iter().any(|part| name.contains(part))
            || name.starts_with(&own)
            || (name.contains("/supervisors/") && !name.ends_with(".log"))
    };
    let left: Vec<_> = files.iter().filter(temporary).collect();
    assert!(left.is_empty(), "{left:?}");
}

/// Where the tool puts temporary files.
fn temporary(town: &Town) -> PathBuf {
    town.path().join("temporary")
}

/// Every file below a folder.
fn walk(folder: &std::path::Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => names.extend(walk(&entry.path())),
            _ => names.push(entry.path().display().to_string()),
        }
    }
    names
}
