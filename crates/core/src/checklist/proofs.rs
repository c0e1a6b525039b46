//! What a plan and its run prove about each item.

use serde_json::Value;

use super::{Evidence, Item, ItemStatus};
use crate::digest;
use crate::inventory::Inventory;
use crate::journal::{Run, RunState, StepStatus};
use crate::plan::{
    Action, CopyOutput, Plan, PlanKind, Step, SyncOutput, TableProof, ValidateOutput, VerifyOutput,
};

/// What an item is judged on.
pub(super) struct Case<'a> {
    pub(super) plan: &'a Plan,
    /// The run, once there is one.
    pub(super) run: Option<&'a Run>,
    /// What the plan was made from, while it is made.
    pub(super) source: Option<&'a Inventory>,
}

/// Where an item stands, and what is known.
pub(super) struct Verdict {
    pub(super) status: ItemStatus,
    pub(super) evidence: Vec<Evidence>,
}

impl Verdict {
    fn new(status: ItemStatus, evidence: Vec<Evidence>) -> Verdict {
        Verdict { status, evidence }
    }
}

fn words(what: impl Into<String>) -> Evidence {
    Evidence { what: what.into(), ..Evidence::default() }
}

/// Only a person can know.
pub(super) fn ask(_: &Case<'_>) -> Verdict {
    Verdict::new(ItemStatus::NeedsPerson, Vec::new())
}

/// Only a person can know, and not before the switch.
pub(super) fn ask_after_switch(case: &Case<'_>) -> Verdict {
    after_switch(case, Vec::new())
}

fn after_switch(case: &Case<'_>, evidence: Vec<Evidence>) -> Verdict {
    let switch = case.plan.switch_step().map(|step| step.n);
    let switched = case.run.zip(switch).is_some_and(|(run, switch)| run.is_done(switch));
    let status = if switched { ItemStatus::NeedsPerson } else { ItemStatus::Pending };
    Verdict::new(status, evidence)
}

/// Everything at the source was seen; a person must judge what was not.
pub(super) fn inventory(case: &Case<'_>) -> Verdict {
    let Some(source) = case.source else { return planned(case, "resource_inventory") };
    let (from, to) = (&case.plan.from, &case.plan.to);
    let seen = Evidence {
        count: Some(source.resources.len() as u64),
        digest: Some(case.plan.inputs.source.clone()),
        at: Some(source.observed_at),
        ..words(format!("resources that exist in {from}"))
    };
    let target = Evidence {
        digest: Some(case.plan.inputs.target.clone()),
        ..words(format!("what exists in {to}"))
    };
    let unseen =
        source.unseen.iter().map(|one| words(format!("not seen: {}: {}", one.what, one.why)));
    let evidence: Vec<_> = [seen, target].into_iter().chain(unseen).collect();
    let whole = source.unseen.is_empty() && !source.resources.is_empty();
    let status = if whole { ItemStatus::MachineChecked } else { ItemStatus::NeedsPerson };
    Verdict::new(status, evidence)
}

/// Each resource has a target, and what each needs is in the inventory too.
pub(super) fn dependencies(case: &Case<'_>) -> Verdict {
    let Some(source) = case.source else { return planned(case, "dependency_mapping") };
    let mapping = &case.plan.mapping;
    let mapped = Evidence {
        count: Some(mapping.len() as u64),
        digest: Some(digest::of_value(mapping)),
        ..words("resources with a target; services outside the specification are not seen")
    };
    let known = |name: &&String| source.resources.iter().any(|one| one.name == **name);
    let needs = || source.resources.iter().flat_map(|one| &one.depends_on);
    let met = needs().filter(known).count();
    let needed = Evidence { count: Some(met as u64), ..words("dependencies that are carried too") };
    let missing = needs().filter(|name| !known(name));
    let missing: Vec<_> =
        missing.map(|name| words(format!("`{name}` is needed and was not found"))).collect();
    let whole = missing.is_empty() && mapping.len() == source.resources.len();
    let status = if whole { ItemStatus::MachineChecked } else { ItemStatus::Failed };
    Verdict::new(status, [mapped, needed].into_iter().chain(missing).collect())
}

/// What was written into the plan when it was made.
fn planned(case: &Case<'_>, id: &str) -> Verdict {
    match case.plan.checklist.iter().find(|item| item.id == id) {
        Some(Item { status, evidence, .. }) => Verdict::new(*status, evidence.clone()),
        None => {
            let none = words("the plan was made by a version without a checklist");
            Verdict::new(ItemStatus::Pending, vec![none])
        }
    }
}

