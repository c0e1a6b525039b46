//! The files that set up an environment on AWS: what they say, byte for byte, and what they never
//! say.

#![allow(clippy::unwrap_used, reason = "helpers of tests stop a test where it went wrong")]

mod changes;
mod golden;
#[allow(dead_code, reason = "the whole reader, of which a part is used here")]
#[path = "../render_same/hcl.rs"]
mod hcl;
mod hostile;
mod limits;
mod literals;
mod models;
mod never;
mod policies;
mod support;
mod task;
