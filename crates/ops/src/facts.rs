//! What planners decide on, gathered from the world. Changes nothing.

use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use trefoil_clouds::operate::Site;
use trefoil_clouds::operate::provision::Provisioned;
use trefoil_core::finding::Finding;
use trefoil_core::inventory::{Inventory, Unseen};
use trefoil_core::journal::Run;
use trefoil_core::plan::{AccessRecord, Blocker, CLIENTS, Inputs, Plan};
use trefoil_core::planner::{BucketFacts, MoveFacts, MoveOptions, RollbackFacts};

use crate::backflow;
use crate::engine::World;
use crate::movers::objects::obstacles;
use crate::movers::postgres::{Pair, Server, access, lag, preflight};
use crate::state::{State, new_id};
use crate::{Error, Result};

/// How long a stream may take to flow again by itself.
const FLOWS_AGAIN: Duration = Duration::from_secs(10);
/// Between two looks at it.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Everything that a move is decided on.
pub async fn of_move(
    state: &State,
    world: &World,
    from: &str,
    to: &str,
    options: MoveOptions,
) -> Result<MoveFacts> {
    are_two(from, to)?;
    let (source, target) = (world.site(from)?, world.site(to)?);
    Ok(MoveFacts {
        plan_id: new_id(),
        made_at: Timestamp::now(),
        spec: world.spec.clone(),
        from: from.to_owned(),
        to: to.to_owned(),
        source: observe(source).await?,
        target: observe(target).await?,
        ledger: state.ledger().await?,
        findings: preflight::chosen(findings(source, target).await?, options.unstreamed),
        buckets: buckets(world, source, target).await?,
        traffic: traffic(world, source),
        options,
    })
}

/// How whoever uses the environment gets to the other one.
fn traffic(world: &World, source: &Site) -> String {
    match world.spec.application {
        Some(_) => source.traffic.kind().to_owned(),
        None => CLIENTS.to_owned(),
    }
}

/// What a look at the buckets of both sides finds. A bucket of an environment that does not run is
/// looked at when it is there already; else the copy looks before it writes anything.
async fn buckets(world: &World, source: &Site, target: &Site) -> Result<BucketFacts> {
    let mut facts = BucketFacts { listed: listed(world, source), blockers: Vec::new() };
    let (source_runs, target_runs) = (runs(source).await?, runs(target).await?);
    for bucket in world.spec.buckets.keys() {
        let can_be_seen = (source_runs || is_there_already(world, source, bucket))
            && (target_runs || is_there_already(world, target, bucket));
        let sides = (source.services.objects.get(bucket), target.services.objects.get(bucket));
        if let (true, (Some(source), Some(target))) = (can_be_seen, sides) {
            facts.blockers.extend(obstacles(bucket, source, target).await?);
        }
    }
    Ok(facts)
}

/// Whether a bucket is one that the specification found: it does not wait for its environment.
fn is_there_already(world: &World, site: &Site, bucket: &str) -> bool {
    let place = world.spec.environments.get(&site.name);
    place.is_some_and(|place| place.buckets.contains_key(bucket))
}

/// The buckets without a record of changes.
fn listed(world: &World, source: &Site) -> Vec<String> {
    let unrecorded = |bucket: &&String| {
        let found = source.services.objects.get(*bucket);
        found.is_some_and(|bucket| !bucket.capabilities().change_record)
    };
    world.spec.buckets.keys().filter(unrecorded).cloned().collect()
}

/// Refuses a move from an environment to itself.
pub fn are_two(from: &str, to: &str) -> Result<()> {
    if from == to {
        return Err(Error::usage("same_environment", format!("{from} is source and target"))
            .hint("name two environments of the specification"));
    }
    Ok(())
}

/// What a plan's inputs are now, to be held against what it was made on.
pub async fn inputs(world: &World, plan: &Plan) -> Result<Inputs> {
    let source = observe(world.site(&plan.from)?).await?;
    let target = observe(world.site(&plan.to)?).await?;
    Ok(Inputs::of(&world.spec, &source, &target))
}

