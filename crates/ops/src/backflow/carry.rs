//! What the process does: pass after pass, until the run ends or it is told to stop.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use tokio::signal::unix::{SignalKind, signal};
use trefoil_clouds::operate::process::ProcessId;
use trefoil_clouds::services::Services;
use trefoil_core::journal::Run;
use trefoil_core::plan::{Action, CopyOutput, StartBackflow};

use super::see_log;
use super::status::{self, Lag, Status};
use super::watch::Watch;
use crate::engine::World;
use crate::movers::objects::{Manifest, Route, Which};
use crate::movers::postgres::client::process;
use crate::movers::postgres::{Pair, Server};
use crate::movers::{Extent, Pace, Tally, objects, secrets, sessions};
use crate::{Error, Result};

/// The pause between two passes.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest pause after passes that failed.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// Secrets and the run's journal are looked at once in so many passes: they seldom change.
const SELDOM: u64 = 5;
/// Buckets without a change record are listed once in so many passes: a listing costs money.
const LISTED_SELDOM: u64 = 30;

/// Carries back for a run until it is finished or closed, the status file goes to somebody else,
/// or a signal comes. The whole of `trefoil backflow`. Errors of a pass do not end it; they are in
/// the status.
///
/// # Errors
/// Code `backflow_running` when the run has such a process already, and whatever keeps it from
/// beginning.
pub async fn serve<L, F>(world: &World, run_id: &str, load_run: L) -> Result<()>
where
    L: Fn() -> F + Send + Sync,
    F: Future<Output = Result<Run>> + Send,
{
    // Refused only for the leader of a process group, which no signal of a terminal reaches.
    let _ = nix::unistd::setsid();
    let Some(_lock) = status::lock(&world.folder, run_id)? else {
        let why = format!("changes of run {run_id} are carried back by another process already");
        return Err(Error::refused("backflow_running", why).hint(see_log(&world.folder, run_id)));
    };
    let cannot = |error| Error::failed("backflow_start", "cannot wait for signals").because(error);
    let mut terminate = signal(SignalKind::terminate()).map_err(cannot)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot)?;
    let run = load_run().await?;
    // What cannot be read of the process before is no reason to carry nothing.
    let before = status::status(&world.folder, run_id).ok().flatten();
    let closed = before.and_then(|before| before.way_back_closed);
    let watch = Watch::new(world, &run, task(&run)?, closed);
    let mut carrier = Carrier::begin(world, &run, &watch).await?;
    carrier.status.write(&world.folder)?;
    tokio::select! {
        () = watch.forever() => Ok(()),
        // Stopping in the middle of a pass is no loss: each write is whole, and is found again.
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
        result = carrier.until_the_end(load_run) => result,
    }
}

struct Carrier<'a> {
    world: &'a World,
    from: &'a Services,
    to: &'a Services,
    routes: BTreeMap<String, Route>,
    status: Status,
    /// The database's stream back, whose process is started again when it dies.
    stream: Option<String>,
    /// Whoever looks at its slot meanwhile.
    watch: &'a Watch<'a>,
}

impl<'a> Carrier<'a> {
    async fn begin(world: &'a World, run: &Run, watch: &'a Watch<'a>) -> Result<Self> {
        let task = task(run)?;
        let process = ProcessId::of(std::process::id())
            .ok_or_else(|| Error::missing("proc_missing", "/proc does not show this process"))?;
        let mut positions = BTreeMap::new();
        for (bucket, step) in &task.buckets {
            positions.insert(bucket.clone(), target_position(run, *step)?);
        }
        let now = Timestamp::now();
        let status = Status {
            run_id: run.plan.plan_id.clone(),
            from: task.from.clone(),
            to: task.to.clone(),
            pid: process.pid,
            started_ticks: process.start_ticks,
            started_at: now,
            updated_at: now,
            caught_up_at: None,
            objects: positions,
            sessions: task.sessions.map(|step| target_position(run, step)).transpose()?,
            lag: Lag::default(),
            carried: 0,
            passes: 0,
            last_error: None,
            way_back_closed: watch.seen().closed_for(),
        };
        let (from, to) = (&world.site(&task.from)?.services, &world.site(&task.to)?.services);
        let routes = routes(world, run, task).await?;
        let stream = run.return_stream().map(str::to_owned);
        Ok(Self { world, from, to, routes, status, stream, watch })
    }

    async fn until_the_end<L, F>(&mut self, load_run: L) -> Result<()>
    where
        L: Fn() -> F + Send + Sync,
        F: Future<Output = Result<Run>> + Send,
    {
        let mut pause = PAUSE;
        loop {
            let mut result = self.pass().await;
            if self.status.passes.is_multiple_of(SELDOM) {
                match load_run().await {
                    Ok(run) if run.finish_requested || run.closed.is_some() => break,
                    Ok(_) => {}
                    Err(error) => result = result.and(Err(error)),
                }
            }
            pause = if result.is_ok() { PAUSE } else { (pause * 2).min(PAUSE_MAX) };
            if !self.owns_status()? {
                return Ok(());
            }
            self.report(result)?;
            tokio::time::sleep(pause).await;
        }
        status::remove(&self.world.folder, &self.status.run_id)
    }

