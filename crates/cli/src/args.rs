//! What can be written on the command line: definitions only. `settings.rs` decides what they
//! mean together with the environment.

mod allowed;
mod cost;
mod render;

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use trefoil_core::units::Period;

pub use cost::{
    Arch, By, Choice, Commit, CostArgs, CostCommand, CurveArgs, MoveArgs, PricesCommand,
    PricesListArgs, PricesRefreshArgs, PricesShowArgs, ResilienceArgs, Setup, Varied, Way,
};
pub use render::{Edited, ProfileChoice, RenderArgs};

/// One specification of a containerised web application: deploy, compare, move and recover it.
#[derive(Debug, Parser)]
#[command(
    name = "trefoil",
    version,
    arg_required_else_help = true,
    subcommand_required = true,
    max_term_width = 100
)]
pub struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags of every command.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Global {
    /// The specification [default: trefoil.yaml] [env: TREFOIL_FILE]
    #[arg(short, long, global = true, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// A file of TREFOIL_* settings [default: .env, if there is one]
    #[arg(long, global = true, value_name = "FILE")]
    pub env_file: Option<PathBuf>,
    /// Where state is kept: a folder or file:// URL [default: .trefoil beside the specification];
    /// s3://BUCKET/FOLDER?endpoint=URL keeps the log and the journals in a bucket, the rest in
    /// .trefoil [env: TREFOIL_STATE]
    #[arg(long, global = true, value_name = "URL")]
    pub state: Option<String>,
    /// Print exactly one JSON object [env: TREFOIL_JSON]
    #[arg(long, global = true)]
    pub json: bool,
    /// Do not ask before changing something [env: TREFOIL_YES]
    #[arg(long, global = true)]
    pub yes: bool,
    /// Say only what went wrong
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say more; twice, say everything
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// When to use colours [default: auto] [env: TREFOIL_COLOR, NO_COLOR]
    #[arg(long, global = true, value_enum, value_name = "WHEN")]
    pub color: Option<Color>,
    /// Show no progress [env: TREFOIL_NO_PROGRESS]
    #[arg(long, global = true)]
    pub no_progress: bool,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// At a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The commands. A further one is a variant here, its name, an arm and a file in `commands/`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a first specification, with comments
    Init(Init),
    /// Check the specification and show every mistake at once
    Check,
    /// Print the JSON Schema of the specification
    Schema,
    /// List the clouds that this build knows
    Clouds,
    /// Bring an environment up
    Up(Up),
    /// Take an environment down; its data stays unless told otherwise
    Down(Down),
    /// Show the environments, and where users' requests go
    Ps,
    /// List the runs, or look at one and go on with it
    Runs(Runs),
    /// Print the application's log
    Log,
    /// Show what exists in an environment
    Inventory(EnvironmentArgs),
    /// Write, list or delete the secrets of an environment
    #[command(subcommand)]
    Secrets(SecretsCommand),
    /// Move a running application to another environment, and back
    #[command(subcommand)]
    Migrate(MigrateCommand),
    /// Compare what the clouds cost, line by line
    Cost(CostArgs),
    /// Show, check and refresh the price catalogue
    #[command(subcommand)]
    Prices(PricesCommand),
    /// Write the files that set up a cloud: Terraform, Bicep, pipelines
    Render(RenderArgs),
    /// Show the whole journey on two local clouds, and count what was acknowledged
    Demo(DemoArgs),
    /// Run the agent of an environment; `up` starts it
    #[command(hide = true)]
    Agent(AgentArgs),
    /// Carry changes back while the way back is open; `migrate run` starts it
    #[command(hide = true)]
    Backflow(BackflowArgs),
    /// Carry the changes of a database where its servers may not; `migrate run` starts it
    #[command(hide = true)]
    Stream(StreamArgs),
    /// Watch over a run, and go on with it when its process dies; `migrate run` starts it
    #[command(hide = true)]
    Supervise(BackflowArgs),
    /// Print what a shell needs to complete command lines
    Completions(Completions),
    /// Print the manual page, or write one for each command
    Man(Man),
    /// Run the edge: the proxy that users reach; `up` starts it
    Edge(EdgeArgs),
}

/// `trefoil init`.
#[derive(Debug, Args)]
pub struct Init {
    /// Begin with what these files of other tools say
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub from: Vec<PathBuf>,
}

/// `trefoil completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// `trefoil man`.
#[derive(Debug, Args)]
pub struct Man {
    /// Write a page for each command into this folder
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
}