/// What exists in an environment; an environment that does not run is unseen as a whole.
pub async fn observe(site: &Site) -> Result<Inventory> {
    if runs(site).await? {
        return site.inventory.observe().await;
    }
    Ok(Inventory {
        environment: site.name.clone(),
        cloud: site.cloud.clone(),
        observed_at: Timestamp::now(),
        resources: Vec::new(),
        unseen: vec![unseen(site)],
    })
}

fn unseen(site: &Site) -> Unseen {
    Unseen {
        what: format!("everything in {}", site.name),
        why: "it does not run".into(),
        fix: format!("trefoil up {}", site.name),
    }
}

/// What a look at two database servers finds before there is a plan.
pub struct Looked {
    /// What it found.
    pub findings: Vec<Finding>,
    /// What it could not look at.
    pub unseen: Vec<Unseen>,
}

/// Looks at both servers; at the source's alone while the target does not run. Without a source
/// there is nothing to look at, and no finding would say nothing.
///
/// # Errors
/// `database_absent` while the source does not run, and those of reaching the servers.
pub async fn look(world: &World, from: &str, to: &str) -> Result<Looked> {
    let (source, target) = (world.site(from)?, world.site(to)?);
    let (source_runs, target_runs) = (runs(source).await?, runs(target).await?);
    if world.spec.database.is_some() && !source_runs {
        let message = format!("{from} does not run, so there is no database to look at yet");
        return Err(
            Error::missing("database_absent", message).hint(format!("start it: trefoil up {from}"))
        );
    }
    let sides = [(source, source_runs), (target, target_runs)];
    let unlooked = sides.into_iter().filter(|(_, runs)| !runs).map(|(site, _)| unseen(site));
    Ok(Looked { findings: findings(source, target).await?, unseen: unlooked.collect() })
}

async fn runs(site: &Site) -> Result<bool> {
    Ok(site.provision.state().await? == Provisioned::Running)
}

/// What a look at both database servers finds; at the source's alone while the target does not run.
async fn findings(source: &Site, target: &Site) -> Result<Vec<Finding>> {
    let Some(source) = server(source).await? else { return Ok(Vec::new()) };
    let target = server(target).await?;
    preflight::of_move(&source, target.as_ref(), None).await
}

/// A session on an environment's database server; `None` when it has no database or does not run.
async fn server(site: &Site) -> Result<Option<Server>> {
    if !runs(site).await? {
        return Ok(None);
    }
    match site.provision.database_admin().await? {
        Some(admin) => Server::connect(&site.name, &admin).await.map(Some),
        None => Ok(None),
    }
}

/// Everything that a rollback of `parent` is decided on.
pub async fn of_rollback(
    state: &State,
    world: &World,
    parent: Run,
    options: MoveOptions,
) -> Result<RollbackFacts> {
    let (source, target) = (world.site(&parent.plan.to)?, world.site(&parent.plan.from)?);
    let (source_access, mut obstacles) = way_back(&parent, source, target).await?;
    if let Some(why) = closed_by_guard(world, &parent)
        && let Some(told) = obstacles.iter_mut().find(|one| one.code == "way_back_closed")
    {
        told.message = why;
    }
    Ok(RollbackFacts {
        plan_id: new_id(),
        made_at: Timestamp::now(),
        spec: world.spec.clone(),
        source: observe(source).await?,
        target: observe(target).await?,
        ledger: state.ledger().await?,
        source_access,
        obstacles,
        buckets: BucketFacts { listed: listed(world, source), blockers: Vec::new() },
        traffic: traffic(world, source),
        options,
        parent,
    })
}

