//! The one engine: performs, checks, resumes and undoes the steps of a plan.

mod action;
mod progress;
mod world;

pub use action::{Check, Context, Perform};
pub use progress::{Progress, Silent};
pub use world::World;
