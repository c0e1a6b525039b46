//! From the command line to a command, and from its result to the exit code.

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

use clap::error::{ContextKind, ContextValue, ErrorKind as ClapError};
use clap::{Parser, ValueEnum};
use tokio::runtime::Runtime;

use crate::args::{Cli, Color};
use crate::commands::{self, not_yet};
use crate::interrupt::Interrupt;
use crate::printer::Printer;
use crate::settings::{Environment, Settings};
use crate::{Cx, Error, ExitStatus, Result, errors, logging};

/// The name of `schema` in JSON output when no command was understood.
const USAGE: &str = "usage";

/// Runs the command line `args`, the program's name first, and gives the exit code.
pub fn main(args: Vec<OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(&args) {
        Ok(cli) => cli,
        Err(error) => return not_understood(&args, &error),
    };
    let name = cli.command.name();
    let settings = Environment::of_process(cli.global.env_file.as_deref())
        .and_then(|environment| Settings::resolve(&cli.global, &environment));
    let (printer, result) = match settings {
        Ok(settings) => {
            let printer = Arc::new(Printer::new(name, &settings));
            let result = run(cli, settings, &printer);
            (printer, result)
        }
        Err(error) => (Arc::new(early_printer(name, &args)), Err(error)),
    };
    printer.finish(&result);
    ExitCode::from(errors::exit_code(&result))
}

fn run(cli: Cli, settings: Settings, printer: &Arc<Printer>) -> Result<ExitStatus> {
    logging::start(&settings, printer.colours());
    let no_runtime =
        |error| Error::missing("runtime", "the machine gives no threads or signals").because(error);
    let runtime = Runtime::new().map_err(no_runtime)?;
    let (asker, interrupt) = Interrupt::new();
    let inside = runtime.enter();
    runtime.spawn(asker.listen().map_err(no_runtime)?);
    drop(inside);
    let cx = Cx { settings, printer: Arc::clone(printer), interrupt: interrupt.clone() };
    let result = runtime.block_on(interrupt.run(commands::run(&cx, cli.command)));
    // A prompt that nobody will answer must not hold the process.
    runtime.shutdown_background();
    result
}

/// Help, version, a command that is not built yet, or wrong usage.
fn not_understood(args: &[OsString], error: &clap::Error) -> ExitCode {
    let printer = early_printer(USAGE, args);
    if !error.use_stderr() {
        printer.clap(error);
        return ExitCode::SUCCESS;
    }
    let refused = invalid_subcommand(error).and_then(|word| {
        let at = args.iter().position(|arg| arg == word)?;
        let before = args[..at].last().and_then(|arg| arg.to_str());
        not_yet::refusal(before, word)
    });
    let error = match refused {
        Some(refused) => refused,
        None if has_flag(args, "--json") => usage(error),
        None => {
            printer.clap(error);
            return ExitCode::from(crate::ErrorKind::Usage.exit_code());
        }
    };
    let result = Err(error);
    printer.finish(&result);
    ExitCode::from(errors::exit_code(&result))
}

fn invalid_subcommand(error: &clap::Error) -> Option<&str> {
    if error.kind() != ClapError::InvalidSubcommand {
        return None;
    }
    match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(word)) => Some(word),
        _ => None,
    }
}

/// Wrong usage as an error of ours: clap's first line, without its own label.
fn usage(error: &clap::Error) -> Error {
    let text = error.render().to_string();
    let first = text.lines().next().unwrap_or_default();
    let message = first.strip_prefix("error: ").unwrap_or(first);
    Error::usage("usage", message).hint("`trefoil --help` shows the commands and flags")
}

/// A printer for what goes wrong before there are settings: it looks at the bare arguments.
fn early_printer(command: &'static str, args: &[OsString]) -> Printer {
    let without = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let default = if without { Color::Never } else { Color::Auto };
    Printer::before_settings(command, has_flag(args, "--json"), color(args).unwrap_or(default))
}

fn has_flag(args: &[OsString], flag: &str) -> bool {
    args.iter().skip(1).take_while(|arg| *arg != "--").any(|arg| arg == flag)
}

/// The value of `--color`, with a space or `=` before it.
fn color(args: &[OsString]) -> Option<Color> {
    let args: Vec<_> = args.iter().filter_map(|arg| arg.to_str()).collect();
    let joined = args.iter().find_map(|arg| arg.strip_prefix("--color="));
    let behind = || args.windows(2).find(|pair| pair[0] == "--color").map(|pair| pair[1]);
    joined.or_else(behind).and_then(|value| Color::from_str(value, false).ok())
}
