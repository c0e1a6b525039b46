//! Moving a live database between two real PostgreSQL servers.

// Helpers of tests panic where a test would, and seeds and times are printed for people.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod attacks;
mod bench;
mod client;
mod ddl;
mod faults;
mod fence;
mod guards;
mod load;
mod moves;
mod mutations;
mod newer;
mod refusals;
mod shop;
mod tls;
mod types;
mod verification;
