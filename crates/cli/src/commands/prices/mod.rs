//! `trefoil prices`: the price catalogue.

mod check;
mod list;
mod refresh;

use crate::args::PricesCommand;
use crate::{Cx, ExitStatus, Result};

/// Runs one of the commands.
pub(super) async fn run(command: PricesCommand, cx: &Cx) -> Result<ExitStatus> {
    match command {
        PricesCommand::List(args) => list::list(&args, cx).await,
        PricesCommand::Show(args) => list::show(&args, cx).await,
        PricesCommand::Check(args) => check::run(args.catalogue.as_deref(), cx).await,
        PricesCommand::Refresh(args) => refresh::run(args, cx).await,
    }
}
