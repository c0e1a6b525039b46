//! `trefoil backflow`: the process that carries objects, sessions and secrets back while the way
//! back is open.

use trefoil_ops::engine::World;
use trefoil_ops::state::State;

use crate::args::BackflowArgs;
use crate::{Cx, ExitStatus, Result};

/// Carries back until the run is finished or closed.
///
/// Errors: `backflow_running`, and those of reading the specification and the run.
pub async fn run(args: &BackflowArgs, cx: &Cx) -> Result<ExitStatus> {
    // It ends itself when a signal comes, between two writes.
    cx.interrupt.take_over();
    let state = State::open(&args.folder).await?;
    let plan = state.journal(&args.run).await?.plan;
    let spec = cx.specification().await?.spec;
    let world = cx.world(&spec, &[&plan.from, &plan.to])?;
    let world = World { folder: args.folder.clone(), ..world };
    let load_run = || state.journal(&args.run);
    trefoil_ops::backflow::serve(&world, &args.run, load_run).await.map(|()| ExitStatus::Yes)
}
