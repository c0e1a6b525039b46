//! Reading the specification of a command.

use std::path::Path;

use trefoil_clouds::registry;
use trefoil_core::spec::{AppSpec, Diagnostic, decode, parse};

use crate::errors::SPEC_INVALID;
use crate::printer::Printer;
use crate::settings::Settings;
use crate::{Error, Result};

/// The specification of this command.
#[derive(Debug, Clone)]
pub struct Specification {
    /// What it says.
    pub spec: AppSpec,
    /// What somebody should look at; it has been shown.
    pub warnings: Vec<Diagnostic>,
}

/// How sections are told that this command does not use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unused {
    /// Each at its place.
    Each,
    /// All in one line.
    Together,
    /// Not at all: this command uses them.
    Not,
}

/// Reads and checks a specification, with the keys that variables set; shows its mistakes and
/// warnings.
///
/// Errors: `spec_missing`, `spec_unreadable`, `spec_invalid`.
pub async fn read(settings: &Settings, printer: &Printer, unused: Unused) -> Result<Specification> {
    let file = &settings.file;
    let text = text(file, printer).await?;
    let name = file.display().to_string();
    match parse(&name, &text, &registry::known()) {
        Ok(parsed) => {
            warn(&parsed.warnings, &text, printer, unused);
            let spec = with_settings(&parsed.spec, settings, printer)?;
            Ok(Specification { spec, warnings: parsed.warnings })
        }
        Err(found) => {
            printer.diagnostics(&found, &text);
            let errors = found.iter().filter(|one| one.is_error()).count();
            Err(has_mistakes(&name, errors))
        }
    }
}

fn warn(warnings: &[Diagnostic], text: &str, printer: &Printer, unused: Unused) {
    let of_sections = |one: &&Diagnostic| one.code == "section_not_yet_used";
    let (sections, others): (Vec<_>, Vec<_>) = warnings.iter().partition(of_sections);
    let full = if unused == Unused::Each { warnings.iter().collect() } else { others };
    printer.diagnostics(&full.into_iter().cloned().collect::<Vec<_>>(), text);
    if unused == Unused::Together && !sections.is_empty() {
        let names: Vec<_> = sections.iter().map(|one| format!("`{}`", one.path)).collect();
        let names = names.join(", ");
        printer.talk(&format!("note: only `trefoil cost` and `trefoil render` use {names}"));
    }
}

/// The specification with the keys that variables set; shows what is wrong with them.
fn with_settings(spec: &AppSpec, settings: &Settings, printer: &Printer) -> Result<AppSpec> {
    spec.with_settings(&settings.overrides, &registry::known()).map_err(|wrong| {
        wrong.iter().for_each(|one| printer.wrong_setting(one));
        has_mistakes("what TREFOIL_* variables set", wrong.len())
    })
}

fn has_mistakes(what: &str, count: usize) -> Error {
    let mistakes = if count == 1 { "1 mistake" } else { &format!("{count} mistakes") };
    Error::usage(SPEC_INVALID, format!("{what} has {mistakes}"))
}

async fn text(file: &Path, printer: &Printer) -> Result<String> {
    let name = file.display().to_string();
    let bytes = tokio::fs::read(file).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            Error::usage("spec_missing", format!("there is no specification at {name}"))
                .hint("name it with `-f FILE`, or go to the folder that has a trefoil.yaml")
        }
        _ => Error::usage("spec_unreadable", format!("cannot read {name}")).because(error),
    })?;
    decode(&name, &bytes).map_err(|found| {
        printer.diagnostics(&[*found], &String::from_utf8_lossy(&bytes));
        has_mistakes(&name, 1)
    })
}
