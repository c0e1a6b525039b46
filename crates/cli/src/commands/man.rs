//! `trefoil man`: the manual pages.

use std::path::Path;

use clap::CommandFactory;
use serde::Serialize;

use crate::args::{Cli, Man};
use crate::{Cx, Error, ExitStatus, Result};

/// What is answered.
#[derive(Serialize)]
struct Answer {
    /// The page of `trefoil` itself, in roff.
    page: Option<String>,
    /// The files that were written, one for each command.
    files: Vec<String>,
}

/// Prints the page of `trefoil`, or writes one for each command into a folder.
///
/// Errors: `man_unwritable`.
pub(super) fn run(args: &Man, cx: &Cx) -> Result<ExitStatus> {
    let answer = match &args.output {
        None => Answer { page: Some(page()?), files: Vec::new() },
        Some(folder) => Answer { page: None, files: write(folder)? },
    };
    cx.printer.answer(&answer, || match &answer.page {
        Some(page) => page.trim_end().to_owned(),
        None => format!("wrote {} pages", answer.files.len()),
    })?;
    Ok(ExitStatus::Yes)
}

fn page() -> Result<String> {
    let mut written = Vec::new();
    let wrong = "the page cannot be made: a mistake of the program";
    clap_mangen::Man::new(Cli::command())
        .render(&mut written)
        .map_err(|error| Error::failed("output", wrong).because(error))?;
    String::from_utf8(written).map_err(|error| Error::failed("output", wrong).because(error))
}

fn write(folder: &Path) -> Result<Vec<String>> {
    let unwritable = |error: std::io::Error| {
        Error::missing("man_unwritable", format!("cannot write into {}", folder.display()))
            .because(error)
    };
    std::fs::create_dir_all(folder).map_err(unwritable)?;
    clap_mangen::generate_to(Cli::command(), folder).map_err(unwritable)?;
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unwritable)? {
        let name = entry.map_err(unwritable)?.file_name();
        files.extend(name.to_str().filter(|name| name.ends_with(".1")).map(str::to_owned));
    }
    files.sort();
    Ok(files)
}
