//! What is rendered for Azure: the examples, what one key changes, what cannot be, hostile text,
//! and the Bicep itself against Azure's own types.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "helpers of tests stop a test where it went wrong, and say what was left out"
)]

mod bicep;
mod golden;
mod hostile;
mod keys;
mod names;
mod refusals;
mod scan;
mod scans;
mod support;
mod types;
mod valid;
mod yaml;
