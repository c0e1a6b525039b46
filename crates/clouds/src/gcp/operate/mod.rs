//! What Trefoil knows about Google Cloud without an account: what a specification needs there, and its price.

pub mod pricing;
pub mod resources;

use crate::operate::{OpenSite, Site};
use crate::{Error, Result};

/// Refuses to open an environment: this version prices the cloud and does not operate it.
pub fn open(open: &OpenSite<'_>) -> Result<Site> {
    let message =
        format!("environments on gcp, such as `{}`, cannot be operated yet", open.environment);
    Err(Error::refused("cloud_not_yet", message)
        .hint("`trefoil cost` can price it; environments on `local` can be operated"))
}
