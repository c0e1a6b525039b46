//! What the clouds bill: the chapter's baseline, every line at the edges of its tiers, estimates
//! checked by hand, and values that others have published.

mod baseline;
mod support;
