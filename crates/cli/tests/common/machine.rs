//! The processes of a town, and commands that are caught at a step.

use std::process::Child;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::Town;

/// The number of the journal entry that says that the step began: two entries open the run and
/// take it over, and each step before has two.
pub fn event_of(plan: &Value, action: &str) -> usize {
    let steps = plan["steps"].as_array().unwrap();
    3 + 2 * steps.iter().position(|step| step["action"] == action).unwrap()
}

/// Every process of the town: agents, servers, applications, edge, backflow.
pub fn processes(town: &Town) -> Vec<(Pid, String)> {
    let here = town.path().canonicalize().unwrap().display().to_string();
    let mut data: Vec<String> = Vec::new();
    for environment in ["east", "west"] {
        let record = town.environment_folder(environment).join("postgres.json");
        let record: Option<Value> =
            std::fs::read(record).ok().and_then(|text| serde_json::from_slice(&text).ok());
        data.extend(record.and_then(|one| one["folder"].as_str().map(str::to_owned)));
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<i32>() else { continue };
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        let cwd = std::fs::read_link(entry.path().join("cwd")).unwrap_or_default();
        let ours = line.contains(&here)
            || cwd.starts_with(&here)
            || data.iter().any(|folder| line.contains(folder) || cwd.starts_with(folder));
        if ours && pid != std::process::id().cast_signed() && !line.contains("trefoil-witness") {
            found.push((Pid::from_raw(pid), line));
        }
    }
    found
}

/// Kills what `which` accepts, all at once; how many they were.
pub fn kill_all(town: &Town, which: impl Fn(&str) -> bool) -> usize {
    let killed = processes(town).into_iter().filter(|(_, line)| which(line));
    killed.filter(|(pid, _)| kill(*pid, Signal::SIGKILL).is_ok()).count()
}

/// The program, when the plan's step has begun once more than before.
pub fn begun(town: &Town, arguments: &[&str], action: &str) -> Child {
    let before = times_begun(town, action);
    let mut child = town.command(arguments).spawn().unwrap();
    let started = Instant::now();
    loop {
        let ended = child.try_wait().unwrap().is_some();
        if times_begun(town, action) > before {
            return child;
        }
        if ended {
            let output = child.wait_with_output().unwrap();
            panic!("{action} never began: {}", String::from_utf8_lossy(&output.stdout));
        }
        assert!(started.elapsed() < Duration::from_secs(300), "{action} does not begin");
        std::thread::sleep(Duration::from_millis(3));
    }
}

/// How often a step of this action was begun, in all runs.
fn times_begun(town: &Town, action: &str) -> usize {
    let runs = std::fs::read_dir(town.path().join(".trefoil/state/runs"));
    runs.into_iter().flatten().flatten().map(|run| times_begun_in(&run.path(), action)).sum()
}

fn times_begun_in(run: &std::path::Path, action: &str) -> usize {
    let files = std::fs::read_dir(run).into_iter().flatten().flatten();
    let mut files: Vec<_> = files.map(|file| file.path()).collect();
    files.sort();
    let texts = files.iter().filter_map(|file| std::fs::read(file).ok());
    let mut entries = texts.map(|text| serde_json::from_slice::<Value>(&text).unwrap_or_default());
    let Some(opened) = entries.next() else { return 0 };
    let steps = opened["body"]["plan"]["steps"].as_array().into_iter().flatten();
    let wanted: Vec<_> =
        steps.filter(|step| step["action"] == action).map(|step| step["n"].clone()).collect();
    let begun = |entry: &Value| {
        entry["body"]["event"] == "started" && wanted.contains(&entry["body"]["step"])
    };
    entries.filter(begun).count()
}
