//! `trefoil migrate`: a running application moves, and can come back.

mod finish;
mod plan;
mod plan_file;
mod preflight;
mod rollback;
mod run;
mod session;
mod view;

use crate::args::MigrateCommand;
use crate::{Cx, ExitStatus, Result};

/// Runs one of the commands of `migrate`.
pub async fn run(command: MigrateCommand, cx: &Cx) -> Result<ExitStatus> {
    match command {
        MigrateCommand::Plan(args) => plan::run(&args, cx).await,
        MigrateCommand::Preflight(args) => preflight::run(&args, cx).await,
        MigrateCommand::Run(args) => run::run(&args, cx).await,
        MigrateCommand::Rollback(args) => rollback::run(&args, cx).await,
        MigrateCommand::Finish(args) => finish::run(&args, cx).await,
    }
}
