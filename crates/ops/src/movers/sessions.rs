//! Moving sessions: each with its version and the instant at which it expires.

use async_trait::async_trait;
use jiff::Timestamp;
use trefoil_clouds::sessions::{SessionChange, Sessions};
use trefoil_core::plan::CopyOutput;

use super::passes::{Feed, PAGE, follow};
use super::{Comparison, Extent, Tally};
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
            (Task::Carry { now }, Some(session)) if *now < session.expires_at => {
                if self.target.raw(&change.id).await?.as_ref() != Some(session) {
                    self.target.put(session, None).await?;
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
        self.tally.saw();
        Ok(())
    }
}

/// Compares the sessions of two stores at rest that have not expired at `now`.
pub async fn compare(source: &Sessions, target: &Sessions, now: Timestamp) -> Result<Comparison> {
    let mut comparison = Comparison::begin();
    let mut position = 0;
    loop {
        let page = source.changes(position, PAGE).await?;
        let living = page.iter().filter_map(|change| change.session.as_ref());
        for session in living.filter(|session| now < session.expires_at) {
            comparison.count(0);
            if target.raw(&session.id).await?.as_ref() != Some(session) {
                comparison.differ(format!("{}: not the same at the target", session.id));
            }
        }
        match page.last() {
            Some(last) if page.len() == PAGE => position = last.position,
            _ => break,
        }
    }
    let there = target.count(now).await?;
    if there != comparison.count {
        comparison.differ(format!("{} at the source, {there} at the target", comparison.count));
    }
    Ok(comparison)
}
