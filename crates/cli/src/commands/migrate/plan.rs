//! `trefoil migrate plan`: what a move would do, before anything is done.

use std::path::Path;

use serde_json::json;
use trefoil_core::planner::{MoveOptions, plan_migrate};
use trefoil_core::units::Period;
use trefoil_ops::facts;

use super::{plan_file, view};
use crate::args::MigratePlanArgs;
use crate::{Cx, ExitStatus, Result, runner};

/// Makes a plan, records its digest, shows it, and writes it to a file when one is named.
///
/// Errors: those of reading the specification and of looking at both environments. A plan with
/// blockers is shown, and ends with exit code 0: it is `run` that refuses it.
pub(super) async fn run(args: &MigratePlanArgs, cx: &Cx) -> Result<ExitStatus> {
    let read = cx.specification().await?;
    let world = cx.world(&read.spec, &[&args.from, &args.to])?;
    let state = runner::state(cx).await?;
    let mut options = options(args.window, args.soak);
    options.required_approvals = args.require_approval.unwrap_or(0);
    let facts = facts::of_move(&state, &world, &args.from, &args.to, options).await?;
    let plan = plan_migrate(&facts);
    state.record_plan(&plan).await?;
    let file = args.output.as_deref();
    if let Some(file) = file {
        plan_file::write(file, &plan).await?;
    }
    let mut data = json!(plan);
    data["digest"] = json!(plan.digest());
    data["findings"] = json!(facts.findings);
    data["unseen"] = json!([facts.source.unseen, facts.target.unseen].concat());
    cx.printer.answer(&data, || view::plan(&plan) + &next(file, plan.blockers.is_empty()))?;
    Ok(ExitStatus::Yes)
}

/// What was chosen, and the defaults for the rest.
pub(super) fn options(window: Option<Period>, soak: Option<Period>) -> MoveOptions {
    let default = MoveOptions::default();
    MoveOptions {
        window_deadline_ms: window.map_or(default.window_deadline_ms, Period::as_millis),
        soak_ms: soak.map_or(default.soak_ms, Period::as_millis),
        ..default
    }
}

fn next(file: Option<&Path>, runnable: bool) -> String {
    match file {
        _ if !runnable => "\n\nIt will not run before the blockers are gone.".into(),
        Some(file) => {
            let file = file.display();
            format!(
                "\n\nLook first: trefoil migrate run {file} --dry-run\nMove:       trefoil migrate run {file}"
            )
        }
        None => "\n\nTo run it, write it to a file: --output plan.json".into(),
    }
}
