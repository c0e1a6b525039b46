//! Who executes a run: host, process, and when it started, so that a process that died and another
//! that got its number are not taken for one.

use std::fmt;
use std::fs;
use std::str::FromStr;

use trefoil_clouds::operate::process::ProcessId;

/// A process that executes runs, as the journal names it: `host pid starttime`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executor {
    /// The host's name and the first digits of its boot identifier.
    pub host: String,
    /// The process.
    pub pid: u32,
    /// When it started, in clock ticks since the host did; 0 where the host does not tell.
    pub started: u64,
}

/// Orders all who ever executed runs: who took a run over later has the greater one. A server that
/// has seen one refuses those before it, so that a process which wakes up late changes nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct FencingToken {
    /// The place of the run among all of its application, from one.
    pub run: u64,
    /// The number of the journal's entry with which the process took the run over.
    pub takeover: u64,
}

impl Executor {
    /// This process.
    pub fn current() -> Self {
        let pid = std::process::id();
        Self { host: host(), pid, started: started(pid).unwrap_or(0) }
    }

    /// Whether it runs now; `None` when it is on another host, where nobody here can know.
    pub fn is_alive(&self) -> Option<bool> {
        (self.host == host()).then(|| started(self.pid) == Some(self.started))
    }
}

impl fmt::Display for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.host, self.pid, self.started)
    }
}

impl FromStr for Executor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no executor; it is written `host pid starttime`");
        let mut words = text.split(' ');
        let (host, pid, started) = (words.next(), words.next(), words.next());
        Ok(Self {
            host: host.filter(|host| !host.is_empty()).ok_or_else(wrong)?.to_owned(),
            pid: pid.and_then(|pid| pid.parse().ok()).ok_or_else(wrong)?,
            started: started.and_then(|started| started.parse().ok()).ok_or_else(wrong)?,
        })
    }
}

fn host() -> String {
    let read = |file| fs::read_to_string(file).unwrap_or_default().trim().to_owned();
    let name = read("/proc/sys/kernel/hostname").replace(' ', "-");
    let boot = read("/proc/sys/kernel/random/boot_id");
    format!("{name}:{}", boot.get(..8).unwrap_or("unknown"))
}

fn started(pid: u32) -> Option<u64> {
    ProcessId::of(pid).map(|process| process.start_ticks)
}
