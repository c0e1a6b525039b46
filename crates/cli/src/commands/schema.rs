//! `trefoil schema`: the JSON Schema of the specification, for editors.

use trefoil_core::spec::json_schema;

use crate::{Cx, ExitStatus, Result};

/// Prints the schema.
pub fn run(cx: &Cx) -> Result<ExitStatus> {
    let schema = json_schema();
    cx.printer.answer(&schema, || format!("{schema:#}"))?;
    Ok(ExitStatus::Yes)
}
