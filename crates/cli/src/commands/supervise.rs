//! `trefoil supervise`: the process that watches over whoever executes a run.

use trefoil_ops::state::State;
use trefoil_ops::supervisor::{self, Tool};

use crate::args::BackflowArgs;
use crate::{Cx, Error, ExitStatus, Result};

/// Watches until the run has ended, soaks or waits for a person. A signal ends it: the run then has
/// nobody who watches over it.
///
/// Errors: `supervisor_running`, `supervisor_gave_up`, and those of reading the run.
pub async fn run(cx: &Cx, args: &BackflowArgs) -> Result<ExitStatus> {
    let program = std::env::current_exe().map_err(|error| {
        Error::missing("program", "cannot find the file of this program").because(error)
    })?;
    let state = State::open(&args.folder.join("state")).await?;
    let tool = Tool { program: &program, spec_file: &cx.settings.file, folder: &args.folder };
    supervisor::serve(tool, &state, &args.run).await.map(|()| ExitStatus::Yes)
}
