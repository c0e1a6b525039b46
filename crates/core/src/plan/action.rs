//! Everything that can be done to the world. All parameters are inside; a later step names an
//! earlier step's output by that step's number.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Something to do. Each variant's work is in one file of `trefoil-ops`, `actions/`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "action", content = "params", rename_all = "snake_case")]
pub enum Action {
    /// Start what an environment consists of: database server, stores, agent.
    ProvisionEnvironment(ProvisionEnvironment),
    /// Run the application's own setup command on a new database.
    SetUpApplication(SetUpApplication),
    /// Start the application.
    StartApplication(StartApplication),
    /// Stop the application and let its requests end.
    StopApplication(StopApplication),
    /// Wait until the application says that it can serve.
    AwaitReady(AwaitReady),
    /// Start the edge, sending traffic to an environment.
    OpenEdge(OpenEdge),
    /// Stop what an environment consists of, perhaps for ever.
    TearDownEnvironment(TearDownEnvironment),
    /// Look once more at everything that could stand in the way.
    Preflight(Preflight),
    /// Carry the secrets, in memory.
    CopySecrets(CopySecrets),
    /// Carry a bucket's objects and then what changed meanwhile.
    CopyObjects(CopyObjects),
    /// Carry the sessions with their expiry.
    CopySessions(CopySessions),
    /// Roles, marker tables, the fence on the target, the publication on the source.
    PrepareDatabase(PrepareDatabase),
    /// Tables with their primary and unique keys.
    CopySchema(CopySchema),
    /// The rows, and then every change as it happens.
    CopyRows(CopyRows),
    /// The other indexes, foreign keys, triggers, views.
    BuildIndexes(BuildIndexes),
    /// Wait until the target has what the source has.
    AwaitStream(AwaitStream),
    /// Compare every row of both sides at the same position.
    VerifyDatabase(VerifyDatabase),
    /// Prepare the stream back, before it is needed.
    ArmReturn(ArmReturn),
    /// Let new requests wait at the edge.
    HoldTraffic(HoldTraffic),
    /// Let requests in flight end; cut and count those that do not.
    DrainTraffic(DrainTraffic),
    /// No login, no connection, no transaction of the application on the source.
    FenceDatabase(FenceDatabase),
    /// A marker row written on the source is seen on the target.
    DrainDatabase(DrainDatabase),
    /// Every sequence, and the rows that changed too fast to be compared before.
    SyncDatabase(SyncDatabase),
    /// Stop the stream and put the stream back behind what it has brought.
    DetachDatabase(DetachDatabase),
    /// The target accepts the application's writes. The switch.
    OpenDatabase(OpenDatabase),
    /// Send the traffic, and what was held, to the other environment.
    SwitchTraffic(SwitchTraffic),
    /// Let changes flow back from the target to the source.
    StartReturn(StartReturn),
    /// Carry objects, sessions and secrets back while the way back is open.
    StartBackflow(StartBackflow),
    /// Compare what both sides hold, once more.
    Validate(Validate),
    /// Close the way back: streams, slots, roles and marker tables go on both sides.
    FinishDatabase(FinishDatabase),
    /// Stop carrying objects, sessions and secrets back.
    FinishBackflow(FinishBackflow),
    /// Carry back again what an open run carries back, after its process has died.
    ResumeBackflow(ResumeBackflow),
}

/// See [`Action::ProvisionEnvironment`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProvisionEnvironment {
    /// The environment.
    pub environment: String,
}

/// See [`Action::SetUpApplication`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SetUpApplication {
    /// The environment.
    pub environment: String,
}

/// See [`Action::StartApplication`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StartApplication {
    /// The environment.
    pub environment: String,
    /// Whether its database is still closed to it, so that it can live but not be ready.
    pub standby: bool,
}

/// See [`Action::StopApplication`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StopApplication {
    /// The environment.
    pub environment: String,
    /// How long requests in flight may take to end, in milliseconds.
    pub drain_ms: u64,
}

/// See [`Action::AwaitReady`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AwaitReady {
    /// The environment.
    pub environment: String,
    /// How long to wait, in milliseconds.
    pub timeout_ms: u64,
}

/// See [`Action::OpenEdge`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OpenEdge {
    /// The environment that serves.
    pub environment: String,
    /// The port that users reach.
    pub port: u16,
    /// The epoch under which it serves.
    pub epoch: u64,
}

/// See [`Action::TearDownEnvironment`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TearDownEnvironment {
    /// The environment.
    pub environment: String,
    /// Whether its data is deleted.
    pub destroy: bool,
}

