//! `trefoil inventory`: what exists in an environment.

use trefoil_core::inventory::Inventory;
use trefoil_ops::facts;

use crate::args::EnvironmentArgs;
use crate::table::{or_dash, table, time, word};
use crate::{Cx, ExitStatus, Result};

/// Observes an environment; changes nothing.
pub(super) async fn run(args: &EnvironmentArgs, cx: &Cx) -> Result<ExitStatus> {
    let read = cx.specification().await?;
    let world = cx.world(&read.spec, &[&args.environment])?;
    let inventory = facts::observe(world.site(&args.environment)?).await?;
    cx.printer.answer(&inventory, || view(&inventory))?;
    Ok(ExitStatus::Yes)
}

fn view(inventory: &Inventory) -> String {
    let rows = inventory.resources.iter().map(|resource| {
        let holds: Vec<_> =
            resource.size.iter().map(|(unit, amount)| format!("{amount} {unit}")).collect();
        [
            word(&resource.kind),
            resource.name.clone(),
            resource.native_type.clone(),
            or_dash(resource.version.as_ref()),
            holds.join(", "),
            resource.id.clone(),
        ]
    });
    let shown = table(["KIND", "NAME", "IS", "VERSION", "HOLDS", "WHERE"], rows);
    let unseen = inventory
        .unseen
        .iter()
        .map(|unseen| format!("\nnot seen: {} ({}); {}", unseen.what, unseen.why, unseen.fix));
    let Inventory { environment, cloud, observed_at, .. } = inventory;
    let unseen: String = unseen.collect();
    format!("{environment} on {cloud}, at {}\n{shown}{unseen}", time(*observed_at))
}
