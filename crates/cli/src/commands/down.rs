//! `trefoil down`: take an environment down.

use schemars::JsonSchema;
use serde::Serialize;
use trefoil_core::planner::environment::plan_down;

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
    let environment = args.environment.as_str();
    let asked = runner::Asked::of(cx, environment).await?;
    let down = plan_down(&asked.facts(environment), args.destroy);
    if let Some(note) = &down.note {
        cx.printer.talk(note);
    }
    if args.destroy && down.plan.blockers.is_empty() {
        cx.confirm(&format!("Delete all data of {environment}?")).await?;
    }
    asked.run(cx, &down.plan).await?;
    let answer = Answer { environment, run_id: &asked.plan_id, destroyed: args.destroy };
    cx.printer.answer(&answer, || match args.destroy {
        true => format!("{environment} is gone, and so is its data"),
        false => format!("{environment} is down; its data stays"),
    })?;
    Ok(ExitStatus::Yes)
}
