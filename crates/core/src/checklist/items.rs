//! The nineteen items, with how each is proven.

use super::Phase;
use super::proofs::{self, Case, Verdict};

/// What an item is.
pub(super) struct Definition {
    pub(super) id: &'static str,
    pub(super) phase: Phase,
    pub(super) title: &'static str,
    /// What is known about it; `NeedsPerson` where no machine can know.
    pub(super) prove: fn(&Case<'_>) -> Verdict,
    /// What a person is asked where the machine cannot prove it.
    pub(super) confirm: Option<&'static str>,
}

const fn machine(
    phase: Phase,
    id: &'static str,
    title: &'static str,
    prove: fn(&Case<'_>) -> Verdict,
) -> Definition {
    Definition { id, phase, title, prove, confirm: None }
}

const fn person(
    phase: Phase,
    id: &'static str,
    title: &'static str,
    prove: fn(&Case<'_>) -> Verdict,
    confirm: &'static str,
) -> Definition {
    Definition { id, phase, title, prove, confirm: Some(confirm) }
}

/// All items, in the order in which they are shown.
pub(super) const ITEMS: [Definition; 19] = [
    person(
        Phase::Pre,
        "resource_inventory",
        "Resource inventory",
        proofs::inventory,
        "that what could not be seen at the source is not needed at the target",
    ),
    machine(Phase::Pre, "dependency_mapping", "Dependency mapping", proofs::dependencies),
    person(
        Phase::Pre,
        "performance_baseline",
        "Performance baseline",
        proofs::ask,
        "that latency and throughput at the source were measured, and where the numbers are",
    ),
    person(
        Phase::Pre,
        "cost_analysis",
        "Cost analysis",
        proofs::ask,
        "that the cost at the target is known and accepted",
    ),
    person(
        Phase::Pre,
        "compliance_review",
        "Compliance review",
        proofs::ask,
        "that this data may be kept at the target: place, contracts, retention",
    ),
    person(
        Phase::Execution,
        "backup_creation",
        "Backup creation",
        proofs::ask,
        "that there is a backup of the source from before the move, and that it was restored once",
    ),
    machine(
        Phase::Execution,
        "target_environment_setup",
        "Target environment setup",
        proofs::target,
    ),
    machine(
        Phase::Execution,
        "data_migration",
        "Data migration, with validation",
        proofs::data_migration,
    ),
    machine(
        Phase::Execution,
        "application_deployment",
        "Application deployment",
        proofs::application,
    ),
    machine(Phase::Execution, "traffic_routing", "DNS and traffic routing", proofs::traffic),
    person(
        Phase::Post,
        "functionality_testing",
        "Functionality testing",
        proofs::answers,
        "that users can do at the target what they came for",
    ),
    person(
        Phase::Post,
        "performance_testing",
        "Performance testing",
        proofs::ask_after_switch,
        "that latency and throughput at the target were held against the baseline",
    ),
    person(
        Phase::Post,
        "security_audit",
        "Security audit",
        proofs::closed,
        "that who can reach the target, and with which rights, was reviewed",
    ),
    person(
        Phase::Post,
        "monitoring_setup",
        "Monitoring setup",
        proofs::ask_after_switch,
        "that alarms at the target reach somebody, seen with a test alarm",
    ),
    person(
        Phase::Post,
        "documentation_update",
        "Documentation update",
        proofs::ask_after_switch,
        "that documents and runbooks name the new environment",
    ),
    machine(Phase::Rollback, "rollback_plan", "Rollback plan", proofs::rollback_plan),
    person(
        Phase::Rollback,
        "rollback_testing",
        "Rollback testing",
        proofs::rollback_testing,
        "that going back was rehearsed with this application",
    ),
    person(
        Phase::Rollback,
        "communication_plan",
        "Communication plan",
        proofs::ask,
        "that those concerned know when it happens, and whom to call",
    ),
    machine(Phase::Rollback, "data_sync_strategy", "Data sync strategy", proofs::way_back),
];
