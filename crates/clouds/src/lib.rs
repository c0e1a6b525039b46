//! The portable services of an application behind one interface, and the clouds that provide them.
//!
//! An application embeds the services half: [`objects`], [`database`], [`secrets`], [`sessions`],
//! [`chat`], opened from the URLs that its environment gives it. The operate half (feature
//! `operate`) is what Trefoil itself needs to run environments.

#[cfg(feature = "aws")]
pub mod aws;
#[cfg(feature = "azure")]
pub mod azure;
mod bounds;
pub mod change_record;
pub mod chat;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod database;
pub mod extractive;
#[cfg(feature = "gcp")]
pub mod gcp;
#[cfg(feature = "local")]
pub mod local;
mod object_keys;
pub mod objects;
mod open;
#[cfg(feature = "operate")]
pub mod operate;
pub mod registry;
mod schemes;
pub mod secrets;
pub mod services;
pub mod sessions;

pub use trefoil_core::{Error, ErrorKind, Result};
