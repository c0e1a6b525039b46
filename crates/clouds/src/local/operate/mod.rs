//! Running environments on this machine, through the environment's agent and the application's edge.

use crate::Result;
use crate::operate::{OpenSite, Site};

/// Opens an environment to be operated. Starts nothing.
pub fn open(_open: &OpenSite<'_>) -> Result<Site> {
    Err(crate::Error::refused("not_yet", "PLACEHOLDER"))
}
