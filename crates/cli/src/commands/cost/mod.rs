//! `trefoil cost`: what the application costs on each cloud, and why.

mod advise;
mod curve;
mod diff;
mod html;
pub(super) mod input;
mod moving;
mod resilience;
mod svg;
mod view;

use serde::Serialize;
use trefoil_core::cost::CostReport;
use trefoil_core::cost::sensitivity::{Sensitivity, sensitivity};

use crate::args::{By, CostArgs, CostCommand};
use crate::{Cx, ExitStatus, Result};
use input::Input;

/// How many inputs are named that move the total most.
const STRONGEST: usize = 3;

/// What is answered.
#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    report: CostReport,
    sensitivity: Vec<Strongest>,
}

/// The inputs that move the total of one cloud most.
#[derive(Serialize)]
struct Strongest {
    cloud: String,
    inputs: Vec<Sensitivity>,
}

/// Prices the specification.
pub(super) async fn run(args: CostArgs, cx: &Cx) -> Result<ExitStatus> {
    let input = Input::read(cx, &args.choice).await?;
    match &args.command {
        None => compare(&args, &input, cx).await,
        Some(CostCommand::Curve(args)) => curve::run(args, &input, cx).await,
        Some(CostCommand::Move(args)) => moving::run(args, &input, cx),
        Some(CostCommand::Resilience(args)) => resilience::run(args, &input, cx),
        Some(CostCommand::Advise) => advise::run(&input, cx),
    }
}

async fn compare(args: &CostArgs, input: &Input, cx: &Cx) -> Result<ExitStatus> {
    let report = input.estimator().compare(&input.places, &input.needs)?;
    if let Some(old) = &args.diff {
        return diff::run(old, &report, (args, input), cx).await;
    }
    let sensitivity = strongest(input, &report)?;
    if let Some(file) = &args.html {
        html::write(file, &input.spec.name, &report, &sensitivity).await?;
        cx.printer.talk(&format!("wrote {}", file.display()));
    }
    let answer = Answer { report, sensitivity };
    cx.printer.answer(&answer, || match (args.csv, args.by) {
        (true, _) => view::csv(&answer.report),
        (false, By::Category) => view::categories(&answer.report, &answer.sensitivity),
        (false, By::Line) => view::lines(&answer.report),
    })?;
    if !args.csv {
        for warning in &answer.report.warnings {
            cx.printer.talk(&format!("warning: {warning}"));
        }
    }
    Ok(ExitStatus::Yes)
}

fn strongest(input: &Input, report: &CostReport) -> Result<Vec<Strongest>> {
    let of = |cloud: &trefoil_core::cost::CloudCost| {
        let place =
            input.places.iter().find(|one| one.cloud == cloud.cloud && one.region == cloud.region);
        let Some(place) = place else { return Ok(None) };
        let mut inputs = sensitivity(&input.estimator(), place, &input.needs)?;
        inputs.truncate(STRONGEST);
        Ok(Some(Strongest { cloud: cloud.cloud.clone(), inputs }))
    };
    report.clouds.iter().filter_map(|cloud| of(cloud).transpose()).collect()
}
