//! `trefoil completions`: what a shell needs to complete our command lines.

use clap::CommandFactory;
use serde::Serialize;

use crate::args::{Cli, Completions};
use crate::{Cx, Error, ExitStatus, Result};

/// What is answered.
#[derive(Serialize)]
struct Answer {
    shell: String,
    script: String,
}

/// Prints the script of one shell.
pub(super) fn run(args: &Completions, cx: &Cx) -> Result<ExitStatus> {
    let mut written = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "trefoil", &mut written);
    let script = String::from_utf8(written).map_err(|error| {
        Error::failed("output", "the script is not text: a mistake of the program").because(error)
    })?;
    let answer = Answer { shell: args.shell.to_string(), script };
    cx.printer.answer(&answer, || answer.script.trim_end().to_owned())?;
    Ok(ExitStatus::Yes)
}
