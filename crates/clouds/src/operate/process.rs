//! Processes of this machine, told apart from others that later get the same number.

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::{Pid, getpgid, setsid};
use serde::{Deserialize, Serialize};

/// A process by its number and the moment it started, so that a number that is used again is
/// never taken for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessId {
    /// Its number.
    pub pid: u32,
    /// When it started, in clock ticks after the machine started: field 22 of `/proc/PID/stat`,
    /// proc_pid_stat(5).
    pub start_ticks: u64,
}

impl ProcessId {
    /// The process that has this number now; `None` when there is none, or it has ended and only
    /// waits to be collected.
    pub fn of(pid: u32) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The second field is the program's name in parentheses, which may hold anything.
        let (_, fields) = stat.rsplit_once(')')?;
        let mut fields = fields.split_ascii_whitespace();
        let state = fields.next()?;
        let start_ticks = fields.nth(18)?.parse().ok()?;
        (!matches!(state, "Z" | "X")).then_some(Self { pid, start_ticks })
    }

    /// The leader of a process group that was started with this environment variable.
    pub fn find_leader(variable: &str, value: &[u8]) -> Option<Self> {
        let wanted = [variable.as_bytes(), b"=", value].concat();
        let entries = std::fs::read_dir("/proc").ok()?;
        let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(|pid| {
            // Those of other users cannot be read, and are not ours.
            let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|pair| pair == wanted)
        })
        .find_map(|pid: i32| {
            let leads = getpgid(Some(Pid::from_raw(pid))) == Ok(Pid::from_raw(pid));
            leads.then(|| Self::of(pid.unsigned_abs())).flatten()
        })
    }

    /// Whether it still runs.
    pub fn alive(self) -> bool {
        Self::of(self.pid) == Some(self)
    }

    /// Sends a signal to it alone. A process that has ended is no error.
    pub fn signal(self, signal: Signal) {
        if let Ok(pid) = i32::try_from(self.pid) {
            report(self, signal, kill(Pid::from_raw(pid), signal));
        }
    }

    /// Sends a signal to its process group, which it leads. A group that has ended is no error.
    pub fn signal_group(self, signal: Signal) {
        if let Ok(pid) = i32::try_from(self.pid) {
            report(self, signal, killpg(Pid::from_raw(pid), signal));
        }
    }
}

fn report(process: ProcessId, signal: Signal, sent: nix::Result<()>) {
    match sent {
        Ok(()) | Err(Errno::ESRCH) => {}
        Err(error) => tracing::warn!(pid = process.pid, %error, "cannot send {signal}"),
    }
}

/// Leaves the terminal and the process group of whoever started this process, so that neither
/// Ctrl-C nor a closed terminal ends it. A process that already leads a group stays as it is.
pub fn begin_session() {
    if let Err(error) = setsid() {
        tracing::debug!(%error, "stays in the session that it was started in");
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use super::*;

    #[test]
    fn a_process_that_ended_is_not_alive_although_nobody_collected_it() {
        let mut child = Command::new("sleep").arg("60").process_group(0).spawn().unwrap();
        let process = ProcessId::of(child.id()).unwrap();
        assert!(process.alive());
        assert!(!ProcessId { start_ticks: process.start_ticks + 1, ..process }.alive());
        process.signal_group(Signal::SIGKILL);
        for _ in 0..200 {
            if !process.alive() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        assert!(!process.alive(), "a zombie is not alive");
        child.wait().unwrap();
    }
}
