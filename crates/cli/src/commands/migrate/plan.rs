//! `trefoil migrate plan`: what a move would do, before anything is done.

use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;
use trefoil_core::finding::Finding;
use trefoil_core::inventory::Unseen;
use trefoil_core::plan::{Plan, Unstreamed};
use trefoil_core::planner::{MoveOptions, plan_migrate};
use trefoil_core::units::Period;
use trefoil_ops::facts;

use super::{plan_file, view};
use crate::args::MigratePlanArgs;
use crate::{Cx, ExitStatus, Result, runner};

/// What is answered.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Answer<'a> {
    #[serde(flatten)]
    plan: PlanWithDigest<'a>,
    /// What a look at both databases found.
    findings: &'a [Finding],
    /// What could not be seen on either side.
    unseen: Vec<&'a Unseen>,
}

/// A plan, and the digest of it that the log holds.
#[derive(Serialize, JsonSchema)]
pub(crate) struct PlanWithDigest<'a> {
    #[serde(flatten)]
    plan: &'a Plan,
    /// The plan's SHA-256: a file with another one is refused.
    digest: String,
}

impl<'a> PlanWithDigest<'a> {
    /// The plan with its digest.
    pub(super) fn new(plan: &'a Plan) -> Self {
        Self { plan, digest: plan.digest() }
    }
}

/// Makes a plan, records its digest, shows it, and writes it to a file when one is named.
///
/// Errors: those of reading the specification and of looking at both environments. A plan with
/// blockers is shown, and ends with exit code 0: it is `run` that refuses it.
pub(super) async fn run(cx: &Cx, args: &MigratePlanArgs) -> Result<ExitStatus> {
    let read = cx.specification().await?;
    let world = cx.world(&read.spec, &[&args.from, &args.to])?;
    let state = runner::state(cx).await?;
    let mut options = options(args.window, args.soak);
    options.required_approvals = args.require_approval.unwrap_or(0);
    let (unlogged, large_objects) = (args.unlogged, args.large_objects);
    options.unstreamed = Unstreamed { unlogged, large_objects };
    options.max_load_percent = args.max_load.unwrap_or(options.max_load_percent);
    let facts = facts::of_move(&state, &world, &args.from, &args.to, options).await?;
    let plan = plan_migrate(&facts);
    state.record_plan(&plan).await?;
    let file = args.output.as_deref();
    if let Some(file) = file {
        plan_file::write(file, &plan).await?;
    }
    let unseen = facts.source.unseen.iter().chain(&facts.target.unseen).collect();
    let answer = Answer { plan: PlanWithDigest::new(&plan), findings: &facts.findings, unseen };
    cx.printer.answer(&answer, || view::plan(&plan) + &next(file, plan.blockers.is_empty()))?;
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
