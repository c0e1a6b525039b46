//! Looks at the slot of the database's stream back all the time, whatever else is carried, and
//! however long that takes: the slot must not fill the disk of the side that serves.

use std::fmt::Display;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use trefoil_core::journal::Run;
use trefoil_core::plan::StartBackflow;

use crate::engine::World;
use crate::movers::postgres::{Server, guard};
use crate::{Error, Result};

/// Between two looks.
const LOOK: Duration = Duration::from_secs(1);
/// What helps once the way back is closed.
const HINT: &str = "what is written from now on stays on this side: `trefoil migrate finish`";

/// Watches one slot.
pub(super) struct Watch<'a> {
    world: &'a World,
    task: StartBackflow,
    /// `None` without a database.
    stream: Option<String>,
    seen: Mutex<Seen>,
}

/// What the last look has found.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// Why it could not be looked, or why the way back is closed.
    pub(super) problem: Option<String>,
    /// Whether it is closed for good.
    pub(super) closed: bool,
}

impl Seen {
    /// Why the way back is closed for good, once it is.
    pub(super) fn closed_for(&self) -> Option<String> {
        self.problem.clone().filter(|_| self.closed)
    }
}

impl<'a> Watch<'a> {
    /// `closed` is why the process before this one has closed the way back, if it did: this one
    /// would find no more than that the slot is gone.
    pub(super) fn new(
        world: &'a World,
        run: &Run,
        task: &StartBackflow,
        closed: Option<String>,
    ) -> Self {
        let stream = run.return_stream().map(str::to_owned);
        let seen = Mutex::new(Seen { closed: closed.is_some(), problem: closed });
        Self { world, task: task.clone(), stream, seen }
    }

    pub(super) fn seen(&self) -> Seen {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Until it is dropped; a way back that is closed is not looked at again.
    pub(super) async fn forever(&self) {
        while !self.seen().closed {
            let seen = match self.look().await {
                Ok(()) => Seen::default(),
                Err(error) => {
                    tracing::warn!(error = %error.chain(), "the slot of the stream back");
                    let closed = ["slot_lost", "disk_guard"].contains(&error.code());
                    Seen { problem: Some(error.chain()), closed }
                }
            };
            *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
            tokio::time::sleep(LOOK).await;
        }
        std::future::pending().await
    }

    async fn look(&self) -> Result<()> {
        let Some(stream) = &self.stream else { return Ok(()) };
        let from = &self.task.from;
        let publisher = Server::of_site(self.world.site(from)?).await?;
        match guard::room(&publisher, stream).await {
            Ok(Some(room)) if room.is_short() => {
                // One that does not answer is why the slot grows, mostly.
                let subscriber = Server::of_site(self.world.site(&self.task.to)?).await;
                let ended = guard::end_for_room(publisher, subscriber, stream, room).await;
                ended.map_err(|error| match error.code() {
                    "disk_guard" => Error::failed("disk_guard", closed(error)).hint(HINT),
                    _ => error,
                })
            }
            Ok(Some(_)) => Ok(()),
            Ok(None) => {
                let why = closed(format!("the slot of stream {stream} on {from} is gone"));
                Err(Error::failed("slot_lost", why).hint(HINT))
            }
            Err(error) if error.code() == "slot_lost" => {
                Err(Error::failed("slot_lost", closed(error)).hint(HINT))
            }
            Err(error) => Err(error),
        }
    }
}

fn closed(why: impl Display) -> String {
    format!("rollback is no longer possible: {why}")
}