/// The target exists, and nothing there stands in the way.
pub(super) fn target(case: &Case<'_>) -> Verdict {
    let wanted =
        |action: &Action| matches!(action, Action::ProvisionEnvironment(_) | Action::Preflight(_));
    steps(case, wanted, "the plan makes nothing at the target")
}

/// Everything was carried, and both sides were compared and equal.
pub(super) fn data_migration(case: &Case<'_>) -> Verdict {
    let wanted = |action: &Action| {
        matches!(
            action,
            Action::CopySecrets(_)
                | Action::CopyObjects(_)
                | Action::CopySessions(_)
                | Action::CopyRows(_)
                | Action::VerifyDatabase(_)
                | Action::SyncDatabase(_)
                | Action::Validate(_)
        )
    };
    let verdict = steps(case, wanted, "the plan carries nothing");
    if case.run.is_some_and(differs) {
        return Verdict { status: ItemStatus::Failed, ..verdict };
    }
    verdict
}

/// Whether a comparison of the run found a difference.
fn differs(run: &Run) -> bool {
    run.plan.steps.iter().any(|step| {
        let output = run.output(step.n);
        match &step.action {
            Action::SyncDatabase(_) => {
                read::<SyncOutput>(output).is_some_and(|o| o.tables.iter().any(|t| !t.equal))
            }
            Action::Validate(_) => read::<ValidateOutput>(output)
                .is_some_and(|o| !(o.objects.equal && o.sessions.equal && o.secrets.equal)),
            _ => false,
        }
    })
}

/// The application runs at the target and said that it can serve.
pub(super) fn application(case: &Case<'_>) -> Verdict {
    let wanted =
        |action: &Action| matches!(action, Action::StartApplication(_) | Action::AwaitReady(_));
    steps(case, wanted, "the specification has no application")
}

/// Users reach the target.
pub(super) fn traffic(case: &Case<'_>) -> Verdict {
    let wanted = |action: &Action| matches!(action, Action::SwitchTraffic(_));
    steps(case, wanted, "the specification has no application to send users to")
}

/// The application said that it can serve; what users need of it, a person has to try.
pub(super) fn answers(case: &Case<'_>) -> Verdict {
    let wanted = |action: &Action| matches!(action, Action::AwaitReady(_));
    let known = steps(case, wanted, "the specification has no application");
    after_switch(case, known.evidence)
}

/// The side that served was closed; who may reach the other, a person has to review.
pub(super) fn closed(case: &Case<'_>) -> Verdict {
    let wanted =
        |action: &Action| matches!(action, Action::FenceDatabase(_) | Action::CopySecrets(_));
    let known = steps(case, wanted, "the specification has no database");
    after_switch(case, known.evidence)
}

/// The plan says how each step is undone, and keeps a way back after the switch.
pub(super) fn rollback_plan(case: &Case<'_>) -> Verdict {
    let plan = case.plan;
    let undone = plan.steps.iter().filter(|step| step.undo.is_some()).count();
    let switch = plan.switch_step();
    let finish = plan.steps.iter().find(|step| step.finish);
    let (Some(switch), Some(finish)) = (switch, finish) else {
        return Verdict::new(ItemStatus::Failed, vec![words("the plan keeps no way back")]);
    };
    let before = Evidence {
        count: Some(undone as u64),
        step: Some(switch.n),
        ..words(format!("steps say how they are undone; abort is open before step {}", switch.n))
    };
    let after = Evidence {
        step: Some(finish.n),
        ..words(format!("after it `migrate rollback` is open until step {}", finish.n))
    };
    Verdict::new(ItemStatus::MachineChecked, vec![before, after])
}

/// A run that was taken back has proven it; of another one a person must say that it was tried.
pub(super) fn rollback_testing(case: &Case<'_>) -> Verdict {
    let taken_back = case.run.is_some_and(|run| run.closed == Some(RunState::RolledBack));
    if taken_back {
        return Verdict::new(ItemStatus::MachineChecked, vec![words("this move was taken back")]);
    }
    if case.plan.kind == PlanKind::Rollback {
        let wanted = |action: &Action| {
            matches!(
                action,
                Action::VerifyDatabase(_) | Action::SwitchTraffic(_) | Action::Validate(_)
            )
        };
        return steps(case, wanted, "this run is the way back itself");
    }
    let wanted = |action: &Action| matches!(action, Action::ArmReturn(_));
    let known = steps(case, wanted, "the specification has no database");
    Verdict { status: ItemStatus::NeedsPerson, ..known }
}

