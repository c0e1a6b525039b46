//! What the clouds bill: the chapter's baseline, every price at the edges of its tiers, estimates
//! checked by hand, values that others have published, and input that makes no sense.

#![allow(clippy::unwrap_used, reason = "helpers of tests stop a test where it went wrong")]

mod bad_input;
mod baseline;
mod by_hand;
mod published;
mod questions;
mod rendered;
mod support;
mod tier_edges;
