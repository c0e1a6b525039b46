//! How strong and how many the instances of the application are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::{Bytes, Cpu};

/// What each instance of the application gets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Size {
    /// How many virtual processors, such as `1` or `0.5`.
    pub cpu: Cpu,
    /// How much memory, such as `512Mi` or `2Gi`.
    pub memory: Bytes,
    /// The processor that the image is built for.
    pub processor: Processor,
}

/// The processor that a container image is built for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Processor {
    /// x86-64.
    #[default]
    X86,
    /// 64-bit ARM.
    Arm,
}

/// How many instances run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Scale {
    /// How many run at least; with 0 the first request after a pause waits for a start.
    #[schemars(range(min = 0, max = 1000))]
    pub min: u32,
    /// How many run at most.
    #[schemars(range(min = 1, max = 1000))]
    pub max: u32,
    /// How many requests one instance works on at the same time before another is started.
    #[schemars(range(min = 1, max = 1000))]
    pub concurrency: u32,
    /// Whether instances may be taken away at any time (spot), which is cheaper.
    pub interruptible: bool,
}

impl Default for Size {
    fn default() -> Self {
        Self {
            cpu: Cpu::from_thousandths(1_000),
            memory: Bytes::new(2 << 30),
            processor: Processor::X86,
        }
    }
}

impl Default for Scale {
    fn default() -> Self {
        Self { min: 1, max: 10, concurrency: 30, interruptible: false }
    }
}
