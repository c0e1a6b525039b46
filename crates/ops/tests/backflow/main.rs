//! The process that carries back: started, watched, killed and stopped as the tool does it. This
//! program is the process too, when its first argument is `backflow`.

#![allow(clippy::unwrap_used, reason = "helpers of tests, outside of test functions")]

#[path = "../movers/support.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the tests of the movers")]
mod support;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use trefoil_clouds::services::Services;
use trefoil_core::journal::{Entry, Event, Run};
use trefoil_core::plan::Action;
use trefoil_ops::engine::{Check, Context, Perform, Silent, World};
use trefoil_ops::{Error, Result, actions, backflow};

use support::{BUCKET, entries, fresh_world, put, read, world};

/// How long anything may take to happen, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if arguments.iter().any(|argument| argument == "backflow") {
        return runtime.block_on(serve(&arguments));
    }
    runtime.block_on(async {
        changes_flow_back_and_only_back().await;
        it_ends_when_the_run_is_finished().await;
        it_ends_when_its_status_is_taken_away().await;
        the_other_direction_is_stopped_first().await;
        it_survives_errors_and_shows_them().await;
        one_that_was_killed_is_started_again().await;
        a_second_one_is_refused().await;
        a_program_that_ends_at_once_is_an_error().await;
        the_actions_start_stop_and_start_again().await;
    });
    std::io::stdout().write_all(b"test result: ok. 9 scenarios\n").unwrap();
    ExitCode::SUCCESS
}

async fn serve(arguments: &[String]) -> ExitCode {
    let value = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name).unwrap();
        arguments[at + 1].clone()
    };
    let folder = PathBuf::from(value("--folder"));
    let run_id = value("--run");
    let load = || async { load_run(&folder, &run_id) };
    match backflow::serve(&world(&folder), &run_id, load).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let line = format!("{}: {}\n", error.code(), error.chain());
            std::io::stderr().write_all(line.as_bytes()).unwrap();
            ExitCode::FAILURE
        }
    }
}

fn journal(folder: &Path, run_id: &str) -> PathBuf {
    folder.join(format!("journal-{run_id}.json"))
}

fn load_run(folder: &Path, run_id: &str) -> Result<Run> {
    let text = std::fs::read(journal(folder, run_id)).unwrap();
    let entries = serde_json::from_slice(&text)
        .map_err(|error| Error::failed("journal_torn", "the journal is torn").because(error))?;
    Run::fold(entries)
}

fn steps(from: &str, to: &str) -> Vec<Action> {
    let sides = json!({ "from": to, "to": from, "since": "beginning", "last": true });
    let mut objects = sides.clone();
    objects["bucket"] = BUCKET.into();
    let start = json!({ "from": from, "to": to, "buckets": [[BUCKET, 1]], "sessions": 2 });
    let finish = json!({ "from": from, "to": to });
    [
        ("copy_objects", objects),
        ("copy_sessions", sides),
        ("start_backflow", start),
        ("finish_backflow", finish),
    ]
    .map(|(name, params)| {
        serde_json::from_value(json!({ "action": name, "params": params })).unwrap()
    })
    .to_vec()
}

/// A journal whose copies are done, as the records stand now.
async fn journal_of(world: &World, run_id: &str, from: &str, to: &str) -> Vec<Entry> {
    let services = services(world, from);
    let output = |position: u64| {
        json!({
            "source_position": 0, "target_position": position,
            "written": 0, "deleted": 0, "bytes": 0
        })
    };
    let outputs = [
        output(services.objects[BUCKET].position().await.unwrap()),
        output(services.sessions.as_ref().unwrap().position().await.unwrap()),
    ];
    let plan = json!({ "plan_id": run_id });
    let entries = entries(&plan, &steps(from, to), &outputs);
    write(world, run_id, &entries);
    entries
}

fn write(world: &World, run_id: &str, entries: &[Entry]) {
    let text = serde_json::to_vec(entries).unwrap();
    std::fs::write(journal(&world.folder, run_id), text).unwrap();
}

fn services<'a>(world: &'a World, environment: &str) -> &'a Services {
    &world.site(environment).unwrap().services
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = std::time::Instant::now() + PATIENCE;
    while !holds().await {
        assert!(std::time::Instant::now() < deadline, "it did not happen that {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn runs(world: &World, run_id: &str) -> bool {
    backflow::running(&world.folder, run_id).unwrap().is_some()
}

/// Stops what a scenario left, also when it failed.
struct Cleanup<'a>(&'a World);

impl Drop for Cleanup<'_> {
    fn drop(&mut self) {
        for status in backflow::list(&self.0.folder).unwrap() {
            if status.is_alive() {
                let pid = status.pid.to_string();
                let _ = std::process::Command::new("kill").args(["-9", &pid]).status();
            }
        }
    }
}

