//! `trefoil cost`: what the application costs on each cloud, and why.

pub(crate) mod advise;
mod curve;
pub(crate) mod diff;
mod html;
pub(in crate::commands) mod input;
mod moving;
pub(crate) mod resilience;
mod sites;
mod svg;
mod view;

use schemars::JsonSchema;
use serde::Serialize;
use trefoil_core::cost::CostReport;
use trefoil_core::cost::sensitivity::{Sensitivity, sensitivity};

use crate::args::{By, CostArgs, CostCommand};
use crate::{Cx, ExitStatus, Result};
use input::Input;
use sites::Refused;

/// How many inputs are named that move the total most.
const STRONGEST: usize = 3;

/// What each cloud costs.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Answer {
    #[serde(flatten)]
    report: CostReport,
    /// The inputs that move each cloud's total most.
    sensitivity: Vec<Strongest>,
    /// What was asked for and cannot be priced, though the rest could.
    refused: Vec<Refused>,
}

/// The inputs that move the total of one cloud most.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Strongest {
    /// The environment of the specification that it is, when there is one.
    environment: Option<String>,
    /// The cloud.
    cloud: String,
    /// Its inputs, the strongest first.
    inputs: Vec<Sensitivity>,
}

/// Prices the specification.
pub(super) async fn run(cx: &Cx, args: CostArgs) -> Result<ExitStatus> {
    let input = Input::read(cx, &args.choice).await?;
    match &args.command {
        None => compare(cx, &args, &input).await,
        Some(CostCommand::Curve(args)) => curve::run(cx, args, &input).await,
        Some(CostCommand::Move(of)) => moving::run(cx, of, (&args.choice, &input)),
        Some(CostCommand::Resilience(of)) => resilience::run(cx, of, (&args.choice, &input)),
        Some(CostCommand::Advise) => advise::run(cx, &input),
    }
}

async fn compare(cx: &Cx, args: &CostArgs, input: &Input) -> Result<ExitStatus> {
    let report = input.estimator().compare(&input.sites)?;
    if let Some(old) = &args.diff {
        return diff::run(cx, old, &report, (args, input)).await;
    }
    let sensitivity = strongest(input, &report)?;
    if let Some(file) = &args.html {
        html::write(file, &input.spec.name, &report, &sensitivity).await?;
        cx.printer.talk(&format!("wrote {}", file.display()));
    }
    let text = match (args.csv, args.by) {
        (true, _) => view::csv(&report),
        (false, By::Category) => view::categories(&report, &sensitivity, &input.refused),
        (false, By::Line) => view::lines(&report, &input.refused),
    };
    let warnings = if args.csv { Vec::new() } else { report.warnings.clone() };
    let refused = input.refused.clone();
    cx.printer.answer(&Answer { report, sensitivity, refused }, || text)?;
    for warning in &warnings {
        cx.printer.talk(&format!("warning: {warning}"));
    }
    Ok(input.ending())
}

fn strongest(input: &Input, report: &CostReport) -> Result<Vec<Strongest>> {
    let of = |cloud: &trefoil_core::cost::CloudCost| {
        let Some(site) = input.sites.iter().find(|one| one.name() == cloud.name()) else {
            return Ok(None);
        };
        let mut inputs = sensitivity(&input.estimator(), &site.place, &site.needs)?;
        inputs.truncate(STRONGEST);
        let environment = cloud.environment.clone();
        Ok(Some(Strongest { environment, cloud: cloud.cloud.clone(), inputs }))
    };
    report.clouds.iter().filter_map(|cloud| of(cloud).transpose()).collect()
}
