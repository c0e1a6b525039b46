//! The process that carries a stream: one for each, told apart by a lock.

use std::fs::{File, OpenOptions};
use std::io::ErrorKind as IoKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf, absolute};
use std::process::Stdio;
use std::time::Duration;

use nix::fcntl::{Flock, FlockArg};
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;
use trefoil_clouds::operate::process::begin_session;

use super::progress;
use crate::engine::World;
use crate::movers::postgres::connect::{Pair, Server};
use crate::{Error, Result};

/// How long a process may take to begin.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// How often one is started that ends before it has begun: somebody may have killed it.
const STARTS: usize = 3;
/// How long somebody else's look at the lock may take.
const LOOK_ENDS: Duration = Duration::from_secs(2);
/// Between two looks whether it has.
const POLL: Duration = Duration::from_millis(20);

/// Has a stream of ours carried, if it is awake and nobody carries it: after it was woken, and
/// after its process died. A stream of the server's own needs nothing.
pub async fn ensure(world: &World, pair: &Pair, stream: &str) -> Result<()> {
    let awake = progress::read(&pair.target, stream).await?.is_some_and(|one| one.enabled);
    if !awake || is_running(&world.folder, stream)? {
        return Ok(());
    }
    for _ in 0..STARTS {
        if begun(world, pair, stream).await? {
            return Ok(());
        }
    }
    let why = format!("the process that carries stream {stream} did not begin");
    let log = log_file(&world.folder, stream);
    Err(Error::failed("stream_start", why).hint(format!("see {}", log.display())))
}

/// Starts a process for the stream; whether one carries it then.
async fn begun(world: &World, pair: &Pair, stream: &str) -> Result<bool> {
    let mut child = spawn(world, pair, stream)?;
    let deadline = Instant::now() + START_TIMEOUT;
    while !is_running(&world.folder, stream)? {
        if child.try_wait().ok().flatten().is_some() || Instant::now() > deadline {
            return Ok(false);
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(true)
}

/// Carries a stream until it sleeps or is forgotten, or a signal comes. The whole of
/// `trefoil stream`.
///
/// # Errors
/// `stream_running` when another process does.
pub async fn run(world: &World, stream: &str, from: &str, to: &str) -> Result<()> {
    begin_session();
    let _lock = take(&world.folder, stream).await?;
    let cannot = |error| Error::failed("stream_start", "cannot wait for signals").because(error);
    let mut terminate = signal(SignalKind::terminate()).map_err(cannot)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot)?;
    let source = Server::of_site(world.site(from)?).await?;
    let target = Server::of_site(world.site(to)?).await?;
    tokio::select! {
        // Nothing is half done: what is not committed never was.
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
        ended = super::serve(&source, &target, stream) => ended,
    }
}

/// Takes the stream's lock. Whoever only looks whether it is taken holds it for a moment.
async fn take(folder: &Path, stream: &str) -> Result<Flock<File>> {
    let deadline = Instant::now() + LOOK_ENDS;
    loop {
        if let Some(lock) = lock(folder, stream)? {
            return Ok(lock);
        }
        if Instant::now() > deadline {
            let why = format!("stream {stream} is carried by another process already");
            return Err(Error::refused("stream_running", why));
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Whether a process carries the stream.
pub fn is_running(folder: &Path, stream: &str) -> Result<bool> {
    Ok(lock(folder, stream)?.is_none())
}

fn spawn(world: &World, pair: &Pair, stream: &str) -> Result<tokio::process::Child> {
    let cannot = |error: std::io::Error| {
        let why = format!("cannot start the process that carries stream {stream}");
        Error::failed("stream_start", why).because(error)
    };
    std::fs::create_dir_all(folder_of(&world.folder)).map_err(cannot)?;
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(log_file(&world.folder, stream))
        .map_err(cannot)?;
    Command::new(&world.program)
        .arg("stream")
        .arg("--folder")
        .arg(absolute(&world.folder).map_err(cannot)?)
        .arg("--file")
        .arg(absolute(&world.spec_file).map_err(cannot)?)
        .args(["--stream", stream, "--from", &pair.source.name, "--to", &pair.target.name])
        .stdin(Stdio::null())
        .stdout(log.try_clone().map_err(cannot)?)
        .stderr(log)
        .spawn()
        .map_err(cannot)
}

fn folder_of(folder: &Path) -> PathBuf {
    folder.join("streams")
}

fn log_file(folder: &Path, stream: &str) -> PathBuf {
    folder_of(folder).join(format!("{stream}.log"))
}

/// Makes this process the only one of its stream for as long as the lock is kept; `None` when
/// there is one already.
fn lock(folder: &Path, stream: &str) -> Result<Option<Flock<File>>> {
    let path = folder_of(folder).join(format!("{stream}.lock"));
    let cannot = |error: std::io::Error| {
        Error::failed("stream_start", format!("cannot open {}", path.display())).because(error)
    };
    match std::fs::create_dir_all(folder_of(folder)) {
        Err(error) if error.kind() != IoKind::AlreadyExists => return Err(cannot(error)),
        _ => {}
    }
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
    match Flock::lock(file.map_err(cannot)?, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => Ok(Some(lock)),
        Err((_, nix::errno::Errno::EWOULDBLOCK)) => Ok(None),
        Err((_, error)) => Err(cannot(error.into())),
    }
}
