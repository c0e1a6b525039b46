//! One file per command.

pub mod check;
pub mod clouds;
pub mod down;
pub mod log;
pub mod not_yet;
pub mod ps;
pub mod runs;
pub mod schema;
pub mod up;

use crate::args::Command;
use crate::{Cx, ExitStatus, Result};

/// Runs a command.
pub async fn run(command: Command, cx: &Cx) -> Result<ExitStatus> {
    match command {
        Command::Check => check::run(cx).await,
        Command::Schema => schema::run(cx),
        Command::Clouds => clouds::run(cx),
        Command::Up(args) => up::run(cx, &args).await,
        Command::Down(args) => down::run(cx, &args).await,
        Command::Ps => ps::run(cx).await,
        Command::Runs(args) => runs::run(cx, args).await,
        Command::Log => log::run(cx).await,
    }
}
