//! The checklist of a move: what was proven by which step, what a person must confirm, and who did.

mod items;
mod proofs;

use crate::error::{Error, Result};
use crate::inventory::Inventory;
use crate::journal::{Approval, Run};
pub use crate::plan::{Evidence, Item, ItemStatus, Phase};
use crate::plan::{Plan, PlanKind};
use items::{Definition, ITEMS};
use proofs::{Case, Verdict};

/// The checklist of a move's plan before anything was done. `source` is the inventory that the
/// plan was made from.
pub fn of_plan(plan: &Plan, source: &Inventory) -> Vec<Item> {
    let case = Case { plan, run: None, source: Some(source) };
    ITEMS.iter().map(|definition| item(definition, &case)).collect()
}

/// The checklist of a run as far as it has come. What was known when the plan was made is taken
/// from the plan. Only a move and a rollback have a checklist.
pub fn of_run(run: &Run) -> Vec<Item> {
    if !matches!(run.plan.kind, PlanKind::Migrate | PlanKind::Rollback) {
        return Vec::new();
    }
    let case = Case { plan: &run.plan, run: Some(run), source: None };
    ITEMS.iter().map(|definition| item(definition, &case)).collect()
}

/// Whether a person may confirm an item of this run now.
///
/// # Errors
/// `checklist_item_unknown`; `checklist_item_machine` when a person's word would stand in for a
/// proof; `checklist_item_early` when the item is about what comes after the switch.
pub fn may_confirm(run: &Run, id: &str) -> Result<()> {
    let Some(item) = of_run(run).into_iter().find(|item| item.id == id) else {
        let message = format!("the checklist has no item `{id}`");
        let ids: Vec<_> = ITEMS.iter().map(|definition| definition.id).collect();
        return Err(Error::usage("checklist_item_unknown", message)
            .hint(format!("one of: {}", ids.join(", "))));
    };
    match item.status {
        ItemStatus::NeedsPerson | ItemStatus::Confirmed => Ok(()),
        ItemStatus::Pending if item.confirm.is_some() => {
            let message = format!("`{id}` is about what comes after the switch");
            Err(Error::refused("checklist_item_early", message)
                .hint("confirm it while the run soaks"))
        }
        _ => {
            let message =
                format!("`{id}` is for the machine to prove: nobody's word replaces that");
            Err(Error::refused("checklist_item_machine", message)
                .hint("`trefoil runs show` says which step proves it"))
        }
    }
}

fn item(definition: &Definition, case: &Case<'_>) -> Item {
    let Verdict { mut status, mut evidence } = (definition.prove)(case);
    let approvals: Vec<_> = case.run.into_iter().flat_map(|run| &run.approvals).collect();
    let confirmed = approvals.iter().filter(|one| one.item.as_deref() == Some(definition.id));
    let confirmed: Vec<_> = confirmed.map(|approval| said(approval)).collect();
    if status == ItemStatus::NeedsPerson && !confirmed.is_empty() {
        status = ItemStatus::Confirmed;
    }
    evidence.extend(confirmed);
    let proven = matches!(status, ItemStatus::MachineChecked);
    Item {
        id: definition.id.to_owned(),
        phase: definition.phase,
        title: definition.title.to_owned(),
        status,
        confirm: definition.confirm.filter(|_| !proven).map(str::to_owned),
        evidence,
    }
}

fn said(approval: &Approval) -> Evidence {
    Evidence {
        what: "confirmed by a person".into(),
        by: Some(approval.by.clone()),
        at: Some(approval.at),
        ..Evidence::default()
    }
}

#[cfg(test)]
mod tests;
