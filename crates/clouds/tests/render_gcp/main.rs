//! The files for Google Cloud: the examples, limits, names, hostile text, and the faults that they
//! must not have.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "helpers of tests stop a test where it went wrong, and say what was left out"
)]

mod changes;
mod faults;
mod gcloud;
mod golden;
mod hostile;
mod limits;
mod names;
mod same;
mod support;
