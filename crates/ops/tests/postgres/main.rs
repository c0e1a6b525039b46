//! Moving a live database between two real PostgreSQL servers.

mod bench;
mod fence;
mod moves;
mod refusals;
mod shop;
mod verification;
