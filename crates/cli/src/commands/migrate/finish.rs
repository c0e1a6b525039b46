//! `trefoil migrate finish`: closes the way back. The point of no return.

use super::session::{Session, answer};
use crate::args::FinishArgs;
use crate::{Cx, ExitStatus, Result, runner};

/// Drops the streams back and everything else of ours on both sides, and ends the run.
///
/// Errors: `not_soaking`.
pub(super) async fn run(cx: &Cx, args: &FinishArgs) -> Result<ExitStatus> {
    let state = runner::state_with(cx, &args.run).await?;
    let run_id = state.resolve_open(&args.run).await?;
    let plan = state.journal(&run_id).await?.plan;
    let session = Session::open(cx, state, &plan).await?;
    let question = format!("Close the way back from {} to {} for ever?", plan.to, plan.from);
    cx.confirm(&question).await?;
    let run = session.engine(cx, &args.supervision).finish(&run_id).await?;
    answer(cx, &run, |outcome| outcome)
}
