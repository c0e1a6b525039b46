//! What is rendered for Azure: the examples, what one key changes, what cannot be, hostile text,
//! and the Bicep itself against Azure's own types.

#![allow(clippy::unwrap_used, reason = "helpers of tests stop a test where it went wrong")]

mod bicep;
mod golden;
mod scan;
mod support;
mod types;
mod valid;
