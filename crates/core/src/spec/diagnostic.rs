//! What is wrong with a specification, and where: the values, and how they look on a terminal.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use serde::Serialize;

/// Whether a specification can be used in spite of a diagnostic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It cannot.
    Error,
    /// It can, but somebody should look.
    Warning,
}

/// One mistake in a specification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// The stable code of `docs/errors.md`.
    pub code: &'static str,
    /// Whether the specification can be used.
    pub severity: Severity,
    /// What is wrong, with the offending text.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The file, as it was named to the parser.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// How many characters are wrong, at least 1, all on that line.
    pub length: usize,
    /// The place in the specification, such as `application.health.interval`.
    pub path: String,
    /// What could stand there, where that is a short list.
    pub allowed: Vec<String>,
}

/// A place in the text: line and column from 1, the length in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) length: usize,
}

impl Place {
    /// The very beginning, for what concerns the file as a whole.
    pub(super) const START: Place = Place { line: 1, column: 1, length: 1 };
}

impl Diagnostic {
    /// A mistake that makes the specification unusable.
    pub(super) fn error(code: &'static str, at: Place, path: &str, message: String) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message,
            hint: None,
            file: String::new(),
            line: at.line,
            column: at.column,
            length: at.length,
            path: path.to_owned(),
            allowed: Vec::new(),
        }
    }

    /// Something to look at.
    pub(super) fn warning(code: &'static str, at: Place, path: &str, message: String) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, at, path, message) }
    }

    /// Adds what to do about it.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds what could stand there.
    pub(super) fn allowed<S: Into<String>>(mut self, allowed: impl IntoIterator<Item = S>) -> Self {
        self.allowed = allowed.into_iter().map(Into::into).collect();
        self
    }

    /// Whether it makes the specification unusable.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// The bytes of its line that are wrong.
    fn span(&self, line: &str) -> Range<usize> {
        let byte_of = |column: usize| {
            let within = line.char_indices().nth(column - 1);
            within.map_or(line.len(), |(offset, _)| offset)
        };
        byte_of(self.column)..byte_of(self.column + self.length)
    }
}

/// A line of `text` (from 1) without its end; empty when it has fewer lines. YAML ends a line at
/// `\n`, `\r\n` or `\r`.
fn line_of(text: &str, line: usize) -> &str {
    let mut rest = text;
    for _ in 1..line {
        let Some(end) = rest.find(['\n', '\r']) else { return "" };
        rest = &rest[end + if rest[end..].starts_with("\r\n") { 2 } else { 1 }..];
    }
    rest.split(['\n', '\r']).next().unwrap_or(rest)
}

/// Shows diagnostics of `text` one after the other: the place, the line, the offending text
/// underlined, what to do; with ANSI colours if `colour`.
pub fn render(diagnostics: &[Diagnostic], text: &str, colour: bool) -> String {
    let text = without_mark(text);
    let secrets: Vec<_> = diagnostics.iter().filter(|one| SECRET.contains(&one.code)).collect();
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let shown: Vec<_> =
        diagnostics.iter().map(|one| render_one(&renderer, one, text, &secrets)).collect();
    shown.join("\n\n")
}

/// Codes of mistakes whose text is, or may be, a secret that must not be shown again.
const SECRET: [&str; 2] = ["password_in_specification", "secret_name"];

/// A line with what may be a secret starred out.
fn masked(line: &str, number: usize, secrets: &[&Diagnostic]) -> String {
    let mut shown = line.to_owned();
    for secret in secrets.iter().filter(|secret| secret.line == number) {
        let span = secret.span(&shown);
        let stars = "*".repeat(shown[span.clone()].chars().count());
        shown.replace_range(span, &stars);
    }
    shown
}

/// The text without the byte order mark that some editors put before it.
pub(super) fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

fn render_one(
    renderer: &Renderer,
    diagnostic: &Diagnostic,
    text: &str,
    secrets: &[&Diagnostic],
) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let line = masked(line_of(text, diagnostic.line), diagnostic.line, secrets);
    let mark = AnnotationKind::Primary.span(diagnostic.span(&line));
    let snippet = Snippet::source(line).line_start(diagnostic.line).path(diagnostic.file.as_str());
    let snippet = snippet.annotation(mark);
    let title = level.primary_title(diagnostic.message.as_str()).id(diagnostic.code);
    let mut group = title.element(snippet);
    if !diagnostic.allowed.is_empty() {
        let allowed = format!("allowed: {}", diagnostic.allowed.join(", "));
        group = group.element(Level::NOTE.message(allowed));
    }
    if let Some(hint) = &diagnostic.hint {
        group = group.element(Level::HELP.message(hint.as_str()));
    }
    renderer.render(&[group])
}

/// Text of the specification as it stands in a message: in backticks, short, without control
/// characters.
pub(super) fn quoted(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut shown: String = text.chars().take(LONGEST).flat_map(visible).collect();
    if text.chars().count() > LONGEST {
        shown.push('…');
    }
    format!("`{shown}`")
}

fn visible(c: char) -> Vec<char> {
    if c.is_control() { c.escape_default().collect() } else { vec![c] }
}

/// A word without what people write differently: case, hyphens, underscores.
pub(super) fn plain(word: &str) -> String {
    word.to_lowercase().replace(['_', '-', ' '], "")
}

/// The candidate that was probably meant by a misspelt or shortened `word`.
pub(super) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let wanted = plain(word);
    let length = wanted.chars().count();
    let distance = |candidate: &str| {
        let candidate = plain(candidate);
        let shortened = length >= 3 && candidate.starts_with(&wanted);
        if shortened { 1 } else { strsim::damerau_levenshtein(&wanted, &candidate) }
    };
    candidates
        .into_iter()
        .map(|candidate| (distance(candidate), candidate))
        .filter(|(distance, candidate)| {
            *distance <= (length / 3).max(1).min(candidate.len().saturating_sub(1))
        })
        .min()
        .map(|(_, candidate)| candidate)
}
