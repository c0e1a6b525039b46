//! `trefoil migrate preflight`: what stands in the way of moving a database, before there is a plan.

use schemars::JsonSchema;
use serde::Serialize;
use trefoil_core::finding::{Finding, Severity};
use trefoil_core::inventory::Unseen;
use trefoil_ops::facts::{self, Looked};

use crate::args::PreflightArgs;
use crate::table::word;
use crate::{Cx, ExitStatus, Result};

/// What is answered.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Answer<'a> {
    /// The source.
    from: &'a str,
    /// The target.
    to: &'a str,
    /// What a look at both servers found.
    findings: &'a [Finding],
    /// What could not be looked at.
    unseen: &'a [Unseen],
}

/// Looks at both servers; changes nothing. Exit code 1 when something stands in the way.
///
/// Errors: `same_environment`, `database_absent` while the source does not run, and those of
/// reaching the servers.
pub(super) async fn run(cx: &Cx, args: &PreflightArgs) -> Result<ExitStatus> {
    facts::are_two(&args.from, &args.to)?;
    let spec = cx.specification().await?.spec;
    let world = cx.world(&spec, &[&args.from, &args.to])?;
    let Looked { findings, unseen } = facts::look(&world, &args.from, &args.to).await?;
    let answer = Answer { from: &args.from, to: &args.to, findings: &findings, unseen: &unseen };
    cx.printer.answer(&answer, || text(&findings, &unseen))?;
    let blocked = findings.iter().any(|finding| finding.severity == Severity::Blocker);
    Ok(if blocked { ExitStatus::No } else { ExitStatus::Yes })
}

fn text(findings: &[Finding], unseen: &[Unseen]) -> String {
    let lines = findings.iter().map(|finding| {
        let restart = if finding.needs_restart { " (restarts the server)" } else { "" };
        let command = finding.command.as_ref();
        let mend =
            command.map_or_else(String::new, |sql| format!("\n        mend: {sql}{restart}"));
        format!("{} {}: {}{mend}", word(&finding.severity), finding.code, finding.message)
    });
    let mut lines: Vec<_> = lines.collect();
    if lines.is_empty() {
        lines.push("nothing stands in the way".into());
    }
    lines.extend(unseen.iter().map(|one| {
        let Unseen { what, why, fix } = one;
        format!("not looked at: {what}: {why} ({fix})")
    }));
    lines.join("\n")
}
