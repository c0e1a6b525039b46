//! `trefoil inventory`: what exists in an environment.

use comfy_table::{Table, presets};
use trefoil_core::inventory::Inventory;
use trefoil_ops::facts;

use crate::args::EnvironmentArgs;
use crate::{Cx, ExitStatus, Result};

/// Observes an environment; changes nothing.
pub async fn run(args: &EnvironmentArgs, cx: &Cx) -> Result<ExitStatus> {
    let read = cx.specification().await?;
    let world = cx.world(&read.spec, &[&args.environment])?;
    let inventory = facts::observe(world.site(&args.environment)?).await?;
    cx.printer.answer(&inventory, || view(&inventory))?;
    Ok(ExitStatus::Yes)
}

fn view(inventory: &Inventory) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(["kind", "name", "is", "version", "holds", "where"]);
    for resource in &inventory.resources {
        let holds: Vec<_> =
            resource.size.iter().map(|(unit, amount)| format!("{amount} {unit}")).collect();
        table.add_row([
            format!("{:?}", resource.kind).to_lowercase(),
            resource.name.clone(),
            resource.native_type.clone(),
            resource.version.clone().unwrap_or_default(),
            holds.join(", "),
            resource.id.clone(),
        ]);
    }
    let unseen = inventory
        .unseen
        .iter()
        .map(|unseen| format!("\nnot seen: {} ({}); {}", unseen.what, unseen.why, unseen.fix));
    let at = inventory.observed_at;
    format!(
        "{} on {}, at {at}\n{table}{}",
        inventory.environment,
        inventory.cloud,
        unseen.collect::<String>()
    )
}