/// See [`Action::Preflight`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Preflight {
    /// The source environment.
    pub from: String,
    /// The target environment.
    pub to: String,
}

/// See [`Action::CopySecrets`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CopySecrets {
    /// The source environment.
    pub from: String,
    /// The target environment.
    pub to: String,
}

/// See [`Action::CopyObjects`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CopyObjects {
    /// The source environment.
    pub from: String,
    /// The target environment.
    pub to: String,
    /// The bucket.
    pub bucket: String,
    /// Where in the source's change record to begin.
    pub since: Since,
    /// Whether the source can no longer change, so that one pass is the last.
    pub last: bool,
}

impl CopyObjects {
    /// Whether it is the copy of everything, before those of what changed since.
    pub fn is_first(&self) -> bool {
        self.since == Since::Beginning
    }
}

/// See [`Action::CopySessions`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CopySessions {
    /// The source environment.
    pub from: String,
    /// The target environment.
    pub to: String,
    /// Where in the source's change record to begin.
    pub since: Since,
    /// Whether the source can no longer change, so that one pass is the last.
    pub last: bool,
}

/// A position in a change record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Since {
    /// From nothing: everything is carried.
    Beginning,
    /// The `source_position` that an earlier step's output holds.
    Step(usize),
    /// This position, taken from the parent run.
    Position(u64),
}

/// See [`Action::PrepareDatabase`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PrepareDatabase {
    /// The source environment.
    pub from: String,
    /// The target environment.
    pub to: String,
    /// The name of publication, slot, subscription and role of the stream to the target.
    pub stream: String,
    /// What no stream carries, and is to be copied all the same.
    #[serde(default)]
    pub unstreamed: Unstreamed,
}

/// See [`Action::CopySchema`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CopySchema {
    /// The source environment.
    pub from: String,
    /// The target environment.
    pub to: String,
}

/// See [`Action::CopyRows`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CopyRows {
    /// The source environment.
    pub from: String,
    /// The target environment.
    pub to: String,
    /// The stream's name.
    pub stream: String,
}

/// See [`Action::BuildIndexes`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BuildIndexes {
    /// The source environment.
    pub from: String,
    /// The target environment.
    pub to: String,
}

/// See [`Action::AwaitStream`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AwaitStream {
    /// The publishing environment.
    pub from: String,
    /// The subscribing environment.
    pub to: String,
    /// The stream's name.
    pub stream: String,
}

/// See [`Action::VerifyDatabase`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VerifyDatabase {
    /// The publishing environment.
    pub from: String,
    /// The subscribing environment.
    pub to: String,
    /// The stream's name.
    pub stream: String,
    /// The share of one server process that the comparison may take, in percent.
    #[serde(default = "whole_load")]
    pub max_load_percent: u32,
}

fn whole_load() -> u32 {
    100
}

/// What no stream carries, and a person chose to have copied during the switch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unstreamed {
    /// The rows of unlogged tables.
    #[serde(default)]
    pub unlogged: bool,
    /// Large objects.
    #[serde(default)]
    pub large_objects: bool,
}

/// See [`Action::ArmReturn`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ArmReturn {
    /// The environment that serves before the switch; it will subscribe.
    pub from: String,
    /// The environment that serves afterwards; it will publish.
    pub to: String,
    /// The name of the stream back.
    pub stream: String,
}

/// See [`Action::HoldTraffic`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HoldTraffic {
    /// The environment that serves; undoing releases to it.
    pub environment: String,
    /// How many requests may wait; more are answered 503.
    pub limit_requests: u64,
    /// How long one may wait before it is answered 503, in milliseconds.
    pub limit_ms: u64,
}

/// See [`Action::DrainTraffic`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DrainTraffic {
    /// The environment that serves.
    pub environment: String,
    /// How long requests in flight may take, in milliseconds.
    pub deadline_ms: u64,
}

/// See [`Action::FenceDatabase`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FenceDatabase {
    /// The environment whose database is closed.
    pub environment: String,
    /// Who may use it while it is open.
    pub access: AccessRef,
}

/// Where it is written who may use a database, so that opening it restores exactly that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccessRef {
    /// `source_access` in the output of this step.
    SourceOf(usize),
    /// `target_access` in the output of this step.
    TargetOf(usize),
    /// Known when the plan was made: a rollback takes it from the run that it takes back.
    Known(AccessRecord),
}

