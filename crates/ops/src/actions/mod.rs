//! One file for each action: check, perform, undo.

mod arm_return;
mod await_ready;
mod await_stream;
mod build_indexes;
mod copies;
mod copy_objects;
mod copy_rows;
mod copy_schema;
mod copy_secrets;
mod copy_sessions;
mod databases;
mod detach_database;
mod drain_database;
mod drain_traffic;
mod fence_database;
mod finish_backflow;
mod finish_database;
mod hold_traffic;
mod open_database;
mod open_edge;
mod preflight;
mod prepare_database;
mod provision_environment;
mod resume_backflow;
mod set_up_application;
mod start_application;
mod start_backflow;
mod start_return;
mod stop_application;
mod store_proofs;
mod switch_traffic;
mod sync_database;
mod tear_down_environment;
mod validate;
mod verify_database;

use trefoil_core::plan::Action;

use crate::engine::Perform;

/// The work behind an action.
pub fn of(action: &Action) -> &dyn Perform {
    match action {
        Action::ProvisionEnvironment(action) => action,
        Action::SetUpApplication(action) => action,
        Action::StartApplication(action) => action,
        Action::StopApplication(action) => action,
        Action::AwaitReady(action) => action,
        Action::OpenEdge(action) => action,
        Action::TearDownEnvironment(action) => action,
        Action::Preflight(action) => action,
        Action::CopySecrets(action) => action,
        Action::CopyObjects(action) => action,
        Action::CopySessions(action) => action,
        Action::PrepareDatabase(action) => action,
        Action::CopySchema(action) => action,
        Action::CopyRows(action) => action,
        Action::BuildIndexes(action) => action,
        Action::AwaitStream(action) => action,
        Action::VerifyDatabase(action) => action,
        Action::ArmReturn(action) => action,
        Action::HoldTraffic(action) => action,
        Action::DrainTraffic(action) => action,
        Action::FenceDatabase(action) => action,
        Action::DrainDatabase(action) => action,
        Action::SyncDatabase(action) => action,
        Action::DetachDatabase(action) => action,
        Action::OpenDatabase(action) => action,
        Action::SwitchTraffic(action) => action,
        Action::StartReturn(action) => action,
        Action::StartBackflow(action) => action,
        Action::Validate(action) => action,
        Action::FinishDatabase(action) => action,
        Action::FinishBackflow(action) => action,
        Action::ResumeBackflow(action) => action,
    }
}
