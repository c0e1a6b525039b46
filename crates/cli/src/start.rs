//! From the command line to a command, and from its result to the exit code.

use std::ffi::OsString;
use std::path::Path;
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
use crate::{Cx, Error, ExitStatus, Result, logging};

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
    ExitCode::from(printer.finish(&result))
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
        return ExitCode::from(printer.clap(error));
    }
    let refused = invalid_subcommand(error).and_then(|word| {
        let at = args.iter().position(|arg| arg == word)?;
        let before = args[..at].last().and_then(|arg| arg.to_str());
        not_yet::refusal(before, word)
    });
    let error = match refused {
        Some(refused) => refused,
        None if wants_json(args) => usage(error),
        None => return ExitCode::from(printer.clap(error)),
    };
    ExitCode::from(printer.finish(&Err(error)))
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

/// Wrong usage as an error of ours: what clap says before it shows the usage, its first paragraph
/// as the message, its tips as the hint.
fn usage(error: &clap::Error) -> Error {
    let text = error.render().to_string();
    let said = text.split("\n\nUsage:").next().unwrap_or(&text);
    let words = |paragraph: &str| paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut paragraphs = said.split("\n\n").map(words);
    let message = paragraphs.next().unwrap_or_default();
    let message = message.strip_prefix("error: ").unwrap_or(&message);
    let tips = paragraphs.filter_map(|one| one.strip_prefix("tip: ").map(str::to_owned));
    let see = "`trefoil --help` shows the commands and flags".to_owned();
    let hint: Vec<_> = tips.chain([see]).collect();
    Error::usage("usage", message).hint(hint.join("; "))
}

/// A printer for what goes wrong before there are settings: it looks at the bare arguments.
fn early_printer(command: &'static str, args: &[OsString]) -> Printer {
    let without = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let default = if without { Color::Never } else { Color::Auto };
    let color = value_of(args, "--color").and_then(|value| Color::from_str(value, false).ok());
    Printer::before_settings(command, wants_json(args), color.unwrap_or(default))
}

/// Whether one JSON object is wanted: by the flag, or by the variable where it can be read.
fn wants_json(args: &[OsString]) -> bool {
    let env_file = value_of(args, "--env-file").map(Path::new);
    let said = || Environment::of_process(env_file).and_then(|found| found.json());
    let flag = args.iter().skip(1).take_while(|arg| *arg != "--").any(|arg| arg == "--json");
    flag || said().unwrap_or(false)
}

/// The value of a flag, with a space or `=` before it.
fn value_of<'a>(args: &'a [OsString], flag: &str) -> Option<&'a str> {
    let mut args = args.iter().skip(1).filter_map(|arg| arg.to_str());
    while let Some(arg) = args.next() {
        if arg == flag {
            return args.next();
        }
        let joined = arg.strip_prefix(flag).and_then(|rest| rest.strip_prefix('='));
        if joined.is_some() || arg == "--" {
            return joined;
        }
    }
    None
}