/// Who may use the database that serves, and why the way back is not open, in words.
async fn way_back(
    parent: &Run,
    source: &Site,
    target: &Site,
) -> Result<(AccessRecord, Vec<Blocker>)> {
    let Some(stream) = parent.return_stream() else {
        return Ok((AccessRecord::default(), Vec::new()));
    };
    let (Some(source), Some(target)) = (server(source).await?, server(target).await?) else {
        return Ok((AccessRecord::default(), vec![not_running(parent)]));
    };
    let findings = preflight::of_rollback(&source, &target).await?;
    let mut obstacles: Vec<_> = findings.iter().filter_map(Finding::blocker).collect();
    let access = access::record(&source).await?;
    obstacles.extend(dry(&Pair { source, target }, stream).await);
    Ok((access, obstacles))
}

/// Why the stream back brings nothing, if that stays so for a while: a worker that has just ended
/// is started again by its server.
async fn dry(pair: &Pair, stream: &str) -> Option<Blocker> {
    let deadline = tokio::time::Instant::now() + FLOWS_AGAIN;
    loop {
        let why = match lag::why_dry(pair, stream).await {
            Ok(None) => return None,
            Ok(Some(why)) => why,
            // A stream whose slot is gone or lost has no lag that could be told.
            Err(error) => {
                return Some(Blocker {
                    code: "way_back_closed".into(),
                    message: format!("rollback is no longer possible: {}", error.chain()),
                    hint: "what was written since cannot be carried back".into(),
                });
            }
        };
        if tokio::time::Instant::now() > deadline {
            return Some(Blocker {
                code: "way_back_dry".into(),
                message: format!("the stream back to {} does not flow: {why}", pair.target.name),
                hint: format!(
                    "the log of PostgreSQL of {} says more; what was written since is kept and comes \
                     when it flows again",
                    pair.target.name
                ),
            });
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// How the way back of a run is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct WayBack {
    /// The stream.
    pub stream: String,
    /// Bytes of log that the side that served has not confirmed yet.
    pub behind_bytes: Option<u64>,
    /// Bytes of log that the side that serves keeps for it.
    pub retained_bytes: Option<u64>,
    /// Why it does not flow; null while it does.
    pub problem: Option<String>,
}

/// How far the side that served is behind, while the run soaks; `None` without a database.
pub async fn way_back_now(world: &World, run: &Run) -> Option<WayBack> {
    let stream = run.return_stream()?;
    let mut seen = WayBack {
        stream: stream.to_owned(),
        behind_bytes: None,
        retained_bytes: None,
        problem: None,
    };
    let looked: Result<(lag::Lag, Option<String>)> = async {
        let (source, target) = (world.site(&run.plan.to)?, world.site(&run.plan.from)?);
        let (source, target) = (Server::of_site(source).await?, Server::of_site(target).await?);
        let pair = Pair { source, target };
        let lag = lag::lag(&pair.source, stream).await?;
        Ok((lag, lag::why_dry(&pair, stream).await?))
    }
    .await;
    match looked {
        Ok((lag, problem)) => {
            seen.behind_bytes = Some(lag.behind_bytes);
            seen.retained_bytes = Some(lag.retained_bytes);
            seen.problem = problem;
        }
        Err(error) => seen.problem = Some(error.chain()),
    }
    seen.problem = closed_by_guard(world, run).or(seen.problem);
    Some(seen)
}

/// Why the way back is closed for good, when the process that carries back has seen why. What is
/// not readable of its status is no reason to say nothing else.
fn closed_by_guard(world: &World, run: &Run) -> Option<String> {
    let status = backflow::status(&world.folder, &run.plan.plan_id).ok()??;
    status.way_back_closed
}

fn not_running(parent: &Run) -> Blocker {
    let (from, to) = (&parent.plan.from, &parent.plan.to);
    Blocker {
        code: "way_back_closed".into(),
        message: format!("{from} or {to} does not run"),
        hint: format!("start both: trefoil up {to}, trefoil up {from}"),
    }
}
