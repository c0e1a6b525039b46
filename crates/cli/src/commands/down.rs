//! `trefoil down`: take an environment down.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use trefoil_core::planner::environment::{EnvironmentFacts, inputs, plan_down};
use trefoil_ops::state::new_id;

use crate::args::Down;
use crate::{Cx, ExitStatus, Result, runner};

/// What is answered.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Answer<'a> {
    /// The environment.
    environment: &'a str,
    /// The run that took it down.
    run_id: &'a str,
    /// Whether its data was deleted.
    destroyed: bool,
}

/// Plans and runs it. Asks before data is deleted.
pub async fn run(cx: &Cx, args: &Down) -> Result<ExitStatus> {
    let spec = cx.specification().await?.spec;
    let environment = args.environment.as_str();
    let world = cx.world(&spec, &[environment])?;
    let state = runner::state(cx).await?;
    let open = state.open_runs().await?;
    let ledger = state.ledger().await?;
    let (plan_id, made_at) = (new_id(), Timestamp::now());
    let facts = EnvironmentFacts {
        spec: &spec,
        environment,
        ledger: &ledger,
        open: &open,
        plan_id: &plan_id,
        made_at,
    };
    let down = plan_down(&facts, args.destroy);
    if let Some(note) = &down.note {
        cx.printer.talk(note);
    }
    if args.destroy && down.plan.blockers.is_empty() {
        cx.confirm(&format!("Delete all data of {environment}?")).await?;
    }
    runner::run_plan(cx, &state, &world, &down.plan, &inputs(&spec)).await?;
    let answer = Answer { environment, run_id: &plan_id, destroyed: args.destroy };
    cx.printer.answer(&answer, || match args.destroy {
        true => format!("{environment} is gone, and so is its data"),
        false => format!("{environment} is down; its data stays"),
    })?;
    Ok(ExitStatus::Yes)
}