/// Who may use a database, as it was before Trefoil closed it. Holds no password.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccessRecord {
    /// The database's name on its server.
    pub database: String,
    /// Login roles other than the tool's and the streams'.
    pub roles: Vec<RoleAccess>,
    /// Whether PUBLIC may connect.
    pub public_connect: bool,
    /// The database's own `default_transaction_read_only`, if it is set.
    pub default_read_only: Option<String>,
    /// Whether CONNECT was granted by name to the tool's own role.
    #[serde(default)]
    pub own_connect: bool,
}

/// What one role was allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RoleAccess {
    /// The role's name.
    pub name: String,
    /// Whether it could log in.
    pub login: bool,
    /// Whether CONNECT was granted to it by name.
    pub connect: bool,
}

/// See [`Action::DrainDatabase`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DrainDatabase {
    /// The publishing environment.
    pub from: String,
    /// The subscribing environment.
    pub to: String,
    /// The stream's name.
    pub stream: String,
}

/// See [`Action::SyncDatabase`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SyncDatabase {
    /// The environment that served.
    pub from: String,
    /// The environment that will serve.
    pub to: String,
    /// The step whose output lists what was still changing when it was compared.
    pub verified: usize,
    /// What is copied besides.
    #[serde(default)]
    pub unstreamed: Unstreamed,
}

/// See [`Action::DetachDatabase`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DetachDatabase {
    /// The publishing environment.
    pub from: String,
    /// The subscribing environment.
    pub to: String,
    /// The stream that ends.
    pub stream: String,
    /// The stream back, whose slot is put behind what `stream` has brought.
    pub return_stream: String,
}

/// See [`Action::OpenDatabase`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OpenDatabase {
    /// The environment that will serve.
    pub environment: String,
    /// The epoch under which it serves.
    pub epoch: u64,
    /// Who may use it from now on.
    pub access: AccessRef,
}

/// See [`Action::SwitchTraffic`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SwitchTraffic {
    /// The environment that served.
    pub from: String,
    /// The environment that serves now.
    pub to: String,
    /// The epoch under which it serves; the edge refuses a lower one.
    pub epoch: u64,
}

/// See [`Action::StartReturn`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StartReturn {
    /// The environment that served; it subscribes now.
    pub from: String,
    /// The environment that serves; it publishes now.
    pub to: String,
    /// The stream that has ended and is dropped.
    pub stream: String,
    /// The stream back.
    pub return_stream: String,
}

/// See [`Action::StartBackflow`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StartBackflow {
    /// The environment that serves now: what changes here is carried back.
    pub from: String,
    /// The environment that served.
    pub to: String,
    /// Each bucket with the step whose output holds the `target_position` at the switch.
    pub buckets: Vec<(String, usize)>,
    /// The step whose output holds the sessions' `target_position` at the switch.
    pub sessions: Option<usize>,
}

/// See [`Action::Validate`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Validate {
    /// The environment that served.
    pub from: String,
    /// The environment that serves.
    pub to: String,
    /// The stream back.
    pub return_stream: String,
    /// Each bucket with the step whose output holds the `target_position` at the switch: what
    /// changed later was changed by users.
    pub buckets: Vec<(String, usize)>,
    /// The same for the sessions.
    pub sessions: Option<usize>,
}

/// See [`Action::FinishDatabase`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FinishDatabase {
    /// The environment that served; it subscribes.
    pub from: String,
    /// The environment that serves; it publishes.
    pub to: String,
    /// The stream back, which ends.
    pub return_stream: String,
    /// What the move changed on both servers, to be put back.
    pub prepared: Prepared,
}

/// Where it is written what a move changed on both servers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Prepared {
    /// In the output of this step, a [`PrepareOutput`](super::PrepareOutput).
    Step(usize),
    /// Known when the plan was made: a rollback takes it from the run that it takes back.
    Known(Box<super::PrepareOutput>),
}

/// See [`Action::FinishBackflow`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FinishBackflow {
    /// The environment that serves.
    pub from: String,
    /// The environment that served.
    pub to: String,
}

/// See [`Action::ResumeBackflow`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResumeBackflow {
    /// The run whose way back is open.
    pub run: String,
    /// The environment that serves.
    pub from: String,
    /// The environment that served.
    pub to: String,
}

impl Action {
    /// The action's name, as plans and journals write it: `copy_rows`.
    pub fn name(&self) -> String {
        let value = serde_json::to_value(self).unwrap_or_default();
        value["action"].as_str().unwrap_or_default().to_owned()
    }
}
