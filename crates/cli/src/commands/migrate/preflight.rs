//! `trefoil migrate preflight`: what stands in the way of moving a database, before there is a plan.

use serde::Serialize;
use trefoil_core::finding::{Finding, Severity};
use trefoil_ops::facts;

use crate::args::PreflightArgs;
use crate::table::word;
use crate::{Cx, ExitStatus, Result};

/// What is answered.
#[derive(Serialize)]
struct Answer<'a> {
    from: &'a str,
    to: &'a str,
    findings: &'a [Finding],
}

/// Looks at both servers; changes nothing. Exit code 1 when something stands in the way.
///
/// Errors: `same_environment`, and those of reaching the servers.
pub(super) async fn run(args: &PreflightArgs, cx: &Cx) -> Result<ExitStatus> {
    facts::are_two(&args.from, &args.to)?;
    let spec = cx.specification().await?.spec;
    let world = cx.world(&spec, &[&args.from, &args.to])?;
    let findings = facts::findings(world.site(&args.from)?, world.site(&args.to)?).await?;
    let answer = Answer { from: &args.from, to: &args.to, findings: &findings };
    cx.printer.answer(&answer, || text(&findings))?;
    let blocked = findings.iter().any(|finding| finding.severity == Severity::Blocker);
    Ok(if blocked { ExitStatus::No } else { ExitStatus::Yes })
}

fn text(findings: &[Finding]) -> String {
    let lines = findings.iter().map(|finding| {
        let restart = if finding.needs_restart { " (restarts the server)" } else { "" };
        let command = finding.command.as_ref();
        let mend =
            command.map_or_else(String::new, |sql| format!("\n        mend: {sql}{restart}"));
        format!("{} {}: {}{mend}", word(&finding.severity), finding.code, finding.message)
    });
    let lines: Vec<_> = lines.collect();
    if lines.is_empty() { "nothing stands in the way".into() } else { lines.join("\n") }
}
