//! How an error looks, and which exit code it has.

use std::error::Error as StdError;

use clap::builder::styling::{AnsiColor, Style};
use serde_json::{Value, json};
use trefoil_core::spec::Diagnostic;

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

/// An error as `errors[]` has it.
pub fn error_json(error: &Error) -> Value {
    json!({
        "code": error.code(),
        "message": error.chain(),
        "hint": error.hint_text(),
        "file": null,
        "line": null,
        "column": null,
        "path": null,
    })
}

/// A mistake of the specification as `errors[]` and `warnings[]` have it.
pub fn diagnostic_json(diagnostic: &Diagnostic) -> Value {
    json!({
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "hint": diagnostic.hint,
        "file": diagnostic.file,
        "line": diagnostic.line,
        "column": diagnostic.column,
        "length": diagnostic.length,
        "path": diagnostic.path,
        "allowed": diagnostic.allowed,
    })
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
