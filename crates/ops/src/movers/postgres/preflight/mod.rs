//! What stands in the way of a move, found without changing anything.

mod around;
mod data;
mod roles;
mod servers;
mod ways;

use trefoil_clouds::database::Protection;
use trefoil_core::finding::{Finding, Severity};
use trefoil_core::plan::Unstreamed;

use super::connect::{Pair, Server};
use crate::{Error, Result};

fn finding(severity: Severity, code: &str, message: String) -> Finding {
    Finding { code: code.into(), severity, message, command: None, needs_restart: false }
}

fn blocker(code: &str, message: String) -> Finding {
    finding(Severity::Blocker, code, message)
}

fn warning(code: &str, message: String) -> Finding {
    finding(Severity::Warning, code, message)
}

/// What no stream carries, and a plan may choose to copy.
const UNSTREAMED: [&str; 2] = ["unlogged", "large_objects"];

fn info(code: &str, message: String) -> Finding {
    finding(Severity::Info, code, message)
}

fn with_command(mut finding: Finding, command: String) -> Finding {
    finding.command = Some(command);
    finding
}

/// What stands in the way of moving one database to another. `target` is `None` while nothing runs
/// there: then only the source is looked at. `stream` is the stream of the run that asks: what
/// belongs to it is no obstacle.
pub async fn of_move(
    source: &Server,
    target: Option<&Server>,
    stream: Option<&str>,
) -> Result<Vec<Finding>> {
    let mut findings = of_servers(source, target).await?;
    if findings.iter().any(|found| found.code == "right_missing") {
        return Ok(findings);
    }
    findings.extend(servers::ready_to_stream(source).await?);
    findings.extend(servers::leftovers(source, stream).await?);
    findings.extend(data::cannot_be_carried(source).await?);
    findings.extend(data::to_know(source).await?);
    findings.extend(around::to_know(source).await?);
    if let Some(target) = target {
        findings.extend(servers::ready_to_stream(target).await?);
        findings.extend(servers::leftovers(target, stream).await?);
        findings.extend(servers::fit_together(source, target).await?);
        findings.extend(data::does_not_fit(source, target).await?);
        findings.extend(around::other_databases(target).await?);
        findings.extend(between(source, target, &findings).await?);
    }
    Ok(findings)
}

/// The same findings where a person chose that what no stream carries is copied all the same.
pub fn chosen(mut findings: Vec<Finding>, unstreamed: Unstreamed) -> Vec<Finding> {
    for found in &mut findings {
        let carried = match found.code.as_str() {
            "unlogged" => unstreamed.unlogged,
            "large_objects" => unstreamed.large_objects,
            _ => false,
        };
        if carried {
            found.severity = Severity::Info;
            let what = found.message.trim_start_matches("not yet carried: ");
            found.message = format!("copied while users wait: {what}");
            found.command = None;
        }
    }
    findings
}

/// What stands in the way of moving back over streams that flow already.
pub async fn of_rollback(source: &Server, target: &Server) -> Result<Vec<Finding>> {
    let mut findings = of_servers(source, Some(target)).await?;
    if !findings.iter().any(|found| found.code == "right_missing") {
        findings.extend(data::long_transactions(source).await?);
        findings.extend(data::prepared_transactions(source).await?);
    }
    Ok(findings)
}

/// Findings about the servers themselves: rights, who else could pass a fence, whether they are
/// two.
async fn of_servers(source: &Server, target: Option<&Server>) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for server in [Some(source), target].into_iter().flatten() {
        findings.extend(roles::rights(server).await?);
        findings.push(protection(server));
    }
    if let Some(target) = target.filter(|_| none_blocks(&findings)) {
        findings.extend(servers::are_two(source, target).await?);
    }
    Ok(findings)
}

/// What can only be tried with both servers, once nothing else of them is in the way.
async fn between(source: &Server, target: &Server, so_far: &[Finding]) -> Result<Vec<Finding>> {
    let blocks = |found: &&Finding| found.severity == Severity::Blocker;
    // What a plan may choose to copy all the same keeps nobody from looking further.
    if so_far.iter().filter(blocks).any(|found| !UNSTREAMED.contains(&found.code.as_str())) {
        return Ok(Vec::new());
    }
    let pair = Pair { source: source.again().await?, target: target.again().await? };
    let mut findings = roles::carried(&pair).await?;
    findings.extend(ways::between(&pair).await?);
    Ok(findings)
}

fn none_blocks(findings: &[Finding]) -> bool {
    findings.iter().all(|found| found.severity != Severity::Blocker)
}

/// How our own sessions are protected on their way: that they were opened is the proof.
fn protection(server: &Server) -> Finding {
    let address = &server.address;
    let place = format!("{}:{} of {}", address.host(), address.port(), server.name);
    match address.protection() {
        Protection::SameMachine => info("no_tls", format!("no TLS to {place}: same machine")),
        Protection::Tls { .. } => info("tls", format!("TLS to {place}, {}", address.sslmode())),
    }
}

/// Refuses when there is a blocker, with all of them in the message.
pub fn require_none(findings: &[Finding]) -> Result<()> {
    let blockers: Vec<_> =
        findings.iter().filter(|found| found.severity == Severity::Blocker).collect();
    let Some(first) = blockers.first() else { return Ok(()) };
    let messages: Vec<_> = blockers.iter().map(|found| found.message.as_str()).collect();
    let why = messages.join("; ");
    let error = match first.code.as_str() {
        "right_missing" => Error::refused("right_missing", why),
        _ => Error::refused("preflight_blocked", why),
    };
    let commands: Vec<_> = blockers.iter().filter_map(|found| found.command.clone()).collect();
    Err(if commands.is_empty() { error } else { error.hint(commands.join("; ")) })
}
