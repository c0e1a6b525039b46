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

/// The URL of a bucket that is there already: `endpoint` is left out for the cloud's own store.
pub(crate) fn bucket_url(
    bucket: &str,
    endpoint: Option<&str>,
    region: Option<&str>,
) -> Result<Url> {
    let address = Address {
        bucket: bucket.to_owned(),
        endpoint: endpoint.map(str::to_owned),
        region: region.map(str::to_owned),
        path_style: endpoint.is_some(),
        ..Address::default()
    };
    address.to_url()
}