async fn changes_flow_back_and_only_back() {
    let (_folder, world) = fresh_world();
    let _cleanup = Cleanup(&world);
    let (east, west) = (services(&world, "east"), services(&world, "west"));
    put(&west.objects[BUCKET], "moved", "moved").await;
    put(&west.objects[BUCKET], "deleted later", "x").await;
    put(&east.objects[BUCKET], "deleted later", "x").await;
    journal_of(&world, "run-1", "west", "east").await;

    let started = backflow::start(&world, "run-1", "west", "east").await.unwrap();
    let again = backflow::start(&world, "run-1", "west", "east").await.unwrap();
    assert_eq!(started.pid, again.pid);
    assert_ne!(started.pid, std::process::id());
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", started.pid)).unwrap();
    let session = stat.rsplit_once(')').unwrap().1.split_whitespace().nth(3).unwrap();
    assert_eq!(session, started.pid.to_string(), "it has a session of its own");

    put(&west.objects[BUCKET], "new", "on west").await;
    west.objects[BUCKET].delete("deleted later").await.unwrap();
    let sessions = west.sessions.as_ref().unwrap();
    let hour = Duration::from_secs(3600);
    let made = sessions.create(Some("s"), json!("west"), hour, Timestamp::now()).await.unwrap();
    west.secrets.set("key", &"value".into()).await.unwrap();
    put(&east.objects[BUCKET], "of east", "stays").await;
    until("everything is on east", async || {
        read(&east.objects[BUCKET], "new").await.as_deref() == Some("on west")
            && read(&east.objects[BUCKET], "deleted later").await.is_none()
            && east.sessions.as_ref().unwrap().raw("s").await.unwrap() == Some(made.clone())
            && east.secrets.get("key").await.unwrap().is_some()
    })
    .await;
    assert_eq!(read(&west.objects[BUCKET], "of east").await, None, "nothing goes forward");
    assert_eq!(read(&east.objects[BUCKET], "moved").await, None, "nothing from before the switch");
    until("the status says so", async || {
        let status = backflow::status(&world.folder, "run-1").unwrap().unwrap();
        status.lag == backflow::Lag::default()
            && status.caught_up_at.is_some()
            && status.carried == 4
            && status.objects[BUCKET] == west.objects[BUCKET].position().await.unwrap()
    })
    .await;
    for _ in 0..2 {
        backflow::stop(&world.folder, "run-1").await.unwrap();
        assert!(!runs(&world, "run-1") && !started.is_alive());
        assert_eq!(backflow::list(&world.folder).unwrap(), []);
    }
}

async fn it_ends_when_the_run_is_finished() {
    let (_folder, world) = fresh_world();
    let _cleanup = Cleanup(&world);
    let mut entries = journal_of(&world, "run-1", "west", "east").await;
    let status = backflow::start(&world, "run-1", "west", "east").await.unwrap();
    let began = [
        Event::started(3),
        Event::Succeeded { step: 3, output: Value::Null },
        Event::FinishRequested,
    ];
    entries.extend(began.map(|event| Entry { at: Timestamp::UNIX_EPOCH, event }));
    write(&world, "run-1", &entries);
    until("it ends", async || !status.is_alive()).await;
    assert_eq!(backflow::status(&world.folder, "run-1").unwrap(), None);
}

async fn it_ends_when_its_status_is_taken_away() {
    let (_folder, world) = fresh_world();
    let _cleanup = Cleanup(&world);
    journal_of(&world, "run-1", "west", "east").await;
    let status = backflow::start(&world, "run-1", "west", "east").await.unwrap();
    std::fs::remove_file(world.folder.join("backflow/run-1.json")).unwrap();
    // It may have looked just before, and then writes its status once more.
    until("it ends", async || {
        let _ = std::fs::remove_file(world.folder.join("backflow/run-1.json"));
        !status.is_alive()
    })
    .await;
}

async fn the_other_direction_is_stopped_first() {
    let (_folder, world) = fresh_world();
    let _cleanup = Cleanup(&world);
    journal_of(&world, "run-1", "west", "east").await;
    journal_of(&world, "run-2", "east", "west").await;
    let first = backflow::start(&world, "run-1", "west", "east").await.unwrap();
    let second = backflow::start(&world, "run-2", "east", "west").await.unwrap();
    assert!(!first.is_alive() && second.is_alive());
    backflow::stop_between(&world, "west", "east").await.unwrap();
    assert!(!second.is_alive());
}

