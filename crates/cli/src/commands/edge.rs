//! `trefoil edge`: the proxy that users reach.

use crate::args::EdgeArgs;
use crate::{Cx, ExitStatus, Result};

/// Runs until it is told to shut down.
///
/// Errors: `edge_running`, `edge_port`.
pub async fn run(cx: &Cx, args: &EdgeArgs) -> Result<ExitStatus> {
    let served = trefoil_ops::edge::run(&args.folder, args.port);
    cx.interrupt.run(served).await.map(|()| ExitStatus::Yes)
}
