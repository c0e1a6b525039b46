//! Google Cloud.

#[cfg(feature = "operate")]
pub mod operate;
