//! `trefoil cost --diff`: what changed since another specification, for a pull request.

use std::fmt::Write;
use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;
use trefoil_core::cost::diff::{CloudDiff, diff};
use trefoil_core::cost::quantity::dollars;
use trefoil_core::cost::{CostReport, Site};

use super::input::{Input, specification};
use super::{sites, view};
use crate::args::CostArgs;
use crate::settings::Settings;
use crate::{Cx, ExitStatus, Result};

/// What changed.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Answer {
    /// Each cloud that is in both.
    clouds: Vec<CloudDiff>,
}

/// Compares with the specification in the file `old`, at the same places.
pub(super) async fn run(
    cx: &Cx,
    old: &Path,
    new: &CostReport,
    (args, input): (&CostArgs, &Input),
) -> Result<ExitStatus> {
    let settings = Settings { file: old.to_owned(), ..cx.settings.clone() };
    let before = specification(cx, &settings).await?;
    let estimator = input.estimator();
    let mut sites = Vec::new();
    for site in &input.sites {
        let environment = site.environment.as_deref();
        let environment = environment.filter(|name| before.environments.contains_key(*name));
        let needs = sites::needs(&before, environment, &args.choice)?;
        let site = Site { needs, ..site.clone() };
        match estimator.refusal(&site)? {
            Some(error) => cx.printer.mistake(&error),
            None => sites.push(site),
        }
    }
    let is_whole = sites.len() == input.sites.len();
    let before = estimator.compare(&sites)?;
    let answer = Answer { clouds: diff(&before, new) };
    cx.printer.answer(&answer, || markdown(&answer.clouds))?;
    Ok(if is_whole { input.ending() } else { ExitStatus::No })
}

fn markdown(clouds: &[CloudDiff]) -> String {
    let mut text =
        "## Costs a month\n\n| cloud | before | after | change |\n|---|---:|---:|---:|\n"
            .to_owned();
    for one in clouds {
        let change = one.change_usd.map_or_else(|| "unknown".to_owned(), signed);
        let total = |name, total| view::amount(!one.minimums.contains(&name), total);
        let _ = writeln!(
            text,
            "| {} | {} | {} | {change} |",
            one.cloud,
            total("before_usd", one.before_usd),
            total("after_usd", one.after_usd)
        );
    }
    for one in clouds.iter().filter(|one| !one.changes.is_empty() || !one.unknown.is_empty()) {
        let _ = write!(text, "\n### {}\n\n| line | change | why |\n|---|---:|---|\n", one.cloud);
        for change in &one.changes {
            let _ = writeln!(
                text,
                "| {} | {} | {} |",
                cell(&change.item),
                signed(change.change_usd),
                cell(&change.why)
            );
        }
        for unknown in &one.unknown {
            let _ = writeln!(text, "| {} | unknown | |", cell(unknown));
        }
    }
    text.trim_end().to_owned()
}

fn signed(amount: rust_decimal::Decimal) -> String {
    let sign = if amount.is_sign_negative() && !amount.is_zero() { "" } else { "+" };
    format!("{sign}{}", dollars(amount))
}

/// A cell of a Markdown table holds no bar and no line break.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
