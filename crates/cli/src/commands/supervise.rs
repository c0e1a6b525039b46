//! `trefoil supervise`: the process that watches over whoever executes a run.

use trefoil_ops::supervisor::{self, Tool};

use crate::args::BackflowArgs;
use crate::settings::Settings;
use crate::{Cx, Error, ExitStatus, Result, runner};

/// Watches until the run has ended, soaks or waits for a person. A signal ends it: the run then has
/// nobody who watches over it.
///
/// Errors: `supervisor_running`, `supervisor_gave_up`, and those of reading the run.
pub async fn run(cx: &Cx, args: &BackflowArgs) -> Result<ExitStatus> {
    let program = std::env::current_exe().map_err(|error| {
        Error::missing("program", "cannot find the file of this program").because(error)
    })?;
    let settings = Settings { state: args.folder.clone(), ..cx.settings.clone() };
    let cx = &Cx { settings, ..cx.clone() };
    let state = runner::state(cx).await?;
    let tool = Tool {
        program: &program,
        spec_file: &cx.settings.file,
        folder: &args.folder,
        log_url: cx.settings.log_url.as_deref(),
    };
    supervisor::serve(tool, &state, &args.run).await.map(|()| ExitStatus::Yes)
}