/// What is written at the target flows back while the way back is open.
pub(super) fn way_back(case: &Case<'_>) -> Verdict {
    let wanted = |action: &Action| {
        matches!(action, Action::ArmReturn(_) | Action::StartReturn(_) | Action::StartBackflow(_))
    };
    steps(case, wanted, "the plan carries nothing back")
}

/// Proven when all steps of this kind are done. `none` is said when the plan has none, because
/// there is nothing to do.
fn steps(case: &Case<'_>, wanted: fn(&Action) -> bool, none: &str) -> Verdict {
    let steps: Vec<_> = case.plan.steps.iter().filter(|step| wanted(&step.action)).collect();
    if steps.is_empty() {
        return Verdict::new(ItemStatus::MachineChecked, vec![words(none)]);
    }
    let Some(run) = case.run else {
        return Verdict::new(ItemStatus::Pending, steps.into_iter().map(to_come).collect());
    };
    let failed = |step: &&&Step| {
        matches!(
            run.steps.get(&step.n),
            Some(StepStatus::Failed { .. } | StepStatus::UndoFailed { .. })
        )
    };
    let status = if steps.iter().any(|step| failed(&step)) {
        ItemStatus::Failed
    } else if steps.iter().all(|step| run.is_done(step.n)) {
        ItemStatus::MachineChecked
    } else {
        ItemStatus::Pending
    };
    Verdict::new(status, steps.into_iter().map(|step| known(run, step)).collect())
}

fn to_come(step: &Step) -> Evidence {
    Evidence { step: Some(step.n), ..words(format!("{} is to come", name(step))) }
}

fn known(run: &Run, step: &Step) -> Evidence {
    match run.steps.get(&step.n) {
        Some(StepStatus::Succeeded { output }) => {
            Evidence { step: Some(step.n), at: run.ended_at(step.n), ..proof(step, output) }
        }
        Some(StepStatus::Failed { error } | StepStatus::UndoFailed { error }) => Evidence {
            step: Some(step.n),
            at: run.ended_at(step.n),
            ..words(format!("{} failed: {error}", name(step)))
        },
        _ => to_come(step),
    }
}

fn name(step: &Step) -> String {
    step.action.name().replace('_', " ")
}

/// What a step that is done has proven.
fn proof(step: &Step, output: &Value) -> Evidence {
    let output = Some(output);
    match &step.action {
        Action::CopyObjects(_) | Action::CopySessions(_) | Action::CopySecrets(_) => {
            let written = read::<CopyOutput>(output).map(|copied| copied.written);
            Evidence { count: written, ..words(format!("{}: written at the target", name(step))) }
        }
        Action::VerifyDatabase(_) => {
            compared(&read::<VerifyOutput>(output).map(|o| o.tables).unwrap_or_default())
        }
        Action::SyncDatabase(_) => {
            compared(&read::<SyncOutput>(output).map(|o| o.tables).unwrap_or_default())
        }
        Action::Validate(_) => stores(&read::<ValidateOutput>(output).unwrap_or_default()),
        Action::SwitchTraffic(switch) => {
            words(format!("users reach {} under epoch {}", switch.to, switch.epoch))
        }
        Action::AwaitReady(wait) => words(format!("{} said that it can serve", wait.environment)),
        Action::FenceDatabase(fence) => {
            words(format!("the database of {} is closed to the application", fence.environment))
        }
        _ => words(format!("{}: done", name(step))),
    }
}

/// Rows that were compared, with one digest over the digests of all tables.
fn compared(tables: &[TableProof]) -> Evidence {
    let digests: Vec<_> = tables.iter().map(|t| (&t.name, &t.digest_source)).collect();
    let equal = tables.iter().filter(|table| table.equal).count();
    Evidence {
        count: Some(tables.iter().map(|table| table.rows).sum()),
        digest: (!tables.is_empty()).then(|| digest::of_value(&digests)),
        ..words(format!("rows compared; tables equal: {equal} of {}", tables.len()))
    }
}

fn stores(found: &ValidateOutput) -> Evidence {
    let word = |equal| if equal { "equal" } else { "NOT EQUAL" };
    let (objects, sessions, secrets) = (&found.objects, &found.sessions, &found.secrets);
    Evidence {
        count: Some(objects.count + sessions.count + secrets.count),
        ..words(format!(
            "compared: objects {}, sessions {}, secrets {}",
            word(objects.equal),
            word(sessions.equal),
            word(secrets.equal)
        ))
    }
}

fn read<T: serde::de::DeserializeOwned>(output: Option<&Value>) -> Option<T> {
    serde_json::from_value(output?.clone()).ok()
}
