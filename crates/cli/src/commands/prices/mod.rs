//! `trefoil prices`: the price catalogue.

mod check;
mod list;
mod refresh;

pub(crate) use check::Answer as CheckAnswer;
pub(crate) use list::Answer as ListAnswer;
pub(crate) use refresh::Answer as RefreshAnswer;

use crate::args::PricesCommand;
use crate::{Cx, ExitStatus, Result};

/// Runs one of the commands.
pub(super) async fn run(cx: &Cx, command: PricesCommand) -> Result<ExitStatus> {
    match command {
        PricesCommand::List(args) => list::list(cx, &args).await,
        PricesCommand::Show(args) => list::show(cx, &args).await,
        PricesCommand::Check(args) => check::run(cx, args.catalogue.as_deref()).await,
        PricesCommand::Refresh(args) => refresh::run(cx, args).await,
    }
}
