//! Up to where all changes that were noted have ended.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Mutex;

use super::notes::{Notes, Numbered};
use crate::Result;

/// A note without an end counts as ended after this time: its writer has died.
const OPEN_MAX: Duration = Duration::from_secs(15 * 60);
/// How long such a note is remembered.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(24 * 3600);

/// What a handle has read of the record: it grows with every write, so no note is read twice, also
/// when a reading was given up half-way.
#[derive(Default)]
pub(super) struct Settled {
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// The newest note that was read; `None` before the first reading.
    up_to: Option<u64>,
    /// Notes whose changes have not ended, and when they were written.
    open: BTreeMap<u64, Timestamp>,
}

impl Settled {
    /// The newest note up to which all changes have ended.
    pub(super) async fn up_to(&self, notes: &Notes) -> Result<u64> {
        let mut seen = self.seen.lock().await;
        let mut up_to = match seen.up_to {
            Some(up_to) => up_to,
            // What is not ended is not older than that, or its writer has died.
            None => notes.first_younger_than(OPEN_MAX).await? - 1,
        };
        loop {
            let page = notes.page(up_to).await?;
            up_to = page.last.unwrap_or(up_to);
            page.notes.into_iter().for_each(|note| seen.take(note));
            seen.up_to = Some(up_to);
            if !page.more {
                return Ok(seen.settled(up_to));
            }
        }
    }
}

impl Seen {
    fn take(&mut self, Numbered { number, at, note }: Numbered) {
        // A note without keys has nothing to end.
        if !note.keys.is_empty() {
            self.open.insert(number, at);
        }
        note.ended.iter().for_each(|ended| {
            self.open.remove(ended);
        });
    }

    fn settled(&mut self, up_to: u64) -> u64 {
        let now = Timestamp::now();
        // Not forgotten as soon as it counts as ended: the clock may have jumped.
        self.open.retain(|_, at| *at >= now - FORGOTTEN_AFTER);
        let open = self.open.iter().find(|(_, at)| **at >= now - OPEN_MAX);
        open.map_or(up_to, |(open, _)| open - 1)
    }
}
