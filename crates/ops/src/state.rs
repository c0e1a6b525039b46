//! All durable state of Trefoil: the application's log and the journals of its runs.

mod approvals;
mod edited;
mod executor;
mod follower;
mod journal;
mod open;
mod requests;
mod store;
mod summary;

pub use executor::{Executor, FencingToken};
pub use follower::Follower;
pub use journal::{CRASH_AFTER_EVENT, CRASH_BEFORE_EVENT, Journal};
pub(crate) use open::executed_by;
pub use store::State;
pub use summary::RunSummary;

/// A new identifier of a plan and its run: unique, and sorted by time.
pub fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

#[cfg(test)]
mod tests;
