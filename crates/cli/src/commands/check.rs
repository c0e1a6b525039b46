//! `trefoil check`: every mistake of the specification at once.

use schemars::JsonSchema;
use serde::Serialize;
use trefoil_core::spec::AppSpec;

use crate::errors::Problem;
use crate::specification::Unused;
use crate::{Cx, ExitStatus, Result, specification};

/// What is answered.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Answer<'a> {
    /// The application's name.
    name: &'a str,
    /// The environments' names.
    environments: Vec<&'a str>,
    /// What somebody should look at.
    warnings: Vec<Problem>,
}

/// Checks the specification.
///
/// Errors: those of reading it; the mistakes are shown before.
pub async fn run(cx: &Cx) -> Result<ExitStatus> {
    let read = specification::read(&cx.settings, &cx.printer, Unused::Each).await?;
    let answer = Answer {
        name: &read.spec.name,
        environments: read.spec.environments.keys().map(String::as_str).collect(),
        warnings: read.warnings.iter().map(Problem::from).collect(),
    };
    let file = cx.settings.file.display().to_string();
    cx.printer.answer(&answer, || summary(&file, &read.spec, read.warnings.len()))?;
    Ok(ExitStatus::Yes)
}

fn summary(file: &str, spec: &AppSpec, warnings: usize) -> String {
    let found = match warnings {
        0 => "no mistakes".to_owned(),
        1 => "no mistakes, 1 warning".to_owned(),
        _ => format!("no mistakes, {warnings} warnings"),
    };
    let places: Vec<_> = spec
        .environments
        .iter()
        .map(|(name, environment)| format!("{name} on {}", environment.cloud))
        .collect();
    let places = if places.is_empty() { "none".to_owned() } else { places.join(", ") };
    format!("{file}: {found}\napplication: {}\nenvironments: {places}", spec.name)
}
