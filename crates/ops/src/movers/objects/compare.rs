//! Comparing two buckets by what was carried: each side's listing is held against the manifest, a
//! page in memory, in whatever order a store lists.

use std::collections::{HashMap, HashSet};

use trefoil_clouds::objects::{ListedObject, Objects};

use super::manifest::{Known, Seen, State};
use super::{PAGE, Route, changes, list};
use crate::Result;
use crate::movers::Differences;
use crate::movers::retry::retrying;

/// The keys that changed after a position of the bucket's change record; none without a record.
pub async fn changed_since(bucket: &Objects, position: u64) -> Result<HashSet<String>> {
    let mut keys = HashSet::new();
    let mut since = position;
    while bucket.capabilities().change_record {
        let page = changes(bucket, since, PAGE).await?;
        // Users write meanwhile: an empty page may never come.
        let last = page.last().map(|change| change.position).filter(|_| page.len() == PAGE);
        keys.extend(page.into_iter().map(|change| change.key));
        let Some(last) = last else { break };
        since = last;
    }
    Ok(keys)
}

/// Compares the two sides of a move whose source is at rest. What was carried, digest for digest,
/// and is the same write as then on both sides is equal. The `apart` keys are left out: users have
/// changed them at the target since. Without a change record at the target nobody can tell what
/// users changed there from what was lost, and then only the source's side is compared.
pub async fn differences(route: &Route, apart: &HashSet<String>) -> Result<Differences> {
    let mut comparison = Differences::begin();
    of_source(route, apart, &mut comparison).await?;
    if route.target.capabilities().change_record {
        let found = of_target(route, apart, &mut comparison).await?;
        if found < route.manifest.count_carried().await? {
            missing(route, apart, &mut comparison).await?;
        }
    }
    Ok(comparison)
}

/// Everything that the source holds must have been carried as it is.
async fn of_source(
    route: &Route,
    apart: &HashSet<String>,
    comparison: &mut Differences,
) -> Result<()> {
    let mut listing = Listing::new(route, &route.source);
    while let Some(page) = listing.next().await? {
        for (object, known) in page {
            if apart.contains(&object.key) {
                continue;
            }
            let seen = Seen::listed(&object);
            if known.as_ref().is_some_and(|known| known.is_theirs(&seen)) {
                continue;
            }
            comparison.count(object.size_bytes);
            match known {
                Some(known) if known.holds(&seen) => {}
                Some(known) if known.source.is_some() => {
                    comparison.differ(&object.key, "content or attributes differ");
                }
                _ => comparison.differ(&object.key, "only at the source"),
            }
        }
    }
    Ok(())
}

/// Everything that the target holds must be what was written there, or somebody else's. How many
/// of those that were carried it holds.
async fn of_target(
    route: &Route,
    apart: &HashSet<String>,
    comparison: &mut Differences,
) -> Result<u64> {
    let mut found = 0;
    let mut listing = Listing::new(route, &route.target);
    while let Some(page) = listing.next().await? {
        for (object, known) in page {
            let state = known.as_ref().map(|known| known.state);
            found += u64::from(state == Some(State::Carried));
            if apart.contains(&object.key) || state == Some(State::Foreign) {
                continue;
            }
            let seen = Seen::listed(&object);
            match known.and_then(|known| known.target) {
                Some(written) if written.is(&seen) => {}
                Some(_) => comparison.differ(&object.key, "content or attributes differ"),
                None => comparison.differ(&object.key, "only at the target"),
            }
        }
    }
    Ok(found)
}

/// Names what was carried and is not at the target any more.
async fn missing(
    route: &Route,
    apart: &HashSet<String>,
    comparison: &mut Differences,
) -> Result<()> {
    let mut after = None;
    loop {
        let page = route.manifest.range(after, None, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.key.clone());
        let carried = page.iter().filter(|known| known.state == State::Carried);
        for known in carried.filter(|known| !apart.contains(&known.key)) {
            if retrying("an object", |_| route.target.head(&known.key)).await?.is_none() {
                comparison.differ(&known.key, "gone from the target");
            }
        }
    }
}

/// The objects of a bucket, a page at a time, each with what is known of it.
struct Listing<'a> {
    route: &'a Route,
    bucket: &'a Objects,
    after: Option<String>,
    ended: bool,
}

impl<'a> Listing<'a> {
    fn new(route: &'a Route, bucket: &'a Objects) -> Self {
        Self { route, bucket, after: None, ended: false }
    }

    async fn next(&mut self) -> Result<Option<Vec<(ListedObject, Option<Known>)>>> {
        if self.ended {
            return Ok(None);
        }
        let page = list(self.bucket, self.after.as_deref()).await?;
        self.ended = page.next.is_none();
        self.after = page.next;
        let keys = page.objects.iter().map(|object| object.key.clone()).collect();
        let known = self.route.manifest.of_keys(keys).await?;
        let mut known: HashMap<_, _> =
            known.into_iter().map(|known| (known.key.clone(), known)).collect();
        let with_known = |object: ListedObject| {
            let known = known.remove(&object.key);
            (object, known)
        };
        Ok(Some(page.objects.into_iter().map(with_known).collect()))
    }
}
