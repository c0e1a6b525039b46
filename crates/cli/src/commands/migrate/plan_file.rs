//! A plan as a file, which people read, review and hand over.

use std::path::Path;

use trefoil_core::plan::Plan;

use crate::{Error, Result};

/// Writes a plan. A file that is there is replaced: its digest stays in the log.
pub(super) async fn write(file: &Path, plan: &Plan) -> Result<()> {
    let mut text = serde_json::to_string_pretty(plan)
        .map_err(|error| Error::failed("output", "the plan cannot be written").because(error))?;
    text.push('\n');
    tokio::fs::write(file, text).await.map_err(|error| {
        Error::usage("plan_file", format!("cannot write {}", file.display())).because(error)
    })
}

/// Reads a plan.
pub(super) async fn read(file: &Path) -> Result<Plan> {
    let name = file.display();
    let text = tokio::fs::read_to_string(file).await.map_err(|error| {
        Error::usage("plan_file", format!("cannot read the plan {name}"))
            .hint("make one: trefoil migrate plan --from ENV --to ENV --output plan.json")
            .because(error)
    })?;
    serde_json::from_str(&text).map_err(|error| {
        let place = format!("{name}:{}:{}", error.line(), error.column());
        Error::usage("plan_file", format!("{place}: this is not a plan"))
            .hint("a plan is used as it was made; make a new one: trefoil migrate plan")
            .because(error)
    })
}
