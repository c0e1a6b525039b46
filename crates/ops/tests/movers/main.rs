//! The movers of objects, sessions and secrets, and the actions above them, on real stores.

#![allow(clippy::unwrap_used, reason = "helpers of tests, outside of test functions")]

mod actions;
mod bad_network;
mod faults;
mod objects;
mod overwritten;
mod recorded;
mod s3;
mod secrets;
mod sessions;
mod support;
mod under_faults;
