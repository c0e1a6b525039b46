//! How plans, verdicts and outcomes read at a terminal.

use std::time::Duration;

use trefoil_core::journal::{Run, RunState};
use trefoil_core::plan::{CLIENTS, Interval, Plan, PlanKind, Step};
use trefoil_core::report::MoveReport;
use trefoil_ops::engine::{Check, Verdict};

use crate::table::{checklist, table, word};

/// A whole plan: what is carried, the steps with their marks, blockers.
pub(super) fn plan(plan: &Plan) -> String {
    let steps = plan.steps.iter().map(|step| {
        let undo = step.undo.clone().unwrap_or_default();
        let takes = interval(step.estimate_ms);
        [step.n.to_string(), step.action.name(), mark(step).to_owned(), takes, undo]
    });
    let mapping = plan.mapping.iter().map(|row| {
        let lost = row.lost.iter().map(|lost| format!("lost: {lost}"));
        let notes: Vec<_> = row.changes.iter().cloned().chain(lost).collect();
        [word(&row.kind), row.source.clone(), row.target.clone(), notes.join("; ")]
    });
    let mapping = table(["KIND", "NOW", "BECOMES", "CHANGES AND LOSSES"], mapping);
    let steps = table(["", "STEP", "", "TAKES", "UNDONE BY"], steps);
    let checks = checklist(&plan.checklist);
    let mut parts = vec![headline(plan), mapping, steps, checks, footnote(plan)];
    parts.extend(plan.blockers.iter().map(|blocker| {
        format!("BLOCKED {}: {}\n        hint: {}", blocker.code, blocker.message, blocker.hint)
    }));
    parts.join("\n\n")
}

fn headline(plan: &Plan) -> String {
    let Plan { plan_id, application, from, to, bytes, .. } = plan;
    let (objects, sessions, secrets) = (bytes.objects, bytes.sessions, bytes.secrets);
    match plan.kind {
        // All of it is on both sides since the move.
        PlanKind::Rollback => format!(
            "Go back: {application} from {from} to {to}   (plan {plan_id})\nCarries what has \
             changed since the switch, of {objects} objects, {sessions} sessions and {secrets} \
             secrets; rows are carried back all along"
        ),
        _ => format!(
            "Move: {application} from {from} to {to}   (plan {plan_id})\nCarries {} of rows, \
             {objects} objects ({}), {sessions} sessions, {secrets} secrets",
            size(bytes.database_bytes),
            size(bytes.objects_bytes),
        ),
    }
}

fn footnote(plan: &Plan) -> String {
    let switch = plan.switch_step().map_or_else(|| "none".to_owned(), |step| step.n.to_string());
    let finish = plan.steps.iter().find(|step| step.finish).map_or(0, |step| step.n);
    let approvals = match plan.required_approvals {
        0 => String::new(),
        n => format!("\nBefore its first step the run waits for the approval of {n}."),
    };
    format!(
        "{}\n\
         Switch: step {switch}; before it the run can be aborted. From it on the way back is\n\
         `trefoil migrate rollback`, until `trefoil migrate finish` (step {finish}) closes it.{approvals}",
        wait(plan),
    )
}

/// Who waits, where, and for how long.
fn wait(plan: &Plan) -> String {
    let (takes, most) = (interval(plan.downtime_ms), millis(plan.window_deadline_ms));
    let source = plan.estimate_source();
    if plan.traffic == CLIENTS {
        return format!(
            "Clients are refused for {takes} (estimate {source}), at most {most} before {} serves again.\n\
             Nothing sends them to {}: they find it there by themselves, with its passwords.",
            plan.from, plan.to
        );
    }
    format!(
        "Users wait {takes} at the {} (estimate {source}), at most {most} before the source serves again.",
        plan.traffic
    )
}

