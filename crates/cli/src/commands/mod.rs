//! One file per command.

mod agent;
mod backflow;
pub mod check;
pub mod clouds;
mod demo;
mod edge;
mod inventory;
mod migrate;
pub mod not_yet;
pub mod schema;

use crate::args::Command;
use crate::{Cx, ExitStatus, Result};

/// Runs a command.
pub async fn run(command: Command, cx: &Cx) -> Result<ExitStatus> {
    match command {
        Command::Check => check::run(cx).await,
        Command::Schema => schema::run(cx),
        Command::Clouds => clouds::run(cx),
        Command::Inventory(args) => inventory::run(&args, cx).await,
        Command::Migrate(command) => migrate::run(command, cx).await,
        Command::Demo(args) => demo::run(&args, cx).await,
        Command::Agent(args) => agent::run(&args, cx).await,
        Command::Backflow(args) => backflow::run(&args, cx).await,
        Command::Edge(args) => edge::run(&args, cx).await,
    }
}
