//! `trefoil stream`: the process that carries a database's changes where its servers may not.

use trefoil_ops::movers::postgres::client::process;

use crate::args::StreamArgs;
use crate::settings::Settings;
use crate::{Cx, ExitStatus, Result};

/// Carries the stream until it sleeps or is forgotten.
///
/// Errors: `stream_running`, and those of reading the specification.
pub async fn run(cx: &Cx, args: &StreamArgs) -> Result<ExitStatus> {
    // It ends itself when a signal comes.
    cx.interrupt.take_over();
    let settings = Settings { state: args.folder.clone(), ..cx.settings.clone() };
    let cx = &Cx { settings, ..cx.clone() };
    let spec = cx.specification().await?.spec;
    let world = cx.world(&spec, &[&args.from, &args.to])?;
    process::run(&world, &args.stream, &args.from, &args.to).await.map(|()| ExitStatus::Yes)
}
