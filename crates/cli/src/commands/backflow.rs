//! `trefoil backflow`: the process that carries objects, sessions and secrets back while the way
//! back is open.

use crate::args::BackflowArgs;
use crate::settings::Settings;
use crate::{Cx, ExitStatus, Result, runner};

/// Carries back until the run is finished or closed.
///
/// Errors: `backflow_running`, and those of reading the specification and the run.
pub async fn run(cx: &Cx, args: &BackflowArgs) -> Result<ExitStatus> {
    // It ends itself when a signal comes, between two writes.
    cx.interrupt.take_over();
    let settings = Settings { state: args.folder.clone(), ..cx.settings.clone() };
    let cx = &Cx { settings, ..cx.clone() };
    // It writes to no log, and may be killed before it has tried the folder out.
    let state = runner::state_to_read(cx)?;
    let plan = state.journal(&args.run).await?.plan;
    let world = runner::world_of(cx, &cx.specification().await?.spec, &plan)?;
    let load_run = || state.journal(&args.run);
    trefoil_ops::backflow::serve(&world, &args.run, load_run).await.map(|()| ExitStatus::Yes)
}
