//! `trefoil up`: bring an environment up.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use trefoil_core::journal::Run;
use trefoil_core::plan::Action;
use trefoil_core::planner::environment::{EnvironmentFacts, inputs, plan_up};
use trefoil_ops::state::new_id;

use crate::args::Up;
use crate::{Cx, ExitStatus, Result, runner};

/// What is answered.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Answer<'a> {
    /// The environment.
    environment: &'a str,
    /// The run that brought it up.
    run_id: &'a str,
    /// Where users reach the application; null when this environment does not serve.
    url: Option<String>,
    /// Why the environment was only provisioned.
    note: Option<&'a str>,
}

/// Plans and runs it. Asks nothing: nothing is taken away.
pub async fn run(cx: &Cx, args: &Up) -> Result<ExitStatus> {
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
    let up = plan_up(&facts);
    if let Some(note) = &up.note {
        cx.printer.talk(note);
    }
    let run = runner::run_plan(cx, &state, &world, &up.plan, &inputs(&spec)).await?;
    let note = up.note.as_deref();
    let answer = Answer { environment, run_id: &plan_id, url: url(&run), note };
    cx.printer.answer(&answer, || match &answer.url {
        Some(url) => format!("{environment} serves at {url}"),
        None => format!("{environment} is up, and users are not sent to it"),
    })?;
    Ok(ExitStatus::Yes)
}

/// Where users reach what the run opened.
fn url(run: &Run) -> Option<String> {
    let step = run.plan.find(|action| matches!(action, Action::OpenEdge(_)))?;
    let listen = run.output(step)?.get("listen").and_then(Value::as_str)?;
    Some(format!("http://{listen}"))
}
