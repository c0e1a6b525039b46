//! The only file that prints. Stdout is the answer, stderr is talk. With `--json`, stdout is
//! exactly one JSON object, also when the command failed.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use trefoil_core::spec::{Diagnostic, WrongSetting, render};

use crate::args::Color;
use crate::errors::{self, ExitStatus, Problem};
use crate::settings::Settings;
use crate::{Error, ErrorKind, Result};

/// Prints what a command says.
#[derive(Debug)]
pub struct Printer {
    command: &'static str,
    json: bool,
    quiet: bool,
    color: Color,
    object: Mutex<Object>,
}

/// What the JSON object will hold.
#[derive(Debug, Default)]
struct Object {
    data: Option<Value>,
    errors: Vec<Problem>,
}

/// The one object on stdout.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Envelope {
    /// `trefoil/COMMAND/v1`, a space in the command written as `-`; `usage` is the command when
    /// none was understood. Within a version fields are only added.
    schema: String,
    /// Whether the exit code is 0.
    ok: bool,
    /// The answer, as the schema of the command says; empty when it failed before there was one.
    data: Value,
    /// What went wrong. Empty with `ok: false` when it ran and its answer is no.
    errors: Vec<Problem>,
}

impl Printer {
    /// The printer of a command, by its name in `schema`.
    pub fn new(command: &'static str, settings: &Settings) -> Self {
        let Settings { json, quiet, color, .. } = *settings;
        Self { command, json, quiet, color, object: Mutex::default() }
    }

    /// A printer for what goes wrong before there are settings.
    pub fn before_settings(command: &'static str, json: bool, color: Color) -> Self {
        Self { command, json, quiet: false, color, object: Mutex::default() }
    }

    /// Whether stderr gets colours.
    pub fn colours(&self) -> bool {
        self.colours_on(std::io::stderr().is_terminal())
    }

    fn colours_on(&self, terminal: bool) -> bool {
        match self.color {
            Color::Auto => terminal,
            Color::Always => true,
            Color::Never => false,
        }
    }

    /// The answer: `data` with `--json`, otherwise the text. Given once by each command, also when
    /// it then fails.
    pub fn answer<T: Serialize>(&self, data: &T, text: impl FnOnce() -> String) -> Result<()> {
        if !self.json {
            return out(&text());
        }
        let data = serde_json::to_value(data).map_err(|error| {
            Error::failed("output", "the answer cannot be written as JSON").because(error)
        })?;
        self.object().data = Some(data);
        Ok(())
    }

    /// Talk: what is going on.
    pub fn talk(&self, text: &str) {
        if !self.quiet {
            err(text);
        }
    }

    /// Mistakes and warnings of the specification whose text is `text`.
    pub fn diagnostics(&self, diagnostics: &[Diagnostic], text: &str) {
        let heard: Vec<_> =
            diagnostics.iter().filter(|one| one.is_error() || !self.quiet).cloned().collect();
        if self.json {
            let errors = heard.iter().filter(|one| one.is_error());
            self.object().errors.extend(errors.map(Problem::from));
        } else if !heard.is_empty() {
            err(&format!("{}\n", render(&heard, text, self.colours())));
        }
    }

    /// What is wrong with a key of the specification that a variable sets.
    pub fn wrong_setting(&self, wrong: &WrongSetting) {
        match self.json {
            true => self.object().errors.push(wrong.into()),
            false => self.fail(&wrong.error),
        }
    }

    /// One of several errors; the last one ends the command.
    pub fn mistake(&self, error: &Error) {
        self.fail(error);
    }

    /// Ends the command: shows its error, and with `--json` prints the one object. Gives the exit
    /// code: an answer that could not be written is none, whatever was done.
    pub fn finish(&self, result: &Result<ExitStatus>) -> u8 {
        if let Err(error) = result {
            self.fail(error);
        }
        let code = errors::exit_code(result);
        self.exit_code(code, self.print_object(code == 0))
    }

    fn print_object(&self, ok: bool) -> Result<()> {
        if !self.json {
            return Ok(());
        }
        let object = std::mem::take(&mut *self.object());
        let data = object.data.unwrap_or_else(|| Value::Object(Map::new()));
        let schema = format!("trefoil/{}/v1", self.command);
        let envelope = Envelope { schema, ok, data, errors: object.errors };
        let line = serde_json::to_string(&envelope).map_err(|error| {
            Error::failed("output", "the object cannot be written as JSON").because(error)
        })?;
        out(&line)
    }

    fn fail(&self, error: &Error) {
        if !self.json {
            err(&errors::render(error, self.colours()));
            return;
        }
        let mut object = self.object();
        // The mistakes say all that their sum would say.
        if error.code() != errors::SPEC_INVALID || object.errors.is_empty() {
            object.errors.push(error.into());
        }
    }

    /// What clap has to say: help and version on stdout, wrong usage on stderr. Gives the exit code.
    pub fn clap(&self, error: &clap::Error) -> u8 {
        let text = error.render();
        let terminal = match error.use_stderr() {
            true => std::io::stderr().is_terminal(),
            false => std::io::stdout().is_terminal(),
        };
        let text = match self.colours_on(terminal) {
            true => text.ansi().to_string(),
            false => text.to_string(),
        };
        if error.use_stderr() {
            err(text.trim_end());
            return ErrorKind::Usage.exit_code();
        }
        self.exit_code(0, out(text.trim_end()))
    }

    /// The exit code, once the answer is written: one that could not be written is no yes.
    fn exit_code(&self, code: u8, written: Result<()>) -> u8 {
        let Err(error) = written else { return code };
        err(&errors::render(&error, self.colours()));
        if code == 0 { error.kind().exit_code() } else { code }
    }

    /// A panic elsewhere must not hide what was to be printed.
    fn object(&self) -> MutexGuard<'_, Object> {
        self.object.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A reader that has gone away (`trefoil schema | head`) is no mistake; a full disk is one.
fn out(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::failed("output", "the answer cannot be written to stdout").because(error))
        }
        _ => Ok(()),
    }
}

fn err(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
