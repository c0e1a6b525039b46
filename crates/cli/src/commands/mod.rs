//! One file per command.

pub mod check;
pub mod clouds;
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
    }
}
