//! One file per command.

pub mod agent;
pub mod backflow;
pub mod check;
pub mod clouds;
pub mod completions;
pub mod cost;
pub mod demo;
pub mod down;
pub mod edge;
pub mod init;
pub mod inventory;
pub mod log;
pub mod man;
pub mod migrate;
pub mod not_yet;
pub mod prices;
pub mod ps;
pub mod render;
pub mod runs;
pub mod schema;
pub mod secrets;
pub mod stream;
pub mod supervise;
pub mod up;

use crate::args::Command;
use crate::{Cx, ExitStatus, Result};

/// Runs a command.
pub async fn run(cx: &Cx, command: Command) -> Result<ExitStatus> {
    match command {
        Command::Init(args) => init::run(cx, &args).await,
        Command::Check => check::run(cx).await,
        Command::Schema => schema::run(cx),
        Command::Clouds => clouds::run(cx),
        Command::Up(args) => up::run(cx, &args).await,
        Command::Down(args) => down::run(cx, &args).await,
        Command::Ps => ps::run(cx).await,
        Command::Runs(args) => runs::run(cx, args).await,
        Command::Log => log::run(cx).await,
        Command::Inventory(args) => inventory::run(cx, &args).await,
        Command::Secrets(command) => secrets::run(cx, command).await,
        Command::Migrate(command) => migrate::run(cx, command).await,
        Command::Cost(args) => cost::run(cx, args).await,
        Command::Prices(command) => prices::run(cx, command).await,
        Command::Render(args) => render::run(cx, &args).await,
        Command::Demo(args) => demo::run(cx, &args).await,
        Command::Agent(args) => agent::run(cx, &args).await,
        Command::Backflow(args) => backflow::run(cx, &args).await,
        Command::Stream(args) => stream::run(cx, &args).await,
        Command::Supervise(args) => supervise::run(cx, &args).await,
        Command::Completions(args) => completions::run(cx, &args),
        Command::Man(args) => man::run(cx, &args),
        Command::Edge(args) => edge::run(cx, &args).await,
    }
}
