//! Moving sessions: each with its version and the instant at which it expires.

use std::collections::HashSet;

use async_trait::async_trait;
use jiff::Timestamp;
use trefoil_clouds::sessions::{Session, SessionChange, Sessions};
use trefoil_core::plan::{CopyOutput, StoreProof};

use super::passes::{Feed, PAGE, follow};
use super::{Differences, Extent, Tally};
use crate::Result;

/// Carries what has changed at the source after the position `since`, deletions included; a
/// session that has expired at `now` is not carried. Nothing else may write to the target, and
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
    let source_position = follow(&feed, since, extent).await?;
    Ok(tally.output(source_position, target.position().await?))
}

/// Deletes at the target every session that the source's record knows: all that a copy from the
/// beginning can have written to a target that was empty.
pub async fn remove_copied(source: &Sessions, target: &Sessions) -> Result<()> {
    let feed = SessionFeed { source, target, tally: &Tally::default(), task: Task::Remove };
    follow(&feed, 0, Extent::UntilSmall).await?;
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
        self.source.position().await
    }

    async fn page(&self, since: u64, limit: usize) -> Result<Vec<SessionChange>> {
        self.source.changes(since, limit).await
    }

    async fn carry(&self, change: SessionChange) -> Result<()> {
        match (&self.task, &change.session) {
            (Task::Carry { now }, Some(session)) => {
                let lives = *now < session.expires_at;
                if lives && self.target.raw(&change.id).await?.as_ref() != Some(session) {
                    self.target.put(session, None).await?;
                    self.tally.wrote(0);
                }
            }
            (Task::Carry { .. }, None) | (Task::Remove, _) => {
                if self.target.delete(&change.id).await? {
                    self.tally.deleted();
                }
            }
        }
        self.tally.saw();
        Ok(())
    }
}

/// The sessions that changed after a position of the store's change record.
pub async fn changed_since(store: &Sessions, position: u64) -> Result<HashSet<String>> {
    let mut ids = HashSet::new();
    let mut since = position;
    loop {
        let page = store.changes(since, PAGE).await?;
        let Some(last) = page.last() else { return Ok(ids) };
        since = last.position;
        ids.extend(page.into_iter().map(|change| change.id));
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
    each_living(source, now, apart, async |session| {
        comparison.count(0);
        if target.raw(&session.id).await?.as_ref() != Some(&session) {
            comparison.differ(&session.id, "not the same at the target");
        }
        Ok(())
    })
    .await?;
    each_living(target, now, apart, async |session| {
        if source.raw(&session.id).await?.is_none() {
            comparison.differ(&session.id, "only at the target");
        }
        Ok(())
    })
    .await?;
    Ok(comparison)
}

async fn each_living(
    store: &Sessions,
    now: Timestamp,
    apart: &HashSet<String>,
    mut see: impl AsyncFnMut(Session) -> Result<()>,
) -> Result<()> {
    let mut since = 0;
    loop {
        let page = store.changes(since, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        since = last.position;
        for session in page.into_iter().filter_map(|change| change.session) {
            if now < session.expires_at && !apart.contains(&session.id) {
                see(session).await?;
            }
        }
    }
}
