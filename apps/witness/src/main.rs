//! An independent witness: writers that record every acknowledgement that they get over HTTP, and
//! a checker that counts afterwards, over HTTP and SQL, what of it is there. It shares no code
//! with the system that it watches.

mod check;
mod client;
mod gaps;
mod journal;
mod seed;
mod stats;
mod verdict;
mod writer;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use serde::Serialize;

/// Any error: the witness only ever prints them.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;
/// A result whose error is printed.
pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

#[derive(Parser)]
#[command(name = "trefoil-witness", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Fill an application before the writers begin.
    Seed(seed::SeedArguments),
    /// Write until SIGTERM or SIGINT, and keep a journal of what was acknowledged.
    Write(writer::WriteArguments),
    /// Count what was acknowledged and is not there, or is there twice.
    Check(check::CheckArguments),
    /// For each writer, the time between its last acknowledgement before an instant and the
    /// first after it.
    Gaps {
        /// The folder of the journals.
        #[arg(long)]
        journal: PathBuf,
        /// An instant, in milliseconds since 1970; may be given more than once.
        #[arg(long = "at", required = true)]
        at_ms: Vec<i64>,
    },
    /// How long acknowledgements took, for each tenth of a second.
    Timeline {
        /// The folder of the journals.
        #[arg(long)]
        journal: PathBuf,
        /// From this instant on, in milliseconds since 1970; from the first one when left out.
        #[arg(long = "from")]
        from_ms: Option<i64>,
        /// Up to this instant, in milliseconds since 1970; to the last one when left out.
        #[arg(long = "to")]
        to_ms: Option<i64>,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(run(arguments.command)),
        Err(error) => Err(error.into()),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            // Nothing is left to do when standard error is closed.
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::from(2)
        }
    }
}

/// Runs a command; false when the answer is no.
async fn run(command: Command) -> Result<bool> {
    match command {
        Command::Seed(arguments) => {
            print(&seed::seed(&arguments).await?)?;
            Ok(true)
        }
        Command::Write(arguments) => {
            print(&writer::write(&arguments).await?)?;
            Ok(true)
        }
        Command::Check(arguments) => {
            let report = check::check(&arguments).await?;
            print(&report)?;
            Ok(report.is_clean())
        }
        Command::Gaps { journal, at_ms } => {
            print(&gaps::gaps(&journal::read_folder(&journal)?, &at_ms))?;
            Ok(true)
        }
        Command::Timeline { journal, from_ms, to_ms } => {
            print(&gaps::timeline(&journal::read_folder(&journal)?, from_ms, to_ms)?)?;
            Ok(true)
        }
    }
}

fn print<T: Serialize>(value: &T) -> Result<()> {
    let mut line = serde_json::to_string_pretty(value)?;
    line.push('\n');
    std::io::stdout().write_all(line.as_bytes())?;
    Ok(())
}
