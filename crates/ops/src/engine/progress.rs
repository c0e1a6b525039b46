//! Where the engine and the actions say what they are doing.

use trefoil_core::plan::Step;

use crate::Error;

/// Shows what is going on. Never gets a secret.
pub trait Progress: Send + Sync {
    /// A step begins.
    fn step_began(&self, step: &Step);
    /// How far the step is, in `unit`s (`bytes`, `rows`, `objects`); `total` when it is known.
    fn advanced(&self, done: u64, total: Option<u64>, unit: &'static str);
    /// A step ended.
    fn step_ended(&self, step: &Step, error: Option<&Error>);
    /// A step is being undone.
    fn undoing(&self, step: &Step);
    /// Something to read.
    fn note(&self, text: &str);
}

/// Shows nothing.
pub struct Silent;

impl Progress for Silent {
    fn step_began(&self, _: &Step) {}
    fn advanced(&self, _: u64, _: Option<u64>, _: &'static str) {}
    fn step_ended(&self, _: &Step, _: Option<&Error>) {}
    fn undoing(&self, _: &Step) {}
    fn note(&self, _: &str) {}
}