/// `trefoil up`.
#[derive(Debug, Args)]
pub struct Up {
    /// The environment
    #[arg(value_name = "ENV")]
    pub environment: String,
}

/// `trefoil down`.
#[derive(Debug, Args)]
pub struct Down {
    /// The environment
    #[arg(value_name = "ENV")]
    pub environment: String,
    /// Delete its data too; asks before
    #[arg(long)]
    pub destroy: bool,
}

/// `trefoil runs`.
#[derive(Debug, Args)]
pub struct Runs {
    /// What to do; lists the runs when left out
    #[command(subcommand)]
    pub command: Option<RunsCommand>,
}

/// What can be done with a run.
#[derive(Debug, Subcommand)]
pub enum RunsCommand {
    /// Show one run with all its events
    Show(RunArg),
    /// Go on with a run that stopped midway
    Resume(ResumeArgs),
    /// Undo everything that a run has done, before its switch
    Abort(AbortArgs),
    /// Approve a run, or confirm an item of its checklist
    Approve(ApproveArgs),
}

/// One run.
#[derive(Debug, Args)]
pub struct RunArg {
    /// The run: its identifier, the beginning of it, or `last`
    #[arg(value_name = "RUN")]
    pub run: String,
}

/// `trefoil runs resume`.
#[derive(Debug, Args)]
pub struct ResumeArgs {
    /// The run: its identifier, the beginning of it, or `last`
    #[arg(value_name = "RUN")]
    pub run: String,
    /// Only let the source serve again, if users wait; do not go on
    #[arg(long)]
    pub compensate_only: bool,
    /// Whether the run is watched over.
    #[command(flatten)]
    pub supervision: Supervision,
}

/// `trefoil runs abort`.
#[derive(Debug, Args)]
pub struct AbortArgs {
    /// The run: its identifier, the beginning of it, or `last`
    #[arg(value_name = "RUN")]
    pub run: String,
    /// Whether the run is watched over.
    #[command(flatten)]
    pub supervision: Supervision,
}

/// Whether a process of its own watches over the one that executes a run.
#[derive(Debug, Args)]
pub struct Supervision {
    /// Start no process that goes on with the run when this one dies
    #[arg(long)]
    pub no_supervisor: bool,
}

/// `trefoil secrets`.
#[derive(Debug, Subcommand)]
pub enum SecretsCommand {
    /// Write a secret; its value comes from stdin, or is asked for
    Set(SecretArgs),
    /// List the names
    List(EnvironmentArgs),
    /// Delete a secret
    Delete(SecretArgs),
}

/// One secret of an environment. Its value is no argument: everyone on the machine can read those.
#[derive(Debug, Args)]
pub struct SecretArgs {
    /// The environment's name in the specification
    #[arg(value_name = "ENV")]
    pub environment: String,
    /// The secret's name
    pub name: String,
}

/// `trefoil runs approve`.
#[derive(Debug, Args)]
pub struct ApproveArgs {
    /// The run: its identifier, the beginning of it, or `last`
    #[arg(value_name = "RUN")]
    pub run: String,
    /// Who approves; written into the run's journal, and not authenticated
    #[arg(long = "as", value_name = "NAME")]
    pub by: String,
    /// The item of the checklist that is confirmed; the run as a whole when left out
    #[arg(long, value_name = "ID")]
    pub item: Option<String>,
}

/// `trefoil migrate`.
#[derive(Debug, Subcommand)]
pub enum MigrateCommand {
    /// Show what a move would do and what is in its way; changes nothing
    Plan(MigratePlanArgs),
    /// Look for what stands in the way of moving the database; changes nothing
    Preflight(PreflightArgs),
    /// Perform a plan on copies, and measure; the environment that serves is only read
    Rehearse(RehearseArgs),
    /// Compare every row of two databases; changes nothing
    Verify(VerifyArgs),
    /// Perform a plan; ends when the soak begins
    Run(MigrateRunArgs),
    /// Go back, keeping what was written since
    Rollback(RollbackArgs),
    /// Close the way back
    Finish(FinishArgs),
}

/// An environment of the specification.
#[derive(Debug, Args)]
pub struct EnvironmentArgs {
    /// The environment's name in the specification
    pub environment: String,
}

