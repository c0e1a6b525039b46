//! What the demonstration ran on: a number without its conditions says nothing.

use schemars::JsonSchema;
use serde::Serialize;

/// The machine, as its kernel tells.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(super) struct Machine {
    /// The processor's name.
    pub(super) processor: String,
    /// How many processors this process may use.
    pub(super) cores: usize,
    /// Memory, in bytes.
    pub(super) memory_bytes: u64,
    /// The kernel.
    pub(super) kernel: String,
    /// The load average over one minute when the demonstration began.
    pub(super) load_average: f64,
}

impl Machine {
    /// Reads `/proc`. What cannot be read stays empty.
    pub(super) fn read() -> Machine {
        let text = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let field = |text: &str, key: &str| {
            let line = text.lines().find(|line| line.starts_with(key))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let memory_kib = field(&text("/proc/meminfo"), "MemTotal")
            .and_then(|value| value.split(' ').next()?.parse::<u64>().ok());
        Machine {
            processor: field(&text("/proc/cpuinfo"), "model name").unwrap_or_default(),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory_bytes: memory_kib.unwrap_or(0) * 1024,
            kernel: text("/proc/sys/kernel/osrelease").trim().to_owned(),
            load_average: text("/proc/loadavg")
                .split(' ')
                .next()
                .and_then(|value| value.parse().ok())
                .unwrap_or(0.0),
        }
    }
}
