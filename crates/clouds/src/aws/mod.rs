//! Amazon Web Services.

#[cfg(feature = "operate")]
pub mod operate;
