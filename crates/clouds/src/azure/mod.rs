//! Microsoft Azure.

#[cfg(feature = "operate")]
pub mod operate;