/// `trefoil migrate plan`.
#[derive(Debug, Args)]
pub struct MigratePlanArgs {
    /// The environment that serves
    #[arg(long, value_name = "ENV")]
    pub from: String,
    /// The environment that shall serve
    #[arg(long, value_name = "ENV")]
    pub to: String,
    /// Write the plan to this file
    #[arg(short, long, value_name = "PLAN")]
    pub output: Option<PathBuf>,
    /// How long the switch may take before the source serves again [default: 30s]
    #[arg(long, value_name = "DURATION", value_parser = allowed::window)]
    pub window: Option<Period>,
    /// How long the way back stays open before it is called overdue [default: 24h]
    #[arg(long, value_name = "DURATION")]
    pub soak: Option<Period>,
    /// How many people must approve the run before its first step; one when no number is given
    #[arg(
        long,
        value_name = "N",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "1",
        value_parser = allowed::whole(1..=100_u32)
    )]
    pub require_approval: Option<u32>,
    /// Copy the rows of unlogged tables while users wait: no stream carries them
    #[arg(long)]
    pub unlogged: bool,
    /// Copy large objects before the switch, and what has changed of them while users wait
    #[arg(long)]
    pub large_objects: bool,
    /// The share of one server process that comparing rows may take, in percent [default: 100]
    #[arg(long, value_name = "N", value_parser = allowed::whole(1..=100_u32))]
    pub max_load: Option<u32>,
}

/// `trefoil migrate preflight`.
#[derive(Debug, Args)]
pub struct PreflightArgs {
    /// The environment that serves
    #[arg(long, value_name = "ENV")]
    pub from: String,
    /// The environment that shall serve
    #[arg(long, value_name = "ENV")]
    pub to: String,
}

/// `trefoil migrate verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// An environment, a PostgreSQL URL without a password, or env:VARIABLE that holds a URL
    #[arg(value_name = "A")]
    pub source: String,
    /// The other one
    #[arg(value_name = "B")]
    pub target: String,
    /// The share of one server process that it may take on each side, in percent
    #[arg(long, value_name = "N", default_value_t = 100,
          value_parser = allowed::whole(1..=100_u32))]
    pub max_load: u32,
}

/// `trefoil migrate run`.
#[derive(Debug, Args)]
pub struct MigrateRunArgs {
    /// The plan's file
    pub plan: PathBuf,
    /// Look at every step, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// How long the way back stays open, instead of what the plan says
    #[arg(long, value_name = "DURATION")]
    pub soak: Option<Period>,
    /// Copy objects at no more megabits a second while nobody waits for it; kept for resume
    #[arg(long, value_name = "N", value_parser = allowed::whole(1..=1_000_000_u64))]
    pub max_mbps: Option<u64>,
    /// Send stores no more requests a second while nobody waits for it; kept for resume
    #[arg(long, value_name = "N", value_parser = allowed::whole(1..=1_000_000_u64))]
    pub max_requests: Option<u64>,
    /// Whether the run is watched over.
    #[command(flatten)]
    pub supervision: Supervision,
}

/// `trefoil migrate rehearse`.
#[derive(Debug, Args)]
pub struct RehearseArgs {
    /// The plan's file
    pub plan: PathBuf,
    /// Where the plan with the measured times is written [default: PLAN with .rehearsed.json]
    #[arg(short, long, value_name = "PLAN")]
    pub output: Option<PathBuf>,
}

/// `trefoil migrate rollback`.
#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// The run to take back: its identifier, the beginning of it, or `last`
    pub run: String,
    /// Show the plan, and change nothing
    #[arg(long)]
    pub plan_only: bool,
    /// How long the switch may take before the other side serves again [default: 30s]
    #[arg(long, value_name = "DURATION", value_parser = allowed::window)]
    pub window: Option<Period>,
    /// How long the way forward stays open before it is called overdue [default: 24h]
    #[arg(long, value_name = "DURATION")]
    pub soak: Option<Period>,
    /// Whether the run is watched over.
    #[command(flatten)]
    pub supervision: Supervision,
}

/// `trefoil migrate finish`.
#[derive(Debug, Args)]
pub struct FinishArgs {
    /// The run: its identifier, the beginning of it, or `last`
    pub run: String,
    /// Whether the run is watched over.
    #[command(flatten)]
    pub supervision: Supervision,
}