/// What a rehearsal measured, beside what was estimated.
pub(super) fn rehearsed(before: &Plan, after: &Plan) -> String {
    let steps = before.steps.iter().zip(&after.steps).map(|(was, now)| {
        let took = if was.estimate_ms == now.estimate_ms {
            "-".to_owned()
        } else {
            millis(now.estimate_ms.high)
        };
        [
            was.n.to_string(),
            was.action.name(),
            mark(was).to_owned(),
            interval(was.estimate_ms),
            took,
        ]
    });
    let steps = table(["", "STEP", "", "ESTIMATED", "TOOK"], steps);
    format!(
        "{steps}\n\nUsers would have waited {} (estimated: {}). Plan {}, {}.\n\
         All copies were deleted.",
        millis(after.downtime_ms.high),
        interval(before.downtime_ms),
        after.plan_id,
        after.estimate_source(),
    )
}

/// What will happen, in two lines, before the question.
pub(super) fn promise(plan: &Plan) -> String {
    format!("{}\n{}", headline(plan), wait(plan))
}

/// What a dry run saw of each step.
pub(super) fn verdicts(plan: &Plan, verdicts: &[Verdict]) -> String {
    let rows = verdicts.iter().map(|verdict| {
        let step = &verdict.step;
        let now = match &verdict.check {
            Check::Done(_) => "done already".to_owned(),
            Check::Ready => "ready".to_owned(),
            Check::After { step, provides } => format!("known after step {step}: {provides}"),
            Check::Blocked(error) => format!("BLOCKED: {}", error.chain()),
        };
        [step.n.to_string(), step.action.name(), mark(step).to_owned(), now]
    });
    let rows = table(["", "STEP", "", "NOW"], rows);
    let blockers = plan.blockers.iter().map(|b| format!("\nBLOCKED {}: {}", b.code, b.message));
    format!("{rows}{}\nNothing was changed.", blockers.collect::<String>())
}

/// How a run stands, and what to type next.
pub(super) fn outcome(run: &Run, report: &MoveReport) -> String {
    let plan = &run.plan;
    let equal = report.tables.iter().filter(|table| table.equal).count();
    let window = report.window_ms.map_or_else(|| "nobody".to_owned(), millis);
    let held = if plan.traffic == CLIENTS { "Clients were refused" } else { "Held at the edge" };
    let facts = format!(
        "{} serves. {held}: {window}. Tables equal: {equal} of {}. \
         Objects: {}. Sessions: {}. Secrets: {}.{}",
        plan.to,
        report.tables.len(),
        equality(report.objects.equal),
        equality(report.sessions.equal),
        equality(report.secrets.equal),
        clients(report),
    );
    let id = &plan.plan_id;
    match run.state() {
        RunState::Soaking => format!(
            "{facts}\nThe way back is open:\n  take it:  trefoil migrate rollback {id}\n  close it: trefoil migrate finish {id}"
        ),
        RunState::Succeeded => {
            format!(
                "{} serves. The way back to {} is closed; nothing of ours is left on either server.",
                plan.to, plan.from
            )
        }
        state => format!("Run {id}: {state:?}."),
    }
}

/// What those must know who use a database that was moved alone.
fn clients(report: &MoveReport) -> String {
    let Some(clients) = &report.clients else { return String::new() };
    let mut text = format!("\nPoint its clients to {}", clients.address);
    for role in &clients.roles {
        text.push_str(&format!(
            "\n  {0}: has a new password, the secret {1}; to give it yours: ALTER ROLE {0} PASSWORD ...",
            role.role, role.secret
        ));
    }
    text
}

fn equality(equal: bool) -> &'static str {
    if equal { "equal" } else { "NOT EQUAL" }
}

fn mark(step: &Step) -> &'static str {
    match step {
        Step { switch: true, .. } => "SWITCH",
        Step { finish: true, .. } => "FINISH",
        Step { window: true, .. } => "users wait",
        _ => "",
    }
}

fn interval(interval: Interval) -> String {
    format!("{} to {}", millis(interval.low), millis(interval.high))
}

fn millis(millis: u64) -> String {
    match Duration::from_millis(millis) {
        short if short < Duration::from_secs(1) => format!("{millis} ms"),
        long if long < Duration::from_secs(120) => format!("{:.1} s", long.as_secs_f64()),
        long => format!("{} min", long.as_secs() / 60),
    }
}

fn size(bytes: u64) -> String {
    indicatif::HumanBytes(bytes).to_string()
}
