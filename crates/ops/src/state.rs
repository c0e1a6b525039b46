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

use std::ffi::OsString;
use std::path::{Path, absolute};

pub use executor::{Executor, FencingToken};
pub use follower::Follower;
pub use journal::{CRASH_AFTER_EVENT, CRASH_BEFORE_EVENT, Journal};
pub(crate) use open::executed_by;
pub use store::State;
pub use summary::RunSummary;

/// How a program of ours is told where the log is, so that no variable and no file of settings says
/// otherwise. With a log elsewhere the folder is always the one beside the specification.
pub(crate) fn place_arguments(
    log_url: Option<&str>,
    folder: &Path,
) -> std::io::Result<[OsString; 2]> {
    let place = match log_url {
        Some(url) => url.into(),
        None => absolute(folder)?.into_os_string(),
    };
    Ok(["--state".into(), place])
}

/// A new identifier of a plan and its run: unique, and sorted by time.
pub fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

#[cfg(test)]
mod tests;
