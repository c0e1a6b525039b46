//! `trefoil clouds`: the clouds that this build knows.

use serde_json::json;
use trefoil_clouds::registry;

use crate::{Cx, ExitStatus, Result};

/// Lists the clouds.
pub fn run(cx: &Cx) -> Result<ExitStatus> {
    let names = registry::known();
    let clouds: Vec<_> = names.iter().map(|name| json!({"name": name})).collect();
    cx.printer.answer(&json!({"clouds": clouds}), || names.join("\n"))?;
    Ok(ExitStatus::Yes)
}
