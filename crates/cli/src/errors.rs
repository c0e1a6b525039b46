//! How an error looks, and which exit code it has.

use std::error::Error as StdError;

use clap::builder::styling::{AnsiColor, Style};
use schemars::JsonSchema;
use serde::Serialize;
use trefoil_core::spec::{Diagnostic, Severity, WrongSetting};

use crate::{Error, Result};

/// The code of the error that sums up mistakes which have been shown already.
pub const SPEC_INVALID: &str = "spec_invalid";

/// How a command that ran to its end ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// Yes, done.
    Yes,
    /// It ran, and the answer is no: a difference found, data lost, a threshold broken.
    No,
}

/// The exit code of the process: `docs/errors.md` lists them.
pub fn exit_code(result: &Result<ExitStatus>) -> u8 {
    match result {
        Ok(ExitStatus::Yes) => 0,
        Ok(ExitStatus::No) => 1,
        Err(error) => error.kind().exit_code(),
    }
}

/// The message, the chain of its causes, and the hint after an empty line.
pub fn render(error: &Error, colour: bool) -> String {
    let mut text = format!("{}: {error}", label("error", AnsiColor::Red, colour));
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!("\n  {}: {error}", label("cause", AnsiColor::Red, colour)));
        cause = error.source();
    }
    if let Some(hint) = error.hint_text() {
        text.push_str(&format!("\n\n{}: {hint}", label("hint", AnsiColor::Cyan, colour)));
    }
    text
}

fn label(word: &str, color: AnsiColor, colour: bool) -> String {
    let style = if colour { color.on_default().bold() } else { Style::new() };
    format!("{style}{word}{style:#}")
}

/// One of `errors[]` or `warnings[]`. Only a mistake in a file has a place.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Problem {
    /// The stable code of `docs/errors.md`.
    pub code: String,
    /// What is wrong; causes follow after a colon.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The file, as it was named on the command line.
    pub file: Option<String>,
    /// The line, from 1.
    pub line: Option<usize>,
    /// The column in characters, from 1.
    pub column: Option<usize>,
    /// The place in the specification, such as `application.health.interval`.
    pub path: Option<String>,
    /// What more is known of a mistake in the specification.
    #[serde(flatten)]
    pub mistake: Option<Mistake>,
}

/// What only a mistake in the specification has.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Mistake {
    /// Whether the specification can be used.
    pub severity: Severity,
    /// How many characters are wrong, at least 1, all on that line.
    pub length: usize,
    /// What could stand there, where that is a short list.
    pub allowed: Vec<String>,
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        Self {
            code: error.code().to_owned(),
            message: error.chain(),
            hint: error.hint_text().map(str::to_owned),
            file: None,
            line: None,
            column: None,
            path: None,
            mistake: None,
        }
    }
}

/// A variable has no file and no line, but the key that it sets has a path.
impl From<&WrongSetting> for Problem {
    fn from(wrong: &WrongSetting) -> Self {
        let problem = Self::from(&wrong.error);
        let Some(found) = wrong.found.as_ref().map(Self::from) else { return problem };
        Self { path: found.path, mistake: found.mistake, ..problem }
    }
}

impl From<&Diagnostic> for Problem {
    fn from(found: &Diagnostic) -> Self {
        let Diagnostic { severity, length, allowed, .. } = found.clone();
        Self {
            code: found.code.to_owned(),
            message: found.message.clone(),
            hint: found.hint.clone(),
            file: Some(found.file.clone()),
            line: Some(found.line),
            column: Some(found.column),
            path: Some(found.path.clone()),
            mistake: Some(Mistake { severity, length, allowed }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error() -> Error {
        let cause = std::io::Error::other("disk full");
        let inner = Error::failed("inner", "cannot write").because(cause);
        Error::refused("outer", "cannot go on").because(inner).hint("make room")
    }

    #[test]
    fn an_error_shows_its_causes_once_and_ends_in_its_hint() {
        let shown =
            "error: cannot go on\n  cause: cannot write\n  cause: disk full\n\nhint: make room";
        assert_eq!(render(&error(), false), shown);
        assert!(render(&error(), true).contains("\u{1b}[1m\u{1b}[31merror\u{1b}[0m"));
    }

    #[test]
    fn the_kind_decides_the_exit_code() {
        assert_eq!(exit_code(&Ok(ExitStatus::Yes)), 0);
        assert_eq!(exit_code(&Ok(ExitStatus::No)), 1);
        assert_eq!(exit_code(&Err(error())), 3);
        assert_eq!(exit_code(&Err(Error::usage("usage", "wrong"))), 2);
    }
}
