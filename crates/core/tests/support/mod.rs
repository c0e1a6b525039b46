//! Reading specifications in tests.

use trefoil_core::spec::{Diagnostic, Parsed, parse, render};

/// The clouds that these tests know.
pub(crate) const CLOUDS: &[&str] = &["local", "lunar"];

/// A specification without mistakes.
pub(crate) fn good(text: &str) -> Parsed {
    parse("trefoil.yaml", text, CLOUDS)
        .unwrap_or_else(|found| panic!("{}", render(&found, text, false)))
}

/// The mistakes of a specification.
pub(crate) fn bad(text: &str) -> Vec<Diagnostic> {
    parse("trefoil.yaml", text, CLOUDS).expect_err("it has mistakes")
}

/// The only mistake of `text` beside sections that are not yet used, after checking its code and place.
pub(crate) fn one(
    text: &str,
    code: &str,
    line: usize,
    column: usize,
    underlined: &str,
) -> Diagnostic {
    let mut found = bad(text);
    found.retain(|one| one.code != "section_not_yet_used");
    assert_eq!(found.len(), 1, "{}", render(&found, text, false));
    let diagnostic = found.into_iter().next().expect("one");
    assert_eq!((diagnostic.code, diagnostic.line, diagnostic.column), (code, line, column));
    let at_line = text.lines().nth(line - 1).unwrap_or_default();
    let shown: String = at_line.chars().skip(column - 1).take(diagnostic.length).collect();
    assert_eq!(shown, underlined, "{diagnostic:?}");
    assert_eq!(diagnostic.file, "trefoil.yaml");
    diagnostic
}

/// What a diagnostic says to do.
pub(crate) fn hint(diagnostic: &Diagnostic) -> &str {
    diagnostic.hint.as_deref().unwrap_or_default()
}
