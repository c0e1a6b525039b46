//! Nouns and decisions of Trefoil. Nothing here reads a clock, a file, the network or a random
//! number: what a decision needs is passed in, so that every decision can be replayed.

pub mod checklist;
pub mod cost;
pub mod deployment;
pub mod digest;
pub mod error;
pub mod finding;
pub mod inventory;
pub mod journal;
pub mod ledger;
pub mod plan;
pub mod planner;
pub mod report;
pub mod spec;
pub mod units;

pub use error::{Error, ErrorKind, Result};
