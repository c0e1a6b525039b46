//! `trefoil migrate`: a running application moves, and can come back.

mod finish;
mod plan;
mod plan_file;
mod preflight;
mod rehearse;
mod rollback;
mod run;
mod session;
mod view;

pub(crate) use plan::Answer as PlanAnswer;
pub(crate) use preflight::Answer as PreflightAnswer;
pub(crate) use rehearse::{Answer as RehearseAnswer, delete as delete_rehearsal};
pub(crate) use rollback::Answer as RollbackAnswer;
pub(crate) use run::Answer as RunAnswer;
pub(crate) use session::Outcome;

use crate::args::MigrateCommand;
use crate::{Cx, ExitStatus, Result};

/// Runs one of the commands of `migrate`.
pub async fn run(cx: &Cx, command: MigrateCommand) -> Result<ExitStatus> {
    match command {
        MigrateCommand::Plan(args) => plan::run(cx, &args).await,
        MigrateCommand::Preflight(args) => preflight::run(cx, &args).await,
        MigrateCommand::Rehearse(args) => rehearse::run(cx, &args).await,
        MigrateCommand::Run(args) => run::run(cx, &args).await,
        MigrateCommand::Rollback(args) => rollback::run(cx, &args).await,
        MigrateCommand::Finish(args) => finish::run(cx, &args).await,
    }
}
