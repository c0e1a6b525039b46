//! What has to be looked at in a pass: the keys of the change record, or all keys of a listing
//! beside those of the manifest. A page is in memory at a time.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use trefoil_clouds::objects::{Change, ListedObject};

use super::manifest::{Known, Seen, State};
use super::{PAGE, Route, changes};
use crate::Result;
use crate::movers::Tally;
use crate::movers::queue::Queue;

/// A key to bring up to date.
#[derive(Debug, Clone)]
pub(super) struct Unit {
    pub(super) key: String,
    /// How large it is about; 0 for what is gone.
    pub(super) size_bytes: u64,
    /// What the manifest knows of it.
    pub(super) known: Option<Known>,
    /// Whether the source no longer has it, as far as a listing showed.
    pub(super) gone: bool,
}

/// The keys that are queued or being worked on.
pub(super) type InFlight = Arc<Mutex<HashSet<String>>>;

/// Finds what has to be done, and queues it.
pub(super) struct Feed<'a> {
    pub(super) route: &'a Route,
    pub(super) queue: &'a dyn Queue<Unit>,
    pub(super) in_flight: &'a InFlight,
    pub(super) tally: &'a Tally,
}

impl Feed<'_> {
    /// Everything that the record names after `since`; what comes after `newest` is left to the
    /// next pass. How many changes it named.
    pub(super) async fn of_record(&self, since: u64, newest: u64) -> Result<u64> {
        let (mut position, mut count) = (since, 0);
        loop {
            let page = changes(&self.route.source, position, PAGE).await?;
            let short = page.len() < PAGE;
            if let Some(last) = page.last() {
                position = last.position;
            }
            count += page.len() as u64;
            self.queue_changes(page).await?;
            if short || position >= newest {
                return Ok(count);
            }
        }
    }

    async fn queue_changes(&self, page: Vec<Change>) -> Result<()> {
        let keys = page.iter().map(|change| change.key.clone()).collect();
        let known = self.route.manifest.of_keys(keys).await?;
        let mut known: HashMap<_, _> =
            known.into_iter().map(|known| (known.key.clone(), known)).collect();
        let mut units = Vec::new();
        for change in page {
            let known = known.remove(&change.key).map(|known| self.named_by_record(known));
            let object = change.object.as_ref().map(|object| (Seen::of(object), object.size_bytes));
            units.extend(self.unit(change.key, object, known));
        }
        self.push(units).await
    }

    /// What is known of a key that the record names. Where an etag tells the content only, the same
    /// bytes may have been written again with other attributes, and when the move wrote them is not
    /// known: so the source is not known any more.
    fn named_by_record(&self, mut known: Known) -> Known {
        let unique = self.route.source.capabilities().unique_etags;
        let written = known.state == State::Carried;
        known.source = known.source.filter(|seen| unique || !written || seen.second.is_some());
        known
    }

    /// Every key that the source lists and is not as the manifest says, and every key that the
    /// manifest has and the listing does not.
    pub(super) async fn of_listing(&self) -> Result<()> {
        let ordered = self.route.source.capabilities().byte_order;
        if !ordered {
            self.route.manifest.list_anew().await?;
        }
        let mut after = None;
        loop {
            let page = self.route.list(&self.route.source, after.as_deref()).await?;
            if ordered {
                // To the end of the manifest with the last page.
                self.queue_page(page.objects, after.take(), page.next.clone()).await?;
            } else {
                let keys = page.objects.iter().map(|object| object.key.clone()).collect();
                self.route.manifest.list(keys).await?;
                self.queue_listed(page.objects).await?;
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        if ordered { Ok(()) } else { self.queue_unlisted().await }
    }

    /// A page of a listing in the order of bytes, beside the same range of the manifest.
    async fn queue_page(
        &self,
        objects: Vec<ListedObject>,
        after: Option<String>,
        to: Option<String>,
    ) -> Result<()> {
        let mut listed: HashMap<_, _> =
            objects.into_iter().map(|object| (object.key.clone(), object)).collect();
        let mut from = after;
        loop {
            let rows = self.route.manifest.range(from.take(), to.clone(), PAGE).await?;
            let full = rows.len() == PAGE;
            from = rows.last().map(|known| known.key.clone());
            let units = rows.into_iter().filter_map(|known| {
                let object = listed.remove(&known.key);
                let object = object.map(|object| (Seen::listed(&object), object.size_bytes));
                self.unit(known.key.clone(), object, Some(known))
            });
            self.push(units.collect()).await?;
            if !full {
                break;
            }
        }
        // New ones, which no row in this range has.
        let units = listed.into_values().filter_map(|object| {
            let seen = Seen::listed(&object);
            self.unit(object.key, Some((seen, object.size_bytes)), None)
        });
        self.push(units.collect()).await
    }

    /// A page of a listing in whatever order.
    async fn queue_listed(&self, objects: Vec<ListedObject>) -> Result<()> {
        let keys = objects.iter().map(|object| object.key.clone()).collect();
        let known = self.route.manifest.of_keys(keys).await?;
        let mut known: HashMap<_, _> =
            known.into_iter().map(|known| (known.key.clone(), known)).collect();
        let units = objects.into_iter().filter_map(|object| {
            let (seen, known) = (Seen::listed(&object), known.remove(&object.key));
            self.unit(object.key, Some((seen, object.size_bytes)), known)
        });
        self.push(units.collect()).await
    }

    /// What the manifest has and the listing did not show.
    async fn queue_unlisted(&self) -> Result<()> {
        let mut after = None;
        loop {
            let rows = self.route.manifest.unlisted(after, PAGE).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = Some(last.key.clone());
            let units = rows
                .into_iter()
                .filter_map(|known| self.unit(known.key.clone(), None, Some(known)));
            self.push(units.collect()).await?;
        }
    }

    /// What has to be done for a key, if anything.
    fn unit(&self, key: String, object: Option<(Seen, u64)>, known: Option<Known>) -> Option<Unit> {
        let gone = object.is_none();
        let size_bytes = object.as_ref().map_or(0, |(_, size_bytes)| *size_bytes);
        if self.nothing_to_do(known.as_ref(), object.as_ref()) {
            return None;
        }
        Some(Unit { key, size_bytes, known, gone })
    }

    fn nothing_to_do(&self, known: Option<&Known>, object: Option<&(Seen, u64)>) -> bool {
        match (known, object) {
            (Some(known), Some((seen, size_bytes))) if known.holds(seen) => {
                self.tally.saw();
                self.tally.saw_bytes(*size_bytes);
                true
            }
            // Somebody else's object at the side that serves now.
            (Some(known), Some((seen, _))) if known.is_theirs(seen) => true,
            // Somebody else's, or one that came and went.
            (Some(Known { state: State::Foreign, source: None, .. }), None) => true,
            (None, None) => !self.route.own_target,
            _ => false,
        }
    }

    /// Queues units whose keys are not being worked on: those are read as they are now anyway.
    async fn push(&self, mut units: Vec<Unit>) -> Result<()> {
        {
            let mut in_flight = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
            units.retain(|unit| in_flight.insert(unit.key.clone()));
        }
        let written = units.iter().filter(|unit| !unit.gone);
        let written: Vec<_> = written.map(|unit| unit.key.clone()).collect();
        if !written.is_empty() {
            self.route.manifest.intend(written).await?;
        }
        for unit in units {
            self.queue.push(unit).await?;
        }
        Ok(())
    }
}
