//! The files that set up an environment on AWS: what they say, byte for byte, and what they never
//! say.

#![allow(clippy::unwrap_used, reason = "helpers of tests stop a test where it went wrong")]

mod changes;
mod goes;
mod golden;
mod hostile;
mod limits;
mod literals;
mod lower;
mod never;
mod permissions;
mod service_models;
mod support;
mod task;