    /// Whether the status file is there and still this process's.
    fn owns_status(&self) -> Result<bool> {
        let written = status::status(&self.world.folder, &self.status.run_id)?;
        Ok(written.is_some_and(|written| written.pid == self.status.pid))
    }

    fn report(&mut self, result: Result<()>) -> Result<()> {
        self.status.updated_at = Timestamp::now();
        let slot = self.watch.seen();
        if let Err(error) = &result {
            tracing::warn!(error = %error.chain(), "a pass failed; it is made again");
        } else if self.status.lag == Lag::default() && slot.problem.is_none() {
            self.status.caught_up_at = Some(self.status.updated_at);
        }
        self.status.way_back_closed = slot.closed_for();
        self.status.last_error = slot.problem.or(result.err().map(|error| error.chain()));
        self.status.write(&self.world.folder)
    }

    /// Once through everything; what fails does not keep the rest from being carried.
    async fn pass(&mut self) -> Result<()> {
        let tally = Tally::default();
        let mut result = self.pass_objects(&tally).await;
        result = result.and(self.pass_sessions(&tally).await);
        if self.status.passes.is_multiple_of(SELDOM) {
            let copied = secrets::copy(&self.from.secrets, &self.to.secrets, &tally).await;
            result = result.and(copied.map(|_| ()));
            result = result.and(self.keep_stream().await);
        }
        self.status.passes += 1;
        self.status.carried += tally.changed();
        result
    }

    /// A stream of the servers' own needs nothing.
    async fn keep_stream(&self) -> Result<()> {
        let Some(stream) = &self.stream else { return Ok(()) };
        let source = Server::of_site(self.world.site(&self.status.from)?).await?;
        let target = Server::of_site(self.world.site(&self.status.to)?).await?;
        process::ensure(self.world, &Pair { source, target }, stream).await
    }

    async fn pass_objects(&mut self, tally: &Tally) -> Result<()> {
        let mut result = Ok(());
        let mut lag = 0;
        for (bucket, position) in &mut self.status.objects {
            let Some(route) = self.routes.get(bucket) else {
                let why = format!("the bucket `{bucket}` is not on both sides");
                result = Err(Error::failed("bucket_unknown", why));
                continue;
            };
            let record = route.source.capabilities().change_record;
            if !record && !self.status.passes.is_multiple_of(LISTED_SELDOM) {
                continue;
            }
            match objects::copy(route, *position, Extent::OnePass, tally).await {
                Ok(copied) => *position = copied.source_position,
                Err(error) => result = Err(error),
            }
            if record {
                match route.source.position().await {
                    Ok(newest) => lag += newest.saturating_sub(*position),
                    Err(error) => result = result.and(Err(error)),
                }
            }
        }
        self.status.lag.objects = lag;
        result
    }

    async fn pass_sessions(&mut self, tally: &Tally) -> Result<()> {
        let (Some(position), Some(from), Some(to)) =
            (&mut self.status.sessions, &self.from.sessions, &self.to.sessions)
        else {
            return Ok(());
        };
        let now = Timestamp::now();
        let copied = sessions::copy(from, to, *position, Extent::OnePass, now, tally).await;
        if let Ok(copied) = &copied {
            *position = copied.source_position;
        }
        self.status.lag.sessions = from.position().await?.saturating_sub(*position);
        copied.map(|_| ())
    }
}

/// The way back of each bucket that is on both sides.
async fn routes(world: &World, run: &Run, task: &StartBackflow) -> Result<BTreeMap<String, Route>> {
    let (from, to) = (&world.site(&task.from)?.services, &world.site(&task.to)?.services);
    let pace = Pace::new(&run.plan.limits);
    let mut routes = BTreeMap::new();
    for (bucket, _) in &task.buckets {
        let (Some(source), Some(target)) = (from.objects.get(bucket), to.objects.get(bucket))
        else {
            continue;
        };
        let which =
            Which { folder: &world.folder, from: &task.from, to: &task.to, bucket, begun_by: None };
        let route = Route {
            source: source.clone(),
            target: target.clone(),
            manifest: Manifest::open(which).await?,
            pace: pace.clone(),
            own_target: true,
        };
        routes.insert(bucket.clone(), route);
    }
    Ok(routes)
}

fn task(run: &Run) -> Result<&StartBackflow> {
    let mut tasks = run.plan.steps.iter().filter_map(|step| match &step.action {
        Action::StartBackflow(task) => Some(task),
        _ => None,
    });
    tasks.next_back().ok_or_else(|| {
        let why = format!("the plan of run {} carries nothing back", run.plan.plan_id);
        Error::refused("backflow_unplanned", why)
    })
}

/// Where the record of the side that serves now stood when the copy to it had ended: what changed
/// later was not written by the move.
fn target_position(run: &Run, step: usize) -> Result<u64> {
    let output = run
        .output(step)
        .ok_or_else(|| Error::refused("step_output", format!("step {step} has no output yet")))?;
    let output: CopyOutput = serde_json::from_value(output.clone()).map_err(|error| {
        Error::refused("step_output", format!("step {step}'s output is not what is needed"))
            .because(error)
    })?;
    Ok(output.target_position)
}
