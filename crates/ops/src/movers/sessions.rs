//! Moving sessions: each with its version and the instant at which it expires.

use std::collections::HashSet;

use async_trait::async_trait;
use jiff::Timestamp;
use trefoil_clouds::sessions::{Session, SessionChange, Sessions};
use trefoil_core::plan::{CopyOutput, StoreProof};

use super::passes::{Feed, OverRecord, PAGE, follow};
use super::retry::retrying;
use super::{Differences, Extent, Tally};
use crate::Result;

/// Carries what has changed at the source after the position `since`, deletions included; a
/// session that has expired at `now` is deleted like one that is gone. Nothing else may write to the target, and
/// the source is right whatever version the target holds: a session that was deleted and made
/// anew begins with version 1 again.
///
/// # Errors
/// Code `source_not_quiet` when the extent is [`Extent::UntilQuiet`] and the source still changes.
pub async fn copy(
    source: &Sessions,
    target: &Sessions,
    since: u64,
    extent: Extent,
    now: Timestamp,
    tally: &Tally,
) -> Result<CopyOutput> {
    let feed = SessionFeed { source, target, tally, task: Task::Carry { now } };
    let source_position = follow(&OverRecord(feed), since, extent).await?;
    let target_position = retrying("sessions", |_| target.position()).await?;
    Ok(tally.output(source_position, target_position))
}

/// Deletes at the target every session that the source's record knows: all that a copy from the
/// beginning can have written to a target that was empty.
pub async fn remove_copied(source: &Sessions, target: &Sessions) -> Result<()> {
    let tally = Tally::default();
    let feed = SessionFeed { source, target, tally: &tally, task: Task::Remove };
    follow(&OverRecord(feed), 0, Extent::UntilSmall).await?;
    Ok(())
}

/// What is done with each change.
enum Task {
    Carry { now: Timestamp },
    Remove,
}

struct SessionFeed<'a> {
    source: &'a Sessions,
    target: &'a Sessions,
    tally: &'a Tally,
    task: Task,
}

#[async_trait]
impl Feed for SessionFeed<'_> {
    type Change = SessionChange;

    fn what(&self) -> &'static str {
        "sessions"
    }

    fn position_of(&self, change: &SessionChange) -> u64 {
        change.position
    }

    async fn newest(&self) -> Result<u64> {
        retrying("sessions", |_| self.source.position()).await
    }

    async fn page(&self, since: u64, limit: usize) -> Result<Vec<SessionChange>> {
        retrying("sessions", |_| self.source.changes(since, limit)).await
    }

    async fn carry(&self, change: SessionChange) -> Result<()> {
        retrying("a session", |number| self.bring(&change, number)).await?;
        self.tally.saw();
        Ok(())
    }
}

impl SessionFeed<'_> {
    /// A write says which version it replaces, so that one that came between is looked at first.
    async fn bring(&self, change: &SessionChange, number: u32) -> Result<()> {
        // What is tried again may have been changed meanwhile.
        let newest = match number {
            1 => change.session.clone(),
            _ => self.source.raw(&change.id).await?,
        };
        match (&self.task, newest) {
            (Task::Carry { now }, Some(session)) if *now < session.expires_at => {
                let there = self.target.raw(&change.id).await?;
                if there.as_ref() != Some(&session) {
                    let replaces = there.map_or(0, |there| there.version);
                    self.target.put(&session, Some(replaces)).await?;
                    self.tally.wrote(0);
                }
            }
            // An expired one too: the target may hold it as it was, with a later expiry.
            _ => {
                if self.target.delete(&change.id).await? {
                    self.tally.deleted();
                }
            }
        }
        Ok(())
    }
}

/// The sessions that changed after a position of the store's change record.
pub async fn changed_since(store: &Sessions, position: u64) -> Result<HashSet<String>> {
    let mut ids = HashSet::new();
    let mut since = position;
    loop {
        let page = store.changes(since, PAGE).await?;
        // Users write meanwhile: an empty page may never come.
        let last = page.last().map(|change| change.position).filter(|_| page.len() == PAGE);
        ids.extend(page.into_iter().map(|change| change.id));
        let Some(last) = last else { return Ok(ids) };
        since = last;
    }
}

/// Compares the sessions of two stores at rest that have not expired at `now`.
pub async fn compare(source: &Sessions, target: &Sessions, now: Timestamp) -> Result<StoreProof> {
    let none = HashSet::new();
    Ok(differences(source, target, now, &none).await?.settle(&none))
}

/// Compares the sessions of two stores that have not expired at `now`. Those `apart` are left out:
/// users have changed them on one side since.
pub async fn differences(
    source: &Sessions,
    target: &Sessions,
    now: Timestamp,
    apart: &HashSet<String>,
) -> Result<Differences> {
    let mut comparison = Differences::begin();
    let mut ours = Living::new(source, now, apart);
    while let Some(session) = ours.next().await? {
        comparison.count(0);
        if target.raw(&session.id).await?.as_ref() != Some(&session) {
            comparison.differ(&session.id, "not the same at the target");
        }
    }
    let mut theirs = Living::new(target, now, apart);
    while let Some(session) = theirs.next().await? {
        if source.raw(&session.id).await?.is_none() {
            comparison.differ(&session.id, "only at the target");
        }
    }
    Ok(comparison)
}

/// The sessions of a store that have not expired, without some, a page in memory.
struct Living<'a> {
    store: &'a Sessions,
    now: Timestamp,
    apart: &'a HashSet<String>,
    since: u64,
    page: std::vec::IntoIter<SessionChange>,
    ended: bool,
}

impl<'a> Living<'a> {
    fn new(store: &'a Sessions, now: Timestamp, apart: &'a HashSet<String>) -> Self {
        Self { store, now, apart, since: 0, page: Vec::new().into_iter(), ended: false }
    }

    async fn next(&mut self) -> Result<Option<Session>> {
        loop {
            let (now, apart) = (self.now, self.apart);
            let living =
                |session: &Session| now < session.expires_at && !apart.contains(&session.id);
            let mut sessions = self.page.by_ref().filter_map(|change| change.session);
            if let Some(session) = sessions.find(living) {
                return Ok(Some(session));
            }
            if self.ended {
                return Ok(None);
            }
            let page = self.store.changes(self.since, PAGE).await?;
            // Users write meanwhile: an empty page may never come.
            self.ended = page.len() < PAGE;
            self.since = page.last().map_or(self.since, |change| change.position);
            self.page = page.into_iter();
        }
    }
}
