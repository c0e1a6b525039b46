//! The edge is a process of its own: kill -9 of the tool and of the agents does not touch it.

#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod common;

use std::os::unix::process::CommandExt;
use std::path::Path;

use common::{Town, eventually};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

fn pid_in(file: &Path) -> Option<Pid> {
    let text = std::fs::read_to_string(file).ok()?;
    text.trim().parse().ok().map(Pid::from_raw)
}

fn alive(pid: Pid) -> bool {
    kill(pid, None).is_ok()
}

fn edge(town: &Town) -> Pid {
    let folder = town.path().join(".trefoil/edge");
    pid_in(&folder.join("edge.pid")).unwrap()
}

#[test]
fn the_edge_survives_the_death_of_tool_and_agent() {
    let town = Town::new("");
    town.ok(&["up", "east"]);
    let before = edge(&town);
    let (file, _) = town.plan("east", "west");

    // The tool in the middle of a move, with everything that is in its process group.
    let mut tool = town
        .command(&["migrate", "run", &file, "--no-supervisor"])
        .process_group(0)
        .spawn()
        .unwrap();
    let west = town.environment_folder("west").join("agent.pid");
    eventually("the move has started the other agent", || west.exists());
    killpg(Pid::from_raw(tool.id() as i32), Signal::SIGKILL).unwrap();
    tool.wait().unwrap();
    assert!(alive(before) && edge(&town) == before, "the edge died with the tool");
    assert_eq!(town.get("/ready").0, 200);

    for environment in ["east", "west"] {
        let agent = pid_in(&town.environment_folder(environment).join("agent.pid")).unwrap();
        kill(agent, Signal::SIGKILL).unwrap();
        eventually("the agent is dead", || !alive(agent));
    }
    assert!(alive(before) && edge(&town) == before, "the edge died with an agent");
    eventually("users are answered", || town.get("/ready").0 == 200);

    town.ok(&["runs", "abort", "last"]);
    town.ok(&["up", "east"]);
    assert_eq!(edge(&town), before, "another edge was started");
    assert_eq!(town.get("/ready").0, 200);
}
