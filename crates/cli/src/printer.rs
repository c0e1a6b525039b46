//! The only file that prints. Stdout is the answer, stderr is talk. With `--json`, stdout is
//! exactly one JSON object, also when the command failed.

use std::io::{IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::{Value, json};
use trefoil_core::spec::{Diagnostic, render};

use crate::args::Color;
use crate::errors::{self, ExitStatus};
use crate::settings::Settings;
use crate::{Error, Result};

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
    errors: Vec<Value>,
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
            out(&text());
            return Ok(());
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
            self.object().errors.extend(errors.map(errors::diagnostic_json));
        } else if !heard.is_empty() {
            err(&format!("{}\n", render(&heard, text, self.colours())));
        }
    }

    /// One of several errors; the last one ends the command.
    pub fn mistake(&self, error: &Error) {
        self.fail(error);
    }

    /// Ends the command: shows its error, and with `--json` prints the one object.
    pub fn finish(&self, result: &Result<ExitStatus>) {
        if let Err(error) = result {
            self.fail(error);
        }
        if self.json {
            let ok = matches!(result, Ok(ExitStatus::Yes));
            let mut object = self.object();
            let object = std::mem::take(&mut *object);
            let data = object.data.unwrap_or_else(|| json!({}));
            let schema = format!("trefoil/{}/v1", self.command);
            let line = json!({"schema": schema, "ok": ok, "data": data, "errors": object.errors});
            out(&line.to_string());
        }
    }

    fn fail(&self, error: &Error) {
        if !self.json {
            err(&errors::render(error, self.colours()));
            return;
        }
        let mut object = self.object();
        // The mistakes say all that their sum would say.
        if error.code() != errors::SPEC_INVALID || object.errors.is_empty() {
            object.errors.push(errors::error_json(error));
        }
    }

    /// What clap has to say: help and version on stdout, wrong usage on stderr.
    pub fn clap(&self, error: &clap::Error) {
        let text = error.render();
        let print = if error.use_stderr() { err } else { out };
        let terminal = match error.use_stderr() {
            true => std::io::stderr().is_terminal(),
            false => std::io::stdout().is_terminal(),
        };
        match self.colours_on(terminal) {
            true => print(text.ansi().to_string().trim_end()),
            false => print(text.to_string().trim_end()),
        }
    }

    /// A panic elsewhere must not hide what was to be printed.
    fn object(&self) -> MutexGuard<'_, Object> {
        self.object.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A reader that has gone away (`trefoil schema | head`) is no mistake, so errors are ignored.
fn out(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
}

fn err(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
