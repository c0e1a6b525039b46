//! Carries objects, sessions and secrets back while the way back is open: a process of its own,
//! because the tool ends when the soak begins. It only ever reads on the side that serves and
//! writes on the side that served, so nothing that it writes comes back to it.
//!
//! It keeps its positions in memory. One that starts again begins at the switch and leaves alone
//! what is there already.

mod carry;
mod process;
mod status;
mod watch;

use std::path::Path;
use std::time::{Duration, Instant};

use tokio::process::Child;

use crate::engine::World;
use crate::{Error, Result};

pub use carry::serve;
pub use status::{Lag, Status, list, status};

/// How long a process may take to begin.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a process may take to end after a polite signal, and again after a kill.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// How often it is looked whether a process has begun or ended.
const POLL: Duration = Duration::from_millis(20);

/// Starts the process that carries back for a run, from the environment that serves now to the one
/// that served, and waits until it works. Idempotent: one that runs already is left alone. Any
/// other between the two environments is stopped first, so that changes never go in a circle.
pub async fn start(world: &World, run_id: &str, from: &str, to: &str) -> Result<Status> {
    for other in list(&world.folder)? {
        if other.is_between(from, to) && other.run_id != run_id {
            stop(&world.folder, &other.run_id).await?;
        }
    }
    if let Some(status) = running(&world.folder, run_id)? {
        return Ok(status);
    }
    let mut child = process::spawn(world, run_id)?;
    let deadline = Instant::now() + START_TIMEOUT;
    while Instant::now() < deadline {
        if let Some(status) = running(&world.folder, run_id)? {
            return Ok(status);
        }
        refuse_ended(&mut child, world, run_id)?;
        tokio::time::sleep(POLL).await;
    }
    let why = "the process that carries changes back did not begin";
    Err(Error::failed("backflow_start", why).hint(see_log(&world.folder, run_id)).retryable())
}

/// One that ends at once because another holds the lock is no failure: the other is waited for.
fn refuse_ended(child: &mut Child, world: &World, run_id: &str) -> Result<()> {
    let ended = child.try_wait().ok().flatten();
    match ended {
        Some(ended) if !status::is_locked(&world.folder, run_id)? => {
            let why = format!("the process that carries changes back ended at once ({ended})");
            let hint = see_log(&world.folder, run_id);
            Err(Error::failed("backflow_start", why).hint(hint))
        }
        _ => Ok(()),
    }
}

/// The status of a run's process, if it runs.
pub fn running(folder: &Path, run_id: &str) -> Result<Option<Status>> {
    Ok(status(folder, run_id)?.filter(Status::is_alive))
}

/// Stops a run's process and forgets its status. Idempotent.
pub async fn stop(folder: &Path, run_id: &str) -> Result<()> {
    let deadline = Instant::now() + STOP_TIMEOUT;
    // One that has just been started by a tool that was killed has the lock before its status.
    while status(folder, run_id)?.is_none()
        && status::is_locked(folder, run_id)?
        && Instant::now() < deadline
    {
        tokio::time::sleep(POLL).await;
    }
    if let Some(status) = status(folder, run_id)? {
        process::end(&status).await?;
    }
    status::remove(folder, run_id)
}

/// Stops every process that carries between the two environments, in whichever direction:
/// whoever copies between them must be the only one who does. Idempotent.
pub async fn stop_between(world: &World, one: &str, other: &str) -> Result<()> {
    for status in list(&world.folder)? {
        if status.is_between(one, other) {
            stop(&world.folder, &status.run_id).await?;
        }
    }
    Ok(())
}

fn see_log(folder: &Path, run_id: &str) -> String {
    format!("see {}", process::log_file(folder, run_id).display())
}
