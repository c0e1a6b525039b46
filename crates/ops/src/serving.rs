//! What several actions need to know of an application that serves.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use trefoil_clouds::operate::Site;
use trefoil_clouds::operate::edge_protocol::{EdgeStatus, Release, Upstream};
use trefoil_core::plan::Action;
use trefoil_core::spec::AppSpec;

use crate::engine::{Check, Context};
use crate::{Error, Result};

/// How often an application is asked whether it can serve.
const READY_POLL: Duration = Duration::from_millis(100);
/// How long one answer may take, for a specification that does not say.
const READY_ANSWER: Duration = Duration::from_secs(5);
/// How long it may take to become ready, for a specification that does not say.
const READY_START: Duration = Duration::from_secs(60);

/// Where the environment's running application listens.
pub(crate) async fn address(site: &Site) -> Result<String> {
    let running = site.compute.running().await?;
    running.map(|running| running.address).ok_or_else(|| {
        Error::failed("application_stopped", format!("no application runs on `{}`", site.name))
            .hint(format!("see `trefoil ps`; `trefoil up {}` starts it", site.name))
    })
}

/// The state of the edge as this environment reaches it. Fails when it does not run.
pub(crate) async fn edge(site: &Site) -> Result<EdgeStatus> {
    site.traffic.status().await?.ok_or_else(|| {
        Error::missing("edge_absent", "the edge does not run, so users reach nothing")
            .hint("`trefoil up` with the environment that serves starts it")
    })
}

/// The state of the edge, which is started when it does not run, as after its process was killed:
/// it remembers where it sent users, and its epoch.
pub(crate) async fn edge_again(site: &Site, spec: &AppSpec) -> Result<EdgeStatus> {
    if site.traffic.status().await?.is_none()
        && let Some(application) = &spec.application
    {
        site.traffic.open(application.port).await?;
    }
    edge(site).await
}

/// Sends users' requests, those held first, to the environment's running application.
pub(crate) async fn release(site: &Site, epoch: u64) -> Result<()> {
    let upstream = Upstream { environment: site.name.clone(), address: address(site).await? };
    site.traffic.release(&Release { epoch, upstream }).await
}

/// Whether users' requests reach the environment's running application under this epoch.
pub(crate) async fn is_served(site: &Site, epoch: u64) -> Result<bool> {
    let Some(edge) = site.traffic.status().await? else { return Ok(false) };
    let Some(running) = site.compute.running().await? else { return Ok(false) };
    let there = Upstream { environment: site.name.clone(), address: running.address };
    Ok(edge.epoch == epoch && !edge.holding && edge.upstream == Some(there))
}

/// Waits until the application says that it can serve. Fails with code `not_ready` and the last
/// reason when that takes longer than `limit`.
pub(crate) async fn await_ready(site: &Site, spec: &AppSpec, limit: Duration) -> Result<()> {
    let answer = spec.application.as_ref().map(|a| a.health.timeout.as_duration());
    let deadline = Instant::now() + limit;
    loop {
        let why = match timeout(answer.unwrap_or(READY_ANSWER), site.compute.ready()).await {
            Ok(Ok(Ok(()))) => return Ok(()),
            Ok(Ok(Err(why))) => why,
            Ok(Err(error)) => error.chain(),
            Err(_) => "it does not answer in time".to_owned(),
        };
        if Instant::now() + READY_POLL >= deadline {
            let (name, ms) = (&site.name, limit.as_millis());
            let message = format!("the application on `{name}` is not ready after {ms} ms: {why}");
            return Err(Error::failed("not_ready", message)
                .hint("its own log, and the services that it asks, say more"));
        }
        sleep(READY_POLL).await;
    }
}

/// How long the application may take to become ready after a start.
pub(crate) fn start_time(spec: &AppSpec) -> Duration {
    spec.application.as_ref().map_or(READY_START, |a| a.health.start_time.as_duration())
}

/// How long requests in flight may take to end when the application is stopped.
pub(crate) fn drain_time(spec: &AppSpec) -> Duration {
    spec.application.as_ref().map_or(Duration::ZERO, |a| a.drain.as_duration())
}

/// `After` the newest earlier step whose action `wanted` accepts, when that step is not done.
pub(crate) fn after(
    cx: &Context<'_>,
    provides: &str,
    wanted: impl Fn(&Action) -> bool,
) -> Option<Check> {
    let earlier = cx.run.plan.steps.iter().rev().filter(|step| step.n < cx.step.n);
    let step = earlier.filter(|step| wanted(&step.action)).map(|step| step.n).next()?;
    (!cx.run.is_done(step)).then(|| Check::After { step, provides: provides.to_owned() })
}

/// `After` the step that provisions the environment, when that is still to come.
pub(crate) fn after_provision(cx: &Context<'_>, environment: &str) -> Option<Check> {
    after(
        cx,
        "a provisioned environment",
        |action| matches!(action, Action::ProvisionEnvironment(a) if a.environment == environment),
    )
}

/// `After` the step that starts the application, when that is still to come.
pub(crate) fn after_start(cx: &Context<'_>, environment: &str) -> Option<Check> {
    after(
        cx,
        "a running application",
        |action| matches!(action, Action::StartApplication(a) if a.environment == environment),
    )
}
