//! What can be written behind `trefoil render`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// `trefoil render`.
#[derive(Debug, Args)]
pub struct RenderArgs {
    /// A cloud, an environment, or `all`: the environments that the specification names on clouds
    /// that need files, or every such cloud when it names none
    #[arg(value_name = "CLOUD|ENV|all", default_value = "all")]
    pub target: Vec<String>,
    /// The folder that the files are written into, such as the root of the repository
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    pub output: PathBuf,
    /// Use this profile instead of the specification's
    #[arg(long, value_enum, value_name = "PROFILE")]
    pub profile: Option<ProfileChoice>,
    /// What to do with files that somebody changed since they were written
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = Edited::Refuse)]
    pub edited: Edited,
    /// Show what would be written, and write nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// How much is done against failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProfileChoice {
    /// What the specification asks for
    Small,
    /// The loss of a zone is survived
    Standard,
    /// Much traffic and attacks are survived too
    Resilient,
}

/// What happens to files that somebody changed since they were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Edited {
    /// Show the differences and write nothing at all
    Refuse,
    /// Leave them as they are, write the others
    Keep,
    /// Write over them
    Take,
}
