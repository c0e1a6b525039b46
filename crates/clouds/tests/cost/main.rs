//! What the clouds bill: the chapter's baseline, every price at the edges of its tiers, estimates
//! checked by hand, values that others have published, and input that cannot be meant.

mod bad_input;
mod baseline;
mod by_hand;
mod published;
mod questions;
mod support;
mod tier_edges;
