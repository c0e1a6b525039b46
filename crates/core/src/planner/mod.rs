//! Pure planners: from facts to a plan. The same facts give the same plan.

mod builder;
pub mod environment;
mod estimate;
mod mapping;
mod migrate;
mod rehearsed;
mod rollback;
mod window;

pub use migrate::{BucketFacts, MoveFacts, MoveOptions, plan_migrate};
pub use rehearsed::{Measured, rehearsed};
pub use rollback::{RollbackFacts, plan_rollback};
