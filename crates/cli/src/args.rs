//! What can be written on the command line: definitions only. `settings.rs` decides what they
//! mean together with the environment.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

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
    /// Where state is kept: a folder or file:// URL [default: .trefoil beside the specification]
    /// [env: TREFOIL_STATE]
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
    /// Check the specification and show every mistake at once
    Check,
    /// Print the JSON Schema of the specification
    Schema,
    /// List the clouds that this build knows
    Clouds,
}

impl Command {
    /// The name in the `schema` of its JSON output, with `-` between the words.
    pub fn name(&self) -> &'static str {
        match self {
            Command::Check => "check",
            Command::Schema => "schema",
            Command::Clouds => "clouds",
        }
    }
}
