//! What the actions on databases share.

use serde::Serialize;
use serde_json::Value;
use trefoil_core::plan::{AccessRecord, AccessRef, Action, PrepareOutput, Step};

use crate::engine::{Check, Context};
use crate::movers::postgres::client::process;
use crate::movers::postgres::{Pair, Server};
use crate::{Error, Result};

/// A value as a step's output.
pub(super) fn output<T: Serialize>(value: &T) -> Result<Value> {
    serde_json::to_value(value)
        .map_err(|error| Error::failed("json", "cannot write the output").because(error))
}

/// Whether a step works on a database, so that later ones depend on it.
fn changes_database(step: &Step) -> bool {
    matches!(
        step.action,
        Action::PrepareDatabase(_)
            | Action::CopySchema(_)
            | Action::CopyRows(_)
            | Action::BuildIndexes(_)
            | Action::AwaitStream(_)
            | Action::VerifyDatabase(_)
            | Action::ArmReturn(_)
            | Action::FenceDatabase(_)
            | Action::DrainDatabase(_)
            | Action::SyncDatabase(_)
            | Action::DetachDatabase(_)
            | Action::OpenDatabase(_)
            | Action::StartReturn(_)
            | Action::FinishDatabase(_)
    )
}

/// What a look says while an earlier step on the database is not done, otherwise `Ready`. Nothing
/// is asked of the servers: in the window users wait, and performing again does no harm.
pub(super) fn after_earlier(cx: &Context<'_>) -> Check {
    let mut steps = cx.run.plan.steps.iter().rev();
    let missing =
        steps.find(|step| step.n < cx.step.n && changes_database(step) && !cx.run.is_done(step.n));
    match missing {
        Some(step) => Check::After {
            step: step.n,
            provides: format!("the database as `{}` leaves it", step.action.name()),
        },
        None => Check::Ready,
    }
}

/// Who may use a database, from where the plan says that it is written.
pub(super) fn access(cx: &Context<'_>, access: &AccessRef) -> Result<AccessRecord> {
    match access {
        AccessRef::SourceOf(step) => Ok(cx.output::<PrepareOutput>(*step)?.source_access),
        AccessRef::TargetOf(step) => Ok(cx.output::<PrepareOutput>(*step)?.target_access),
        AccessRef::Known(record) => Ok(record.clone()),
    }
}

/// A session on each side of a stream that is awake, and whoever carries it.
pub(super) async fn flowing(cx: &Context<'_>, from: &str, to: &str, stream: &str) -> Result<Pair> {
    let pair = Pair::open(cx, from, to).await?;
    process::ensure(cx.world, &pair, stream).await?;
    Ok(pair)
}

/// A session on a server for undoing: whatever an earlier process or an earlier attempt still has
/// under way there is ended first, so that it cannot undo the undoing.
pub(super) async fn alone(cx: &Context<'_>, environment: &str) -> Result<Server> {
    let server = Server::of_site(cx.site(environment)?).await?;
    server.end_other_work().await?;
    Ok(server)
}

/// The same on both sides.
pub(super) async fn pair_alone(cx: &Context<'_>, from: &str, to: &str) -> Result<Pair> {
    Ok(Pair { source: alone(cx, from).await?, target: alone(cx, to).await? })
}

/// From the switch on the way back is a rollback, so such a step is never undone.
pub(super) fn not_undone(what: &str) -> Error {
    Error::refused("not_undoable", format!("{what} is not undone after the switch"))
        .hint("the way back is `trefoil migrate rollback`")
}
