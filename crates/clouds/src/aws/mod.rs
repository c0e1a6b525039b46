//! Amazon Web Services.

mod objects;
#[cfg(feature = "operate")]
pub mod operate;

use std::sync::Arc;

use url::Url;

use crate::Result;

pub use objects::{AccessKey, Address, S3Objects};

/// The schemes of the URLs of its services.
pub(crate) const SCHEMES: &[&str] = &["s3"];

/// Opens a bucket by its URL. Asks nobody yet, and never makes a bucket.
pub(crate) fn open_objects(url: &Url) -> Result<crate::objects::Objects> {
    let driver = S3Objects::new(Address::parse(url)?);
    Ok(crate::objects::Objects::new(Arc::new(driver)))
}
