//! What Trefoil knows about AWS without an account: what a specification needs there, its
//! price, and the files that set it up; and its logs in a bucket.

mod expiry;
pub mod feed;
mod log_store;
pub mod pricing;
pub mod render;
pub mod resources;

pub use log_store::S3Log;
pub(crate) use log_store::open as open_log;
