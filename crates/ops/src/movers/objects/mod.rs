//! Moving the objects of a bucket: what its change record names, or what a listing shows where
//! there is no record, with a manifest of what was carried.

mod carry;
mod compare;
mod feed;
mod manifest;
mod obstacles;
mod pass;

use std::sync::Arc;

use trefoil_clouds::objects::{Call, Change, Objects, Page};
use trefoil_core::plan::CopyOutput;

use super::pace::Pace;
use super::passes::{Pass, Passed, follow};
use super::retry::retrying;
use super::{Extent, Tally};
use crate::{Error, Result};

pub use compare::{changed_since, differences};
pub use manifest::{Manifest, Which};
pub use obstacles::obstacles;

use manifest::{Settled, State};

/// How many keys are looked at in one call: the thousandth of a listing is the key it begins after.
const PAGE: usize = 999;

/// A bucket on its way: both sides, and what is known of what was carried.
#[derive(Clone)]
pub struct Route {
    /// Where objects come from.
    pub source: Objects,
    /// Where they go.
    pub target: Objects,
    /// What was carried.
    pub manifest: Manifest,
    /// How fast.
    pub pace: Arc<Pace>,
    /// Whether whatever the target holds is the application's own, as it is on the way back.
    pub own_target: bool,
}

impl Route {
    /// Refuses a move that has not begun when keys are in its way.
    pub async fn refuse_obstacles(&self, bucket: &str) -> Result<()> {
        if self.own_target || self.manifest.has_looked().await? {
            return Ok(());
        }
        let found = obstacles(bucket, &self.source, &self.target).await?;
        let Some(first) = found.first() else { return Ok(()) };
        let words: Vec<_> = found.iter().map(|one| one.message.as_str()).collect();
        Err(Error::refused("objects_obstacle", words.join("; ")).hint(first.hint.clone()))
    }

    /// Waits until a call of one of the two buckets may be made.
    async fn asks(&self, bucket: &Objects, call: Call) {
        self.pace.requests(bucket.requests(call)).await;
    }

    /// A page of one of the two buckets, as fast as the route may go.
    async fn list(&self, bucket: &Objects, after: Option<&str>) -> Result<Page> {
        self.asks(bucket, Call::List).await;
        list(bucket, after).await
    }
}

/// Carries what has changed at the source after the position `since`, deletions included. What
/// the target held before the move stays as it is.
///
/// # Errors
/// Code `source_not_quiet` when the extent is [`Extent::UntilQuiet`] and the source still changes;
/// `object_foreign` when a key is taken at the target by somebody else's object.
pub async fn copy(route: &Route, since: u64, extent: Extent, tally: &Tally) -> Result<CopyOutput> {
    look(route).await?;
    abort_unfinished(route).await?;
    let pass = Copying { route, tally };
    let source_position = follow(&pass, since, extent).await?;
    let target_position = match route.target.capabilities().change_record {
        true => position(&route.target).await?,
        false => 0,
    };
    Ok(tally.output(source_position, target_position))
}

struct Copying<'a> {
    route: &'a Route,
    tally: &'a Tally,
}

impl Pass for Copying<'_> {
    fn what(&self) -> &'static str {
        "objects"
    }

    async fn once(&self, since: u64) -> Result<Passed> {
        pass::once(self.route, since, self.tally).await
    }

    /// A record may go on naming a change whose writer died before it could say that it was done,
    /// and a listing says nothing of changes: then a pass that found nothing to do is the sign.
    async fn is_quiet(&self, passed: &Passed) -> Result<bool> {
        if passed.changed == 0 {
            return Ok(true);
        }
        // Only a record of everything is empty when nothing is left.
        Ok(self.route.source.capabilities().whole_record
            && changes(&self.route.source, passed.reached, 1).await?.is_empty())
    }
}

/// Notes what the target holds before anything is written to it, once for each move.
async fn look(route: &Route) -> Result<()> {
    if route.own_target || route.manifest.has_looked().await? {
        return Ok(());
    }
    let mut after: Option<String> = None;
    loop {
        let page = route.list(&route.target, after.as_deref()).await?;
        route.manifest.note_foreign(page.objects).await?;
        after = page.next;
        if after.is_none() {
            return route.manifest.looked().await;
        }
    }
}

/// Gives back the room that uploads take at the target which a process began that was killed.
async fn abort_unfinished(route: &Route) -> Result<()> {
    let mut after = None;
    loop {
        let keys = route.manifest.intended(after, PAGE).await?;
        let Some(last) = keys.last() else { return Ok(()) };
        after = Some(last.clone());
        route.asks(&route.target, Call::List).await;
        let keys = keys.into_iter().collect();
        let abort = |_| route.target.abort_uploads(&keys);
        let count = retrying("unfinished uploads", abort).await?;
        if count > 0 {
            tracing::info!(count, "aborted uploads of a process that was killed");
        }
    }
}

/// Deletes at the target everything that the move wrote, and nothing else.
pub async fn remove_copied(route: &Route) -> Result<()> {
    abort_unfinished(route).await?;
    let mut after = None;
    loop {
        let page = route.manifest.range(after, None, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.key.clone());
        let ours = page.into_iter().filter(|known| known.state != State::Foreign);
        let ours: Vec<_> = ours.collect();
        let settled = ours.iter().map(|known| Settled::Gone(known.key.clone())).collect();
        carry::delete_all(route, ours).await?;
        route.manifest.settle(settled).await?;
    }
}

async fn list(bucket: &Objects, after: Option<&str>) -> Result<Page> {
    retrying("a listing", |_| bucket.list("", after, PAGE)).await
}

async fn changes(bucket: &Objects, since: u64, limit: usize) -> Result<Vec<Change>> {
    retrying("the record of changes", |_| bucket.changes(since, limit)).await
}

async fn position(bucket: &Objects) -> Result<u64> {
    retrying("the record of changes", |_| bucket.position()).await
}

fn foreign(key: &str) -> Error {
    let why = format!(
        "the target holds another object under the key `{}`, which the move did not write",
        key.escape_debug()
    );
    Error::refused("object_foreign", why)
        .hint("it is left as it is; move it away, or choose another bucket as target")
}
