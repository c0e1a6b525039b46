//! Services on this machine, without any account.

pub mod layout;
#[cfg(feature = "operate")]
pub mod operate;
