//! The checklist of a move: what was proven by which step, what a person must confirm, and who did.

mod items;
mod proofs;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::inventory::Inventory;
use crate::journal::{Approval, Run};
use crate::plan::{Plan, PlanKind};
use items::{Definition, ITEMS};
use proofs::{Case, Verdict};

/// One line of the checklist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Item {
    /// Stable, for `trefoil runs approve RUN --item ID`.
    pub id: String,
    /// When it is due.
    pub phase: Phase,
    /// Its name, for people.
    pub title: String,
    /// Where it stands.
    pub status: ItemStatus,
    /// What a person must confirm; `None` for what the machine proves alone.
    pub confirm: Option<String>,
    /// What is known about it so far.
    pub evidence: Vec<Evidence>,
}

/// When an item is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Before the first step.
    Pre,
    /// While the steps are performed.
    Execution,
    /// After the switch.
    Post,
    /// About the way back.
    Rollback,
}

/// Where an item stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ItemStatus {
    /// Its time has not come: the steps that prove it, or the switch, are still to come.
    Pending,
    /// Proven; the evidence says by what.
    MachineChecked,
    /// A person must confirm it.
    NeedsPerson,
    /// A person has confirmed it; the evidence says who and when.
    Confirmed,
    /// A step that proves it failed, or two sides were not equal.
    Failed,
}

/// What is known about an item. Never a secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// In words.
    pub what: String,
    /// The step of the plan that it comes from.
    pub step: Option<usize>,
    /// The SHA-256 of what was looked at, as hexadecimal digits, or the digest of two tables.
    pub digest: Option<String>,
    /// How many things were looked at; `what` says which.
    pub count: Option<u64>,
    /// Who said so, by the name that they gave: it is not authenticated.
    pub by: Option<String>,
    /// When.
    pub at: Option<Timestamp>,
}

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

/// Whether there is an item of this id.
pub fn exists(id: &str) -> bool {
    ITEMS.iter().any(|definition| definition.id == id)
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
