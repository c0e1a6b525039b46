//! One pass: finding what is to be done, doing it many at a time, and noting it in batches.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::carry::{Worker, carry};
use super::feed::{Feed, InFlight, Unit};
use super::manifest::Settled;
use super::{PAGE, Route, position};
use crate::movers::Tally;
use crate::movers::passes::Passed;
use crate::movers::queue::{InProcess, Queue, Ticket};
use crate::movers::retry::retrying;
use crate::{Error, Result};

/// How many units wait for a worker.
const QUEUE_MAX: usize = 1_024;
/// How many are noted in one batch.
const BATCH_MAX: usize = 256;

/// How long a batch waits for more: each one is made durable on both sides.
const BATCH_WAIT: Duration = Duration::from_millis(50);

/// What has become of a unit.
type Done = (String, Ticket, Option<Settled>);

/// Once through everything that changed after `since`.
pub(super) async fn once(route: &Route, since: u64, tally: &Tally) -> Result<Passed> {
    let before = tally.changed();
    let record = route.source.capabilities().change_record;
    // Everything up to here is seen by this pass, also when the record has forgotten some of it.
    let newest = if record { position(&route.source).await? } else { since };
    let queue = InProcess::new(QUEUE_MAX);
    let in_flight = InFlight::default();
    let (sender, receiver) = mpsc::channel(BATCH_MAX);
    let feed = Feed { route, queue: &queue, in_flight: &in_flight, tally };
    let find = async {
        let found = find(&feed, since, newest).await;
        queue.close();
        found
    };
    let work = work(route, &queue, tally, sender);
    let note = note(route, &queue, &in_flight, receiver);
    let (count, (), ()) = tokio::try_join!(find, work, note)?;
    let changed = tally.changed() - before;
    let count = count.unwrap_or(changed);
    Ok(Passed { reached: since.max(newest), count, changed })
}

/// Queues what has to be done: what the record names, or else what a listing shows. How many
/// changes the record named.
async fn find(feed: &Feed<'_>, since: u64, newest: u64) -> Result<Option<u64>> {
    let can = feed.route.source.capabilities();
    if can.change_record && (can.whole_record || since > 0) {
        match feed.of_record(since, newest).await {
            Err(error) if error.code() == "change_record_gap" => {}
            found => return found.map(Some),
        }
    }
    feed.of_listing().await.map(|()| None)
}

/// Takes units as the pace allows, until the queue is closed and empty and all are done.
async fn work(
    route: &Route,
    queue: &dyn Queue<Unit>,
    tally: &Tally,
    done: mpsc::Sender<Done>,
) -> Result<()> {
    let worker = Arc::new(Worker { route: route.clone(), tally: tally.clone() });
    let mut running = JoinSet::new();
    while let Some(delivery) = queue.take().await? {
        let turn = route.pace.turn(delivery.unit.size_bytes).await?;
        let (worker, done) = (worker.clone(), done.clone());
        running.spawn(async move {
            let key = delivery.unit.key.clone();
            let settled = carry(&worker, &delivery.unit).await?;
            // Fails only when the pass has ended with an error already.
            let _ = done.send((key, delivery.ticket, settled)).await;
            // Not before: what waits to be noted would grow with the bucket.
            drop(turn);
            Ok(())
        });
        while let Some(ended) = running.try_join_next() {
            flat(ended)?;
        }
    }
    while let Some(ended) = running.join_next().await {
        flat(ended)?;
    }
    Ok(())
}

fn flat(ended: std::result::Result<Result<()>, tokio::task::JoinError>) -> Result<()> {
    ended.map_err(|error| {
        Error::failed("copy_stopped", "carrying an object ended early").because(error)
    })?
}

/// Waits for a batch; false when there will be no more.
async fn gather(done: &mut mpsc::Receiver<Done>, batch: &mut Vec<Done>) -> bool {
    if done.recv_many(batch, BATCH_MAX).await == 0 {
        return false;
    }
    let more = async {
        while batch.len() < BATCH_MAX && done.recv_many(batch, BATCH_MAX - batch.len()).await > 0 {}
    };
    // Late or complete: what there is by then is the batch.
    let _ = tokio::time::timeout(BATCH_WAIT, more).await;
    true
}

/// Notes what was done, batch by batch: first the target makes it durable, then the manifest.
async fn note(
    route: &Route,
    queue: &dyn Queue<Unit>,
    in_flight: &InFlight,
    mut done: mpsc::Receiver<Done>,
) -> Result<()> {
    let mut batch = Vec::with_capacity(PAGE);
    while gather(&mut done, &mut batch).await {
        let settled: Vec<_> =
            batch.iter_mut().filter_map(|(_, _, settled)| settled.take()).collect();
        if !settled.is_empty() {
            retrying("making it durable", |_| route.target.sync()).await?;
            route.manifest.settle(settled).await?;
        }
        for (key, ticket, _) in batch.drain(..) {
            in_flight.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
            queue.done(ticket).await?;
        }
    }
    Ok(())
}