/// `trefoil demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Where report.json, report.html and latency.svg are written
    #[arg(long, value_name = "DIR", default_value = "demo-report")]
    pub report: PathBuf,
    /// How much PostgreSQL data there is before the writers begin, in MiB
    #[arg(long, default_value_t = 200, value_name = "MIB")]
    pub database_mib: u64,
    /// How many documents there are before
    #[arg(long, default_value_t = 2_000)]
    pub documents: u64,
    /// How many sessions there are before
    #[arg(long, default_value_t = 2_000)]
    pub sessions: u64,
    /// How many writers write
    #[arg(long, default_value_t = 8, value_parser = allowed::whole(1..=256_u16))]
    pub writers: u16,
    /// What the writers' choices are drawn from
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How long they write before, between and after the moves
    #[arg(long, default_value = "5s", value_name = "DURATION")]
    pub pause: Period,
}

/// `trefoil agent`.
#[derive(Debug, Args)]
pub struct AgentArgs {
    /// The environment's folder
    #[arg(long)]
    pub folder: PathBuf,
    /// The environment's name
    #[arg(long)]
    pub environment: String,
}

/// `trefoil backflow` and `trefoil supervise`.
#[derive(Debug, Args)]
pub struct BackflowArgs {
    /// The folder of state
    #[arg(long)]
    pub folder: PathBuf,
    /// The run
    #[arg(long)]
    pub run: String,
}

/// `trefoil stream`.
#[derive(Debug, Args)]
pub struct StreamArgs {
    /// The folder of state
    #[arg(long)]
    pub folder: PathBuf,
    /// The stream
    #[arg(long)]
    pub stream: String,
    /// The environment whose changes are carried
    #[arg(long)]
    pub from: String,
    /// The environment to which
    #[arg(long)]
    pub to: String,
}

/// `trefoil edge`.
#[derive(Debug, Args)]
pub struct EdgeArgs {
    /// The edge's folder: control socket, pid, upstream and epoch
    #[arg(long)]
    pub folder: PathBuf,
    /// The port that users reach, on 127.0.0.1
    #[arg(long)]
    pub port: u16,
}

impl Command {
    /// The name in the `schema` of its JSON output, with `-` between the words.
    pub fn name(&self) -> &'static str {
        match self {
            Command::Init(_) => "init",
            Command::Check => "check",
            Command::Schema => "schema",
            Command::Clouds => "clouds",
            Command::Up(_) => "up",
            Command::Down(_) => "down",
            Command::Ps => "ps",
            Command::Runs(runs) => match runs.command {
                None => "runs",
                Some(RunsCommand::Show(_)) => "runs-show",
                Some(RunsCommand::Resume(_)) => "runs-resume",
                Some(RunsCommand::Abort(_)) => "runs-abort",
                Some(RunsCommand::Approve(_)) => "runs-approve",
            },
            Command::Log => "log",
            Command::Inventory(_) => "inventory",
            Command::Secrets(SecretsCommand::Set(_)) => "secrets-set",
            Command::Secrets(SecretsCommand::List(_)) => "secrets-list",
            Command::Secrets(SecretsCommand::Delete(_)) => "secrets-delete",
            Command::Migrate(MigrateCommand::Plan(_)) => "migrate-plan",
            Command::Migrate(MigrateCommand::Preflight(_)) => "migrate-preflight",
            Command::Migrate(MigrateCommand::Rehearse(_)) => "migrate-rehearse",
            Command::Migrate(MigrateCommand::Verify(_)) => "migrate-verify",
            Command::Migrate(MigrateCommand::Run(_)) => "migrate-run",
            Command::Migrate(MigrateCommand::Rollback(_)) => "migrate-rollback",
            Command::Migrate(MigrateCommand::Finish(_)) => "migrate-finish",
            Command::Cost(args) => match args.command {
                None if args.diff.is_some() => "cost-diff",
                None => "cost",
                Some(CostCommand::Curve(_)) => "cost-curve",
                Some(CostCommand::Move(_)) => "cost-move",
                Some(CostCommand::Resilience(_)) => "cost-resilience",
                Some(CostCommand::Advise) => "cost-advise",
            },
            Command::Prices(PricesCommand::List(_)) => "prices-list",
            Command::Prices(PricesCommand::Show(_)) => "prices-show",
            Command::Prices(PricesCommand::Check(_)) => "prices-check",
            Command::Prices(PricesCommand::Refresh(_)) => "prices-refresh",
            Command::Render(_) => "render",
            Command::Demo(_) => "demo",
            Command::Agent(_) => "agent",
            Command::Backflow(_) => "backflow",
            Command::Stream(_) => "stream",
            Command::Supervise(_) => "supervise",
            Command::Completions(_) => "completions",
            Command::Man(_) => "man",
            Command::Edge(_) => "edge",
        }
    }
}
