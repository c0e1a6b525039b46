//! `trefoil up`: bring an environment up.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use trefoil_core::journal::Run;
use trefoil_core::plan::Action;
use trefoil_core::planner::environment::plan_up;

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
    let environment = args.environment.as_str();
    let asked = runner::Asked::of(cx, environment).await?;
    let up = plan_up(&asked.facts(environment));
    if let Some(note) = &up.note {
        cx.printer.talk(note);
    }
    let run = asked.run(cx, &up.plan).await?;
    let note = up.note.as_deref();
    let answer = Answer { environment, run_id: &asked.plan_id, url: url(&run), note };
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
