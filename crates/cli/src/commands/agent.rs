//! `trefoil agent`: the process that owns an environment's PostgreSQL server and instances.

use crate::args::AgentArgs;
use crate::{Cx, ExitStatus, Result};

/// Runs until it is told to shut down.
///
/// Errors: `agent_running`.
pub async fn run(cx: &Cx, args: &AgentArgs) -> Result<ExitStatus> {
    // Its children outlive it, so it may end at once wherever it is.
    let served = trefoil_ops::agent::run(&args.folder, &args.environment);
    cx.interrupt.run(served).await.map(|()| ExitStatus::Yes)
}
