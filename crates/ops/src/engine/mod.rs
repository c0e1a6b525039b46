//! The one engine: performs, checks, resumes and undoes the steps of a plan.

mod abort;
mod action;
mod backwards;
mod dry_run;
#[doc(hidden)]
pub mod harness;
mod progress;
mod run_loop;
mod stop;
mod words;
mod world;

pub use action::{Check, Context, Perform};
pub use dry_run::Verdict;
pub use progress::{Progress, Silent};
pub use run_loop::Engine;
pub use stop::{Stop, StopHandle};
pub use world::{Kept, World};

use abort::Wish;

#[cfg(test)]
mod tests;