async fn it_survives_errors_and_shows_them() {
    let (_folder, world) = fresh_world();
    let _cleanup = Cleanup(&world);
    let entries = journal_of(&world, "run-1", "west", "east").await;
    let status = backflow::start(&world, "run-1", "west", "east").await.unwrap();
    std::fs::write(journal(&world.folder, "run-1"), "[{").unwrap();
    let last_error = || backflow::status(&world.folder, "run-1").unwrap().unwrap().last_error;
    until("the error is shown", async || {
        last_error().is_some_and(|error| error.starts_with("the journal is torn: "))
    })
    .await;
    write(&world, "run-1", &entries);
    put(&services(&world, "west").objects[BUCKET], "later", "later").await;
    until("it goes on", async || last_error().is_none()).await;
    until("it carries", async || {
        read(&services(&world, "east").objects[BUCKET], "later").await.is_some()
    })
    .await;
    assert!(status.is_alive());
}

async fn one_that_was_killed_is_started_again() {
    let (_folder, world) = fresh_world();
    let _cleanup = Cleanup(&world);
    journal_of(&world, "run-1", "west", "east").await;
    let first = backflow::start(&world, "run-1", "west", "east").await.unwrap();
    let pid = first.pid.to_string();
    assert!(
        tokio::process::Command::new("kill").args(["-9", &pid]).status().await.unwrap().success()
    );
    until("it is dead", async || !first.is_alive()).await;
    put(&services(&world, "west").objects[BUCKET], "meanwhile", "x").await;
    let second = backflow::start(&world, "run-1", "west", "east").await.unwrap();
    assert_ne!(first.pid, second.pid);
    until("it carries what came meanwhile", async || {
        read(&services(&world, "east").objects[BUCKET], "meanwhile").await.is_some()
    })
    .await;
}

async fn a_second_one_is_refused() {
    let (_folder, world) = fresh_world();
    let _cleanup = Cleanup(&world);
    journal_of(&world, "run-1", "west", "east").await;
    let first = backflow::start(&world, "run-1", "west", "east").await.unwrap();
    let output = tokio::process::Command::new(&world.program)
        .args(["backflow", "--run", "run-1", "--folder"])
        .arg(&world.folder)
        .output()
        .await
        .unwrap();
    assert!(!output.status.success());
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(words.starts_with("backflow_running: "), "{words}");
    assert!(first.is_alive());
}

async fn a_program_that_ends_at_once_is_an_error() {
    let (_folder, mut world) = fresh_world();
    world.program = "/bin/false".into();
    let error = backflow::start(&world, "run-1", "west", "east").await.unwrap_err();
    assert_eq!(error.code(), "backflow_start");
    assert!(error.hint_text().unwrap().contains("runs-backflow-run-1.log"), "{error:?}");
}

async fn the_actions_start_stop_and_start_again() {
    let (_folder, world) = fresh_world();
    let _cleanup = Cleanup(&world);
    let entries = journal_of(&world, "run-1", "west", "east").await;
    let run = Run::fold(entries).unwrap();
    let start = context(&world, &run, 3);
    let finish = context(&world, &run, 4);
    let check = of(&finish).check(&finish).await.unwrap();
    assert!(matches!(check, Check::After { step: 3, .. }), "{check:?}");
    assert!(matches!(of(&start).check(&start).await.unwrap(), Check::Ready));
    let output = of(&start).perform(&start).await.unwrap();
    assert_eq!(of(&start).perform(&start).await.unwrap(), output);
    let check = of(&start).check(&start).await.unwrap();
    assert!(matches!(check, Check::Done(done) if done == output));
    for _ in 0..2 {
        of(&start).undo(&start).await.unwrap();
        assert!(!runs(&world, "run-1"));
    }

    of(&start).perform(&start).await.unwrap();
    // The rollback stops it, and starts it again when it is taken back itself.
    let plan = json!({ "plan_id": "run-2", "kind": "rollback", "parent": "run-1" });
    let rollback = support::run(&plan, &steps("west", "east")[3..], &[]);
    let finish = context(&world, &rollback, 1);
    for _ in 0..2 {
        assert_eq!(of(&finish).perform(&finish).await.unwrap(), Value::Null);
        assert!(!runs(&world, "run-1"));
    }
    assert!(matches!(of(&finish).check(&finish).await.unwrap(), Check::Done(_)));
    for _ in 0..2 {
        of(&finish).undo(&finish).await.unwrap();
        assert!(runs(&world, "run-1"));
    }
    backflow::stop(&world.folder, "run-1").await.unwrap();
}

fn context<'a>(world: &'a World, run: &'a Run, step: usize) -> Context<'a> {
    Context { world, run, step: run.plan.step(step).unwrap(), progress: &Silent, journal: None }
}

fn of<'a>(cx: &Context<'a>) -> &'a dyn Perform {
    actions::of(&cx.step.action)
}
