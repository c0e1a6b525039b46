//! Small files that processes keep on this machine: written whole or not at all, locked, read
//! from their end.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::kill;
use nix::unistd::Pid;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Error, Result};

/// A log is begun anew when it is longer than this: 10 MiB.
pub const LOG_MAX_BYTES: u64 = 10 << 20;

/// What stands between a file's name and the process that is writing it.
const UNFINISHED: &str = ".new-";

/// How much of a log's end is looked at for its last lines: 16 KiB.
const TAIL_BYTES: u64 = 16 << 10;

/// An error about a file, with what was tried.
pub fn file_error(what: &str, path: &Path, error: std::io::Error) -> Error {
    Error::failed("file_failed", format!("cannot {what} {}", path.display())).because(error)
}

/// Makes a folder, and those above it, that only this user can open.
pub fn private_folder(path: &Path) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .and_then(|()| std::fs::set_permissions(path, Permissions::from_mode(0o700)))
        .map_err(|error| file_error("make the folder", path, error))
}

/// Writes a file, mode 0600, so that it holds the old bytes or the new ones whatever happens, and
/// the new ones for good once this has returned.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!("{UNFINISHED}{}", std::process::id()));
    let beside = path.with_file_name(name);
    let write = || -> std::io::Result<()> {
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&beside, path)?;
        match path.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    };
    write().map_err(|error| file_error("write", path, error))
}

/// Removes from a folder, if there is one, what [`write_whole`] had begun there in processes that
/// were killed.
pub fn remove_unfinished(folder: &Path) -> Result<()> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(()) };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let writer = name.to_str().and_then(|name| name.rsplit_once(UNFINISHED)?.1.parse().ok());
        let Some(writer) = writer else { continue };
        if kill(Pid::from_raw(writer), None) == Err(Errno::ESRCH) {
            remove_file(&entry.path())?;
        }
    }
    Ok(())
}

/// Writes a value as JSON, as [`write_whole`] does.
pub fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    let json = serde_json::to_vec_pretty(value)
        .map_err(|error| Error::failed("file_failed", "cannot be put as JSON").because(error))?;
    write_whole(path, &json)
}

/// Reads a value from JSON; `None` when there is no such file.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let json = match std::fs::read(path) {
        Ok(json) => json,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(file_error("read", path, error)),
    };
    let value = serde_json::from_slice(&json).map_err(|error| {
        Error::failed("file_failed", format!("{} is damaged", path.display())).because(error)
    })?;
    Ok(Some(value))
}

/// Removes a file or does nothing when there is none.
pub fn remove_file(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(file_error("remove", path, error))
        }
        _ => Ok(()),
    }
}

/// Takes the lock of a file, made when there is none; `None` when another process holds it. The
/// lock ends with the process, however it ends.
pub fn lock(path: &Path) -> Result<Option<Flock<File>>> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(|error| file_error("open", path, error))?;
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => Ok(Some(lock)),
        Err((_, Errno::EWOULDBLOCK)) => Ok(None),
        Err((_, error)) => Err(file_error("lock", path, error.into())),
    }
}

/// Opens a log to append to, mode 0600. One that is too long is first put aside as `….old`.
pub fn open_log(path: &Path) -> Result<File> {
    let failed = |error| file_error("open", path, error);
    if std::fs::metadata(path).is_ok_and(|log| log.len() > LOG_MAX_BYTES) {
        std::fs::rename(path, old(path)).map_err(failed)?;
    }
    OpenOptions::new().append(true).create(true).mode(0o600).open(path).map_err(failed)
}

/// Keeps a log that a process is writing to from growing without bound: one that is too long is
/// copied to `….old` and emptied. What is written between the two is lost, which is the price of
/// not asking the writer to open it again.
pub fn limit_log(path: &Path) -> Result<()> {
    if std::fs::metadata(path).is_ok_and(|log| log.len() > LOG_MAX_BYTES) {
        std::fs::copy(path, old(path))
            .and_then(|_| OpenOptions::new().write(true).open(path)?.set_len(0))
            .map_err(|error| file_error("shorten", path, error))?;
    }
    Ok(())
}

fn old(path: &Path) -> std::path::PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".old");
    path.with_file_name(name)
}

/// The last `count` lines of a log, as far as they lie in its last 16 KiB and after the byte
/// `since`; none when it cannot be read.
pub fn last_lines(path: &Path, since: u64, count: usize) -> Vec<String> {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        // A log that was emptied in between is shorter than where we began to look.
        let since = if since > length { 0 } else { since };
        file.seek(SeekFrom::Start(since.max(length.saturating_sub(TAIL_BYTES))))?;
        let mut bytes = Vec::new();
        file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].iter().map(|line| (*line).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_held_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.lock");
        let held = lock(&path).unwrap();
        assert!(held.is_some());
        assert!(lock(&path).unwrap().is_none());
        drop(held);
        assert!(lock(&path).unwrap().is_some());
    }

    #[test]
    fn what_a_killed_writer_left_is_removed_and_what_another_writes_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        let left = folder.path().join(format!("x.json.new-{}", child.id()));
        let ours = folder.path().join(format!("x.json.new-{}", std::process::id()));
        let other = folder.path().join("x.new-y");
        for path in [&left, &ours, &other] {
            std::fs::write(path, "{").unwrap();
        }
        remove_unfinished(folder.path()).unwrap();
        assert!(!left.exists() && ours.exists() && other.exists());
        remove_unfinished(&folder.path().join("absent")).unwrap();
    }

    #[test]
    fn json_comes_back_and_damage_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.json");
        assert_eq!(read_json::<u32>(&path).unwrap(), None);
        write_json(&path, &7).unwrap();
        assert_eq!(read_json::<u32>(&path).unwrap(), Some(7));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::write(&path, "{").unwrap();
        assert!(read_json::<u32>(&path).unwrap_err().to_string().contains("x.json is damaged"));
    }

    #[test]
    fn logs_are_bounded_and_their_end_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.log");
        std::fs::write(&path, "one\ntwo\nthree\n").unwrap();
        assert_eq!(last_lines(&path, 0, 2), ["two", "three"]);
        assert_eq!(last_lines(&path, 8, 20), ["three"]);
        File::options().write(true).open(&path).unwrap().set_len(LOG_MAX_BYTES + 1).unwrap();
        limit_log(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 0);
        assert_eq!(std::fs::metadata(old(&path)).unwrap().len(), LOG_MAX_BYTES + 1);
        File::options().write(true).open(&path).unwrap().set_len(LOG_MAX_BYTES + 1).unwrap();
        open_log(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 0);
    }
}
