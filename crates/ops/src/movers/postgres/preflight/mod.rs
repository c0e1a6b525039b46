//! What stands in the way of a move, found without changing anything.

mod data;
mod servers;

use std::net::ToSocketAddrs;
use std::time::Duration;

use trefoil_clouds::operate::provision::DatabaseAdmin;
use trefoil_core::finding::{Finding, Severity};
use trefoil_core::plan::Unstreamed;

use super::access;
use super::connect::Server;
use crate::{Error, Result};

/// How long reaching an address may take.
const REACH_TIMEOUT: Duration = Duration::from_secs(5);

fn finding(severity: Severity, code: &str, message: String) -> Finding {
    Finding { code: code.into(), severity, message, command: None, needs_restart: false }
}

fn blocker(code: &str, message: String) -> Finding {
    finding(Severity::Blocker, code, message)
}

fn warning(code: &str, message: String) -> Finding {
    finding(Severity::Warning, code, message)
}

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
    if findings.iter().any(|found| found.code == "postgres_superuser_needed") {
        return Ok(findings);
    }
    findings.extend(servers::ready_to_stream(source).await?);
    findings.extend(servers::leftovers(source, stream).await?);
    findings.extend(data::cannot_be_carried(source).await?);
    findings.extend(data::to_know(source).await?);
    findings.extend(shared_roles(source).await?);
    if let Some(target) = target {
        findings.extend(servers::ready_to_stream(target).await?);
        findings.extend(servers::leftovers(target, stream).await?);
        findings.extend(servers::fit_together(source, target).await?);
        findings.extend(data::does_not_fit(source, target).await?);
        findings.extend(shared_roles(target).await?);
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
    if !findings.iter().any(|found| found.code == "postgres_superuser_needed") {
        findings.extend(data::long_transactions(source).await?);
        findings.extend(data::prepared_transactions(source).await?);
    }
    Ok(findings)
}

/// Findings about the servers themselves: rights, addresses, whether they are two.
async fn of_servers(source: &Server, target: Option<&Server>) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for server in [Some(source), target].into_iter().flatten() {
        findings.extend(servers::rights(server).await?);
        findings.extend(reachable(server).await);
    }
    let blocked = findings.iter().any(|found| found.severity == Severity::Blocker);
    if let Some(target) = target.filter(|_| !blocked) {
        findings.extend(servers::are_two(source, target).await?);
    }
    Ok(findings)
}

/// Whether the address that the other server will use answers, and is one where no TLS is needed.
/// That the servers reach each other is proven when each subscribes to the other.
async fn reachable(server: &Server) -> Vec<Finding> {
    let DatabaseAdmin { host, port, .. } = &server.admin;
    let place = format!("{host}:{port} of {}", server.name);
    let addresses = match (host.as_str(), *port).to_socket_addrs() {
        Ok(addresses) => addresses.collect::<Vec<_>>(),
        Err(error) => return vec![blocker("postgres_unreachable", format!("{place}: {error}"))],
    };
    if addresses.iter().any(|address| !address.ip().is_loopback()) {
        let why = format!("{place} is not on this machine, and streams over TLS are not yet built");
        return vec![blocker("tls_not_yet", why)];
    }
    let reach = tokio::net::TcpStream::connect(addresses.as_slice());
    match tokio::time::timeout(REACH_TIMEOUT, reach).await {
        Ok(Ok(_)) => vec![info("no_tls", format!("no TLS to {place}: the same machine"))],
        Ok(Err(error)) => vec![blocker("postgres_unreachable", format!("{place}: {error}"))],
        Err(_) => vec![blocker("postgres_unreachable", format!("{place} does not answer"))],
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
        "postgres_superuser_needed" => Error::refused("postgres_superuser_needed", why),
        _ => Error::refused("preflight_blocked", why),
    };
    let commands: Vec<_> = blockers.iter().filter_map(|found| found.command.clone()).collect();
    Err(if commands.is_empty() { error } else { error.hint(commands.join("; ")) })
}

/// What is different about the fence where a role is used by another database of its server.
async fn shared_roles(server: &Server) -> Result<Vec<Finding>> {
    let record = access::record(server).await?;
    let shared = access::used_elsewhere(server, &record).await?;
    Ok(shared
        .into_iter()
        .map(|role| {
            let why = format!(
                "role {role} on {} is used by another database of that server: it keeps LOGIN, and \
                 loses only CONNECT and its sessions here while this database is closed",
                server.name
            );
            warning("role_shared", why)
        })
        .collect())
}
