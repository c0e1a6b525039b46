//! What Trefoil knows about Google Cloud without an account: what a specification needs there, and its price.

pub mod feed;
pub mod pricing;
pub mod render;
pub mod resources;
