//! Pure planners: from facts to a plan.

pub mod environment;
