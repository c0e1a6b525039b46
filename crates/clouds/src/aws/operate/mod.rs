//! What Trefoil knows about AWS without an account: what a specification needs there, its
//! price, and the files that set it up.

pub mod feed;
pub mod pricing;
pub mod render;
pub mod resources;
