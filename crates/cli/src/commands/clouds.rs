//! `trefoil clouds`: the clouds that this build knows.

use schemars::JsonSchema;
use serde::Serialize;
use trefoil_clouds::registry;

use crate::{Cx, ExitStatus, Result};

/// What is answered.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Answer<'a> {
    /// The clouds, sorted by name.
    clouds: Vec<Cloud<'a>>,
}

/// One cloud.
#[derive(Serialize, JsonSchema)]
struct Cloud<'a> {
    /// What `cloud:` of an environment says.
    name: &'a str,
}

/// Lists the clouds.
pub fn run(cx: &Cx) -> Result<ExitStatus> {
    let names = registry::known();
    let clouds: Vec<_> = names.iter().map(|name| Cloud { name }).collect();
    cx.printer.answer(&Answer { clouds }, || names.join("\n"))?;
    Ok(ExitStatus::Yes)
}
